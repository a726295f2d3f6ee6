"""REST of tasks. Lists go from SQL rows to bytes."""

from __future__ import annotations

from typing import Literal, cast

from django.http import HttpRequest, HttpResponse
from ninja import Field, Query, Router, Schema

from convergio.accounts.actor import Actor
from convergio.core.paging import DEFAULT_LIMIT, Page
from convergio.core.rest import Moment, json_answer, list_answer, schema_of
from convergio.work import actions, queries
from convergio.work.filters import TaskFilter

router = Router(tags=["tasks"])
TaskOut = schema_of(queries.TaskRow)
Status = Literal["todo", "in_progress", "done"]
Priority = Literal["low", "medium", "high", "urgent"]
SourceName = Literal["commboost", "streamboost", "audits", "calendar", "manual", "api"]


class TaskChanges(Schema):
    """Fields that are absent keep their value."""

    title: str = ""
    description: str = ""
    status: Status = "todo"
    priority: Priority = "medium"
    tag: str = ""
    assignee_id: int | None = None
    due_at: Moment | None = Field(None, description="ISO 8601; without an offset it is UTC")


class NewTask(TaskChanges):
    """A task, perhaps about a mail."""

    title: str
    email_id: int | None = None


class Move(Schema):
    """The column, and the card to stand right above (`before`) or below (`after`); on top without either."""

    status: Status
    before: int | None = None
    after: int | None = None


class TaskQuery(Schema):
    """Filters of the list, and its page."""

    status: Status | None = None
    priority: Priority | None = None
    tag: str = ""
    source: SourceName | None = None
    assignee: str = Field("", description="A user's id, `me` or `none`")
    search: str = ""
    due: Literal["late", "today", "week", "none"] | None = None
    limit: int = DEFAULT_LIMIT
    offset: int = 0
    cursor: int | None = Field(None, description="X-Next-Cursor of the page before")

    def filters(self) -> TaskFilter:
        return TaskFilter(
            status=self.status or "",
            priority=self.priority or "",
            tag=self.tag,
            source=self.source or "",
            assignee=self.assignee,
            search=self.search,
            due=self.due or "",
        )


def _actor(request: HttpRequest) -> Actor:
    return cast(Actor, request.actor)  # type: ignore[attr-defined]


def _one(actor: Actor, task_id: int, *, status: int = 200) -> HttpResponse:
    return json_answer(queries.get_task(actor, task_id), status=status)


@router.get("/tasks", response=list[TaskOut], summary="Tasks, newest first")  # type: ignore[valid-type]
def list_tasks(request: HttpRequest, query: Query[TaskQuery]) -> HttpResponse:
    page = Page.of(limit=query.limit, offset=query.offset, cursor=query.cursor)
    found = queries.list_tasks(_actor(request), query.filters(), page)
    if not found.tasks:
        queries.require_known(_actor(request), assignee=query.assignee)
    return list_answer(found.tasks, total=found.total, next_cursor=found.next_cursor)


@router.post("/tasks", response={201: TaskOut}, summary="Make a task")
def create_task(request: HttpRequest, body: NewTask) -> HttpResponse:
    fields = body.model_dump(exclude_unset=True, exclude={"email_id"})
    task_id = actions.create_task(_actor(request), cast(actions.TaskFields, fields), email_id=body.email_id)
    return _one(_actor(request), task_id, status=201)


@router.get("/tasks/{int:task_id}", response=TaskOut, summary="One task")
def get_task(request: HttpRequest, task_id: int) -> HttpResponse:
    return _one(_actor(request), task_id)


@router.patch("/tasks/{int:task_id}", response=TaskOut, summary="Change a task")
def update_task(request: HttpRequest, task_id: int, body: TaskChanges) -> HttpResponse:
    fields = body.model_dump(exclude_unset=True)
    actions.update_task(_actor(request), task_id, cast(actions.TaskFields, fields))
    return _one(_actor(request), task_id)


@router.delete("/tasks/{int:task_id}", response={204: None}, summary="Delete a task; its mail stays")
def delete_task(request: HttpRequest, task_id: int) -> HttpResponse:
    actions.delete_task(_actor(request), task_id)
    return HttpResponse(status=204)


@router.post("/tasks/{int:task_id}/move", response=TaskOut, summary="Move a task on the board")
def move_task(request: HttpRequest, task_id: int, body: Move) -> HttpResponse:
    actions.move_task(_actor(request), task_id, status=body.status, before=body.before, after=body.after)
    return _one(_actor(request), task_id)
