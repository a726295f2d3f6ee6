"""Changing the knowledge base, and who sees it."""

from __future__ import annotations

import pytest

from convergio.ai import actions, queries
from convergio.ai.errors import MOST_CHARACTERS, DocumentIncomplete, DocumentTooLarge
from convergio.ai.models import KnowledgeDocument, KnowledgePassage
from convergio.core.errors import NotFound
from convergio.core.tenancy import workspace_scope
from tests.ai.conftest import Place


def passages(document_id: int) -> list[str]:
    rows = KnowledgePassage.objects.filter(document_id=document_id).order_by("ordinal")
    return list(rows.values_list("text", flat=True))


def test_it_stores_a_document_with_its_passages(here: Place) -> None:
    document_id = actions.add_document(
        here.actor,
        title=" Opening  hours ",
        body="Open at ten.\r\n\r\n## Sunday\r\n\r\nClosed.",
        inbox_id=here.inboxes["info"],
    )
    document = queries.get_document(document_id)
    assert (document.title, document.inbox_tag, document.is_active, document.passages) == (
        "Opening hours",
        "Info",
        True,
        2,
    )
    assert passages(document_id) == ["Open at ten.", "Closed."]
    assert KnowledgeDocument.objects.get(id=document_id).created_by_id == here.actor.user_id


def test_a_changed_text_replaces_the_passages(here: Place) -> None:
    document_id = actions.add_document(here.actor, title="Hours", body="Open at ten.\n\n## Sunday\n\nClosed.")
    actions.change_document(here.actor, document_id, body="Open at nine.")
    assert passages(document_id) == ["Open at nine."]


def test_a_changed_title_is_named_in_the_passages(here: Place) -> None:
    document_id = actions.add_document(here.actor, title="Hours", body="Open at ten.")
    actions.change_document(here.actor, document_id, title="Opening hours")
    assert KnowledgePassage.objects.get(document_id=document_id).heading == "Opening hours"
    assert queries.get_document(document_id).body == "Open at ten."


def test_a_change_keeps_what_it_does_not_name(here: Place) -> None:
    document_id = actions.add_document(here.actor, title="Hours", body="Ten.", inbox_id=here.inboxes["neo"])
    before = queries.get_document(document_id)
    actions.change_document(here.actor, document_id, is_active=False)
    after = queries.get_document(document_id)
    assert (after.title, after.body, after.inbox_tag, after.is_active) == ("Hours", "Ten.", "Neo", False)
    assert after.updated_at >= before.updated_at


def test_a_document_can_be_opened_to_all_inboxes(here: Place) -> None:
    document_id = actions.add_document(here.actor, title="Hours", body="Ten.", inbox_id=here.inboxes["neo"])
    actions.change_document(here.actor, document_id, inbox_id=None)
    assert queries.get_document(document_id).inbox_id is None


def test_deleting_a_document_removes_its_passages(here: Place) -> None:
    document_id = actions.add_document(here.actor, title="Hours", body="Ten.")
    actions.delete_document(here.actor, document_id)
    assert passages(document_id) == []
    with pytest.raises(NotFound):
        queries.get_document(document_id)


@pytest.mark.parametrize(
    ("title", "body", "field"), [(" ", "Text.", "title"), ("T" * 256, "Text.", "title"), ("T", " \n", "body")]
)
def test_it_names_the_field_that_is_missing_or_too_long(
    here: Place, title: str, body: str, field: str
) -> None:
    with pytest.raises(DocumentIncomplete) as refusal:
        actions.add_document(here.actor, title=title, body=body)
    assert refusal.value.facts == {"field": field}
    assert queries.count_documents() == 0


def test_it_takes_a_document_of_the_largest_size_and_refuses_a_larger_one(here: Place) -> None:
    sentence = "A parcel to the islands takes ten days. "
    body = (sentence * (MOST_CHARACTERS // len(sentence) + 1))[: MOST_CHARACTERS - 1] + "."
    document_id = actions.add_document(here.actor, title="Islands", body=body)
    assert queries.get_document(document_id).passages >= MOST_CHARACTERS // 800
    with pytest.raises(DocumentTooLarge, match=r"200,001 characters"):
        actions.add_document(here.actor, title="Islands", body=body + "!")


def test_documents_are_listed_by_title_a_page_at_a_time(here: Place) -> None:
    for title in ("beta", "Alpha", "gamma"):
        actions.add_document(here.actor, title=title, body="Text.")
    assert [document.title for document in queries.list_documents()] == ["Alpha", "beta", "gamma"]
    assert [document.title for document in queries.list_documents(limit=1, offset=1)] == ["beta"]
    assert queries.count_documents() == 3


def test_another_workspace_sees_no_document_and_changes_none(here: Place, elsewhere: Place) -> None:
    document_id = actions.add_document(here.actor, title="Hours", body="Ten.")
    with workspace_scope(elsewhere.actor.workspace_id):
        assert queries.list_documents() == []
        with pytest.raises(NotFound):
            queries.get_document(document_id)
        with pytest.raises(NotFound):
            actions.change_document(elsewhere.actor, document_id, title="Mine")
        with pytest.raises(NotFound):
            actions.delete_document(elsewhere.actor, document_id)
    assert queries.get_document(document_id).title == "Hours"


def test_a_document_cannot_be_given_to_an_inbox_of_another_workspace(here: Place, elsewhere: Place) -> None:
    document_id = actions.add_document(here.actor, title="Hours", body="Ten.")
    with pytest.raises(NotFound, match="inbox"):
        actions.add_document(here.actor, title="Hours", body="Ten.", inbox_id=elsewhere.inboxes["neo"])
    with pytest.raises(NotFound, match="inbox"):
        actions.change_document(here.actor, document_id, inbox_id=elsewhere.inboxes["neo"])


def test_the_choice_of_inboxes_is_the_workspaces_own(here: Place, elsewhere: Place) -> None:
    assert {choice.id for choice in queries.list_inbox_choices()} == set(here.inboxes.values())
