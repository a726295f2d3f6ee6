"""Reading tasks."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine
from pytest_django import DjangoAssertNumQueries

from convergio.core import sql
from convergio.core.paging import Page
from convergio.core.tenancy import workspace_scope
from convergio.work import actions, queries
from convergio.work.filters import TaskFilter
from tests.work.conftest import Cast

# 23:00 in Kolkata, so that the person's day and the UTC day differ in a moment.
NOW = datetime(2026, 11, 24, 17, 30, tzinfo=UTC)


@pytest.fixture
def tasks(cast: Cast) -> dict[str, int]:
    """Four tasks that differ in every field a filter knows."""
    fields: list[actions.TaskFields] = [
        {"title": "Renew usage rights", "tag": "Partners", "priority": "high"},
        {"title": "Correct invoice", "description": "GSTIN is wrong", "tag": "Support"},
        {"title": "100% refund", "status": "done", "tag": "Support"},
        {"title": "Book studio", "status": "in_progress"},
    ]
    fields[0] |= {"assignee_id": cast.owner.user_id, "due_at": datetime(2026, 11, 24, 10, tzinfo=UTC)}
    fields[1] |= {"assignee_id": cast.teammate.user_id, "due_at": datetime(2026, 11, 24, 19, tzinfo=UTC)}
    fields[2] |= {"due_at": datetime(2026, 11, 20, tzinfo=UTC)}
    with workspace_scope(cast.owner.workspace_id):
        return {
            row["title"].split()[0]: actions.create_task(
                cast.owner, row, source="audits" if "studio" in row["title"] else None
            )
            for row in fields
        }


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, "Renew Correct 100% Book"),
        ({"status": "todo"}, "Renew Correct"),
        ({"priority": "high"}, "Renew"),
        ({"tag": "support"}, "Correct 100%"),
        ({"source": "audits"}, "Book"),
        ({"assignee": "me"}, "Renew"),
        ({"assignee": "none"}, "100% Book"),
        ({"assignee": "nonsense"}, ""),
        ({"search": "gstin"}, "Correct"),
        ({"search": "100%"}, "100%"),
        ({"search": "%"}, "100%"),
        ({"due": "late"}, "Renew"),
        ({"due": "today"}, "Renew"),
        ({"due": "week"}, "Renew Correct"),
        ({"due": "none"}, "Book"),
        ({"status": "todo", "assignee": "none"}, ""),
    ],
)
def test_a_filter_finds_its_tasks_in_list_and_board_alike(
    cast: Cast, tasks: dict[str, int], wanted: dict[str, str], found: str
) -> None:
    with time_machine.travel(NOW, tick=False), workspace_scope(cast.owner.workspace_id):
        listed = queries.list_tasks(cast.owner, TaskFilter(**wanted), Page())
        board = queries.get_board(cast.owner, TaskFilter(**wanted))
    assert {task.title.split()[0] for task in listed.tasks} == set(found.split())
    assert listed.total == len(found.split()) == sum(column.total for column in board)
    assert {task.id for column in board for task in column.tasks} == {task.id for task in listed.tasks}


def test_a_task_is_found_by_assignee_and_number(cast: Cast, tasks: dict[str, int]) -> None:
    with workspace_scope(cast.owner.workspace_id):
        for wanted, name in [
            (TaskFilter(assignee=str(cast.teammate.user_id)), "Correct"),
            (TaskFilter(search=f"WB-{tasks['Book']}"), "Book"),
        ]:
            listed = queries.list_tasks(cast.owner, wanted, Page())
            assert [task.id for task in listed.tasks] == [tasks[name]]


def test_pages_by_cursor_and_by_offset_cover_each_task_once(cast: Cast, tasks: dict[str, int]) -> None:
    newest_first = sorted(tasks.values(), reverse=True)
    with workspace_scope(cast.owner.workspace_id):
        first = queries.list_tasks(cast.owner, TaskFilter(), Page.of(limit=3))
        rest = queries.list_tasks(cast.owner, TaskFilter(), Page.of(limit=3, cursor=first.next_cursor))
        shifted = queries.list_tasks(cast.owner, TaskFilter(), Page.of(limit=3, offset=3))
    assert [task.id for task in first.tasks + rest.tasks] == newest_first
    assert [task.id for task in shifted.tasks] == newest_first[3:]
    assert (first.total, rest.total, shifted.total, rest.next_cursor) == (4, 4, 4, None)


def test_the_board_is_one_statement_whatever_it_holds(
    cast: Cast, tasks: dict[str, int], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with workspace_scope(cast.owner.workspace_id), django_assert_num_queries(1):
        board = queries.get_board(cast.owner, TaskFilter(), limit=1)
    assert [(column.status, column.total, len(column.tasks)) for column in board] == [
        ("todo", 2, 1),
        ("in_progress", 1, 1),
        ("done", 1, 1),
    ]


def test_counts_name_every_status(cast: Cast, tasks: dict[str, int]) -> None:
    with workspace_scope(cast.owner.workspace_id):
        assert queries.count_tasks_by_status(cast.owner) == {"todo": 2, "in_progress": 1, "done": 1}
    with workspace_scope(cast.outsider.workspace_id):
        assert queries.count_tasks_by_status(cast.outsider) == {"todo": 0, "in_progress": 0, "done": 0}
        assert queries.list_tasks(cast.outsider, TaskFilter(), Page()).tasks == []
        assert [column.total for column in queries.get_board(cast.outsider, TaskFilter())] == [0, 0, 0]


def test_a_list_too_long_to_count_has_no_total(cast: Cast) -> None:
    with workspace_scope(cast.owner.workspace_id):
        sql.execute(
            "INSERT INTO tasks (workspace_id, title) SELECT %s, 'Many' FROM generate_series(1, %s)",
            [cast.owner.workspace_id, queries.TOTAL_LIMIT + 1],
        )
        found = queries.list_tasks(cast.owner, TaskFilter(), Page())
        board = queries.get_board(cast.owner, TaskFilter())
    assert (len(found.tasks), found.total) == (50, None)
    assert board[0].total == queries.COUNT_LIMIT
