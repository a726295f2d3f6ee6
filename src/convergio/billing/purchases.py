"""Rows of token_purchases: found, locked, and the differences that staff should see."""

from __future__ import annotations

from datetime import datetime

import msgspec
import structlog

from convergio.core import sql
from convergio.core.clock import now
from convergio.core.errors import NotFound

log = structlog.get_logger(__name__)

_COLUMNS = """
SELECT id, user_id, workspace_id, package_id, reference, quantity, tokens, bonus_tokens, amount, currency, status,
  gateway, gateway_id, payment_id, refunded, created_at
FROM token_purchases
"""
# An order that was lost on its way to us is found by the reference that it carries.
_OF_ORDER = """
SELECT id FROM token_purchases WHERE gateway = %(gateway)s AND (
  (gateway_id <> '' AND gateway_id = %(order)s) OR (payment_id <> '' AND payment_id = %(payment)s)
  OR reference = %(reference)s)
ORDER BY id LIMIT 1
"""
_REPORT = """
INSERT INTO gateway_differences (gateway, kind, subject, purchase_id, detail) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (gateway, kind, subject) DO UPDATE SET seen_at = %s, detail = excluded.detail
"""


class Purchase(msgspec.Struct, frozen=True):
    """A purchase as it is stored; amounts in minor units."""

    id: int
    user_id: int
    workspace_id: int | None
    package_id: int
    reference: str
    quantity: int
    tokens: int
    bonus_tokens: int
    amount: int
    currency: str
    status: str
    gateway: str
    gateway_id: str
    payment_id: str
    refunded: int
    created_at: datetime

    @property
    def cause(self) -> str:
        """What its ledger entries name."""
        return f"token_purchases:{self.id}"

    @property
    def is_credited(self) -> bool:
        return self.status in ("paid", "refunded")


def get_purchase(purchase_id: int, *, lock: bool = False) -> Purchase:
    """Raises NotFound. Locked, nobody else changes it until the transaction ends."""
    clause = "FOR UPDATE" if lock else ""
    purchase = sql.fetch_one(Purchase, f"{_COLUMNS} WHERE id = %s {clause}", [purchase_id])
    if purchase is None:
        raise NotFound("purchase")
    return purchase


def get_by_key(user_id: int, key: str) -> Purchase | None:
    """The purchase that a buyer's Idempotency-Key made."""
    return sql.fetch_one(Purchase, f"{_COLUMNS} WHERE user_id = %s AND idempotency_key = %s", [user_id, key])


def find_purchase(
    gateway: str, *, order_id: str = "", payment_id: str = "", reference: str = ""
) -> int | None:
    """The purchase behind any of the ids that a gateway may name."""
    values = {"gateway": gateway, "order": order_id, "payment": payment_id, "reference": reference}
    found: int | None = sql.fetch_value(_OF_ORDER, values)
    return found


def report(kind: str, *, gateway: str, subject: str, detail: str, purchase_id: int | None = None) -> None:
    """Write down a difference for staff, once for each subject; found again it is only dated anew."""
    sql.execute(_REPORT, [gateway, kind, subject, purchase_id, detail[:300], now()])
    log.warning("billing.gateway_difference", kind=kind, gateway=gateway, purchase_id=purchase_id)
