"""Reads of tasks: the board, lists, one task, counts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from convergio.accounts.actor import Actor
from convergio.accounts.members import is_member
from convergio.core import sql
from convergio.core.errors import NotFound
from convergio.core.paging import Page
from convergio.work.filters import TaskFilter, where
from convergio.work.models import STATUSES

# A column's head shows "1,000+" past this; counting further would cost more than it tells.
COUNT_LIMIT = 1000
# A list of more has no total.
TOTAL_LIMIT = 10_000


class TaskRow(msgspec.Struct, frozen=True):
    """A task, with the subject and conversation of the mail it came from."""

    id: int
    title: str
    description: str
    status: str
    priority: str
    source: str
    tag: str
    assignee_id: int | None
    due_at: datetime | None
    position: float
    email_id: int | None
    email_subject: str | None
    thread_id: int | None
    created_by: int | None
    completed_at: datetime | None
    created_at: datetime
    updated_at: datetime


class BoardColumn(msgspec.Struct, frozen=True):
    """One status: its first tasks from the top, and how many there are (at most COUNT_LIMIT are counted)."""

    status: str
    total: int
    tasks: list[TaskRow]


class TaskList(msgspec.Struct, frozen=True):
    """A page of tasks, newest first. `total` is None over TOTAL_LIMIT, `next_cursor` on the last page."""

    tasks: list[TaskRow]
    total: int | None
    next_cursor: int | None


_COLUMNS = """t.id, t.title, t.description, t.status, t.priority, t.source, t.tag, t.assignee_id, t.due_at,
t.position, t.email_id, e.subject, e.thread_id, t.created_by_id, t.completed_at, t.created_at, t.updated_at"""

_MATCHES = "WITH matches AS MATERIALIZED (SELECT t.id, t.status, t.position FROM tasks t WHERE {where})"

_ONE = """
SELECT {columns} FROM tasks t LEFT JOIN emails e ON e.id = t.email_id
WHERE t.workspace_id = %s AND t.id = %s
"""

# Ids come out of the index tasks_newest alone; only the page's own rows are read, and look up their mail.
_LIST = """
SELECT {columns}
FROM (
    SELECT t.id FROM tasks t WHERE {where} {cursor} ORDER BY t.id DESC LIMIT %(limit)s OFFSET %(offset)s
) page
JOIN tasks t ON t.id = page.id
LEFT JOIN emails e ON e.id = t.email_id
ORDER BY t.id DESC
"""

_COUNT = "SELECT count(*) FROM (SELECT FROM tasks t WHERE {where} LIMIT %(count_limit)s) counted"

# {source} is the table, whose index gives each column's first cards; for a search the matches, found in one pass.
_BOARD = """
{matches}
SELECT c.status, n.total, {columns}
FROM unnest(%(statuses)s::text[]) WITH ORDINALITY c(status, place)
CROSS JOIN LATERAL (
    SELECT count(*) AS total
    FROM (SELECT FROM {source} t WHERE t.status = c.status AND {where} LIMIT %(count_limit)s) counted
) n
LEFT JOIN LATERAL (
    SELECT t.id FROM {source} t WHERE t.status = c.status AND {where} ORDER BY t.position, t.id LIMIT %(limit)s
) first ON true
LEFT JOIN tasks t ON t.id = first.id
LEFT JOIN emails e ON e.id = t.email_id
ORDER BY c.place, t.position, t.id
"""


def get_task(actor: Actor, task_id: int) -> TaskRow:
    """One task. Raises NotFound."""
    task = sql.fetch_one(TaskRow, _ONE.format(columns=_COLUMNS), [actor.workspace_id, task_id])
    if task is None:
        raise NotFound("task")
    return task


def list_tasks(actor: Actor, wanted: TaskFilter, page: Page) -> TaskList:
    """Newest first, one row more than the page to know whether another follows."""
    condition, parameters = where(actor, wanted)
    cursor = "AND t.id < %(cursor)s" if page.cursor is not None else ""
    rows = sql.fetch_all(
        TaskRow,
        _LIST.format(columns=_COLUMNS, where=condition, cursor=cursor),
        {**parameters, "limit": page.limit + 1, "offset": page.offset, "cursor": page.cursor},
    )
    tasks, more = rows[: page.limit], len(rows) > page.limit
    everything = not more and page.offset == 0 and page.cursor is None
    total = len(tasks) if everything else _count(condition, parameters)
    return TaskList(tasks=tasks, total=total, next_cursor=tasks[-1].id if more else None)


def require_known(actor: Actor, *, assignee: str) -> None:
    """Tell an empty list from one that was asked for by somebody who is not of this workspace. Raises NotFound."""
    if assignee.isdecimal() and not is_member(actor.workspace_id, int(assignee)):
        raise NotFound("member")


def _count(condition: str, parameters: dict[str, Any]) -> int | None:
    limit = {"count_limit": TOTAL_LIMIT + 1}
    found: int = sql.fetch_value(_COUNT.format(where=condition), {**parameters, **limit})
    return found if found <= TOTAL_LIMIT else None


def get_board(actor: Actor, wanted: TaskFilter, *, limit: int = 50) -> list[BoardColumn]:
    """All columns in one statement, each with its first `limit` tasks."""
    condition, parameters = where(actor, wanted)
    if wanted.search:
        parts = {"matches": _MATCHES.format(where=condition), "source": "matches", "where": "true"}
    else:
        parts = {"matches": "", "source": "tasks", "where": condition}
    rows = sql.fetch_rows(
        _BOARD.format(columns=_COLUMNS, **parts),
        {**parameters, "statuses": list(STATUSES), "limit": limit, "count_limit": COUNT_LIMIT},
    )
    totals = {status: total for status, total, *_ in rows}
    columns = {status: BoardColumn(status=status, total=totals[status], tasks=[]) for status in STATUSES}
    for status, _, *task in rows:
        # An empty column is one row without a task.
        if task[0] is not None:
            columns[status].tasks.append(TaskRow(*task))
    return list(columns.values())


def count_tasks_by_status(actor: Actor) -> dict[str, int]:
    """Every status with its number of tasks, also those without any."""
    rows = sql.fetch_rows(
        "SELECT status, count(*) FROM tasks WHERE workspace_id = %s GROUP BY status", [actor.workspace_id]
    )
    return dict.fromkeys(STATUSES, 0) | dict(rows)
