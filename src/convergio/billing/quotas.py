"""Monthly quotas of mail and AI replies: one row per payer and period, counted as things happen.

At 80 % the payer is told, at 100 % models are no longer asked. Mail is counted and never refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from convergio.billing.errors import QuotaUsedUp
from convergio.billing.notices import tell
from convergio.billing.payers import payer_id_of
from convergio.billing.subscriptions.queries import TERMS, Terms, current_terms
from convergio.core import sql
from convergio.core.clock import now

Kind = Literal["emails", "ai_replies"]
WARN_AT, STOP_AT = 80, 100
# What of a model's work is a reply.
REPLIES = frozenset({"auto_reply", "draft"})
NAMES: dict[Kind, str] = {"emails": "emails", "ai_replies": "AI replies"}

# What a workspace's payer has now, beside the counters: all of it in the statement that counts.
_PAYER = "(SELECT owner_id FROM workspaces WHERE id = %(workspace)s)"
_WITH_TERMS = f"""
WITH terms (slug, plan, price, currency, tokens, most_emails, most_replies, status, period_start, period_end,
  ends, next) AS ({TERMS.replace("%(user)s", _PAYER)})
"""
_RETURNING = """
RETURNING user_id, period_start, (SELECT period_end FROM terms), (SELECT plan FROM terms), emails, ai_replies,
  emails_told, ai_replies_told, (SELECT most_emails FROM terms), (SELECT most_replies FROM terms)
"""
_COUNT_EMAILS = f"""{_WITH_TERMS}
INSERT INTO usage_counters AS counter (user_id, period_start, emails)
SELECT {_PAYER}, period_start, %(count)s FROM terms
ON CONFLICT (user_id, period_start) DO UPDATE SET emails = counter.emails + excluded.emails
{_RETURNING}
"""
# Of many at once only as many get through as the quota has left.
_TAKE = f"""{_WITH_TERMS}
INSERT INTO usage_counters AS counter (user_id, period_start, ai_replies)
SELECT {_PAYER}, period_start, %(count)s FROM terms WHERE %(count)s = 0 OR most_replies IS DISTINCT FROM 0
ON CONFLICT (user_id, period_start) DO UPDATE SET ai_replies = counter.ai_replies + excluded.ai_replies
WHERE counter.emails <= COALESCE((SELECT most_emails FROM terms), counter.emails)
  AND (excluded.ai_replies = 0
    OR counter.ai_replies < COALESCE((SELECT most_replies FROM terms), counter.ai_replies + 1))
{_RETURNING}
"""
_GIVE_BACK = """
UPDATE usage_counters SET ai_replies = ai_replies - 1 WHERE user_id = %s AND period_start = %s
"""
_READ = "SELECT emails, ai_replies FROM usage_counters WHERE user_id = %s AND period_start = %s"
# Of many processes that see it cross, one tells.
_TOLD = """
UPDATE usage_counters SET {kind}_told = %(level)s
WHERE user_id = %(user)s AND period_start = %(period)s AND {kind}_told < %(level)s
"""


class _Counted(msgspec.Struct, frozen=True):
    """A payer's counters, what was told of them, and the quotas."""

    user_id: int
    period_start: datetime
    period_end: datetime
    plan: str
    emails: int
    ai_replies: int
    emails_told: int
    ai_replies_told: int
    most_emails: int | None
    most_ai_replies: int | None

    def quota(self, kind: Kind) -> Quota:
        return Quota(getattr(self, kind), getattr(self, f"most_{kind}"))


@dataclass(frozen=True, slots=True)
class Quota:
    """How much of a quota is used; `most` None is unlimited."""

    used: int
    most: int | None

    @property
    def percent(self) -> int:
        """Of the quota, rounded down; 0 where there is none."""
        if self.most is None:
            return 0
        return self.used * 100 // self.most if self.most else STOP_AT

    def stops(self, kind: Kind) -> bool:
        """Whether models are not asked any more: past the plan's mail, or with its last reply written."""
        return self.most is not None and (
            self.used > self.most if kind == "emails" else self.used >= self.most
        )


def count_emails(workspace_id: int, count: int) -> None:
    """Mail came in. Call it last in the transaction that stores it: the row is locked until that ends."""
    counted = sql.fetch_one(
        _Counted, _COUNT_EMAILS, {"workspace": workspace_id, "count": count, "now": now()}
    )
    assert counted is not None  # it is inserted or updated
    _warn(workspace_id, "emails", counted)


def take(workspace_id: int, feature: str) -> datetime | None:
    """Count the reply that a model is about to write, in the open transaction; the answer is its period.

    None is the answer for what is no reply. Raises QuotaUsedUp.
    """
    is_reply = feature in REPLIES
    values = {"workspace": workspace_id, "count": int(is_reply), "now": now()}
    counted = sql.fetch_one(_Counted, _TAKE, values)
    if counted is None:
        raise _refusal(workspace_id)
    if not is_reply:
        return None
    _warn(workspace_id, "ai_replies", counted)
    return counted.period_start


def give_back(user_id: int, period_start: datetime) -> None:
    """The reply was not written after all."""
    sql.execute(_GIVE_BACK, [user_id, period_start])


def read_quotas(user_id: int, terms: Terms) -> dict[Kind, Quota]:
    """What of the period's quotas is used."""
    rows = sql.fetch_rows(_READ, [user_id, terms.period_start])
    emails, ai_replies = rows[0] if rows else (0, 0)
    return {
        "emails": Quota(emails, terms.monthly_emails),
        "ai_replies": Quota(ai_replies, terms.monthly_ai_replies),
    }


def _refusal(workspace_id: int) -> QuotaUsedUp:
    user_id = payer_id_of(workspace_id)
    terms = current_terms(user_id)
    quotas = read_quotas(user_id, terms)
    kind: Kind = "emails" if quotas["emails"].stops("emails") else "ai_replies"
    return QuotaUsedUp(
        kind,
        NAMES[kind],
        used=quotas[kind].used,
        quota=quotas[kind].most or 0,
        plan=terms.plan_name,
        resets_at=terms.period_end,
    )


def _warn(workspace_id: int, kind: Kind, counted: _Counted) -> None:
    quota = counted.quota(kind)
    level = STOP_AT if quota.percent >= STOP_AT else WARN_AT if quota.percent >= WARN_AT else 0
    if level <= getattr(counted, f"{kind}_told"):
        return
    values = {"user": counted.user_id, "period": counted.period_start, "level": level}
    if sql.execute(_TOLD.format(kind=kind), values):
        subject, text = _words(kind, quota, counted)
        tell(counted.user_id, workspace_id, subject=subject, text=text)


def _words(kind: Kind, quota: Quota, counted: _Counted) -> tuple[str, str]:
    name, day = NAMES[kind], f"{counted.period_end:%d %B %Y}"
    facts = f"{quota.used:,} of {quota.most:,} {name} of the plan {counted.plan} are used."
    if quota.percent < STOP_AT:
        more = f"Past {quota.most:,} AI stops until {day}; mail goes on as before."
        return f"{quota.percent} % of this month's {name} are used", f"{facts} {more}"
    more = (
        f"Past that AI stops until {day}, or until you take a larger plan. Mail still arrives and becomes tasks, and "
        "drafts quote your documents without a model."
    )
    return f"This month's {name} are used up", f"{facts} {more}"
