"""The pane of conversations: views, inboxes, pages, counts; each list one statement that walks an index."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from convergio.core import sql
from convergio.core.errors import InvalidInput
from convergio.core.tenancy import workspace_scope
from convergio.mail import actions
from convergio.mail.compose import Composed, send_email
from convergio.mail.ingest import Arrival, store_messages
from convergio.mail.models import Inbox
from convergio.mail.queries.conversations import ConversationRow, list_conversations
from convergio.mail.queries.counts import email_totals, mail_counts
from convergio.mail.queries.places import Place, read_place
from convergio.mail.queries.threads import get_thread, sender_context
from convergio.mail.replies import WrittenReply, draft_by_hand
from tests.cast import Person, make_person
from tests.mail.api import inbox_of, receive
from tests.mail.messages import raw_message, receiver_of

START = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)


@pytest.fixture
def support(owner: Person) -> Inbox:
    return inbox_of(owner)


def fill(inbox: Inbox, count: int, **fields: Any) -> None:
    """That many conversations, a minute apart."""
    store_messages(
        receiver_of(inbox),
        [
            Arrival(
                raw=raw_message(
                    **{
                        "message_id": f"{inbox.tag}{number}@lumen.example",
                        "subject": f"{inbox.tag} {number}",
                        **fields,
                    }
                ),
                received_at=START + timedelta(minutes=number),
            )
            for number in range(count)
        ],
        backfill=True,
    )


def listed(person: Person, **wanted: Any) -> list[ConversationRow]:
    """The first page of the list."""
    with workspace_scope(person.workspace.id):
        return list_conversations(person.actor, **wanted).rows


def test_a_row_tells_what_the_pane_shows(owner: Person, support: Inbox) -> None:
    stored = receive(support, headers=["Auto-Submitted: auto-replied"])
    [row] = listed(owner)
    assert (row.thread_id, row.email_id, row.subject) == (
        stored.thread_id,
        stored.email_id,
        "Refund for my order",
    )
    assert (row.sender_name, row.sender_address) == ("Ananya Rao", "ananya@lumen.example")
    assert (row.tag, row.colour, row.unread_count, row.message_count) == ("Support", "blue", 1, 1)
    assert row.snippet == "When does my refund arrive?"
    assert row.reply_verdict is not None
    assert row.reply_verdict.reason == "auto_submitted"


def test_views_of_all_unread_and_read(owner: Person, support: Inbox) -> None:
    fill(support, 3)
    newest, *others = listed(owner)
    with workspace_scope(owner.workspace.id):
        actions.mark_threads_read(owner.actor, [newest.thread_id], is_read=True)
    for tag in ("", "support"):
        assert [row.thread_id for row in listed(owner, view="unread", tag=tag)] == [
            row.thread_id for row in others
        ]
        assert [row.thread_id for row in listed(owner, view="read", tag=tag)] == [newest.thread_id]
        assert len(listed(owner, view="all", tag=tag)) == 3
        assert listed(owner, tag="neo") == []


def test_a_conversation_of_two_inboxes_stands_in_both_lists_under_that_inboxes_name(
    owner: Person, support: Inbox
) -> None:
    hello = inbox_of(owner, "hello@convergio.test", colour="green")
    both = raw_message(to="support@convergio.test, hello@convergio.test")
    for inbox in (support, hello):
        store_messages(receiver_of(inbox), [Arrival(raw=both)])
    assert [(row.tag, row.colour) for row in listed(owner, tag="Hello")] == [("Hello", "green")]
    assert [row.tag for row in listed(owner, tag="Support")] == ["Support"]
    [row] = listed(owner)
    assert row.tag == "Support"


def test_drafts_to_approve_and_sent_mail(owner: Person, support: Inbox) -> None:
    fill(support, 2)
    older = listed(owner)[1]
    assert older.email_id is not None
    with workspace_scope(owner.workspace.id):
        draft_by_hand(owner.actor, older.email_id, WrittenReply(reply_text="Soon."))
        send_email(
            owner.actor,
            Composed(inbox_id=support.id, to="Bo <bo@lumen.example>", subject="News", text="Hello"),
        )
    [draft] = listed(owner, view="drafts")
    assert (draft.thread_id, draft.draft_status) == (older.thread_id, "drafted")
    assert listed(owner, view="drafts", tag="neo") == []
    [sent] = listed(owner, view="sent")
    assert (sent.subject, sent.sender_name, sent.sender_address) == ("News", "Bo", "bo@lumen.example")
    assert (sent.delivery_state, sent.unread_count) == ("queued", 0)
    assert [row.subject for row in listed(owner, view="sent", tag="Support")] == ["News"]


@pytest.mark.parametrize("tag", ["", "Support"])
def test_pages_lead_to_the_end_and_back_while_mail_comes_in(owner: Person, support: Inbox, tag: str) -> None:
    fill(support, 7)
    with workspace_scope(owner.workspace.id):
        first = list_conversations(owner.actor, tag=tag, limit=3)
        assert first.newer is None
        receive(support, message_id="late@lumen.example", subject="Late")
        second = list_conversations(owner.actor, tag=tag, place=_through_address(first.older), limit=3)
        last = list_conversations(owner.actor, tag=tag, place=_through_address(second.older), limit=3)
        back = list_conversations(owner.actor, tag=tag, place=_through_address(second.newer), limit=3)
        front = list_conversations(owner.actor, tag=tag, place=_through_address(back.newer), limit=3)
    subjects = [row.subject for page in (first, second, last) for row in page.rows]
    assert subjects == [f"Support {number}" for number in reversed(range(7))]
    assert last.older is None
    assert back.rows == first.rows
    assert [row.subject for row in front.rows] == ["Late"]
    assert front.newer is None


def _through_address(place: Place | None) -> Place | None:
    assert place is not None
    assert read_place(str(place)) == place
    return read_place(str(place))


@pytest.mark.parametrize("text", ["x", "1", "-", "1-", "9" * 18 + "-1", "1-2-3", "--1-1"])
def test_a_damaged_page_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_place(text)


@pytest.mark.parametrize("view", ["all", "unread", "read", "drafts", "sent"])
@pytest.mark.parametrize("tag", ["", "Support"])
def test_a_list_is_one_statement_however_many_rows(
    owner: Person, support: Inbox, view: Any, tag: str
) -> None:
    fill(support, 30)
    with workspace_scope(owner.workspace.id), CaptureQueriesContext(connection) as queries:
        list_conversations(owner.actor, view=view, tag=tag)
    assert len(queries) == 1


def test_a_conversation_tells_of_its_sender(owner: Person, support: Inbox) -> None:
    fill(support, 3)
    newest, middle, oldest = listed(owner)
    with workspace_scope(owner.workspace.id):
        thread = get_thread(owner.actor, newest.thread_id)
        context = sender_context(owner.actor, thread)
    assert context is not None
    assert (context.sender_name, context.mail_count, context.first_seen) == ("Ananya Rao", 3, START)
    assert [one.thread_id for one in context.earlier] == [middle.thread_id, oldest.thread_id]


def test_counts_of_what_waits(owner: Person, outsider: Person, support: Inbox) -> None:
    inbox_of(owner, "hello@convergio.test")
    fill(support, 3)
    [newest, *_] = listed(owner)
    assert newest.email_id is not None
    with workspace_scope(owner.workspace.id):
        actions.mark_threads_read(owner.actor, [newest.thread_id], is_read=True)
        draft_by_hand(owner.actor, newest.email_id, WrittenReply(reply_text="Soon."))
        with CaptureQueriesContext(connection) as queries:
            counts = mail_counts(owner.actor)
        totals = email_totals(owner.actor)
    assert len(queries) == 2
    assert [(inbox.tag, inbox.unread) for inbox in counts.inboxes] == [("Support", 2), ("Hello", 0)]
    assert (counts.unread, counts.drafts) == (2, 1)
    assert (totals.total, totals.by_tag) == (3, {"Support": 3})
    with workspace_scope(outsider.workspace.id):
        theirs = mail_counts(outsider.actor)
        assert (theirs.inboxes, theirs.unread, theirs.drafts) == ([], 0, 0)
        assert list_conversations(outsider.actor).rows == []


# What is asked for, and the index that its list walks.
WALKS: tuple[tuple[dict[str, Any], str], ...] = (
    ({}, "email_threads_newest"),
    ({"view": "unread"}, "email_threads_unread"),
    ({"tag": "support"}, "thread_inboxes_newest"),
    ({"tag": "support", "view": "unread"}, "thread_inboxes_unread"),
    ({"view": "sent"}, "emails_sent"),
)


def test_each_list_walks_its_own_index_under_the_policies(
    committed: None, database_urls: tuple[str, str]
) -> None:
    person = make_person("owner")
    with workspace_scope(person.workspace.id):
        fill(inbox_of(person), 200)
        sql.execute("UPDATE email_threads SET unread_count = 0 WHERE id %% 20 <> 0")
        sql.execute("UPDATE thread_inboxes SET unread_count = 0 WHERE thread_id %% 20 <> 0")
    with psycopg.connect(database_urls[0], autocommit=True) as owner:
        owner.execute("VACUUM ANALYZE email_threads, thread_inboxes, emails")
    with workspace_scope(person.workspace.id):
        # Small tables are read whole whatever their indexes; this asks for the plan of large ones.
        sql.execute("SET LOCAL enable_seqscan = off")
        sql.execute("SET LOCAL enable_sort = off")
        plans = {index: plan_of(person, **wanted) for wanted, index in WALKS}
    assert [index for index, plan in plans.items() if index not in plan] == []


def plan_of(person: Person, **wanted: Any) -> str:
    """How PostgreSQL would read the list."""
    with CaptureQueriesContext(connection) as queries:
        list_conversations(person.actor, **wanted)
    parameters = {
        "workspace": person.workspace.id,
        "tag": wanted.get("tag", ""),
        "limit": 51,
        "at": None,
        "place": None,
    }
    return "\n".join(sql.fetch_column(f"EXPLAIN {queries[0]['sql']}", parameters))
