"""A gateway that moves no money, for the demo and for tests. Its books are files beside the database, because a
real gateway's books do not roll back with our transactions either. `pay`, `decline`, `agree`, `expire_card` and
`notice` are the buyer's and the gateway's side of it. Subscriptions charge at their period's end by themselves: the
books are brought up to the clock whenever somebody looks at them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar
from uuid import uuid4

import msgspec
from django.conf import settings

from convergio.billing.gateways.protocol import (
    ForgedMessage,
    GatewayEvent,
    Order,
    OrderRequest,
    Payment,
    PlanTerms,
    Refund,
    SavedMethod,
    Subscription,
    SubscriptionPayment,
    SubscriptionRequest,
)
from convergio.billing.gateways.signatures import as_text, header, is_signed, read_object, sign
from convergio.billing.subscriptions.periods import period_at
from convergio.core.clock import now
from convergio.core.errors import ProviderError

T = TypeVar("T")
_CHARGE = "fake_charge_"
_CARD = SavedMethod("fake_card", "card", "Fake ending 0000", date(2099, 12, 31))


class _Book(msgspec.Struct):
    """An order as the gateway keeps it."""

    payment: Payment
    made_at: datetime
    refunds: dict[str, int]


class _Contract(msgspec.Struct):
    """A subscription as the gateway keeps it. `refusal` is what the buyer's bank says to charges, '' while it pays."""

    subscription: Subscription
    trial_days: int
    anchor: datetime | None = None
    payments: list[SubscriptionPayment] = []
    refusal: str = ""
    is_fixed: bool = False


@dataclass(frozen=True, slots=True)
class FakeGateway:
    """`secret` signs its notices and checkout answers."""

    folder: Path
    secret: str
    name: str = "fake"
    label: str = "Test payment"
    is_recurring: bool = True
    takes_back_cancellation: bool = True

    def create_order(self, request: OrderRequest) -> Order:
        """One per reference."""
        order_id = f"fake_order_{request.reference}"
        if not self._path("orders", order_id).exists():
            payment = Payment(order_id, request.reference, request.amount, request.currency, "pending")
            self._write("orders", order_id, _Book(payment, now(), {}))
        return Order(order_id, client={"order_id": order_id})

    def fetch_payment(self, order_id: str) -> Payment:
        """What the books say."""
        return self._book(order_id).payment

    def capture(self, payment: Payment) -> Payment:
        """Take what was authorized."""
        return self._set(payment.order_id, status="paid")

    def payments_since(self, since: datetime) -> Iterator[Payment]:
        """In the order of their ids."""
        for path in sorted((self.folder / "orders").glob("*.json")):
            book = msgspec.json.decode(path.read_bytes(), type=_Book)
            if book.made_at >= since:
                yield book.payment

    def fetch_charge(self, payment_id: str) -> Payment:
        """A subscription's charge is its own order."""
        if payment_id.startswith(_CHARGE):
            return self._book(payment_id).payment
        orders = (self._book(path.stem).payment for path in (self.folder / "orders").glob("*.json"))
        found = next((payment for payment in orders if payment.id == payment_id), None)
        return found or _unknown()

    def refund(self, payment: Payment, *, amount: int, reference: str) -> Refund:
        """Once for each reference, and never more than was paid."""
        book = self._book(payment.order_id)
        if reference not in book.refunds:
            if book.payment.status != "paid" or book.payment.refunded + amount > book.payment.amount:
                raise ProviderError("permanent", "That is more than was paid.")
            book.refunds[reference] = amount
            book.payment = replace(book.payment, refunded=book.payment.refunded + amount)
            self._write(_shelf(payment.order_id), payment.order_id, book)
        kept = book.refunds[reference]
        return Refund(f"fake_refund_{reference}", payment.id, kept, book.payment.currency, "done")

    def create_customer(self, *, reference: str, name: str, email: str) -> str:  # noqa: ARG002
        """Everybody has the same card, which nobody can be charged on."""
        customer_id = f"fake_customer_{reference}"
        self._write("customers", customer_id, [_CARD])
        return customer_id

    def saved_methods(self, customer_id: str) -> list[SavedMethod]:
        """What was not forgotten."""
        return self._read("customers", customer_id, list[SavedMethod])

    def forget_method(self, customer_id: str, method_id: str) -> None:
        """Remove it."""
        left = [method for method in self.saved_methods(customer_id) if method.id != method_id]
        self._write("customers", customer_id, left)

    def create_plan(self, terms: PlanTerms) -> str:
        """The reference is enough to know it by."""
        self._write("plans", f"fake_plan_{terms.reference}", terms)
        return f"fake_plan_{terms.reference}"

    def create_subscription(self, request: SubscriptionRequest) -> Subscription:
        """Pending until `agree`."""
        subscription_id = f"fake_subscription_{request.reference}"
        if not self._path("subscriptions", subscription_id).exists():
            begun = Subscription(subscription_id, "pending", request.plan_id, reference=request.reference)
            self._write("subscriptions", subscription_id, _Contract(begun, request.trial_days))
        return self.fetch_subscription(subscription_id)

    def fetch_subscription(self, subscription_id: str) -> Subscription:
        """What the books say."""
        return self._contract(subscription_id).subscription

    def subscription_payments(self, subscription_id: str) -> list[SubscriptionPayment]:
        """In the order of their periods."""
        return self._contract(subscription_id).payments

    def change_subscription(
        self,
        subscription_id: str,
        *,
        plan_id: str,
        when: Literal["now", "period_end"],  # noqa: ARG002
    ) -> Subscription:
        """At the period's end the plan that the books name is the next one, as with Stripe."""
        if self._contract(subscription_id).is_fixed:
            raise ProviderError("permanent", "This mandate cannot be changed.")
        return self._change(subscription_id, plan_id=plan_id)

    def cancel_subscription(
        self, subscription_id: str, *, when: Literal["now", "period_end"]
    ) -> Subscription:
        """Now or later."""
        if when == "now":
            return self._change(subscription_id, status="cancelled")
        return self._change(subscription_id, cancel_at_period_end=True)

    def resume_subscription(self, subscription_id: str) -> Subscription:
        """From a pause, or from a cancellation that has not come yet."""
        if self.fetch_subscription(subscription_id).status == "cancelled":
            raise ProviderError("permanent", "This subscription is over.")
        return self._change(subscription_id, cancel_at_period_end=False)

    def verify_webhook(self, body: bytes, headers: Mapping[str, str]) -> GatewayEvent:
        """X-Fake-Signature is the HMAC of the raw body."""
        signature = header(headers, "X-Fake-Signature")
        if not is_signed(body, signatures=[signature], secrets=[self.secret]):
            raise ForgedMessage
        return self.read_event(body, headers)

    def read_event(self, body: bytes, headers: Mapping[str, str]) -> GatewayEvent:  # noqa: ARG002
        """A flat object."""
        message = read_object(body)
        subject, name = as_text(message.get("order_id")), as_text(message.get("name"))
        if not (event_id := as_text(message.get("id"))):
            raise ForgedMessage("The message is not what this gateway sends.")
        if name.startswith("subscription."):
            return GatewayEvent(event_id, "subscription", name, subscription_id=subject)
        kind: Literal["payment", "unknown"] = "payment" if name.startswith("payment.") else "unknown"
        return GatewayEvent(event_id, kind, name, order_id=subject)

    def verify_checkout(self, fields: Mapping[str, str]) -> str:
        """HMAC of the order's or subscription's id."""
        order_id = fields.get("order_id", "")
        if not is_signed(order_id.encode(), signatures=[fields.get("signature", "")], secrets=[self.secret]):
            raise ForgedMessage
        return order_id

    # --- The other side: what buyers and the gateway do -----------------------------------------------------

    def pay(
        self, order_id: str, *, amount: int | None = None, currency: str = "", held: bool = False
    ) -> Payment:
        """The buyer pays, by default what is asked; `held` leaves the capture to us."""
        asked = self._book(order_id).payment
        return self._set(
            order_id,
            status="authorized" if held else "paid",
            id=asked.id or f"fake_payment_{uuid4().hex}",
            amount=asked.amount if amount is None else amount,
            currency=currency or asked.currency,
        )

    def decline(self, order_id: str, *, reason: str) -> Payment:
        """The buyer's bank refuses."""
        return self._set(order_id, status="failed", reason=reason)

    def agree(self, subscription_id: str) -> Subscription:
        """The buyer gives the mandate, and pays the first period unless a trial comes before it."""
        book = self._contract(subscription_id)
        begin = now() + timedelta(days=book.trial_days)
        book.anchor = begin
        if book.trial_days:
            book.subscription = replace(
                book.subscription, status="trialing", period_start=now(), period_end=begin
            )
        elif not _charge(book, begin, self._price(book)):
            book.subscription = replace(book.subscription, status="pending")
        self._write("subscriptions", subscription_id, book)
        return book.subscription

    def expire_card(self, subscription_id: str, *, reason: str = "The card has expired.") -> None:
        """From now on the buyer's bank refuses charges; with reason '' it pays again."""
        book = self._contract(subscription_id)
        book.refusal = reason
        self._write("subscriptions", subscription_id, book)

    def fix_mandate(self, subscription_id: str) -> None:
        """From now on the contract cannot move to another plan, like Razorpay's mandates by UPI."""
        book = self._contract(subscription_id)
        book.is_fixed = True
        self._write("subscriptions", subscription_id, book)

    def notice(self, name: str, *, order_id: str, event_id: str = "") -> tuple[bytes, dict[str, str]]:
        """Body and headers of a webhook."""
        body = msgspec.json.encode({"id": event_id or uuid4().hex, "name": name, "order_id": order_id})
        return body, {"X-Fake-Signature": sign(self.secret, body)}

    def come_back(self, order_id: str) -> dict[str, str]:
        """What the browser brings back from checkout."""
        return {"order_id": order_id, "signature": sign(self.secret, order_id.encode())}

    # --- Books ----------------------------------------------------------------------------------------------

    def _book(self, order_id: str) -> _Book:
        """A charge gets one of its own when it is first sent back."""
        if order_id.startswith(_CHARGE) and not self._path("charges", order_id).exists():
            reference = order_id.removeprefix(_CHARGE).rpartition("_")[0]
            charges = self._contract(f"fake_subscription_{reference}").payments
            paid = next((one for one in charges if (one.id, one.status) == (order_id, "paid")), None)
            paid = paid or _unknown()
            payment = Payment(order_id, reference, paid.amount, paid.currency, "paid", id=order_id)
            return _Book(payment, now(), {})
        return self._read(_shelf(order_id), order_id, _Book)

    def _set(self, order_id: str, **changes: Any) -> Payment:
        book = self._book(order_id)
        book.payment = replace(book.payment, **changes)
        self._write("orders", order_id, book)
        return book.payment

    def _contract(self, subscription_id: str) -> _Contract:
        """With the charges that were due by now."""
        book = self._read("subscriptions", subscription_id, _Contract)
        before = book.subscription
        while _is_due(book.subscription):
            if book.subscription.cancel_at_period_end:
                book.subscription = replace(book.subscription, status="cancelled")
            elif not _charge(book, book.subscription.period_end or now(), self._price(book)):
                break
        if book.subscription != before:
            self._write("subscriptions", subscription_id, book)
        return book

    def _price(self, book: _Contract) -> PlanTerms:
        return self._read("plans", book.subscription.plan_id, PlanTerms)

    def _change(self, subscription_id: str, **changes: Any) -> Subscription:
        book = self._contract(subscription_id)
        book.subscription = replace(book.subscription, **changes)
        self._write("subscriptions", subscription_id, book)
        return book.subscription

    def _path(self, kind: str, name: str) -> Path:
        if not re.fullmatch(r"[\w-]{1,120}", name):
            _unknown()
        return self.folder / kind / f"{name}.json"

    def _read(self, kind: str, name: str, as_type: type[T]) -> T:
        try:
            return msgspec.json.decode(self._path(kind, name).read_bytes(), type=as_type)
        except FileNotFoundError:
            _unknown()

    def _write(self, kind: str, name: str, value: object) -> None:
        path = self._path(kind, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(f".{uuid4().hex}")
        new.write_bytes(msgspec.json.encode(value))
        new.replace(path)


def _shelf(order_id: str) -> str:
    return "charges" if order_id.startswith(_CHARGE) else "orders"


def _unknown() -> NoReturn:
    raise ProviderError("permanent", "The test gateway knows no such thing.") from None


def _is_due(subscription: Subscription) -> bool:
    is_live = subscription.status in ("trialing", "active", "past_due")
    return is_live and subscription.period_end is not None and subscription.period_end <= now()


def _charge(book: _Contract, start: datetime, price: PlanTerms) -> bool:
    """Charge for the period that begins then; a charge that was refused is tried again under the same id."""
    assert book.anchor is not None
    period = period_at(book.anchor, start)
    paid = [payment for payment in book.payments if payment.status == "paid"]
    charge = SubscriptionPayment(
        id=f"{_CHARGE}{book.subscription.reference}_{len(paid) + 1}",
        amount=price.amount,
        currency=price.currency,
        status="failed" if book.refusal else "paid",
        period_start=period.start,
        period_end=period.end,
        reason=book.refusal,
    )
    book.payments = [*paid, charge]
    if book.refusal:
        book.subscription = replace(book.subscription, status="past_due")
        return False
    book.subscription = replace(
        book.subscription, status="active", period_start=period.start, period_end=period.end
    )
    return True


def from_settings() -> FakeGateway | None:
    """None unless it was asked for: whoever can choose it gets tokens for nothing."""
    if not settings.FAKE_GATEWAY:
        return None
    return FakeGateway(settings.DATA_DIR / "fake-gateway", f"fake:{settings.SECRET_KEY}")
