"""Pages of WorkBoost: board and list, one task, and its changes. All work without script."""

from __future__ import annotations

from typing import Any

import msgspec
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from convergio.accounts.members import list_members
from convergio.accounts.requests import SignedInHttpRequest
from convergio.accounts.tags import list_tags
from convergio.core.paging import DEFAULT_LIMIT, Page
from convergio.core.render import render
from convergio.work import actions, cards, forms, queries
from convergio.work.errors import InvalidTask
from convergio.work.filters import TaskFilter

_TITLES = dict(forms.STATUS_NAMES)


@require_safe
def board(request: SignedInHttpRequest) -> HttpResponse:
    """The board, or with `view=list` the list, as filtered by the address."""
    wanted = forms.filters_of(request.GET)
    if request.GET.get("view") == "list":
        return _list(request, wanted)
    wanted = msgspec.structs.replace(wanted, status="")
    painter = cards.Painter(list_members(request.actor.workspace_id), list_tags())
    columns = [
        {
            "status": column.status,
            "title": _TITLES[column.status],
            "total": column.total,
            "counted": column.total < queries.COUNT_LIMIT,
            "tasks": [painter.card(task) for task in column.tasks],
            "more": _list_of(wanted, column.status) if column.total > len(column.tasks) else "",
        }
        for column in queries.get_board(request.actor, wanted)
    ]
    context = {**_frame(request, "board", wanted, painter), "columns": columns}
    return render(request, "work/board.html", context, block="tasks")


def _list(request: SignedInHttpRequest, wanted: TaskFilter) -> HttpResponse:
    offset = request.GET.get("offset", "0")
    page = Page.of(limit=DEFAULT_LIMIT, offset=int(offset) if offset.isascii() and offset.isdigit() else 0)
    found = queries.list_tasks(request.actor, wanted, page)
    painter = cards.Painter(list_members(request.actor.workspace_id), list_tags())
    context = {
        **_frame(request, "list", wanted, painter),
        "tasks": [painter.card(task) for task in found.tasks],
        "paging": {
            "first": page.offset + 1,
            "last": page.offset + len(found.tasks),
            "total": found.total,
            "newer": _list_address(wanted, max(page.offset - page.limit, 0)) if page.offset else "",
            "older": _list_address(wanted, page.offset + page.limit) if found.next_cursor else "",
        },
    }
    return render(request, "work/list.html", context, block="tasks")


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: SignedInHttpRequest) -> HttpResponse:
    """The empty form, with the fields that the address gives; posting it makes the task."""
    if request.method != "POST":
        given = {name: request.GET.get(name, value) for name, value in forms.BLANK.items()}
        return _form(request, None, given)
    values = forms.typed_values(request.POST)
    try:
        task_id = actions.create_task(request.actor, forms.task_fields(values))
    except InvalidTask as error:
        return _form(request, None, values, error)
    return redirect("work:task", task_id)


@require_http_methods(["GET", "HEAD", "POST"])
def task(request: SignedInHttpRequest, task_id: int) -> HttpResponse:
    """One task and its form; posting it writes the fields."""
    found = queries.get_task(request.actor, task_id)
    if request.method != "POST":
        return _form(request, found, forms.values_of(found))
    values = forms.typed_values(request.POST)
    try:
        actions.update_task(request.actor, task_id, forms.task_fields(values, before=found))
    except InvalidTask as error:
        return _form(request, found, values, error)
    return redirect("work:board")


@require_POST
def move(request: SignedInHttpRequest, task_id: int) -> HttpResponse:
    """Move a card: `status`, and `before` or `after` a neighbour. Scripts get 204, forms the board."""
    actions.move_task(
        request.actor,
        task_id,
        status=request.POST.get("status", ""),
        before=forms.neighbour(request.POST, "before"),
        after=forms.neighbour(request.POST, "after"),
    )
    if request.accepts("text/html"):
        return redirect("work:board")
    return HttpResponse(status=204)


@require_POST
def delete(request: SignedInHttpRequest, task_id: int) -> HttpResponse:
    actions.delete_task(request.actor, task_id)
    return redirect("work:board")


def _form(
    request: SignedInHttpRequest,
    found: queries.TaskRow | None,
    values: dict[str, str],
    error: InvalidTask | None = None,
) -> HttpResponse:
    members = list_members(request.actor.workspace_id)
    context = {
        "task": cards.Painter(members, list_tags()).card(found) if found else None,
        "values": values,
        "errors": {error.field: error.message} if error else {},
        "people": [("", "Nobody"), *((str(member.user_id), member.label) for member in members)],
    }
    return render(request, "work/task.html", context, status=422 if error else 200)


def _frame(
    request: SignedInHttpRequest, view: str, wanted: TaskFilter, painter: cards.Painter
) -> dict[str, Any]:
    """What board and list share; `address` fetches the same again."""
    return {
        "view": view,
        "filters": forms.shown_filters(wanted),
        "controls": forms.controls(view, painter),
        "address": request.get_full_path(),
    }


def _list_of(wanted: TaskFilter, status: str) -> str:
    return _list_address(msgspec.structs.replace(wanted, status=status), 0)


def _list_address(wanted: TaskFilter, offset: int) -> str:
    query = forms.address_of(wanted, view="list", offset=str(offset or ""))
    return f"{reverse('work:board')}?{query}"
