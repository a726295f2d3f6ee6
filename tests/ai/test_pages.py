"""Settings pages of the knowledge base. htmx's header asks for the page without the frame, which is the site's."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest

from convergio.ai import actions, queries
from convergio.core.tenancy import current_scope, set_scope, workspace_scope
from tests.ai.conftest import Place
from tests.cast import Person

LIST = "/dashboard/settings/knowledge"


def visit(person: Person, path: str, data: dict[str, Any] | None = None) -> Any:
    """GET, or POST when there is data. A request closes the view; the test's own is opened again."""
    browser, headers, scope = person.browser(), {"HX-Request": "true"}, current_scope()
    response = (
        browser.get(path, headers=headers) if data is None else browser.post(path, data, headers=headers)
    )
    set_scope(scope)
    return response


def text(response: Any) -> str:
    return unescape(response.content.decode())


@pytest.fixture
def document_id(here: Place) -> int:
    """A document of the Neo inbox."""
    return actions.add_document(here.actor, title="Hours", body="Open at ten.", inbox_id=here.inboxes["neo"])


def test_an_empty_knowledge_base_says_what_to_do(here: Place) -> None:
    page = text(visit(here.person, LIST))
    assert "Nothing to quote from" in page
    assert f"{LIST}/new" in page
    assert "Try a question" not in page


def test_a_document_is_added_by_the_form_alone(here: Place) -> None:
    form = text(visit(here.person, f"{LIST}/new"))
    assert all(
        f'name="{name}"' in form for name in ("csrfmiddlewaretoken", "title", "inbox", "body", "is_active")
    )
    sent = {"title": "Hours", "body": "Open at ten.", "inbox": str(here.inboxes["info"]), "is_active": "1"}
    response = visit(here.person, f"{LIST}/new", sent)
    assert (response.status_code, response["Location"]) == (302, f"{LIST}?done=added")
    page = text(visit(here.person, response["Location"]))
    assert "Hours" in page
    assert "Info" in page


def test_the_form_needs_the_csrf_token(here: Place) -> None:
    sent = {"title": "Hours", "body": "Open at ten.", "inbox": ""}
    assert here.person.browser(csrf=True).post(f"{LIST}/new", sent).status_code == 403
    assert queries.count_documents() == 0


@pytest.mark.parametrize(
    ("title", "body", "sentence"),
    [
        ("", "<b>Open</b> at ten.", "Give the document a title"),
        ("Hours", "  ", "Write the text that replies may quote."),
        ("Hours", "<b>" * 80_000, "The text has 240,000 characters; a document takes 200,000."),
    ],
    ids=["no title", "no text", "too long"],
)
def test_a_form_with_a_mistake_comes_back_with_what_was_typed_and_a_sentence(
    here: Place, title: str, body: str, sentence: str
) -> None:
    response = visit(here.person, f"{LIST}/new", {"title": title, "body": body, "inbox": ""})
    assert response.status_code == 422
    assert sentence in text(response)
    assert body in text(response)
    assert b"<b>" not in response.content
    assert queries.count_documents() == 0


def test_editing_shows_what_is_stored_and_saves_what_was_changed(here: Place, document_id: int) -> None:
    assert "Open at ten." in text(visit(here.person, f"{LIST}/{document_id}"))
    response = visit(
        here.person, f"{LIST}/{document_id}", {"title": "Hours", "body": "Open at nine.", "inbox": ""}
    )
    assert response["Location"] == f"{LIST}?done=changed"
    document = queries.get_document(document_id)
    assert (document.body, document.inbox_id, document.is_active) == ("Open at nine.", None, False)
    assert "Switched off" in text(visit(here.person, LIST))


def test_deleting_asks_first(here: Place, document_id: int) -> None:
    assert "Delete “Hours”?" in text(visit(here.person, f"{LIST}/{document_id}/delete"))
    assert queries.count_documents() == 1
    assert visit(here.person, f"{LIST}/{document_id}/delete", {})["Location"] == f"{LIST}?done=deleted"
    assert queries.count_documents() == 0


def test_a_question_can_be_tried(agency: Place) -> None:
    page = text(visit(agency.person, f"{LIST}?question=Where+is+my+parcel&inbox={agency.inboxes['support']}"))
    assert "If the tracking link has not moved for seven days" in page
    assert "Nothing fits." in text(visit(agency.person, f"{LIST}?question=capital+of+Mongolia"))


def test_what_a_document_says_is_never_markup_on_a_page(here: Place) -> None:
    actions.add_document(
        here.actor, title="<script>alert(1)</script>", body="<img src=x onerror=alert(1)> parking"
    )
    content = visit(here.person, f"{LIST}?question=parking").content
    assert b"onerror" in content
    assert b"<script>alert" not in content
    assert b"<img src=x" not in content


@pytest.mark.parametrize(
    "query", ["offset=-1", "offset=x", "offset=99999999999", "inbox=x&question=a", "question=%00", "done=<b>"]
)
def test_a_mangled_address_still_shows_the_list(agency: Place, query: str) -> None:
    assert visit(agency.person, f"{LIST}?{query}").status_code == 200


def test_a_long_list_is_paged(here: Place) -> None:
    for number in range(51):
        actions.add_document(here.actor, title=f"Document {number:02}", body="Text.")
    first, second = text(visit(here.person, LIST)), text(visit(here.person, f"{LIST}?offset=50"))
    assert "1 to 50 of 51" in first
    assert "Document 50" not in first
    assert "51 to 51 of 51" in second
    assert "Document 50" in second


def test_a_member_reads_the_list_and_is_offered_no_change(
    here: Place, document_id: int, teammate: Person
) -> None:
    page = text(visit(teammate, LIST))
    assert "Hours" in page
    assert "Add document" not in page
    for path in (f"{LIST}/new", f"{LIST}/{document_id}", f"{LIST}/{document_id}/delete"):
        assert visit(teammate, path).status_code == 403
        assert visit(teammate, path, {"title": "T", "body": "B"}).status_code == 403
    assert queries.get_document(document_id).title == "Hours"


def test_another_workspaces_document_and_inbox_are_not_there(
    here: Place, document_id: int, elsewhere: Place
) -> None:
    stranger, sent = elsewhere.person, {"title": "T", "body": "B", "inbox": ""}
    for path in (f"{LIST}/{document_id}", f"{LIST}/{document_id}/delete"):
        assert visit(stranger, path).status_code == 404
        assert visit(stranger, path, sent).status_code == 404
    assert visit(stranger, f"{LIST}/new", sent | {"inbox": str(here.inboxes["neo"])}).status_code == 404
    with workspace_scope(elsewhere.actor.workspace_id):
        assert queries.count_documents() == 0
    assert queries.get_document(document_id).title == "Hours"
