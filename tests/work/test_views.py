"""The pages of WorkBoost, as whole requests."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from convergio.core.tenancy import workspace_scope
from convergio.work import actions, queries
from convergio.work.models import Task
from tests.cast import Person

pytestmark = pytest.mark.django_db
BOARD = "/dashboard/workboost"
FORM = {
    "title": "Pack",
    "description": "",
    "status": "todo",
    "priority": "medium",
    "due_at": "",
    "assignee": "",
}


@pytest.fixture
def browser(owner: Person) -> Client:
    return owner.browser()


def make(owner: Person, title: str = "Call back", **fields: object) -> int:
    with workspace_scope(owner.workspace.id):
        return actions.create_task(owner.actor, {"title": title, **fields})  # type: ignore[typeddict-item]


def read(owner: Person, task_id: int) -> queries.TaskRow:
    with workspace_scope(owner.workspace.id):
        return queries.get_task(owner.actor, task_id)


def titles(page: bytes) -> list[str]:
    return re.findall(r'cv-task__title"[^>]*>([^<]*)<', page.decode())


def test_the_board_shows_each_task_in_its_column(owner: Person, browser: Client) -> None:
    make(owner, "Write <script>")
    make(owner, "Sent", status="done")
    page = browser.get(BOARD)
    assert page.status_code == 200
    assert titles(page.content) == ["Write &lt;script&gt;", "Sent"]
    assert b"<h1>WorkBoost</h1>" in page.content


def test_filters_of_the_address_narrow_board_and_list(owner: Person, browser: Client) -> None:
    make(owner, "Ours", assignee_id=owner.user.id, priority="urgent", tag="Support")
    make(owner, "Other")
    for query in ("q=our", "assignee=me", "priority=urgent", "tag=support", "due=none&q=ours"):
        assert titles(browser.get(f"{BOARD}?{query}").content) == ["Ours"]
        listed = browser.get(f"{BOARD}?view=list&{query}").content
        assert b">Ours</a>" in listed
        assert b">Other</a>" not in listed


def test_htmx_gets_the_tasks_alone(owner: Person, browser: Client) -> None:
    make(owner, "Ours")
    part = browser.get(BOARD, headers={"HX-Request": "true"}).content
    assert titles(part) == ["Ours"]
    assert b"<html" not in part


def test_the_board_costs_the_same_with_many_tasks(
    owner: Person, browser: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(30):
        make(owner, f"Task {number}")
    browser.get(BOARD)
    with django_assert_max_num_queries(10):
        assert len(titles(browser.get(BOARD).content)) == 30


def test_a_long_list_has_pages(owner: Person, browser: Client) -> None:
    with workspace_scope(owner.workspace.id):
        Task.objects.bulk_create(
            Task(workspace_id=owner.workspace.id, title=f"Task {number}") for number in range(60)
        )
    first = browser.get(f"{BOARD}?view=list").content.decode()
    assert "1 to 50 of 60" in first
    older = re.search(r'href="([^"]*offset=50[^"]*)"', first)
    assert older is not None
    assert "51 to 60 of 60" in browser.get(older[1].replace("&amp;", "&")).content.decode()


def test_a_form_makes_a_task_without_script(owner: Person, browser: Client) -> None:
    assert browser.get(f"{BOARD}/new?status=in_progress").status_code == 200
    answer = browser.post(f"{BOARD}/new", {**FORM, "due_at": "2026-12-01", "assignee": owner.user.id})
    task_id = int(answer.headers["Location"].rpartition("/")[2])
    task = read(owner, task_id)
    assert (task.title, task.assignee_id) == ("Pack", owner.user.id)
    assert task.due_at == datetime(2026, 12, 1, 18, 29, tzinfo=UTC)  # the end of the day in Kolkata


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("title", " ", "Give the task a title."),
        ("due_at", "soon", "Enter a date like 2026-11-30."),
        ("assignee", "somebody", "Choose a person of the list."),
        ("assignee", "999999", "Choose an assignee who is a member of this workspace."),
        ("status", "later", "The status “later” is unknown"),
    ],
)
def test_a_form_says_what_is_wrong_and_keeps_what_was_typed(
    browser: Client, field: str, value: str, sentence: str
) -> None:
    answer = browser.post(f"{BOARD}/new", {**FORM, "description": "Kept", field: value})
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert b"Kept" in answer.content


def test_a_task_is_changed_and_keeps_the_hour_it_is_due(owner: Person, browser: Client) -> None:
    due = datetime(2026, 12, 1, 9, tzinfo=UTC)
    task_id = make(owner, due_at=due)
    page = browser.get(f"{BOARD}/tasks/{task_id}")
    assert b'value="2026-12-01"' in page.content
    form = {**FORM, "title": "Packed", "status": "done", "due_at": "2026-12-01"}
    assert browser.post(f"{BOARD}/tasks/{task_id}", form).headers["Location"] == BOARD
    task = read(owner, task_id)
    assert (task.title, task.status, task.due_at) == ("Packed", "done", due)


def test_a_script_moves_a_card_and_is_told_in_json_when_it_cannot(owner: Person, browser: Client) -> None:
    above, below = make(owner, "Above"), make(owner, "Below", status="done")
    path = f"{BOARD}/tasks/{above}/move"
    headers = {"Accept": "application/json"}
    answer = browser.post(path, {"status": "done", "after": below}, headers=headers)
    assert answer.status_code == 204
    assert read(owner, above).position > read(owner, below).position
    refused = browser.post(path, {"status": "todo", "after": below}, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "neighbour_moved")


def test_a_form_moves_a_card_too(owner: Person, browser: Client) -> None:
    task_id = make(owner)
    answer = browser.post(f"{BOARD}/tasks/{task_id}/move", {"status": "in_progress"})
    assert answer.headers["Location"] == BOARD
    assert read(owner, task_id).status == "in_progress"


def test_a_task_is_deleted(owner: Person, browser: Client) -> None:
    task_id = make(owner)
    assert browser.post(f"{BOARD}/tasks/{task_id}/delete").headers["Location"] == BOARD
    assert browser.get(f"{BOARD}/tasks/{task_id}").status_code == 404


def test_an_outsider_reaches_no_page_of_a_task(owner: Person, outsider: Person) -> None:
    task_id = make(owner)
    stranger = outsider.browser()
    assert titles(stranger.get(BOARD).content) == []
    assert stranger.get(f"{BOARD}/tasks/{task_id}").status_code == 404
    for path in ("", "/move", "/delete"):
        assert stranger.post(f"{BOARD}/tasks/{task_id}{path}", {**FORM, "status": "done"}).status_code == 404
    assert read(owner, task_id).status == "todo"
