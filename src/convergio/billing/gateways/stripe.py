"""Stripe: its hosted checkout page, so that none of its scripts and no card gets near ours.

API https://docs.stripe.com/api. An order is a Checkout Session; what was paid for it is the session's PaymentIntent.
Every create carries our reference as its Idempotency-Key, which Stripe remembers for at least a day.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal

from django.conf import settings

from convergio.billing.gateways.protocol import (
    ForgedMessage,
    GatewayEvent,
    Order,
    OrderRequest,
    Payment,
    PaymentStatus,
    PlanTerms,
    Refund,
    SavedMethod,
    Subscription,
    SubscriptionPayment,
    SubscriptionRequest,
    SubscriptionStatus,
)
from convergio.billing.gateways.signatures import as_object, as_text, header, is_signed, read_object
from convergio.core.clock import now
from convergio.core.errors import ProviderError

# Older signatures are replays; retries are signed anew. The SDK's own tolerance.
_TOLERANCE_SECONDS = 300
_PAGE = 100
_PAYMENT: dict[str, PaymentStatus] = {
    "succeeded": "paid",
    "requires_capture": "authorized",
    "canceled": "failed",
}
_SUBSCRIPTION: dict[str, SubscriptionStatus] = {
    "incomplete": "pending",
    "trialing": "trialing",
    "active": "active",
    "past_due": "past_due",
    "unpaid": "past_due",
    "paused": "paused",
    "canceled": "cancelled",
    "incomplete_expired": "cancelled",
}
_CHARGE: dict[str, Literal["paid", "failed", "pending"]] = {
    "paid": "paid",
    "open": "pending",
    "uncollectible": "failed",
}
_PAID = "payment_intent.latest_charge"
_SIGNED_PART = re.compile(r"^(t|v1)=(.{1,200})$")


@dataclass(frozen=True, slots=True)
class StripeGateway:
    """Takes and returns our classes only."""

    secret_key: str
    webhook_secrets: tuple[str, ...]
    base_url: str
    name: str = "stripe"
    label: str = "Stripe"
    is_recurring: bool = True
    takes_back_cancellation: bool = True

    def create_order(self, request: OrderRequest) -> Order:
        """A session for exactly this amount; the page it returns to gets the session's id."""
        with self._client() as stripe:
            session = stripe.checkout.sessions.create(_session(request), _once(request.reference))
        return Order(session.id, url=session.url or "")

    def fetch_payment(self, order_id: str) -> Payment:
        """The session with its PaymentIntent and charge."""
        with self._client() as stripe:
            return _payment(stripe.checkout.sessions.retrieve(order_id, {"expand": [_PAID]}).to_dict())

    def capture(self, payment: Payment) -> Payment:
        """Our sessions capture by themselves; an intent that was set otherwise is taken here."""
        with self._client() as stripe:
            stripe.payment_intents.capture(payment.id, options=_once(f"capture:{payment.id}"))
        return self.fetch_payment(payment.order_id)

    def payments_since(self, since: datetime) -> Iterator[Payment]:
        """Sessions with what was paid for them."""
        params: Any = {
            "created": {"gte": int(since.timestamp())},
            "limit": _PAGE,
            "expand": [f"data.{_PAID}"],
        }
        with self._client() as stripe:
            for session in stripe.checkout.sessions.list(params).auto_paging_iter():
                if session.mode == "payment":
                    yield _payment(session.to_dict())

    def fetch_charge(self, payment_id: str) -> Payment:
        """A subscription's payment is known by its invoice, which names the PaymentIntent."""
        with self._client() as stripe:
            if payment_id.startswith("in_"):
                invoice = stripe.invoices.retrieve(payment_id, {"expand": ["payments"]}).to_dict()
                payment_id = _intent_of(invoice)
            intent = stripe.payment_intents.retrieve(payment_id, {"expand": ["latest_charge"]}).to_dict()
        return _payment({"id": "", "payment_intent": intent})

    def refund(self, payment: Payment, *, amount: int, reference: str) -> Refund:
        """A key is forgotten after a day or more, so refunds already made are looked through by our reference."""
        with self._client() as stripe:
            listed = stripe.refunds.list({"payment_intent": payment.id, "limit": _PAGE}).to_dict()
            made = [one for one in listed["data"] if as_object(one["metadata"]).get("reference") == reference]
            facts: Any = {
                "payment_intent": payment.id,
                "amount": amount,
                "metadata": {"reference": reference},
            }
            found = made[0] if made else stripe.refunds.create(facts, _once(reference)).to_dict()
        states = {"succeeded": "done", "failed": "failed", "canceled": "failed"}
        status = states.get(found["status"] or "", "pending")
        return Refund(found["id"], payment.id, found["amount"], found["currency"].upper(), status)  # type: ignore[arg-type]

    def create_customer(self, *, reference: str, name: str, email: str) -> str:
        """Repeated within a day it is the same customer."""
        facts: Any = {"name": name, "email": email, "metadata": {"reference": reference}}
        with self._client() as stripe:
            return str(stripe.customers.create(facts, _once(reference)).id)

    def saved_methods(self, customer_id: str) -> list[SavedMethod]:
        """Cards."""
        with self._client() as stripe:
            methods = stripe.payment_methods.list({"customer": customer_id, "type": "card"}).data
            return [_method(method.to_dict()) for method in methods]

    def forget_method(self, customer_id: str, method_id: str) -> None:
        """Detach it from its customer. Somebody else's is not touched."""
        if any(method.id == method_id for method in self.saved_methods(customer_id)):
            with self._client() as stripe:
                stripe.payment_methods.detach(method_id)

    def create_plan(self, terms: PlanTerms) -> str:
        """A monthly price with a product of its own."""
        facts: Any = {
            "unit_amount": terms.amount,
            "currency": terms.currency.lower(),
            "recurring": {"interval": "month"},
            "product_data": {"name": terms.name},
            "metadata": {"reference": terms.reference},
        }
        with self._client() as stripe:
            return str(stripe.prices.create(facts, _once(terms.reference)).id)

    def create_subscription(self, request: SubscriptionRequest) -> Subscription:
        """The first invoice is paid on Stripe's own page, which also keeps the method for the next ones."""
        facts: Any = {
            "customer": request.customer_id,
            "items": [{"price": request.plan_id}],
            "payment_behavior": "default_incomplete",
            "payment_settings": {"save_default_payment_method": "on_subscription"},
            "metadata": {"reference": request.reference},
            "expand": ["latest_invoice"],
        }
        if request.trial_days:
            facts["trial_period_days"] = request.trial_days
        with self._client() as stripe:
            return _subscription(stripe.subscriptions.create(facts, _once(request.reference)).to_dict())

    def fetch_subscription(self, subscription_id: str) -> Subscription:
        """With the page of its latest invoice."""
        with self._client() as stripe:
            found = stripe.subscriptions.retrieve(subscription_id, {"expand": ["latest_invoice"]})
        return _subscription(found.to_dict())

    def subscription_payments(self, subscription_id: str) -> list[SubscriptionPayment]:
        """Its invoices, but drafts and what was voided or is over nothing (a trial's)."""
        params: Any = {"subscription": subscription_id, "limit": _PAGE}
        with self._client() as stripe:
            found = [one.to_dict() for one in stripe.invoices.list(params).auto_paging_iter()]
        return [_charge(one) for one in found if one["status"] in _CHARGE and one["amount_due"]]

    def change_subscription(
        self, subscription_id: str, *, plan_id: str, when: Literal["now", "period_end"]
    ) -> Subscription:
        """Now: the difference is charged at once. At the period's end: the new price holds from the next invoice."""
        with self._client() as stripe:
            item = stripe.subscriptions.retrieve(subscription_id).to_dict()["items"]["data"][0]
            behavior = "always_invoice" if when == "now" else "none"
            facts: Any = {"items": [{"id": item["id"], "price": plan_id}], "proration_behavior": behavior}
            return _subscription(stripe.subscriptions.update(subscription_id, facts).to_dict())

    def cancel_subscription(
        self, subscription_id: str, *, when: Literal["now", "period_end"]
    ) -> Subscription:
        """Stays active until its period ends, unless now."""
        with self._client() as stripe:
            if when == "now":
                return _subscription(stripe.subscriptions.cancel(subscription_id).to_dict())
            found = stripe.subscriptions.update(subscription_id, {"cancel_at_period_end": True})
        return _subscription(found.to_dict())

    def resume_subscription(self, subscription_id: str) -> Subscription:
        """Take back a cancellation at the period's end."""
        with self._client() as stripe:
            found = stripe.subscriptions.update(subscription_id, {"cancel_at_period_end": False})
        return _subscription(found.to_dict())

    def verify_webhook(self, body: bytes, headers: Mapping[str, str]) -> GatewayEvent:
        """Stripe-Signature: t=<seconds>,v1=<HMAC of "t.body">, several v1 while a secret is rolled."""
        parts = [_SIGNED_PART.match(part.strip()) for part in header(headers, "Stripe-Signature").split(",")]
        pairs = [(part[1], part[2]) for part in parts if part]
        moment = next((value for key, value in pairs if key == "t"), "")
        signatures = [value for key, value in pairs if key == "v1"]
        signed = moment.encode() + b"." + body
        if not is_signed(signed, signatures=signatures, secrets=self.webhook_secrets):
            raise ForgedMessage
        if not moment.isdecimal() or abs(now().timestamp() - int(moment)) > _TOLERANCE_SECONDS:
            raise ForgedMessage("The signature is too old or from the future; check this machine's clock.")
        return self.read_event(body, headers)

    def read_event(self, body: bytes, headers: Mapping[str, str]) -> GatewayEvent:  # noqa: ARG002
        """The event's own id is in the signed body."""
        message = read_object(body)
        event_id, name = as_text(message.get("id")), as_text(message.get("type"))
        if not event_id:
            raise ForgedMessage("The message is not what this gateway sends.")
        subject = as_object(as_object(message.get("data")).get("object"))
        return GatewayEvent(id=event_id, name=name, **_subject(name, subject))

    def verify_checkout(self, fields: Mapping[str, str]) -> str:
        """The browser brings the session's id back unsigned: it says which order to ask for and nothing else."""
        session_id = fields.get("session_id", "")
        if not re.fullmatch(r"cs_\w{1,200}", session_id):
            raise ForgedMessage("This is not an address that checkout returns to.")
        return session_id

    @contextmanager
    def _client(self) -> Iterator[Any]:
        from convergio.billing.gateways import stripe_client  # noqa: PLC0415 - takes the better part of a second

        with stripe_client.our_errors():
            yield stripe_client.connect(self.base_url, secret_key=self.secret_key).v1


def from_settings() -> StripeGateway | None:
    """None while the key is unset."""
    if not settings.STRIPE_SECRET_KEY:
        return None
    return StripeGateway(
        secret_key=settings.STRIPE_SECRET_KEY,
        webhook_secrets=(settings.STRIPE_WEBHOOK_SECRET, settings.STRIPE_WEBHOOK_SECRET_OLD),
        base_url=settings.STRIPE_URL,
    )


def _once(reference: str) -> Any:
    return {"idempotency_key": reference}


def _session(request: OrderRequest) -> Any:
    price = {
        "currency": request.currency.lower(),
        "unit_amount": request.amount,
        "product_data": {"name": request.description},
    }
    separator = "&" if "?" in request.return_url else "?"
    return {
        "mode": "payment",
        "line_items": [{"price_data": price, "quantity": 1}],
        "client_reference_id": request.reference,
        "metadata": {"reference": request.reference},
        "payment_intent_data": {"metadata": {"reference": request.reference}},
        "customer_email": request.email,
        "success_url": f"{request.return_url}{separator}session_id={{CHECKOUT_SESSION_ID}}",
        "cancel_url": request.return_url,
    }


def _payment(session: dict[str, Any]) -> Payment:
    """Asked is the session's total; paid is what the intent received."""
    intent = as_object(session.get("payment_intent"))
    status: PaymentStatus = _PAYMENT.get(intent.get("status", ""), "pending")
    failure = as_object(intent.get("last_payment_error"))
    if status == "pending" and (failure or session.get("status") == "expired"):
        status = "failed"
    amounts = {"paid": intent.get("amount_received"), "authorized": intent.get("amount_capturable")}
    return Payment(
        order_id=session["id"],
        reference=session.get("client_reference_id") or "",
        amount=amounts.get(status, session.get("amount_total")) or 0,
        currency=(intent.get("currency") or session.get("currency") or "").upper(),
        status=status,
        id=intent.get("id") or "",
        refunded=as_object(intent.get("latest_charge")).get("amount_refunded") or 0,
        reason=failure.get("message") or "",
    )


def _intent_of(invoice: dict[str, Any]) -> str:
    """Where it was paid outside of Stripe, or from the customer's credit there, no money can be sent back."""
    for one in as_object(invoice.get("payments")).get("data") or []:
        if one.get("status") == "paid" and (intent := as_object(one.get("payment")).get("payment_intent")):
            return as_text(intent)
    raise ProviderError("permanent", "Stripe knows no payment of this invoice that can be sent back.")


def _subject(name: str, subject: dict[str, Any]) -> dict[str, Any]:
    """What an event is about: the object's kind tells where the ids are."""
    kind = subject.get("object")
    reference = as_text(as_object(subject.get("metadata")).get("reference"))
    if kind == "checkout.session" and subject.get("mode") == "payment":
        return {"kind": "payment", "order_id": as_text(subject.get("id")), "reference": reference}
    if kind == "payment_intent":
        return {"kind": "payment", "payment_id": as_text(subject.get("id")), "reference": reference}
    if kind in ("charge", "refund"):
        return {"kind": "payment", "payment_id": as_text(subject.get("payment_intent"))}
    if kind == "subscription":
        return {
            "kind": "subscription",
            "subscription_id": as_text(subject.get("id")),
            "reference": reference,
        }
    if kind in ("invoice", "checkout.session") and subject.get("subscription"):
        return {"kind": "subscription", "subscription_id": as_text(subject.get("subscription"))}
    if name.startswith("invoice."):  # newer versions keep it one level lower
        details = as_object(as_object(subject.get("parent")).get("subscription_details"))
        return {"kind": "subscription", "subscription_id": as_text(details.get("subscription"))}
    return {"kind": "unknown"}


def _subscription(found: dict[str, Any]) -> Subscription:
    """Since 2025 the period belongs to the item."""
    item = found["items"]["data"][0]
    invoice = as_object(found.get("latest_invoice"))
    return Subscription(
        id=found["id"],
        status=_SUBSCRIPTION.get(found["status"], "pending"),
        plan_id=as_object(item.get("price") or item.get("plan"))["id"],
        url=invoice.get("hosted_invoice_url") or "",
        period_start=_moment(item.get("current_period_start") or found.get("current_period_start")),
        period_end=_moment(item.get("current_period_end") or found.get("current_period_end")),
        cancel_at_period_end=bool(found.get("cancel_at_period_end")),
        reference=as_text(as_object(found.get("metadata")).get("reference")),
    )


def _charge(invoice: dict[str, Any]) -> SubscriptionPayment:
    """The line says which period it is for; the invoice's own period is the one before."""
    status = _CHARGE[invoice["status"]]
    if status == "pending" and invoice.get("attempted"):
        status = "failed"
    period = invoice["lines"]["data"][0]["period"]
    return SubscriptionPayment(
        id=invoice["id"],
        amount=invoice["amount_paid"] if status == "paid" else invoice["amount_due"],
        currency=invoice["currency"].upper(),
        status=status,
        period_start=datetime.fromtimestamp(period["start"], UTC),
        period_end=datetime.fromtimestamp(period["end"], UTC),
    )


def _method(found: dict[str, Any]) -> SavedMethod:
    card = found["card"]
    year, month = card["exp_year"], card["exp_month"]
    label = f"{str(card['brand']).title()} ending {card['last4']}"
    return SavedMethod(found["id"], "card", label, date(year, month, calendar.monthrange(year, month)[1]))


def _moment(seconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
