"""Where a payer stands: what is left, until when it lasts, and whether a limit stops models now."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import msgspec

from convergio.billing.payers import payer_id_of
from convergio.billing.queries import balance_of
from convergio.billing.quotas import Kind, read_quotas
from convergio.billing.stops import latest_stop
from convergio.billing.subscriptions.queries import current_terms
from convergio.core import sql
from convergio.core.clock import now

FORECAST_DAYS = 14
# Past this a forecast from two weeks says nothing.
FARTHEST = timedelta(days=730)
# A stop of an earlier month says nothing of now.
STOP_MEMORY = timedelta(days=31)

_CHARGED = (
    "SELECT COALESCE(sum(charged_tokens), 0)::bigint FROM token_usage WHERE user_id = %s AND created_at >= %s"
)
# Whoever began within these days has used tokens on fewer of them.
_RATE = f"""
SELECT COALESCE(sum(charged_tokens), 0)::bigint,
  greatest(1, least({FORECAST_DAYS}, ceil(extract(epoch FROM %(now)s - min(created_at)) / 86400)))::int
FROM token_usage WHERE user_id = %(user)s AND created_at > %(since)s
"""


class QuotaState(msgspec.Struct, frozen=True):
    """A monthly quota; `quota` null is unlimited."""

    used: int
    quota: int | None


class Forecast(msgspec.Struct, frozen=True):
    """By the last 14 days: tokens a day, and the day that the balance lasts until (null: for more than two years)."""

    tokens_per_day: int
    lasts_until: date | None


class Standing(msgspec.Struct, frozen=True):
    """A payer's balance and quotas. `balance` is what is free: `tokens` without what calls under way hold.

    `resets_at` is when the next allowance comes and the quotas begin anew; `forecast` is null without use.
    """

    balance: int
    tokens: int
    reserved: int
    monthly_tokens: int
    plan: str
    resets_at: datetime
    emails: QuotaState
    ai_replies: QuotaState
    forecast: Forecast | None


class PeriodUse(msgspec.Struct, frozen=True):
    """What a payer used of the current period's plan; `tokens` is what calls were charged, also of bought tokens."""

    plan: str
    period_start: datetime
    period_end: datetime
    tokens: int
    monthly_tokens: int
    emails: QuotaState
    ai_replies: QuotaState


class StoppedNow(msgspec.Struct, frozen=True):
    """That a limit stops models in a workspace: which, in a sentence, until when."""

    reason: str
    sentence: str
    resets_at: datetime


def read_standing(user_id: int) -> Standing:
    """A payer's, in four statements."""
    terms = current_terms(user_id)
    left = balance_of(user_id)
    quotas = read_quotas(user_id, terms)
    return Standing(
        balance=left.available,
        tokens=left.tokens,
        reserved=left.reserved,
        monthly_tokens=terms.monthly_tokens,
        plan=terms.plan_name,
        resets_at=terms.period_end,
        emails=QuotaState(quotas["emails"].used, quotas["emails"].most),
        ai_replies=QuotaState(quotas["ai_replies"].used, quotas["ai_replies"].most),
        forecast=_forecast(user_id, left=left.tokens),
    )


def read_period_use(user_id: int) -> PeriodUse:
    """A payer's, in three statements."""
    terms = current_terms(user_id)
    quotas = read_quotas(user_id, terms)
    return PeriodUse(
        plan=terms.plan_name,
        period_start=terms.period_start,
        period_end=terms.period_end,
        tokens=sql.fetch_value(_CHARGED, [user_id, terms.period_start]),
        monthly_tokens=terms.monthly_tokens,
        emails=QuotaState(quotas["emails"].used, quotas["emails"].most),
        ai_replies=QuotaState(quotas["ai_replies"].used, quotas["ai_replies"].most),
    )


def stopped_now(workspace_id: int) -> StoppedNow | None:
    """The limit that stopped a model here last, if it still would. One statement where none did."""
    stop = latest_stop(workspace_id, since=now() - STOP_MEMORY)
    if stop is None:
        return None
    user_id = payer_id_of(workspace_id)
    terms = current_terms(user_id)
    if stop.reason == "tokens":
        free = balance_of(user_id).available
        if free >= stop.needed:
            return None
        sentence = f"AI has stopped: a call takes up to {stop.needed:,} tokens and {free:,} are left."
        return StoppedNow(stop.reason, sentence, terms.period_end)
    quotas = read_quotas(user_id, terms)
    kind: Kind = "emails" if stop.reason == "emails" else "ai_replies"
    quota = quotas[kind]
    if not quota.stops(kind):
        return None
    what = "emails" if kind == "emails" else "AI replies"
    sentence = f"AI has stopped: this month's {quota.most:,} {what} are used."
    return StoppedNow(stop.reason, sentence, terms.period_end)


def _forecast(user_id: int, *, left: int) -> Forecast | None:
    at = now()
    values = {"user": user_id, "now": at, "since": at - timedelta(days=FORECAST_DAYS)}
    ((used, days),) = sql.fetch_rows(_RATE, values)
    if not used:
        return None
    lasts = timedelta(seconds=min(left * days * 86_400 // used, int(FARTHEST.total_seconds()) + 1))
    return Forecast(used // days, None if lasts > FARTHEST else (at + lasts).date())
