"""The seam between payments and what follows from them in the same transaction, like the invoice.

A module of billing registers a function with `@on_purchase_paid`; it runs once for each purchase, inside the
transaction that credits the tokens: what it raises undoes the credit. It must not call a provider.
`@on_purchase_refunded` is the same for money that went back (credit notes). What may come later (mail, open windows)
is the event "tokens.purchased" of core.events.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar


@dataclass(frozen=True, slots=True)
class PaidPurchase:
    """A purchase at the moment it was confirmed by its gateway. `amount` is in minor units."""

    purchase_id: int
    user_id: int
    amount: int
    currency: str
    gateway: str
    payment_id: str
    paid_at: datetime


@dataclass(frozen=True, slots=True)
class RefundedPurchase:
    """Money of a paid purchase that went back for certain."""

    refund_id: int
    purchase_id: int
    user_id: int
    amount: int
    currency: str


PaidHandler = TypeVar("PaidHandler", bound=Callable[[PaidPurchase], None])
RefundedHandler = TypeVar("RefundedHandler", bound=Callable[[RefundedPurchase], None])
_paid: list[Callable[[PaidPurchase], None]] = []
_refunded: list[Callable[[RefundedPurchase], None]] = []


def on_purchase_paid(handler: PaidHandler) -> PaidHandler:
    """Call the function for every purchase that gets paid."""
    _paid.append(handler)
    return handler


def on_purchase_refunded(handler: RefundedHandler) -> RefundedHandler:
    """Call the function for every refund that went through."""
    _refunded.append(handler)
    return handler


def purchase_paid(purchase: PaidPurchase) -> None:
    """Called by settlement only."""
    for handler in _paid:
        handler(purchase)


def purchase_refunded(refund: RefundedPurchase) -> None:
    """Called by settlement and refunds only."""
    for handler in _refunded:
        handler(refund)
