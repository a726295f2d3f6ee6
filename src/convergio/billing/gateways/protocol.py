"""What billing asks of a payment gateway, in our words. Amounts are minor units (paise) with a currency code.

Only these classes go in and out; a gateway's own objects stay inside its file. Every call may raise
ProviderError(kind=retry|permanent|auth), retries belong to jobs, and no call is made inside a transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, Protocol

from convergio.core.errors import InvalidInput

PaymentStatus = Literal["pending", "authorized", "paid", "failed"]
EventKind = Literal["payment", "subscription", "unknown"]
SubscriptionStatus = Literal["pending", "trialing", "active", "past_due", "paused", "cancelled"]


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """Something to be paid once. `reference` is ours, unique over all installations: it makes the order repeatable."""

    reference: str
    amount: int
    currency: str
    description: str
    email: str
    return_url: str


@dataclass(frozen=True, slots=True)
class Order:
    """An order at the gateway. The buyer goes to `url`, or the gateway's script opens it with the `client` facts.

    `script` is that script's address; `origins` are those that it may load scripts from and open frames of.
    """

    id: str
    url: str = ""
    client: Mapping[str, str] = field(default_factory=dict)
    script: str = ""
    origins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Payment:
    """What the gateway's own API says of an order: only this moves money on our side.

    `amount` is what was paid where something was paid, else what is asked for. An authorized payment is held for us
    until it is captured. `refunded` is part of the amount; `surplus` is what further payments for the same order
    brought that was not sent back.
    """

    order_id: str
    reference: str
    amount: int
    currency: str
    status: PaymentStatus
    id: str = ""
    refunded: int = 0
    surplus: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Refund:
    """Money on its way back to the buyer."""

    id: str
    payment_id: str
    amount: int
    currency: str
    status: Literal["pending", "done", "failed"]


@dataclass(frozen=True, slots=True)
class PlanTerms:
    """A monthly price, which the gateway keeps unchanged under its own id."""

    reference: str
    name: str
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class SubscriptionRequest:
    """Who pays what each month. `customer_id` and `plan_id` are the gateway's; the first charge is after the trial."""

    reference: str
    customer_id: str
    plan_id: str
    trial_days: int = 0


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription as the gateway has it. While pending, the buyer agrees to it (mandate, first payment) at `url`.

    `plan_id` is what the next charge is for, unless `is_changing`: then another plan is on its way to be that.
    """

    id: str
    status: SubscriptionStatus
    plan_id: str
    url: str = ""
    period_start: datetime | None = None
    period_end: datetime | None = None
    cancel_at_period_end: bool = False
    reference: str = ""
    is_changing: bool = False


@dataclass(frozen=True, slots=True)
class SubscriptionPayment:
    """One charge for one period of a subscription: paid, refused (perhaps to be tried again), or under way."""

    id: str
    amount: int
    currency: str
    status: Literal["paid", "failed", "pending"]
    period_start: datetime
    period_end: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SavedMethod:
    """A way to pay that the gateway keeps: never a card's number, at most its last four digits in the label."""

    id: str
    kind: str
    label: str
    expires_on: date | None = None


@dataclass(frozen=True, slots=True)
class GatewayEvent:
    """A verified notice. It says what to ask the gateway about, and never how much was paid."""

    id: str
    kind: EventKind
    name: str
    order_id: str = ""
    payment_id: str = ""
    reference: str = ""
    subscription_id: str = ""


class ForgedMessage(InvalidInput):
    """The signature is missing or not the gateway's, or what it signs cannot be read. Nothing of it is kept."""

    def __init__(self, message: str = "The signature does not belong to this message.") -> None:
        super().__init__("invalid_signature", message)


class Gateway(Protocol):
    """A way to be paid. Calls that make something take a reference of ours: repeating them makes nothing new."""

    @property
    def name(self) -> str:
        """What rows and addresses call it."""

    @property
    def label(self) -> str:
        """What people call it."""

    @property
    def is_recurring(self) -> bool:
        """Whether it has customers, saved methods and subscriptions; without, those calls are permanent errors."""

    @property
    def takes_back_cancellation(self) -> bool:
        """Whether a cancellation at the period's end can be resumed there; without, it is told as late as possible."""

    def create_order(self, request: OrderRequest) -> Order:
        """The order of this reference; made now, or by an earlier call whose answer was lost."""

    def fetch_payment(self, order_id: str) -> Payment:
        """What was paid for an order. An unknown order is a permanent error."""

    def capture(self, payment: Payment) -> Payment:
        """Take an authorized payment. What was captured before stays captured."""

    def payments_since(self, since: datetime) -> Iterator[Payment]:
        """Every order made since then with what was paid for it, for reconciliation."""

    def fetch_charge(self, payment_id: str) -> Payment:
        """A payment by its own id, be it of an order or of a subscription; its order is what the gateway names."""

    def refund(self, payment: Payment, *, amount: int, reference: str) -> Refund:
        """Send part or all of a payment back, once for this reference."""

    def create_customer(self, *, reference: str, name: str, email: str) -> str:
        """The gateway's id for somebody who pays regularly."""

    def saved_methods(self, customer_id: str) -> list[SavedMethod]:
        """The customer's saved ways to pay."""

    def forget_method(self, customer_id: str, method_id: str) -> None:
        """Remove a saved way to pay."""

    def create_plan(self, terms: PlanTerms) -> str:
        """The gateway's id of a monthly price."""

    def create_subscription(self, request: SubscriptionRequest) -> Subscription:
        """Begin a subscription; the buyer agrees to it at its url."""

    def fetch_subscription(self, subscription_id: str) -> Subscription:
        """The subscription as it stands."""

    def subscription_payments(self, subscription_id: str) -> list[SubscriptionPayment]:
        """Every charge so far; nothing for charges of nothing."""

    def change_subscription(
        self, subscription_id: str, *, plan_id: str, when: Literal["now", "period_end"]
    ) -> Subscription:
        """Move to another plan. What is left of a period is the gateway's to prorate when it is changed now."""

    def cancel_subscription(
        self, subscription_id: str, *, when: Literal["now", "period_end"]
    ) -> Subscription:
        """End it; at the period's end it stays active until then."""

    def resume_subscription(self, subscription_id: str) -> Subscription:
        """Take back a pause or, where the gateway can, a cancellation at the period's end."""

    def verify_webhook(self, body: bytes, headers: Mapping[str, str]) -> GatewayEvent:
        """The event that a raw request body carries. Touches no network. Raises ForgedMessage."""

    def read_event(self, body: bytes, headers: Mapping[str, str]) -> GatewayEvent:
        """The same for a body that was verified when it came: signatures age, stored events do not."""

    def verify_checkout(self, fields: Mapping[str, str]) -> str:
        """The order or subscription that a browser brings back from checkout. Raises ForgedMessage."""
