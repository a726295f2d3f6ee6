"""What pages and REST show of money: balance, purchases, saved ways to pay, the details that invoices name.

Everybody in a workspace may know what is left. Purchases are for who may see billing, and only those made in this
workspace; what names the owner (invoices, ways to pay, the address) is for the owner.
"""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from convergio.accounts.actor import Actor
from convergio.accounts.permissions import allows, require
from convergio.billing.payers import payer_of
from convergio.core import sql
from convergio.core.clock import now
from convergio.core.errors import NotFound
from convergio.core.paging import Page

# Tokens whose time is over are gone, also before the job that takes them back came by.
_BALANCE = """
SELECT b.tokens - lapsed.tokens, b.reserved, next.expires_at, COALESCE(next.tokens, 0)::bigint
FROM token_balances b
CROSS JOIN LATERAL (
  SELECT COALESCE(sum(remaining), 0)::bigint AS tokens FROM token_lots
  WHERE user_id = b.user_id AND remaining > 0 AND expires_at <= %(now)s
) AS lapsed
LEFT JOIN LATERAL (
  SELECT min(expires_at) AS expires_at, sum(remaining) AS tokens FROM token_lots
  WHERE user_id = b.user_id AND remaining > 0 AND expires_at > %(now)s
  GROUP BY (expires_at AT TIME ZONE 'Asia/Kolkata')::date ORDER BY 1 LIMIT 1
) AS next ON true
WHERE b.user_id = %(user)s
"""
_PURCHASES = """
SELECT p.id, k.slug::text, k.name::text, p.quantity, p.tokens, p.bonus_tokens, p.amount, p.currency::text,
  p.status::text, p.problem::text, p.gateway::text, p.refunded, p.invoice_id, COALESCE(i.number, '')::text,
  p.created_at, p.paid_at
FROM token_purchases p JOIN token_packages k ON k.id = p.package_id LEFT JOIN invoices i ON i.id = p.invoice_id
WHERE p.user_id = %(user)s AND (%(workspace)s::bigint IS NULL OR p.workspace_id = %(workspace)s)
"""
_LIST = f"""
{_PURCHASES} AND (%(cursor)s::bigint IS NULL OR p.id < %(cursor)s) ORDER BY p.id DESC LIMIT %(limit)s OFFSET %(offset)s
"""
_COUNT = """
SELECT count(*) FROM token_purchases p
WHERE p.user_id = %(user)s AND (%(workspace)s::bigint IS NULL OR p.workspace_id = %(workspace)s)
"""
_METHODS = """
SELECT id, gateway::text, kind::text, label::text, expires_on FROM payment_methods WHERE user_id = %s ORDER BY id
"""
_PROFILE = (
    "SELECT name, address, state::text, country::text, gstin::text FROM billing_profiles WHERE user_id = %s"
)
_NAMES = "SELECT COALESCE(NULLIF(company, ''), NULLIF(name, ''), email::text) FROM users WHERE id = %s"


class BalanceRow(msgspec.Struct, frozen=True):
    """Tokens of the workspace's owner: `reserved` are held for calls under way, `expiring` lapse next, on one day."""

    tokens: int
    reserved: int
    next_expiry_at: datetime | None
    expiring: int

    @property
    def available(self) -> int:
        return self.tokens - self.reserved


class PurchaseRow(msgspec.Struct, frozen=True):
    """A bought package; amounts in minor units. `status` is pending, paid, failed, mismatch, expired or refunded."""

    id: int
    package: str
    package_name: str
    quantity: int
    tokens: int
    bonus_tokens: int
    amount: int
    currency: str
    status: str
    problem: str
    gateway: str
    refunded: int
    invoice_id: int | None
    invoice_number: str
    created_at: datetime
    paid_at: datetime | None


class MethodRow(msgspec.Struct, frozen=True):
    """A way to pay that a gateway keeps."""

    id: int
    gateway: str
    kind: str
    label: str
    expires_on: date | None


class ProfileRow(msgspec.Struct, frozen=True):
    """What invoices from now on say of the buyer. `state` is the code of an Indian state, like 27."""

    name: str
    address: list[str]
    state: str
    country: str
    gstin: str


def balance_of(user_id: int) -> BalanceRow:
    """What is left; nothing for who never had any."""
    found = sql.fetch_one(BalanceRow, _BALANCE, {"user": user_id, "now": now()})
    return found or BalanceRow(0, 0, None, 0)


def list_purchases(actor: Actor, page: Page) -> list[PurchaseRow]:
    """Newest first. Raises NotAllowed."""
    values = {"cursor": page.cursor, "limit": page.limit, "offset": page.offset}
    return sql.fetch_all(PurchaseRow, _LIST, _seen_by(actor) | values)


def count_purchases(actor: Actor) -> int:
    """How many there are to see. Raises NotAllowed."""
    count: int = sql.fetch_value(_COUNT, _seen_by(actor))
    return count


def find_purchase_row(actor: Actor, purchase_id: int) -> PurchaseRow:
    """Raises NotAllowed, NotFound."""
    values = _seen_by(actor) | {"id": purchase_id}
    purchase = sql.fetch_one(PurchaseRow, f"{_PURCHASES} AND p.id = %(id)s", values)
    if purchase is None:
        raise NotFound("purchase")
    return purchase


def list_methods(actor: Actor) -> list[MethodRow]:
    """Raises NotAllowed."""
    require(actor, "billing.edit")
    return sql.fetch_all(MethodRow, _METHODS, [payer_of(actor).id])


def get_profile(actor: Actor) -> ProfileRow:
    """As it was saved, else what an invoice would say without it. Raises NotAllowed."""
    require(actor, "billing.edit")
    payer_id = payer_of(actor).id
    found = sql.fetch_one(ProfileRow, _PROFILE, [payer_id])
    return found or ProfileRow(sql.fetch_value(_NAMES, [payer_id]), [], "", "IN", "")


def _seen_by(actor: Actor) -> dict[str, int | None]:
    """The owner sees all of their purchases, others those of their workspace."""
    require(actor, "billing.view")
    is_owner = allows(actor, "billing.edit")
    return {"user": payer_of(actor).id, "workspace": None if is_owner else actor.workspace_id}
