"""The REST surface of tasks, as whole requests."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from convergio.mail.models import Email
from tests.cast import Person

pytestmark = pytest.mark.django_db
FIELDS = {
    "assignee_id",
    "completed_at",
    "created_at",
    "created_by",
    "description",
    "due_at",
    "email_id",
    "email_subject",
    "id",
    "position",
    "priority",
    "source",
    "status",
    "tag",
    "thread_id",
    "title",
    "updated_at",
}


def send(client: Client, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    return client.generic(method, path, json.dumps(body or {}), content_type="application/json")


def make(client: Client, title: str = "Call back", **fields: Any) -> dict[str, Any]:
    answer = send(client, "POST", "/api/tasks", {"title": title, **fields})
    assert answer.status_code == 201, answer.content
    made: dict[str, Any] = answer.json()
    return made


def test_a_task_is_made_read_changed_and_deleted(owner: Person) -> None:
    client = owner.program()
    made = make(client, due_at="2026-12-01T09:00:00+05:30", tag="Support", assignee_id=owner.user.id)
    assert set(made) == FIELDS
    assert (made["due_at"], made["status"], made["tag"]) == ("2026-12-01T03:30:00Z", "todo", "Support")
    path = f"/api/tasks/{made['id']}"
    assert client.get(path).json() == made
    changed = send(client, "PATCH", path, {"status": "done", "due_at": None}).json()
    assert changed["completed_at"].endswith("Z")
    assert (changed["due_at"], changed["title"], changed["tag"]) == (None, "Call back", "Support")
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


def test_a_task_about_a_mail_links_back_to_it(owner: Person, make_email: Callable[..., Email]) -> None:
    email = make_email(owner.actor, "Where is my order?")
    made = make(owner.program(), email_id=email.pk)
    assert (made["email_id"], made["thread_id"], made["tag"]) == (email.pk, email.thread_id, "Support")
    assert made["email_subject"] == "Where is my order?"


def test_lists_are_bare_arrays_with_their_total_and_a_cursor(owner: Person) -> None:
    client = owner.program()
    ids = [make(client, f"Task {number}")["id"] for number in range(5)][::-1]
    first = client.get("/api/tasks?limit=3")
    assert [task["id"] for task in first.json()] == ids[:3]
    assert first.headers["X-Total-Count"] == "5"
    rest = client.get(f"/api/tasks?limit=3&cursor={first.headers['X-Next-Cursor']}")
    assert [task["id"] for task in rest.json()] == ids[3:]
    assert "X-Next-Cursor" not in rest.headers
    assert [task["id"] for task in client.get("/api/tasks?limit=3&offset=3").json()] == ids[3:]
    assert len(client.get("/api/tasks?limit=100000").json()) == 5


def test_lists_filter(owner: Person) -> None:
    client = owner.program()
    wanted = make(client, "Renew rights", priority="urgent", assignee_id=owner.user.id, tag="Partners")
    make(client, "Other", status="in_progress")
    for query in ("status=todo", "priority=urgent", "assignee=me", "tag=partners", "search=RIGHTS"):
        assert [task["id"] for task in client.get(f"/api/tasks?{query}").json()] == [wanted["id"]]
    assert client.get("/api/tasks?source=commboost").json() == []


def test_a_task_moves_next_to_another(owner: Person) -> None:
    client = owner.program()
    below, above = make(client, "Below"), make(client, "Above")
    path = f"/api/tasks/{above['id']}/move"
    moved = send(client, "POST", path, {"status": "todo", "after": below["id"]}).json()
    assert moved["position"] > below["position"]
    done = send(client, "POST", path, {"status": "done"}).json()
    assert done["completed_at"] is not None
    refused = send(client, "POST", path, {"status": "done", "before": below["id"]})
    assert (refused.status_code, refused.json()["code"]) == (409, "neighbour_moved")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"title": " "}, 400, "title_missing"),
        ({"title": "x" * 501}, 400, "title_too_long"),
        ({"title": "x", "assignee_id": 10**15}, 404, "assignee_not_a_member"),
        ({"title": "x", "email_id": 10**25}, 404, "not_found"),
        ({"title": "x", "status": "later"}, 422, "validation_failed"),
        ({}, 422, "validation_failed"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_sentence(
    owner: Person, body: dict[str, Any], status: int, code: str
) -> None:
    client = owner.program()
    answer = send(client, "POST", "/api/tasks", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["error"]
    assert client.get("/api/tasks").json() == []


def test_an_outsider_finds_no_task_by_any_verb_nor_by_ids_in_bodies(
    owner: Person, outsider: Person, make_email: Callable[..., Email]
) -> None:
    task, email = make(owner.program()), make_email(owner.actor)
    client = outsider.program()
    theirs = make(client, "Theirs")
    path = f"/api/tasks/{task['id']}"
    for method, address, body in (
        ("GET", path, {}),
        ("PATCH", path, {"title": "Mine"}),
        ("DELETE", path, {}),
        ("POST", f"{path}/move", {"status": "done"}),
        ("POST", f"/api/tasks/{theirs['id']}/move", {"status": "todo", "after": task["id"]}),
        ("POST", "/api/tasks", {"title": "x", "email_id": email.pk}),
        ("PATCH", f"/api/tasks/{theirs['id']}", {"assignee_id": owner.user.id}),
        ("GET", f"/api/tasks?assignee={owner.user.id}", {}),
    ):
        assert send(client, method, address, body).status_code == 404, (method, address)
    assert [one["id"] for one in client.get("/api/tasks").json()] == [theirs["id"]]
    assert owner.program().get(path).json() == task
