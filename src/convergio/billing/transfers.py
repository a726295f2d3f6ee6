"""Bank transfers that staff saw on the account."""

from __future__ import annotations

from convergio.billing.payments import complete_purchase
from convergio.billing.purchases import get_purchase
from convergio.billing.subscriptions.orders import get_order, settle_order
from convergio.core import sql
from convergio.core.errors import Conflict, InvalidInput

_RECEIVED = """
UPDATE manual_payments SET received = %s, received_currency = %s, bank_reference = %s, recorded_by_id = %s
WHERE reference = %s AND received IS NULL
"""


def record_transfer(
    staff_id: int, *, purchase_id: int, amount: int, currency: str, bank_reference: str
) -> str:
    """Write down what arrived for a purchase, in minor units, and settle it; the purchase's status.

    The caller has made sure that this is staff. Raises InvalidInput, Conflict for a purchase that waits for none.
    """
    reference = get_purchase(purchase_id).gateway_id
    _receive(staff_id, reference, amount=amount, currency=currency, bank_reference=bank_reference)
    return complete_purchase(purchase_id)


def record_plan_transfer(
    staff_id: int, *, order_id: int, amount: int, currency: str, bank_reference: str
) -> str:
    """The same for a subscription's order: a period, or an upgrade. The answer is the order's status.

    One that came before its period waits as "received" until that begins. Raises InvalidInput, Conflict.
    """
    reference = get_order(order_id).gateway_id
    _receive(staff_id, reference, amount=amount, currency=currency, bank_reference=bank_reference)
    return settle_order(order_id)


def _receive(staff_id: int, reference: str, *, amount: int, currency: str, bank_reference: str) -> None:
    """References are random, and this gateway's are in no other gateway's orders."""
    if amount <= 0 or not bank_reference.strip():
        raise InvalidInput("invalid_transfer", "Give the amount that arrived and the bank's reference.")
    values = [amount, currency.upper(), bank_reference.strip()[:100], staff_id, reference]
    if not sql.execute(_RECEIVED, values):
        raise Conflict("no_transfer_expected", "No bank transfer is waited for under this reference.")
