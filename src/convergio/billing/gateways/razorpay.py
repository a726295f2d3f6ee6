"""Razorpay: orders with its checkout script, subscriptions with UPI and card mandates.

API https://razorpay.com/docs/api, base https://api.razorpay.com/v1, basic auth with key id and secret. The webhook's
secret is another one than the key's; after a change the events under way still carry the old one's signature.
"""

from __future__ import annotations

import calendar
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
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

_PAGE = 100
# A mandate names how often it charges at most; ten years of months is as good as no end.
_MONTHS = 120
_PAYMENT: dict[str, PaymentStatus] = {
    "authorized": "authorized",
    "captured": "paid",
    "refunded": "paid",
    "failed": "failed",
}
# Of several attempts at one order the one that got furthest counts.
_FURTHEST: tuple[PaymentStatus, ...] = ("paid", "authorized", "pending", "failed")
_SUBSCRIPTION: dict[str, SubscriptionStatus] = {
    "created": "pending",
    "authenticated": "pending",
    "active": "active",
    "pending": "past_due",
    "halted": "past_due",
    "paused": "paused",
    "cancelled": "cancelled",
    "completed": "cancelled",
    "expired": "cancelled",
}
_WHEN = {"now": "now", "period_end": "cycle_end"}


@dataclass(frozen=True, slots=True)
class RazorpayGateway:
    """Takes and returns our classes only."""

    key_id: str
    key_secret: str
    webhook_secrets: tuple[str, ...]
    base_url: str
    checkout_origins: tuple[str, ...]
    name: str = "razorpay"
    label: str = "Razorpay"
    is_recurring: bool = True
    takes_back_cancellation: bool = False

    def create_order(self, request: OrderRequest) -> Order:
        """Orders have no idempotency key; the receipt is ours and unique, so it is looked up first."""
        orders = self._client().order
        found = orders.all({"receipt": request.reference})["items"]
        order = found[0] if found else orders.create(_order(request))
        client = {
            "key": self.key_id,
            "order_id": order["id"],
            "amount": str(order["amount"]),
            "currency": order["currency"],
        }
        return Order(
            order["id"],
            client=client,
            script=f"{self.checkout_origins[0]}/v1/checkout.js",
            origins=(*self.checkout_origins, self.base_url),
        )

    def fetch_payment(self, order_id: str) -> Payment:
        """The order, and the payment for it that got furthest."""
        orders = self._client().order
        return _payment(orders.fetch(order_id), orders.payments(order_id)["items"])

    def capture(self, payment: Payment) -> Payment:
        """An authorized payment that nobody captures goes back to the buyer after some days."""
        found = self._client().payment.capture(payment.id, payment.amount, {"currency": payment.currency})
        return _payment({"id": payment.order_id, "receipt": payment.reference}, [found])

    def payments_since(self, since: datetime) -> Iterator[Payment]:
        """Orders with their payments, a page at a time."""
        orders, skip = self._client().order, 0
        window = {"from": int(since.timestamp()), "count": _PAGE, "expand[]": "payments"}
        while items := orders.all({**window, "skip": skip})["items"]:
            for order in items:
                yield _payment(order, as_object(order.get("payments")).get("items") or [])
            skip += len(items)

    def fetch_charge(self, payment_id: str) -> Payment:
        """Debits of a mandate are payments like any other."""
        found = self._client().payment.fetch(payment_id)
        return _payment({"id": found.get("order_id") or ""}, [found])

    def refund(self, payment: Payment, *, amount: int, reference: str) -> Refund:
        """Looked up by its receipt first, because a lost answer must not send the money twice."""
        payments = self._client().payment
        made = payments.fetch_multiple_refund(payment.id, {"count": _PAGE})["items"]
        found = next((refund for refund in made if refund.get("receipt") == reference), None)
        if found is None:
            found = payments.refund(payment.id, {"amount": amount, "receipt": reference})
        status = {"processed": "done", "failed": "failed"}.get(found.get("status", ""), "pending")
        return Refund(found["id"], payment.id, found["amount"], found["currency"], status)  # type: ignore[arg-type]

    def create_customer(self, *, reference: str, name: str, email: str) -> str:
        """`fail_existing` 0 answers the customer of that e-mail address where there is one."""
        facts = {"name": name, "email": email, "fail_existing": "0", "notes": {"reference": reference}}
        return str(self._client().customer.create(facts)["id"])

    def saved_methods(self, customer_id: str) -> list[SavedMethod]:
        """Tokens: cards and UPI addresses."""
        return [_method(token) for token in self._client().token.all(customer_id)["items"]]

    def forget_method(self, customer_id: str, method_id: str) -> None:
        """Delete the token."""
        self._client().token.delete(customer_id, method_id)

    def create_plan(self, terms: PlanTerms) -> str:
        """Plans cannot be changed or removed; the plan of this reference is used again."""
        plans = self._client().plan
        for plan in plans.all({"count": _PAGE})["items"]:
            if as_object(plan.get("notes")).get("reference") == terms.reference:
                return str(plan["id"])
        item = {"name": terms.name, "amount": terms.amount, "currency": terms.currency}
        facts = {"period": "monthly", "interval": 1, "item": item, "notes": {"reference": terms.reference}}
        return str(plans.create(facts)["id"])

    def create_subscription(self, request: SubscriptionRequest) -> Subscription:
        """The mandate is given at its short_url. The 24-hour notice before each debit is Razorpay's to send."""
        subscriptions = self._client().subscription
        for made in subscriptions.all({"plan_id": request.plan_id, "count": _PAGE})["items"]:
            if as_object(made.get("notes")).get("reference") == request.reference:
                return _subscription(made)
        facts = {
            "plan_id": request.plan_id,
            "customer_id": request.customer_id,
            "total_count": _MONTHS,
            "customer_notify": True,
            "notes": {"reference": request.reference},
        }
        if request.trial_days:  # the mandate is given now, and first debited then
            facts["start_at"] = int((now() + timedelta(days=request.trial_days)).timestamp())
        return _subscription(subscriptions.create(facts))

    def fetch_subscription(self, subscription_id: str) -> Subscription:
        """As it stands."""
        return _subscription(self._client().subscription.fetch(subscription_id))

    def subscription_payments(self, subscription_id: str) -> list[SubscriptionPayment]:
        """Each debit has an invoice of Razorpay's own, with the period that it is for."""
        invoices = self._client().invoice
        found: list[dict[str, Any]] = []
        while items := invoices.all({"subscription_id": subscription_id, "count": _PAGE, "skip": len(found)})[
            "items"
        ]:
            found += items
        return [_charge(invoice) for invoice in found if invoice.get("billing_start")]

    def change_subscription(
        self, subscription_id: str, *, plan_id: str, when: Literal["now", "period_end"]
    ) -> Subscription:
        """Mandates by UPI cannot be changed: Razorpay refuses, and a new subscription is the way."""
        facts = {"plan_id": plan_id, "schedule_change_at": _WHEN[when], "customer_notify": True}
        return _subscription(self._client().subscription.edit(subscription_id, facts))

    def cancel_subscription(
        self, subscription_id: str, *, when: Literal["now", "period_end"]
    ) -> Subscription:
        """A cancellation at the period's end cannot be taken back here."""
        at_end = when == "period_end"
        found = self._client().subscription.cancel(subscription_id, {"cancel_at_cycle_end": at_end})
        return _subscription(found)

    def resume_subscription(self, subscription_id: str) -> Subscription:
        """Only from a pause."""
        return _subscription(self._client().subscription.resume(subscription_id, {"resume_at": "now"}))

    def verify_webhook(self, body: bytes, headers: Mapping[str, str]) -> GatewayEvent:
        """X-Razorpay-Signature is the HMAC of the raw body."""
        signature = header(headers, "X-Razorpay-Signature")
        if not is_signed(body, signatures=[signature], secrets=self.webhook_secrets):
            raise ForgedMessage
        return self.read_event(body, headers)

    def read_event(self, body: bytes, headers: Mapping[str, str]) -> GatewayEvent:
        """x-razorpay-event-id is the same on every retry; it is not signed, so a body without it is its own id."""
        message = read_object(body)
        payload = as_object(message.get("payload"))
        order, payment, subscription = (
            as_object(as_object(payload.get(kind)).get("entity"))
            for kind in ("order", "payment", "subscription")
        )
        refund = as_object(as_object(payload.get("refund")).get("entity"))
        name = as_text(message.get("event"))
        kind = {"payment": "payment", "order": "payment", "refund": "payment", "subscription": "subscription"}
        return GatewayEvent(
            id=as_text(header(headers, "X-Razorpay-Event-Id")) or hashlib.sha256(body).hexdigest(),
            kind=kind.get(name.partition(".")[0], "unknown"),  # type: ignore[arg-type]
            name=name,
            order_id=as_text(order.get("id")) or as_text(payment.get("order_id")),
            payment_id=as_text(payment.get("id")) or as_text(refund.get("payment_id")),
            reference=as_text(order.get("receipt"))
            or as_text(as_object(subscription.get("notes")).get("reference")),
            subscription_id=as_text(subscription.get("id")),
        )

    def verify_checkout(self, fields: Mapping[str, str]) -> str:
        """HMAC of order|payment for an order, of payment|subscription for a subscription, under the key's secret."""
        payment = fields.get("razorpay_payment_id", "")
        order, subscription = fields.get("razorpay_order_id", ""), fields.get("razorpay_subscription_id", "")
        signed = f"{order}|{payment}" if order else f"{payment}|{subscription}"
        signature = fields.get("razorpay_signature", "")
        if not payment or not is_signed(signed.encode(), signatures=[signature], secrets=[self.key_secret]):
            raise ForgedMessage
        return order or subscription

    def _client(self) -> Any:
        from convergio.billing.gateways import razorpay_client  # noqa: PLC0415 - an HTTP stack of its own

        return razorpay_client.connect(self.base_url, key_id=self.key_id, key_secret=self.key_secret)


def from_settings() -> RazorpayGateway | None:
    """None while the key is unset."""
    if not settings.RAZORPAY_KEY_ID:
        return None
    return RazorpayGateway(
        key_id=settings.RAZORPAY_KEY_ID,
        key_secret=settings.RAZORPAY_KEY_SECRET,
        webhook_secrets=(settings.RAZORPAY_WEBHOOK_SECRET, settings.RAZORPAY_WEBHOOK_SECRET_OLD),
        base_url=settings.RAZORPAY_URL,
        checkout_origins=tuple(settings.RAZORPAY_CHECKOUT),
    )


def _order(request: OrderRequest) -> dict[str, Any]:
    return {
        "amount": request.amount,
        "currency": request.currency,
        "receipt": request.reference,
        "notes": {"reference": request.reference},
    }


def _payment(order: dict[str, Any], attempts: list[dict[str, Any]]) -> Payment:
    """An attempt of the right amount goes before one of another."""
    states = [(_PAYMENT.get(attempt.get("status", ""), "pending"), attempt) for attempt in attempts]
    if not states:
        return Payment(order["id"], order.get("receipt") or "", order["amount"], order["currency"], "pending")
    asked = order.get("amount")
    states.sort(key=lambda pair: (_FURTHEST.index(pair[0]), pair[1]["amount"] != asked))
    (status, attempt), *others = states
    left = [
        other["amount"] - (other.get("amount_refunded") or 0) for state, other in others if state == "paid"
    ]
    return Payment(
        order_id=order["id"],
        reference=order.get("receipt") or "",
        amount=attempt["amount"],
        currency=attempt["currency"],
        status=status,
        id=attempt["id"],
        refunded=attempt.get("amount_refunded") or 0,
        surplus=sum(left),
        reason=(attempt.get("error_description") or "") if status == "failed" else "",
    )


def _subscription(found: dict[str, Any]) -> Subscription:
    """Agreed to with its first debit in the future, it is a trial that began when it was made."""
    status: SubscriptionStatus = _SUBSCRIPTION.get(found["status"], "pending")
    start, end = _moment(found.get("current_start")), _moment(found.get("current_end"))
    first = _moment(found.get("start_at"))
    if found["status"] == "authenticated" and first and first > now():
        status, start, end = "trialing", _moment(found.get("created_at")), first
    return Subscription(
        id=found["id"],
        status=status,
        plan_id=found["plan_id"],
        url=found.get("short_url") or "",
        period_start=start,
        period_end=end,
        cancel_at_period_end=bool(found.get("cancel_at_cycle_end")),
        reference=as_text(as_object(found.get("notes")).get("reference")),
        is_changing=bool(found.get("has_scheduled_changes")),
    )


def _charge(invoice: dict[str, Any]) -> SubscriptionPayment:
    """Named by the payment once there is one; an invoice that lapsed or was cancelled is money that did not come."""
    status: Literal["paid", "failed", "pending"] = "pending"
    if invoice["status"] == "paid":
        status = "paid"
    elif invoice["status"] in ("expired", "cancelled"):
        status = "failed"
    return SubscriptionPayment(
        id=invoice.get("payment_id") or invoice["id"],
        amount=invoice.get("amount_paid") or invoice["amount"],
        currency=invoice["currency"],
        status=status,
        period_start=datetime.fromtimestamp(invoice["billing_start"], UTC),
        period_end=datetime.fromtimestamp(invoice["billing_end"], UTC),
    )


def _method(token: dict[str, Any]) -> SavedMethod:
    card, vpa = as_object(token.get("card")), as_object(token.get("vpa"))
    if not card:
        label = f"{vpa.get('username', '')}@{vpa.get('handle', '')}" if vpa else token.get("method", "")
        return SavedMethod(token["id"], token.get("method", ""), label, _day(token.get("expired_at")))
    year, month = int(card["expiry_year"]), int(card["expiry_month"])
    label = f"{card.get('network', 'Card')} ending {card['last4']}"
    return SavedMethod(token["id"], "card", label, date(year, month, calendar.monthrange(year, month)[1]))


def _moment(seconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def _day(seconds: int | None) -> date | None:
    moment = _moment(seconds)
    return moment.date() if moment else None
