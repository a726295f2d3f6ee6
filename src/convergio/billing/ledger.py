"""The token ledger: what came in, what was spent, what lapsed. Every movement is one entry that stays for ever.

What comes in together is a lot; spending takes from the lot that lapses first. The balance row is derived: it is
changed in the same statement or transaction as its entries, under its own lock, and billing/checks.sql proves it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec
from django.db import transaction

from convergio.billing.alerts import arm_again
from convergio.billing.errors import OutOfTokens
from convergio.core import sql
from convergio.core.clock import now

Credit = Literal["grant", "purchase", "bonus", "refund", "adjustment"]

_OPEN = "INSERT INTO token_balances (user_id) VALUES (%s) ON CONFLICT DO NOTHING"
_LOCK = "SELECT tokens, reserved, next_expiry_at FROM token_balances WHERE user_id = %s FOR UPDATE"
# The unique index lets each cause be credited once: a repetition inserts nothing and changes nothing.
_CREDIT = """
WITH entry AS (
  INSERT INTO token_ledger (user_id, kind, tokens, expires_at, cause, reason, member_id)
  VALUES (%(user)s, %(kind)s, %(tokens)s, %(expires_at)s, %(cause)s, %(reason)s, %(member)s)
  ON CONFLICT DO NOTHING RETURNING id, user_id, tokens, expires_at
), lot AS (
  INSERT INTO token_lots (entry_id, user_id, remaining, expires_at)
  SELECT id, user_id, tokens, expires_at FROM entry
)
UPDATE token_balances AS balance SET tokens = balance.tokens + entry.tokens, updated_at = %(now)s,
  next_expiry_at = least(balance.next_expiry_at, entry.expires_at)
FROM entry WHERE balance.user_id = entry.user_id
"""
# Lots in the order in which they are spent, each with what this spending takes from it.
_SPEND = """
WITH ordered AS (
  SELECT entry_id, remaining, sum(remaining) OVER (ORDER BY expires_at NULLS LAST, entry_id) - remaining AS before
  FROM token_lots WHERE user_id = %(user)s AND remaining > 0
), taken AS (
  SELECT entry_id, least(remaining, %(tokens)s - before) AS tokens FROM ordered WHERE before < %(tokens)s
)
UPDATE token_lots AS lot SET remaining = lot.remaining - taken.tokens FROM taken
WHERE lot.entry_id = taken.entry_id RETURNING taken.tokens
"""
_DEBIT = """
INSERT INTO token_ledger (user_id, kind, tokens, cause, reason, member_id, usage_id)
VALUES (%(user)s, %(kind)s, -%(tokens)s::bigint, %(cause)s, %(reason)s, %(member)s, %(usage)s)
"""
_LOWER = """
UPDATE token_balances SET tokens = tokens - %(tokens)s, updated_at = %(now)s,
  next_expiry_at = (SELECT min(expires_at) FROM token_lots WHERE user_id = %(user)s AND remaining > 0)
WHERE user_id = %(user)s
"""
# What is left of what one cause brought in, bonus first.
_TAKE_BACK = """
WITH ordered AS (
  SELECT lot.entry_id, lot.remaining,
    sum(lot.remaining) OVER (ORDER BY entry.kind, lot.entry_id) - lot.remaining AS before
  FROM token_lots AS lot JOIN token_ledger AS entry ON entry.id = lot.entry_id
  WHERE lot.user_id = %(user)s AND entry.cause = %(brought_by)s AND entry.kind IN ('purchase', 'bonus', 'grant')
    AND lot.remaining > 0
), taken AS (
  SELECT entry_id, least(remaining, %(tokens)s - before) AS tokens FROM ordered WHERE before < %(tokens)s
)
UPDATE token_lots AS lot SET remaining = lot.remaining - taken.tokens FROM taken
WHERE lot.entry_id = taken.entry_id RETURNING taken.tokens
"""
_LAPSED = """
SELECT COALESCE(sum(remaining), 0)::bigint FROM token_lots
WHERE user_id = %s AND remaining > 0 AND expires_at <= %s
"""
_DUE = "SELECT user_id FROM token_balances WHERE next_expiry_at <= %s ORDER BY user_id"


class Balance(msgspec.Struct, frozen=True):
    """Tokens in all, and how many of them are held for calls under way."""

    tokens: int
    reserved: int
    next_expiry_at: datetime | None

    @property
    def available(self) -> int:
        return self.tokens - self.reserved


def open_balance(user_id: int) -> None:
    """Make sure that the user has a balance row."""
    sql.execute(_OPEN, [user_id])


def lock_balance(user_id: int) -> Balance:
    """The balance, held until the transaction ends; tokens whose time is over are gone from it."""
    open_balance(user_id)
    balance = _read_locked(user_id)
    if balance.next_expiry_at is not None and balance.next_expiry_at <= now():
        _lapse(user_id, balance)
        balance = _read_locked(user_id)
    return balance


def credit(
    user_id: int,
    kind: Credit,
    *,
    tokens: int,
    cause: str,
    expires_at: datetime | None = None,
    reason: str = "",
    member_id: int | None = None,
) -> bool:
    """Add tokens once for this cause; False when they were added before.

    An adjustment may be repeated, and needs a reason. Raises ValueError for what is not a positive number.
    """
    if tokens <= 0:
        raise ValueError("Tokens that come in are more than none.")
    with transaction.atomic():
        lock_balance(user_id)
        values = {
            "user": user_id,
            "kind": kind,
            "tokens": tokens,
            "cause": cause,
            "expires_at": expires_at,
            "reason": reason,
            "member": member_id,
            "now": now(),
        }
        if sql.execute(_CREDIT, values) != 1:
            return False
        arm_again(user_id)
        return True


def debit_adjustment(user_id: int, *, tokens: int, reason: str, member_id: int, cause: str = "") -> None:
    """Take tokens away by a person's decision. Raises OutOfTokens when that many are not free."""
    with transaction.atomic():
        balance = lock_balance(user_id)
        if balance.available < tokens:
            raise OutOfTokens(needed=tokens, available=balance.available)
        spend(user_id, "adjustment", tokens=tokens, cause=cause, reason=reason, member_id=member_id)


def take_back(
    user_id: int, *, brought_by: str, tokens: int, cause: str, reason: str, member_id: int | None
) -> int:
    """Take up to that many of the tokens that one payment brought; the answer is how many were unspent and free."""
    with transaction.atomic():
        most = min(tokens, lock_balance(user_id).available)
        values = {"user": user_id, "brought_by": brought_by, "tokens": most, "now": now()}
        taken = int(sum(sql.fetch_column(_TAKE_BACK, values)))
        if taken:
            more = {
                "kind": "adjustment",
                "cause": cause,
                "reason": reason,
                "member": member_id,
                "usage": None,
            }
            sql.execute(_DEBIT, {**values, **more, "tokens": taken})
            sql.execute(_LOWER, {**values, "tokens": taken})
        return taken


def spend(
    user_id: int,
    kind: Literal["usage", "adjustment", "expiry"],
    *,
    tokens: int,
    cause: str = "",
    reason: str = "",
    member_id: int | None = None,
    usage_id: int | None = None,
) -> None:
    """Take tokens from the lots that lapse first, and write it down. The caller holds the balance's lock."""
    taken = sum(sql.fetch_column(_SPEND, {"user": user_id, "tokens": tokens}))
    if taken != tokens:  # the lots and the balance disagree: our mistake, and nothing of it may commit
        raise RuntimeError(f"The lots of user {user_id} hold {taken} of {tokens} tokens.")
    values = {"user": user_id, "tokens": tokens, "now": now()}
    if tokens:
        more = {"kind": kind, "cause": cause, "reason": reason, "member": member_id, "usage": usage_id}
        sql.execute(_DEBIT, {**values, **more})
    sql.execute(_LOWER, values)


def lapse_due() -> int:
    """Take back every user's tokens whose time is over; the answer is how many users had some."""
    users = sql.fetch_column(_DUE, [now()])
    for user_id in users:
        with transaction.atomic():
            lock_balance(user_id)
    return len(users)


def _read_locked(user_id: int) -> Balance:
    balance = sql.fetch_one(Balance, _LOCK, [user_id])
    assert balance is not None  # it was opened in this transaction
    return balance


def _lapse(user_id: int, balance: Balance) -> None:
    """Calls under way are charged to what lapses first, so that much of it stays until they are over."""
    lapsed = sql.fetch_value(_LAPSED, [user_id, now()])
    spend(user_id, "expiry", tokens=max(lapsed - balance.reserved, 0))
