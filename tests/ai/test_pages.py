"""Settings pages of the knowledge base, as fragments: the frame around them is the site's."""

from __future__ import annotations

from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import resolve

from convergio.accounts.actor import Role
from convergio.accounts.errors import NotAllowed
from convergio.ai import actions, queries
from convergio.core.errors import NotFound
from convergio.core.tenancy import workspace_scope
from tests.ai.conftest import Place

pytestmark = pytest.mark.urls("tests.ai.urls")
LIST = "/dashboard/settings/knowledge"


def visit(
    place: Place, path: str, data: dict[str, Any] | None = None, *, role: Role = "owner"
) -> HttpResponse:
    """GET, or POST when there is data."""
    factory = RequestFactory(headers={"HX-Request": "true"})
    request = factory.get(path) if data is None else factory.post(path, data)
    request.actor = replace(place.actor, role=role)  # type: ignore[attr-defined]
    match = resolve(path.partition("?")[0])
    response: HttpResponse = match.func(request, *match.args, **match.kwargs)
    return response


def text(response: HttpResponse) -> str:
    return unescape(response.content.decode())


def test_an_empty_knowledge_base_says_what_to_do(here: Place) -> None:
    page = text(visit(here, LIST))
    assert "Nothing to quote from" in page
    assert f"{LIST}/new" in page
    assert "Try a question" not in page


def test_a_document_is_added_by_the_form_alone(here: Place) -> None:
    form = text(visit(here, f"{LIST}/new"))
    assert all(
        f'name="{name}"' in form for name in ("csrfmiddlewaretoken", "title", "inbox", "body", "is_active")
    )
    sent = {"title": "Hours", "body": "Open at ten.", "inbox": str(here.inboxes["info"]), "is_active": "1"}
    response = visit(here, f"{LIST}/new", sent)
    assert (response.status_code, response["Location"]) == (302, f"{LIST}?done=added")
    page = text(visit(here, response["Location"]))
    assert "Document added." in page
    assert "Hours" in page
    assert "Info" in page


def test_a_form_with_a_mistake_comes_back_with_what_was_typed_and_a_sentence(here: Place) -> None:
    response = visit(here, f"{LIST}/new", {"title": "", "body": "<b>Open</b> at ten.", "inbox": ""})
    page = text(response)
    assert response.status_code == 400
    assert "Give the document a title" in page
    assert "<b>Open</b> at ten." in page
    assert b"<b>Open</b>" not in response.content
    assert queries.count_documents() == 0


def test_editing_shows_what_is_stored_and_saves_what_was_changed(here: Place) -> None:
    document_id = actions.add_document(
        here.actor, title="Hours", body="Open at ten.", inbox_id=here.inboxes["neo"]
    )
    assert "Open at ten." in text(visit(here, f"{LIST}/{document_id}"))
    response = visit(here, f"{LIST}/{document_id}", {"title": "Hours", "body": "Open at nine.", "inbox": ""})
    assert response["Location"] == f"{LIST}?done=changed"
    document = queries.get_document(document_id)
    assert (document.body, document.inbox_id, document.is_active) == ("Open at nine.", None, False)


def test_deleting_asks_first(here: Place) -> None:
    document_id = actions.add_document(here.actor, title="Hours", body="Open at ten.")
    assert "Delete “Hours”?" in text(visit(here, f"{LIST}/{document_id}/delete"))
    assert queries.count_documents() == 1
    assert visit(here, f"{LIST}/{document_id}/delete", {})["Location"] == f"{LIST}?done=deleted"
    assert queries.count_documents() == 0


def test_a_question_can_be_tried(agency: Place) -> None:
    page = text(visit(agency, f"{LIST}?question=Where+is+my+parcel&inbox={agency.inboxes['support']}"))
    assert "If the tracking link has not moved for seven days" in page
    assert "Nothing fits." in text(visit(agency, f"{LIST}?question=capital+of+Mongolia"))


def test_what_a_document_says_is_never_markup_on_a_page(here: Place) -> None:
    actions.add_document(
        here.actor, title="<script>alert(1)</script>", body="<img src=x onerror=alert(1)> parking"
    )
    content = visit(here, f"{LIST}?question=parking").content
    assert b"<script>alert" not in content
    assert b"<img src=x" not in content


@pytest.mark.parametrize(
    "query", ["offset=-1", "offset=x", "offset=99999999999", "inbox=x&question=a", "done=<b>"]
)
def test_a_mangled_address_still_shows_the_list(agency: Place, query: str) -> None:
    assert visit(agency, f"{LIST}?{query}").status_code == 200


def test_a_long_list_is_paged(here: Place) -> None:
    for number in range(51):
        actions.add_document(here.actor, title=f"Document {number:02}", body="Text.")
    first, second = text(visit(here, LIST)), text(visit(here, f"{LIST}?offset=50"))
    assert "1 to 50 of 51" in first
    assert "Document 50" not in first
    assert "51 to 51 of 51" in second
    assert "Document 50" in second


def test_a_member_reads_the_list_and_is_offered_no_change(here: Place) -> None:
    document_id = actions.add_document(here.actor, title="Hours", body="Open at ten.")
    page = text(visit(here, LIST, role="member"))
    assert "Hours" in page
    assert "Add document" not in page
    for path in (f"{LIST}/new", f"{LIST}/{document_id}", f"{LIST}/{document_id}/delete"):
        with pytest.raises(NotAllowed):
            visit(here, path, role="member")
        with pytest.raises(NotAllowed):
            visit(here, path, {"title": "T", "body": "B"}, role="member")


def test_another_workspaces_document_is_not_there(here: Place, elsewhere: Place) -> None:
    document_id = actions.add_document(here.actor, title="Hours", body="Open at ten.")
    with workspace_scope(elsewhere.actor.workspace_id):
        for path in (f"{LIST}/{document_id}", f"{LIST}/{document_id}/delete"):
            with pytest.raises(NotFound):
                visit(elsewhere, path)
            with pytest.raises(NotFound):
                visit(elsewhere, path, {"title": "T", "body": "B"})
        sent = {"title": "T", "body": "B", "inbox": str(here.inboxes["neo"])}
        with pytest.raises(NotFound):
            visit(elsewhere, f"{LIST}/new", sent)
