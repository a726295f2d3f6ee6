"""What models took: by day, model, feature, member and inbox, over 7, 30 or 90 days. One statement each.

The owner who pays sees all their workspaces; everybody else, and a key, the workspace that they are in. What others of
it asked for is for who may see billing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from convergio.accounts.actor import Actor
from convergio.accounts.permissions import allows, require
from convergio.billing.payers import payer_id_of
from convergio.core import sql
from convergio.core.clock import now
from convergio.core.csv_export import BATCH, in_batches
from convergio.core.paging import Page

Period = Literal["7d", "30d", "90d"]
DAYS: dict[Period, int] = {"7d": 7, "30d": 30, "90d": 90}
MOST_LINES = 50

_OF = """
FROM token_usage AS u WHERE u.user_id = %(user)s AND u.created_at >= %(since)s
  AND (%(workspace)s::bigint IS NULL OR u.workspace_id = %(workspace)s)
"""
_SUMS = """count(*), COALESCE(sum(u.input_tokens), 0)::bigint, COALESCE(sum(u.output_tokens), 0)::bigint,
  COALESCE(sum(u.cached_tokens), 0)::bigint, COALESCE(sum(u.charged_tokens), 0)::bigint AS taken,
  COALESCE(sum(u.cost), 0)::bigint"""
_BY_DAY = f"""
SELECT (u.created_at AT TIME ZONE %(zone)s)::date AS day, u.feature::text, {_SUMS} {_OF} GROUP BY 1, 2 ORDER BY 1, 2
"""
_BY_NAME = {
    what: f"SELECT u.{what}::text, {_SUMS} {_OF} GROUP BY 1 ORDER BY taken DESC, 1 LIMIT {MOST_LINES}"
    for what in ("model", "feature")
}
_BY_MEMBER = f"""
SELECT used.member_id, COALESCE(NULLIF(m.name, ''), m.email::text, ''), used.calls, used.input, used.output,
  used.cached, used.taken, used.cost
FROM (
  SELECT u.member_id, {_SUMS} {_OF} AND (%(own)s::bigint IS NULL OR u.member_id = %(own)s)
  GROUP BY 1 ORDER BY taken DESC, 1 LIMIT {MOST_LINES}
) AS used (member_id, calls, input, output, cached, taken, cost) LEFT JOIN users AS m ON m.id = used.member_id
ORDER BY used.taken DESC, used.member_id
"""
_BY_INBOX = f"""
SELECT u.inbox_id, u.workspace_id, {_SUMS} {_OF} AND u.inbox_id IS NOT NULL
GROUP BY 1, 2 ORDER BY taken DESC, 1 LIMIT {MOST_LINES}
"""
_CALLS = f"""
SELECT u.id, u.created_at, u.workspace_id, u.member_id,
  COALESCE((SELECT COALESCE(NULLIF(m.name, ''), m.email::text) FROM users AS m WHERE m.id = u.member_id), ''),
  u.feature::text, u.model::text, u.cause::text, u.inbox_id, u.input_tokens, u.output_tokens, u.cached_tokens,
  u.charged_tokens, u.cost
{_OF} AND (%(before)s::bigint IS NULL OR u.id < %(before)s) ORDER BY u.id DESC LIMIT %(most)s
"""
_HISTORY = """
SELECT e.id, e.created_at, e.kind::text, e.tokens, e.expires_at, e.cause::text, e.reason::text, e.member_id, e.usage_id,
  u.feature::text, u.model::text, u.cost
FROM token_ledger AS e LEFT JOIN token_usage AS u ON u.id = e.usage_id
WHERE e.user_id = %(user)s AND (%(cursor)s::bigint IS NULL OR e.id < %(cursor)s)
ORDER BY e.id DESC LIMIT %(limit)s OFFSET %(offset)s
"""


class Used(msgspec.Struct, frozen=True):
    """Sums of calls. Cached tokens are part of the input; `tokens` is what the balance paid, `cost` paise."""

    calls: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    tokens: int
    cost: int


class UsedOnDay(msgspec.Struct, frozen=True):
    """A day (of the reader's time zone) and a feature."""

    day: date
    feature: str
    calls: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    tokens: int
    cost: int


class UsedBy(msgspec.Struct, frozen=True):
    """The same of a model or a feature."""

    name: str
    calls: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    tokens: int
    cost: int


class UsedByMember(msgspec.Struct, frozen=True):
    """The same of a member; `member_id` is null for what no person asked for."""

    member_id: int | None
    name: str
    calls: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    tokens: int
    cost: int


class UsedByInbox(msgspec.Struct, frozen=True):
    """The same of an inbox of a workspace."""

    inbox_id: int
    workspace_id: int | None
    calls: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    tokens: int
    cost: int


class Call(msgspec.Struct, frozen=True):
    """One call of a model."""

    id: int
    created_at: datetime
    workspace_id: int | None
    member_id: int | None
    member: str
    feature: str
    model: str
    cause: str
    inbox_id: int | None
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    tokens: int
    cost: int


class LedgerEntry(msgspec.Struct, frozen=True):
    """A movement of tokens: `kind` is grant, purchase, bonus, usage, refund, adjustment or expiry.

    `feature`, `model` and `cost` (paise) are of a usage.
    """

    id: int
    created_at: datetime
    kind: str
    tokens: int
    expires_at: datetime | None
    cause: str
    reason: str
    member_id: int | None
    usage_id: int | None
    feature: str | None
    model: str | None
    cost: int | None


@dataclass(frozen=True, slots=True)
class Window:
    """Whose use, of which workspace (None: all that they pay for), since when, by the days of which zone.

    `own` is the only member to be named, or None.
    """

    user_id: int
    workspace_id: int | None
    since: datetime
    zone: str
    own: int | None

    @property
    def values(self) -> dict[str, Any]:
        return {
            "user": self.user_id,
            "workspace": self.workspace_id,
            "since": self.since,
            "zone": self.zone,
            "own": self.own,
        }


def window_of(actor: Actor, period: Period) -> Window:
    """What the actor may see of the last days, today included."""
    user_id = payer_id_of(actor.workspace_id)
    midnight = now().astimezone(ZoneInfo(actor.timezone)).replace(hour=0, minute=0, second=0, microsecond=0)
    since = midnight - timedelta(days=DAYS[period] - 1)
    sees_all = actor.user_id == user_id and actor.via == "session"
    own = None if allows(actor, "billing.view") else actor.user_id
    return Window(user_id, None if sees_all else actor.workspace_id, since, actor.timezone, own)


def used_by_day(window: Window) -> list[UsedOnDay]:
    """Days on which something was used, oldest first, by feature."""
    return sql.fetch_all(UsedOnDay, _BY_DAY, window.values)


def used_by_model(window: Window) -> list[UsedBy]:
    """The most first."""
    return sql.fetch_all(UsedBy, _BY_NAME["model"], window.values)


def used_by_feature(window: Window) -> list[UsedBy]:
    """The most first."""
    return sql.fetch_all(UsedBy, _BY_NAME["feature"], window.values)


def used_by_member(window: Window) -> list[UsedByMember]:
    """The most first."""
    return sql.fetch_all(UsedByMember, _BY_MEMBER, window.values)


def used_by_inbox(window: Window) -> list[UsedByInbox]:
    """The most first; what was for no inbox is not among them."""
    return sql.fetch_all(UsedByInbox, _BY_INBOX, window.values)


def stream_calls(window: Window) -> Iterator[Call]:
    """Every call, newest first, in batches; for who may see billing."""
    return in_batches(lambda before: _calls(window, before=before, most=BATCH))


def latest_calls(window: Window, *, most: int) -> list[Call]:
    """The newest; for who may see billing."""
    return _calls(window, before=None, most=most)


def total_of(days: list[UsedOnDay]) -> Used:
    """All of it."""
    return Used(
        sum(one.calls for one in days),
        sum(one.input_tokens for one in days),
        sum(one.output_tokens for one in days),
        sum(one.cached_tokens for one in days),
        sum(one.tokens for one in days),
        sum(one.cost for one in days),
    )


def _calls(window: Window, *, before: int | None, most: int) -> list[Call]:
    return sql.fetch_all(Call, _CALLS, {**window.values, "before": before, "most": most})


def list_entries(actor: Actor, page: Page) -> tuple[list[LedgerEntry], int | None]:
    """A page of the payer's ledger, newest first, and where the next one begins; for the owner."""
    require(actor, "billing.edit")
    values = {
        "user": payer_id_of(actor.workspace_id),
        "cursor": page.cursor,
        "limit": page.limit + 1,
        "offset": page.offset,
    }
    rows = sql.fetch_all(LedgerEntry, _HISTORY, values)
    more = len(rows) > page.limit
    return rows[: page.limit], rows[page.limit - 1].id if more else None
