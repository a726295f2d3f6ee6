"""Bank transfer: the buyer gets the account's details, staff write down what arrived.

What staff wrote is this gateway's own record (manual_payments), so that purchases are completed from it by the same
steps as from any other. Nothing recurs, and no webhook comes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

import msgspec
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
)
from convergio.core import sql
from convergio.core.errors import ProviderError

_OPEN = """
INSERT INTO manual_payments (reference, amount, currency) VALUES (%s, %s, %s) ON CONFLICT (reference) DO NOTHING
"""
_COLUMNS = (
    "SELECT reference::text, amount, currency, received, received_currency, refunded FROM manual_payments"
)
_FETCH = f"{_COLUMNS} WHERE reference = %s"
_SINCE = f"{_COLUMNS} WHERE created_at >= %s ORDER BY id"
_REFUND = """
UPDATE manual_payments SET refunded = refunded + %(amount)s, refunds = refunds || ARRAY[%(reference)s::text]
WHERE reference = %(order)s AND NOT refunds @> ARRAY[%(reference)s::text] AND refunded + %(amount)s <= received
"""
_KNOWN_REFUND = "SELECT refunds @> ARRAY[%s::text] FROM manual_payments WHERE reference = %s"


class _Row(msgspec.Struct):
    reference: str
    amount: int
    currency: str
    received: int | None
    received_currency: str
    refunded: int

    def payment(self) -> Payment:
        status: PaymentStatus = "pending" if self.received is None else "paid"
        paid = self.received is not None
        return Payment(
            order_id=self.reference,
            reference=self.reference,
            amount=self.received if self.received is not None else self.amount,
            currency=self.received_currency if paid else self.currency,
            status=status,
            id=f"manual:{self.reference}" if paid else "",
            refunded=self.refunded,
        )


@dataclass(frozen=True, slots=True)
class ManualGateway:
    """`details` is what the buyer needs for the transfer."""

    details: str
    name: str = "manual"
    label: str = "Bank transfer"
    is_recurring: bool = False
    takes_back_cancellation: bool = True

    def create_order(self, request: OrderRequest) -> Order:
        """Wait for a transfer that names the reference."""
        sql.execute(_OPEN, [request.reference, request.amount, request.currency])
        return Order(request.reference, client={"details": self.details, "reference": request.reference})

    def fetch_payment(self, order_id: str) -> Payment:
        """What staff wrote down."""
        row = sql.fetch_one(_Row, _FETCH, [order_id])
        if row is None:
            raise ProviderError("permanent", "No transfer was expected under this reference.")
        return row.payment()

    def capture(self, payment: Payment) -> Payment:
        """Transfers are never only authorized."""
        return payment

    def payments_since(self, since: datetime) -> Iterator[Payment]:
        """What was expected since then."""
        for row in sql.fetch_all(_Row, _SINCE, [since]):
            yield row.payment()

    def fetch_charge(self, payment_id: str) -> Payment:
        """Named after its order."""
        return self.fetch_payment(payment_id.removeprefix("manual:"))

    def refund(self, payment: Payment, *, amount: int, reference: str) -> Refund:
        """Staff transfer the money back themselves; this writes it down once."""
        values = {"order": payment.order_id, "amount": amount, "reference": reference}
        known = sql.execute(_REFUND, values) or sql.fetch_value(_KNOWN_REFUND, [reference, payment.order_id])
        if not known:
            raise ProviderError("permanent", "That is more than what arrived by transfer.")
        return Refund(f"manual:{reference}", payment.id, amount, payment.currency, "done")

    def create_customer(self, *, reference: str, name: str, email: str) -> str:  # noqa: ARG002
        _refuse()

    def saved_methods(self, customer_id: str) -> list[SavedMethod]:  # noqa: ARG002
        _refuse()

    def forget_method(self, customer_id: str, method_id: str) -> None:  # noqa: ARG002
        _refuse()

    def create_plan(self, terms: PlanTerms) -> str:  # noqa: ARG002
        _refuse()

    def create_subscription(self, request: SubscriptionRequest) -> Subscription:  # noqa: ARG002
        _refuse()

    def fetch_subscription(self, subscription_id: str) -> Subscription:  # noqa: ARG002
        _refuse()

    def subscription_payments(self, subscription_id: str) -> list[SubscriptionPayment]:  # noqa: ARG002
        _refuse()

    def change_subscription(self, subscription_id: str, *, plan_id: str, when: str) -> Subscription:  # noqa: ARG002
        _refuse()

    def cancel_subscription(self, subscription_id: str, *, when: str) -> Subscription:  # noqa: ARG002
        _refuse()

    def resume_subscription(self, subscription_id: str) -> Subscription:  # noqa: ARG002
        _refuse()

    def verify_webhook(self, body: bytes, headers: Mapping[str, str]) -> GatewayEvent:  # noqa: ARG002
        """Banks send none."""
        raise ForgedMessage

    def read_event(self, body: bytes, headers: Mapping[str, str]) -> GatewayEvent:  # noqa: ARG002
        """Banks send none."""
        raise ForgedMessage

    def verify_checkout(self, fields: Mapping[str, str]) -> str:
        """Names an order; staff decide whether it is paid."""
        return fields.get("reference", "")


def from_settings() -> ManualGateway | None:
    """None while there are no bank details to show."""
    return ManualGateway(settings.BANK_DETAILS) if settings.BANK_DETAILS else None


def _refuse() -> NoReturn:
    raise ProviderError("permanent", "Bank transfers do not repeat by themselves; choose another way to pay.")
