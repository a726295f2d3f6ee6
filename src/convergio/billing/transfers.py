"""Bank transfers that staff saw on the account."""

from __future__ import annotations

from convergio.billing.payments import complete_purchase
from convergio.billing.purchases import get_purchase
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
    if amount <= 0 or not bank_reference.strip():
        raise InvalidInput("invalid_transfer", "Give the amount that arrived and the bank's reference.")
    purchase = get_purchase(purchase_id)
    values = [amount, currency.upper(), bank_reference.strip()[:100], staff_id, purchase.gateway_id]
    if purchase.gateway != "manual" or not sql.execute(_RECEIVED, values):
        raise Conflict("no_transfer_expected", "No bank transfer is waited for under this purchase.")
    return complete_purchase(purchase_id)
