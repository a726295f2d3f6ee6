"""Writes of tasks. Each tells open windows which tasks changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal, TypedDict

import msgspec

from convergio.accounts.actor import Actor
from convergio.accounts.members import is_member
from convergio.core import clock, events, sql
from convergio.core.errors import NotFound
from convergio.work import placing
from convergio.work.errors import NotAMember, TagTooLong, TitleMissing, TitleTooLong, UnknownChoice
from convergio.work.models import PRIORITIES, STATUSES, Task

LONGEST_TITLE = 500
LONGEST_TAG = 50
Source = Literal["commboost", "streamboost", "audits", "calendar", "manual", "api"]


class TaskFields(TypedDict, total=False):
    """What may be written; absent keys keep their value, or take the column's default."""

    title: str
    description: str
    status: str
    priority: str
    tag: str
    assignee_id: int | None
    due_at: datetime | None


class EmailTask(msgspec.Struct, frozen=True):
    """The task of a mail that just came. `completed_at` counts for status done only."""

    email_id: int
    title: str
    priority: str
    status: str
    tag: str
    completed_at: datetime | None = None


# Later rows stand higher, above everything that is there. A mail that has its task keeps it.
_CREATE_EMAIL_TASKS = """
WITH tops AS (
    SELECT s.status, t.position
    FROM unnest(%(every_status)s::text[]) AS s(status)
    CROSS JOIN LATERAL (
        SELECT min(position) AS position FROM tasks
        WHERE workspace_id = %(workspace_id)s AND status = s.status
    ) t
)
INSERT INTO tasks (workspace_id, email_id, title, priority, status, tag, completed_at, source, position)
SELECT %(workspace_id)s, n.email_id, n.title, n.priority, n.status, n.tag,
    CASE WHEN n.status = 'done' THEN coalesce(n.completed_at, now()) END,
    'commboost', coalesce(tops.position, 0) - n.place * %(step)s
FROM unnest(
    %(email_ids)s::bigint[], %(titles)s::text[], %(priorities)s::text[], %(statuses)s::text[],
    %(tags)s::text[], %(completed)s::timestamptz[]
) WITH ORDINALITY AS n(email_id, title, priority, status, tag, completed_at, place)
LEFT JOIN tops ON tops.status = n.status
ORDER BY n.place
ON CONFLICT (email_id) WHERE source = 'commboost' DO NOTHING
RETURNING id
"""


def create_email_tasks(workspace_id: int, rows: Sequence[EmailTask]) -> list[int]:
    """Tasks of a batch of mails, in one statement; safe to repeat. The answer is the ids of those made now.

    Titles are cut to their column; an empty one becomes "(no subject)".
    """
    if not rows:
        return []
    batch = {
        "workspace_id": workspace_id,
        "every_status": list(STATUSES),
        "step": placing.STEP,
        "email_ids": [row.email_id for row in rows],
        "titles": [_title_of_subject(row.title) for row in rows],
        "priorities": [row.priority for row in rows],
        "statuses": [row.status for row in rows],
        "tags": [row.tag for row in rows],
        "completed": [row.completed_at for row in rows],
    }
    made = sql.fetch_column(_CREATE_EMAIL_TASKS, batch)
    if made:
        _tell(workspace_id, made)
    return made


def create_task(
    actor: Actor, fields: TaskFields, *, source: Source | None = None, email_id: int | None = None
) -> int:
    """A task at the top of its column; the answer is its id.

    Raises TitleMissing, TitleTooLong, TagTooLong, NotAMember, UnknownChoice, NotFound (of the mail).
    """
    checked = _checked(actor, {"title": "", **fields})
    status = checked.setdefault("status", "todo")
    if email_id is not None:
        tag = _tag_of_email(actor, email_id)
        checked.setdefault("tag", tag)
    task = Task.objects.create(
        workspace_id=actor.workspace_id,
        created_by_id=actor.user_id,
        email_id=email_id,
        source=source or ("api" if actor.via == "api_key" else "manual"),
        position=placing.top_of(actor.workspace_id, status),
        completed_at=clock.now() if status == "done" else None,
        **checked,
    )
    _tell(actor.workspace_id, [task.id])
    return task.id


def update_task(actor: Actor, task_id: int, fields: TaskFields) -> None:
    """Write the given fields. A new status puts the task on top of that column and decides completed_at.

    Raises as `create_task` does, and NotFound.
    """
    changes = _checked(actor, fields)
    status = changes.get("status")
    if status is not None and status != _locked_status(actor, task_id):
        changes |= _arrival(status, placing.top_of(actor.workspace_id, status, moving=task_id))
    _write(actor, task_id, changes)


def move_task(
    actor: Actor, task_id: int, *, status: str, before: int | None = None, after: int | None = None
) -> None:
    """Put the card right above `before`, right below `after`, or on top of the column when neither is given.

    Raises NotFound (the task or its neighbour), NeighbourMoved, UnknownChoice.
    """
    _require("status", status, STATUSES)
    placing.lock_board(actor.workspace_id)
    old = _locked_status(actor, task_id)
    neighbour = after if after is not None else before
    if neighbour is None or neighbour == task_id:
        position = placing.top_of(actor.workspace_id, status, moving=task_id)
    else:
        position = placing.next_to(
            actor.workspace_id, status, neighbour, moving=task_id, above=neighbour != after
        )
    _write(actor, task_id, _arrival(status, position) if status != old else {"position": position})


def assign_task(actor: Actor, task_id: int, *, assignee_id: int | None) -> None:
    """Give the task to a member of the workspace, or to nobody. Raises NotAMember, NotFound."""
    update_task(actor, task_id, {"assignee_id": assignee_id})


def delete_task(actor: Actor, task_id: int) -> None:
    """Delete the task; its mail stays. Raises NotFound."""
    deleted, _ = Task.objects.filter(workspace_id=actor.workspace_id, id=task_id).delete()
    if not deleted:
        raise NotFound("task")
    _tell(actor.workspace_id, [task_id])


def _tell(workspace_id: int, ids: list[int]) -> None:
    events.show("task.changed", workspace_id=workspace_id, ids=ids)


def _write(actor: Actor, task_id: int, changes: dict[str, Any]) -> None:
    rows = Task.objects.filter(workspace_id=actor.workspace_id, id=task_id)
    if not rows.update(**changes, updated_at=clock.now()):
        raise NotFound("task")
    _tell(actor.workspace_id, [task_id])


def _arrival(status: str, position: float) -> dict[str, Any]:
    """What changes with the column."""
    return {"status": status, "position": position, "completed_at": clock.now() if status == "done" else None}


def _locked_status(actor: Actor, task_id: int) -> str:
    row = (
        Task.objects.select_for_update()
        .filter(workspace_id=actor.workspace_id, id=task_id)
        .values_list("status", flat=True)
        .first()
    )
    if row is None:
        raise NotFound("task")
    return row


def _checked(actor: Actor, fields: TaskFields) -> dict[str, Any]:
    checked: dict[str, Any] = dict(fields)
    if "title" in fields:
        checked["title"] = _title(fields["title"])
    if "description" in fields:
        checked["description"] = fields["description"].replace("\0", "").strip()
    if "tag" in fields:
        checked["tag"] = _tag(fields["tag"])
    due_at = fields.get("due_at")
    if due_at is not None and due_at.tzinfo is None:
        checked["due_at"] = due_at.replace(tzinfo=UTC)
    if "status" in fields:
        _require("status", fields["status"], STATUSES)
    if "priority" in fields:
        _require("priority", fields["priority"], PRIORITIES)
    assignee = fields.get("assignee_id")
    if assignee is not None and not is_member(actor.workspace_id, assignee):
        raise NotAMember
    return checked


def _title(text: str) -> str:
    title = " ".join(text.replace("\0", "").split())
    if not title:
        raise TitleMissing
    if len(title) > LONGEST_TITLE:
        raise TitleTooLong(len(title), LONGEST_TITLE)
    return title


def _tag(text: str) -> str:
    tag = " ".join(text.replace("\0", "").split())
    if len(tag) > LONGEST_TAG:
        raise TagTooLong(len(tag), LONGEST_TAG)
    return tag


def _title_of_subject(subject: str) -> str:
    return " ".join(subject.replace("\0", "").split())[:LONGEST_TITLE] or "(no subject)"


def _require(field: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise UnknownChoice(field, value, allowed)


def _tag_of_email(actor: Actor, email_id: int) -> str:
    tag = sql.fetch_value(
        "SELECT tag FROM emails WHERE workspace_id = %s AND id = %s", [actor.workspace_id, email_id]
    )
    if tag is None:
        raise NotFound("email")
    return str(tag)
