"""REST of the knowledge base."""

from __future__ import annotations

import json
from typing import Any

import pytest

from convergio.ai import actions, queries
from convergio.core.tenancy import current_scope, set_scope
from tests.ai.conftest import Place
from tests.cast import Person

URL = "/api/knowledge"


def call(person: Person, verb: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """A request closes the view; the test's own is opened again."""
    data, scope = "" if body is None else json.dumps(body), current_scope()
    response = person.program().generic(verb, path, data, content_type="application/json")
    set_scope(scope)
    return response


@pytest.fixture
def document_id(here: Place) -> int:
    """A general document."""
    return actions.add_document(here.actor, title="Hours", body="Ten.")


def test_a_document_is_added_listed_changed_and_deleted(here: Place) -> None:
    new = {"title": "Hours", "body": "Ten.", "inbox_id": here.inboxes["info"]}
    added = call(here.person, "POST", URL, new)
    assert added.status_code == 201
    document = added.json()
    assert (document["inbox_tag"], document["passages"], document["is_active"]) == ("Info", 1, True)
    assert document["created_at"].endswith("Z")

    listed = call(here.person, "GET", URL)
    assert listed.json() == [document]
    assert listed["X-Total-Count"] == "1"

    changed = call(
        here.person, "PATCH", f"{URL}/{document['id']}", {"inbox_id": None, "is_active": False}
    ).json()
    assert (changed["inbox_id"], changed["inbox_tag"], changed["is_active"]) == (None, None, False)
    assert (changed["title"], changed["body"]) == ("Hours", "Ten.")
    assert call(here.person, "GET", f"{URL}/{document['id']}").json() == changed

    assert call(here.person, "DELETE", f"{URL}/{document['id']}").status_code == 204
    assert call(here.person, "GET", URL).json() == []


def test_a_list_is_paged_within_bounds(here: Place) -> None:
    for title in ("a", "b", "c"):
        actions.add_document(here.actor, title=title, body="Text.")
    page = call(here.person, "GET", f"{URL}?limit=1&offset=1")
    assert [document["title"] for document in page.json()] == ["b"]
    assert page["X-Total-Count"] == "3"
    assert len(call(here.person, "GET", f"{URL}?limit=100000").json()) == 3


@pytest.mark.parametrize(
    "body", [{}, {"title": "T"}, {"title": None, "body": "B"}, {"title": "T", "body": 5}]
)
def test_a_document_with_a_field_missing_is_refused_by_its_shape(here: Place, body: dict[str, Any]) -> None:
    assert call(here.person, "POST", URL, body).status_code == 422


def test_a_refusal_says_which_field_and_why(here: Place, document_id: int) -> None:
    empty = call(here.person, "PATCH", f"{URL}/{document_id}", {"title": " "})
    assert (empty.status_code, empty.json()["code"], empty.json()["field"]) == (
        400,
        "invalid_document",
        "title",
    )
    long = call(here.person, "PATCH", f"{URL}/{document_id}", {"body": "x" * 200_001})
    assert (long.status_code, long.json()["code"]) == (413, "document_too_large")
    assert queries.get_document(document_id).body == "Ten."


def test_an_outsider_finds_none_of_it(here: Place, document_id: int, elsewhere: Place) -> None:
    stranger = elsewhere.person
    assert call(stranger, "GET", URL).json() == []
    for verb, body in (("GET", None), ("PATCH", {"title": "Mine"}), ("DELETE", None)):
        assert call(stranger, verb, f"{URL}/{document_id}", body).status_code == 404
    for inbox_id in (here.inboxes["neo"], 0):
        new = {"title": "T", "body": "B", "inbox_id": inbox_id}
        assert call(stranger, "POST", URL, new).status_code == 404
    assert queries.get_document(document_id).title == "Hours"


def test_a_member_reads_and_may_not_change(here: Place, document_id: int, teammate: Person) -> None:
    assert len(call(teammate, "GET", URL).json()) == 1
    new = {"title": "T", "body": "B"}
    for verb, path in (("POST", URL), ("PATCH", f"{URL}/{document_id}"), ("DELETE", f"{URL}/{document_id}")):
        refused = call(teammate, verb, path, new)
        assert (refused.status_code, refused.json()["permission"]) == (403, "knowledge.edit")
    assert queries.count_documents() == 1
