"""Reserve, settle, release: a call's highest cost is held before it is made, so that no race can overdraw a balance.

A process that dies between reserving and settling leaves a reservation behind, which `release_expired` frees when its
time is over. A call that failed costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from django.db import transaction

from convergio.billing import alerts, quotas, stops
from convergio.billing.errors import OutOfTokens
from convergio.billing.ledger import lock_balance, spend
from convergio.billing.models import TokenUsage
from convergio.billing.payers import payer_id_of
from convergio.billing.subscriptions.queries import current_terms
from convergio.core import sql
from convergio.core.clock import now
from convergio.core.errors import OverQuota

# Longer than any call may take; its own time-out is shorter.
HOLD = timedelta(minutes=5)

# One statement, so that of many at once only as many succeed as fit. While tokens have to lapse first it holds none.
_RESERVE = """
WITH held AS (
  UPDATE token_balances SET reserved = reserved + %(tokens)s
  WHERE user_id = %(user)s AND tokens - reserved >= %(tokens)s
    AND (%(lapsed)s OR next_expiry_at IS NULL OR next_expiry_at > %(now)s)
  RETURNING user_id
)
INSERT INTO token_reservations
  (user_id, tokens, workspace_id, member_id, feature, cause, inbox_id, period_start, expires_at)
SELECT user_id, %(tokens)s, %(workspace)s, %(member)s, %(feature)s, %(cause)s, %(inbox)s, %(period)s, %(expires_at)s
FROM held RETURNING id
"""
_TAKE = """
DELETE FROM token_reservations WHERE id = %s
RETURNING user_id, tokens, workspace_id, member_id, feature, cause, inbox_id, period_start
"""
_UNHOLD = "UPDATE token_balances SET reserved = reserved - %s WHERE user_id = %s"
_EXPIRED = "SELECT id FROM token_reservations WHERE expires_at <= %s ORDER BY id"


@dataclass(frozen=True, slots=True)
class Purpose:
    """Why a model is called: for which workspace and member (None: the system), and the row that caused it.

    `feature` is auto_reply, draft, caption, audit or copilot; `cause` names table and id, like emails:12; `inbox_id`
    is the inbox that it is for, where there is one.
    """

    workspace_id: int
    feature: str
    cause: str
    member_id: int | None = None
    inbox_id: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What a call took. Cached tokens are part of the input; the cost is in paise."""

    model: str
    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    cost: int = 0

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens


class _Held(msgspec.Struct):
    user_id: int
    tokens: int
    workspace_id: int | None
    member_id: int | None
    feature: str
    cause: str
    inbox_id: int | None
    period_start: datetime | None


def reserve(purpose: Purpose, *, tokens: int, hold: timedelta = HOLD) -> int:
    """Hold the most that a call can cost; the answer is the reservation's id. Raises OutOfTokens, QuotaUsedUp.

    Commit before the call is made: in an open transaction it would be undone by the crash that it is there for. What
    is refused is written down for the payer.
    """
    user_id = payer_id_of(purpose.workspace_id)
    expires_at = now() + hold
    try:
        held = _hold(user_id, purpose, tokens=tokens, expires_at=expires_at, lapsed=False)
        if held is None:  # the rarer cases: no balance yet, tokens that lapse just now, or too few
            with transaction.atomic():
                available = lock_balance(user_id).available
            held = _hold(user_id, purpose, tokens=tokens, expires_at=expires_at, lapsed=True)
        if held is None:
            resets_at = current_terms(user_id).period_end
            raise OutOfTokens(needed=tokens, available=available, resets_at=resets_at)
        return held
    except OverQuota as refusal:
        _note(user_id, purpose, refusal)
        raise


def _hold(user_id: int, purpose: Purpose, *, tokens: int, expires_at: datetime, lapsed: bool) -> int | None:
    """Both or nothing: the reply counts, and its tokens are held. None for too few. Raises QuotaUsedUp."""
    with transaction.atomic():
        period = quotas.take(purpose.workspace_id, purpose.feature)
        values = {
            "user": user_id,
            "tokens": tokens,
            "workspace": purpose.workspace_id,
            "member": purpose.member_id,
            "feature": purpose.feature,
            "cause": purpose.cause,
            "inbox": purpose.inbox_id,
            "period": period,
            "now": now(),
            "lapsed": lapsed,
            "expires_at": expires_at,
        }
        held: int | None = sql.fetch_value(_RESERVE, values)
        if held is None:
            transaction.set_rollback(True)
        return held


def _note(user_id: int, purpose: Purpose, refusal: OverQuota) -> None:
    with transaction.atomic():
        stops.note_stop(
            user_id,
            refusal,
            workspace=purpose.workspace_id,
            member=purpose.member_id,
            feature=purpose.feature,
            cause=purpose.cause,
            inbox=purpose.inbox_id,
        )
        if isinstance(refusal, OutOfTokens):
            needed, available = refusal.needed, refusal.available
            alerts.look_after_refusal(user_id, purpose.workspace_id, needed=needed, available=available)


def settle(reservation_id: int, usage: Usage) -> int:
    """Charge what the call took and free the rest; the answer is the usage's id, 0 when nothing was held any more.

    A call that took more than was held is charged as far as the balance goes, and never below nothing.
    """
    with transaction.atomic():
        held = sql.fetch_one(_Held, _TAKE, [reservation_id])
        if held is None:
            return 0
        balance = lock_balance(held.user_id)  # still with what is held: that must not lapse now
        sql.execute(_UNHOLD, [held.tokens, held.user_id])
        charged = min(usage.tokens, balance.available + held.tokens)
        row = TokenUsage.objects.create(
            user_id=held.user_id,
            workspace_id=held.workspace_id,
            member_id=held.member_id,
            feature=held.feature,
            model=usage.model,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cached_tokens=usage.cached_tokens,
            charged_tokens=charged,
            cost=usage.cost,
            cause=held.cause,
            inbox_id=held.inbox_id,
            period_start=held.period_start,
        )
        spend(
            held.user_id,
            "usage",
            tokens=charged,
            cause=held.cause,
            member_id=held.member_id,
            usage_id=row.id,
        )
        alerts.look(held.user_id, held.workspace_id, left=balance.tokens - charged)
        return row.id


def release(reservation_id: int) -> bool:
    """Free what was held for a call that failed; it costs nothing. Safe to repeat; False when nothing was held."""
    with transaction.atomic():
        held = sql.fetch_one(_Held, _TAKE, [reservation_id])
        if held is None:
            return False
        if held.period_start is not None:  # in the order in which `reserve` locks: counters, then balances
            quotas.give_back(held.user_id, held.period_start)
        sql.execute(_UNHOLD, [held.tokens, held.user_id])
        return True


def release_expired() -> int:
    """Free what dead processes left behind; the answer is how many reservations."""
    expired = sql.fetch_column(_EXPIRED, [now()])
    return sum(release(reservation_id) for reservation_id in expired)


@contextmanager
def reserved(purpose: Purpose, *, tokens: int) -> Iterator[int]:
    """Hold tokens around a call; what leaves the block without being settled is released."""
    reservation_id = reserve(purpose, tokens=tokens)
    try:
        yield reservation_id
    finally:
        release(reservation_id)
