"""Which tasks are wanted, as one WHERE clause shared by the board, the list and the counts."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from convergio.accounts.actor import Actor
from convergio.core import clock

Due = Literal["late", "today", "week", "none"]
ANYBODY, ME, NOBODY = "", "me", "none"
_NUMBER = re.compile(r"(?:wb-|#)?(\d{1,18})", re.IGNORECASE)


class TaskFilter(msgspec.Struct, frozen=True, omit_defaults=True):
    """Empty fields do not filter.

    `assignee` is "me", "none" or a user's id. `search` looks in title and description, and finds a task by
    its number (12, #12, WB-12).
    """

    status: str = ""
    priority: str = ""
    tag: str = ""
    source: str = ""
    assignee: str = ANYBODY
    search: str = ""
    due: str = ""


_CONDITIONS = {
    "status": "t.status = %(status)s",
    "priority": "t.priority = %(priority)s",
    "tag": "lower(t.tag) = lower(%(tag)s)",
    "source": "t.source = %(source)s",
    "search": "(strpos(lower(t.title), lower(%(search)s)) > 0"
    " OR (t.description <> '' AND strpos(lower(t.description), lower(%(search)s)) > 0) OR t.id = %(number)s)",
}
_DUE = {
    "late": "t.due_at < %(now)s AND t.status <> 'done'",
    "today": "t.due_at >= %(today)s AND t.due_at < %(tomorrow)s",
    "week": "t.due_at >= %(today)s AND t.due_at < %(next_week)s",
    "none": "t.due_at IS NULL",
}


def where(actor: Actor, wanted: TaskFilter) -> tuple[str, dict[str, Any]]:
    """The condition on `tasks t` and its parameters. Row security holds without it; it lets indexes serve."""
    conditions = ["t.workspace_id = %(workspace_id)s"]
    given = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value}
    conditions += [_CONDITIONS[name] for name in given if name in _CONDITIONS]
    conditions += [_DUE[wanted.due]] if wanted.due in _DUE else []
    conditions += _assignee(wanted.assignee)
    number = _NUMBER.fullmatch(wanted.search.strip())
    return " AND ".join(conditions), {
        **given,
        **_days(actor.timezone),
        "workspace_id": actor.workspace_id,
        "me": actor.user_id,
        "search": wanted.search.strip(),
        "number": int(number[1]) if number else None,
    }


def _assignee(assignee: str) -> list[str]:
    """A word that is neither a person nor a keyword finds nothing, instead of everything."""
    if assignee == ANYBODY:
        return []
    if assignee == NOBODY:
        return ["t.assignee_id IS NULL"]
    if assignee == ME:
        return ["t.assignee_id = %(me)s"]
    return ["t.assignee_id = %(assignee)s::bigint"] if re.fullmatch(r"\d{1,18}", assignee) else ["false"]


def _days(timezone: str) -> dict[str, datetime]:
    """Today and the week ahead, as days of the person who looks."""
    now = clock.now()
    today = now.astimezone(ZoneInfo(timezone)).replace(hour=0, minute=0, second=0, microsecond=0)
    return {
        "now": now,
        "today": today,
        "tomorrow": today + timedelta(days=1),
        "next_week": today + timedelta(days=7),
    }
