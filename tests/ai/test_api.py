"""REST of the knowledge base."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ninja.testing import TestClient

from convergio.accounts.actor import Actor
from convergio.accounts.errors import NotAllowed
from convergio.ai import actions
from convergio.ai.api import router
from convergio.core.errors import NotFound
from convergio.core.tenancy import workspace_scope
from tests.ai.conftest import Place

client = TestClient(router)


def call(actor: Actor, verb: str, path: str, body: dict[str, Any] | None = None) -> Any:
    return client.request(verb, path, json=body, actor=actor)


def test_a_document_is_added_listed_changed_and_deleted(here: Place) -> None:
    added = call(
        here.actor, "POST", "/knowledge", {"title": "Hours", "body": "Ten.", "inbox_id": here.inboxes["info"]}
    )
    assert added.status_code == 201
    document = added.json()
    assert document["inbox_tag"] == "Info"
    assert document["passages"] == 1
    assert document["created_at"].endswith("Z")

    listed = call(here.actor, "GET", "/knowledge")
    assert listed.json() == [document]
    assert listed["X-Total-Count"] == "1"

    changed = call(
        here.actor, "PATCH", f"/knowledge/{document['id']}", {"inbox_id": None, "is_active": False}
    )
    assert changed.json() | {"updated_at": ""} == document | {
        "inbox_id": None,
        "inbox_tag": None,
        "inbox_colour": None,
        "is_active": False,
        "updated_at": "",
    }
    assert call(here.actor, "GET", f"/knowledge/{document['id']}").json() == changed.json()

    assert call(here.actor, "DELETE", f"/knowledge/{document['id']}").status_code == 204
    assert call(here.actor, "GET", "/knowledge").json() == []


def test_a_list_is_paged_within_bounds(here: Place) -> None:
    for title in ("a", "b", "c"):
        actions.add_document(here.actor, title=title, body="Text.")
    page = call(here.actor, "GET", "/knowledge?limit=1&offset=1")
    assert [document["title"] for document in page.json()] == ["b"]
    assert page["X-Total-Count"] == "3"
    assert len(call(here.actor, "GET", "/knowledge?limit=100000").json()) == 3


@pytest.mark.parametrize(
    "body", [{}, {"title": "T"}, {"title": None, "body": "B"}, {"title": "T", "body": 5}]
)
def test_a_document_without_title_or_text_is_refused(here: Place, body: dict[str, Any]) -> None:
    assert call(here.actor, "POST", "/knowledge", body).status_code == 422


def test_an_outsider_finds_none_of_it(here: Place, elsewhere: Place) -> None:
    document_id = actions.add_document(here.actor, title="Hours", body="Ten.")
    with workspace_scope(elsewhere.actor.workspace_id):
        assert call(elsewhere.actor, "GET", "/knowledge").json() == []
        for verb, body in (("GET", None), ("PATCH", {"title": "Mine"}), ("DELETE", None)):
            with pytest.raises(NotFound):
                call(elsewhere.actor, verb, f"/knowledge/{document_id}", body)
        theirs = {"title": "T", "body": "B", "inbox_id": here.inboxes["neo"]}
        with pytest.raises(NotFound):
            call(elsewhere.actor, "POST", "/knowledge", theirs)


def test_a_member_reads_and_may_not_change(here: Place) -> None:
    document_id = actions.add_document(here.actor, title="Hours", body="Ten.")
    member = replace(here.actor, role="member")
    assert len(call(member, "GET", "/knowledge").json()) == 1
    for verb, path in (
        ("POST", "/knowledge"),
        ("PATCH", f"/knowledge/{document_id}"),
        ("DELETE", f"/knowledge/{document_id}"),
    ):
        with pytest.raises(NotAllowed):
            call(member, verb, path, {"title": "T", "body": "B"})
