"""What the pages of tasks send, and what their fields show."""

from __future__ import annotations

from datetime import date, datetime, time
from urllib.parse import urlencode

from django.http import QueryDict
from django.utils import timezone

from convergio.work.actions import TaskFields
from convergio.work.cards import Painter
from convergio.work.errors import InvalidTask
from convergio.work.filters import TaskFilter
from convergio.work.queries import TaskRow

STATUS_NAMES = [("todo", "To do"), ("in_progress", "In progress"), ("done", "Done")]
PRIORITY_NAMES = [("urgent", "Urgent"), ("high", "High"), ("medium", "Medium"), ("low", "Low")]
SOURCE_NAMES = [("commboost", "Mail"), ("manual", "By hand"), ("api", "API")]
DUE_NAMES = [("late", "Late"), ("today", "Today"), ("week", "Next 7 days"), ("none", "No date")]
BLANK = {"title": "", "description": "", "status": "todo", "priority": "medium", "due_at": "", "assignee": ""}


class BadDate(InvalidTask):
    """The field holds no date."""

    field = "due_at"

    def __init__(self) -> None:
        super().__init__("due_at_invalid", "Enter a date like 2026-11-30.")


class BadPerson(InvalidTask):
    """The field names nobody."""

    field = "assignee"

    def __init__(self) -> None:
        super().__init__("assignee_invalid", "Choose a person of the list.")


def filters_of(address: QueryDict) -> TaskFilter:
    """The filters in a page's address; `q` is what is searched."""
    names = ("status", "priority", "tag", "source", "assignee", "due")
    return TaskFilter(search=address.get("q", "").strip(), **{name: address.get(name, "") for name in names})


def shown_filters(wanted: TaskFilter) -> dict[str, str]:
    """The same as the address has them."""
    return {
        "q": wanted.search,
        "assignee": wanted.assignee,
        "source": wanted.source,
        "tag": wanted.tag,
        "priority": wanted.priority,
        "due": wanted.due,
        "status": wanted.status,
    }


def address_of(wanted: TaskFilter, **changes: str) -> str:
    """The query of a page's address, without what does not filter."""
    return urlencode({name: value for name, value in {**shown_filters(wanted), **changes}.items() if value})


def controls(view: str, painter: Painter) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """The filter's selects: (name, label, choices); a board has its status in the columns."""
    people = [(str(member.user_id), member.label) for member in painter.members]
    return [
        ("assignee", "Assigned to", [("", "Anyone"), ("me", "Me"), ("none", "Nobody"), *people]),
        ("source", "Source", [("", "Any source"), *SOURCE_NAMES]),
        ("tag", "Inbox", [("", "Any inbox"), *((tag.name, tag.name) for tag in painter.tags)]),
        ("priority", "Priority", [("", "Any priority"), *PRIORITY_NAMES]),
        ("due", "Due", [("", "Any date"), *DUE_NAMES]),
        *([("status", "Status", [("", "Any status"), *STATUS_NAMES])] if view == "list" else []),
    ]


def neighbour(posted: QueryDict, name: str) -> int | None:
    """The id of the card next to which another is put; what is no number names none."""
    text = posted.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def values_of(task: TaskRow) -> dict[str, str]:
    """What the form shows of a task."""
    return {
        "title": task.title,
        "description": task.description,
        "status": task.status,
        "priority": task.priority,
        "due_at": timezone.localtime(task.due_at).date().isoformat() if task.due_at else "",
        "assignee": str(task.assignee_id or ""),
    }


def typed_values(posted: QueryDict) -> dict[str, str]:
    """What was typed, to be shown again beside what is wrong with it."""
    return {name: str(posted.get(name, default)) for name, default in BLANK.items()}


def task_fields(values: dict[str, str], *, before: TaskRow | None = None) -> TaskFields:
    """The form as the actions take it. Raises BadDate, BadPerson."""
    fields: TaskFields = {
        "title": values["title"],
        "description": values["description"],
        "status": values["status"],
        "priority": values["priority"],
        "assignee_id": _person(values["assignee"]),
    }
    if before is None or values["due_at"] != values_of(before)["due_at"]:
        fields["due_at"] = _end_of_day(values["due_at"])
    return fields


def _person(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise BadPerson
    return int(text)


def _end_of_day(text: str) -> datetime | None:
    """A day is over, and its task late, at the end of it where the person is."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise BadDate from None
    return timezone.make_aware(datetime.combine(day, time(23, 59)))
