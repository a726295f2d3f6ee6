"""Searching messages: what matches, in which order, and whose."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from convergio.core import sql
from convergio.core.paging import Page
from convergio.core.tenancy import set_scope, workspace_scope
from convergio.mail.ingest import Arrival, store_messages
from convergio.mail.models import Inbox
from convergio.mail.queries.lists import EmailFilter
from convergio.mail.queries.places import read_place
from convergio.mail.queries.search import search_conversations, search_emails
from tests.cast import Person
from tests.mail.api import inbox_of, receive
from tests.mail.messages import ANANYA, raw_message, receiver_of

LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.fixture
def support(owner: Person) -> Inbox:
    return inbox_of(owner)


def found(person: Person, text: str, **page: Any) -> list[str]:
    """Subjects of what the search finds, in its order."""
    with workspace_scope(person.workspace.id):
        answer = search_emails(person.actor, EmailFilter(search=text), Page.of(**page))
    return [email.subject for email in answer.emails]


def fill(inbox: Inbox, messages: list[dict[str, Any]]) -> None:
    """Store these messages, an hour apart, in their order."""
    store_messages(
        receiver_of(inbox),
        [
            Arrival(
                raw=raw_message(**{"message_id": f"s{number}@lumen.example", **message}),
                received_at=LONG_AGO + timedelta(hours=number),
            )
            for number, message in enumerate(messages)
        ],
        backfill=True,
    )


@pytest.fixture
def letters(support: Inbox) -> Inbox:
    fill(
        support,
        [
            {
                "subject": "Invoice 12",
                "text": "Please pay the second order.",
                "sender": ANANYA,
            },
            {
                "subject": "Refunds",
                "text": "The order was the second.",
                "sender": "Bo O'Brien <bo@north-star.example>",
            },
            {
                "subject": "Weekly report",
                "text": "Numbers for ananya@lumen.example are in the file.",
                "sender": "reports@lumen.example",
                "to": "support@convergio.test",
            },
            {"subject": "Rückfrage", "text": "Größe? 価格 は", "sender": "Zoë <zoe@lumen.example>"},
        ],
    )
    return support


@pytest.mark.parametrize(
    ("text", "subjects"),
    [
        ("order", ["Refunds", "Invoice 12"]),
        ("second order", ["Refunds", "Invoice 12"]),
        ('"second order"', ["Invoice 12"]),
        ("refu", ["Refunds"]),
        ("re", []),
        ("ORDER invoice", ["Invoice 12"]),
        ("subject:order", []),
        ("subject:inv", ["Invoice 12"]),
        ("from:ananya", ["Invoice 12"]),
        ("from:lumen.example", ["Rückfrage", "Weekly report", "Invoice 12"]),
        ("from:north-star", ["Refunds"]),
        ("from:O'Brien", ["Refunds"]),
        ("from:support", []),
        ("ananya@lumen.example", ["Weekly report", "Invoice 12"]),
        ("ananya@lum", ["Invoice 12"]),
        ("from:reports report", ["Weekly report"]),
        ("rückf", ["Rückfrage"]),
        ("größe", ["Rückfrage"]),
        ("価格", ["Rückfrage"]),
        ("after:2025-01-02", []),
        ("before:2025-01-02 order", ["Refunds", "Invoice 12"]),
        ("tag:SUPPORT invoice", ["Invoice 12"]),
        ("tag:neo invoice", []),
        ("is:read", []),
        ("has:attachment", []),
        ("!!!", []),
    ],
)
def test_what_a_search_finds_newest_first(
    owner: Person, letters: Inbox, text: str, subjects: list[str]
) -> None:
    assert found(owner, text) == subjects


def test_filters_alone_list_everything_that_passes(owner: Person, letters: Inbox) -> None:
    assert len(found(owner, "is:unread")) == 4
    assert len(found(owner, "tag:support before:2026")) == 4


def test_a_message_with_a_file_is_found_by_has_attachment(owner: Person, support: Inbox) -> None:
    body = (
        "From: a@lumen.example\r\nTo: support@convergio.test\r\nSubject: With a file\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nSee file.\r\n"
        "--b\r\nContent-Disposition: attachment; filename=rates.csv\r\n\r\na,b\r\n--b--\r\n"
    )
    store_messages(receiver_of(support), [Arrival(raw=body.encode())])
    receive(support)
    assert found(owner, "has:attachment") == ["With a file"]
    assert found(owner, "file has:attachment") == ["With a file"]


@pytest.mark.parametrize("text", ["word", "is:unread"])
def test_a_common_word_is_paged_in_order_of_arrival_without_gap_or_repetition(
    owner: Person, support: Inbox, text: str
) -> None:
    with workspace_scope(owner.workspace.id):
        sql.execute(
            """WITH made AS (
                 INSERT INTO email_threads (workspace_id, subject, unread_count)
                 SELECT %(workspace)s, 'Common', 1 FROM generate_series(1, 2500) RETURNING id)
               INSERT INTO emails (workspace_id, thread_id, message_id, subject, body_text, direction, received_at,
                 raw_source, content_hash)
               SELECT %(workspace)s, id, 'c' || id, 'Common ' || id, 'the word is in all of them', 'inbound',
                 %(at)s + (id * 7919 %% 2503) * interval '1 minute', '', '' FROM made""",
            {"workspace": owner.workspace.id, "at": LONG_AGO},
        )
        expected = sql.fetch_column("SELECT id FROM emails ORDER BY received_at DESC, id DESC LIMIT 120")
        first = search_emails(owner.actor, EmailFilter(search=text), Page.of(limit=60))
        assert first.next_cursor is not None
        second = search_emails(
            owner.actor, EmailFilter(search=text), Page.of(limit=60, cursor=first.next_cursor)
        )
        by_offset = search_emails(owner.actor, EmailFilter(search=text), Page.of(limit=60, offset=60))
    assert [email.id for email in (*first.emails, *second.emails)] == expected
    assert by_offset.emails == second.emails


def test_conversations_are_found_by_their_newest_match(owner: Person, support: Inbox) -> None:
    answer = {"subject": "Re: Refund", "references": ["a@lumen.example"]}
    fill(
        support,
        [
            {"message_id": "a@lumen.example", "subject": "Refund", "text": "Where is the parcel?"},
            {"message_id": "b@lumen.example", "text": "parcel", **answer},
            {"message_id": "c@lumen.example", "text": "Thanks", **answer},
            {
                "message_id": "d@lumen.example",
                "subject": "Parcel",
                "text": "Another",
                "sender": "bo@lumen.example",
            },
        ],
    )
    with workspace_scope(owner.workspace.id):
        page = search_conversations(owner.actor, "parcel")
        assert [(row.subject, row.snippet, row.message_count) for row in page.rows] == [
            ("Parcel", "Another", 1),
            ("Re: Refund", "parcel", 3),
        ]
        first = search_conversations(owner.actor, "parcel", limit=1)
        assert first.older is not None
        rest = search_conversations(owner.actor, "parcel", place=read_place(str(first.older)))
        assert [row.subject for row in rest.rows] == ["Re: Refund"]


def test_a_search_is_one_statement(owner: Person, letters: Inbox) -> None:
    with workspace_scope(owner.workspace.id), CaptureQueriesContext(connection) as queries:
        search_emails(owner.actor, EmailFilter(search="order"), Page.of())
        search_conversations(owner.actor, "order")
    assert len(queries) == 2


def _ids_of_function() -> list[int]:
    return sql.fetch_column(
        """SELECT id FROM convergio_search_emails(
             '', '{}', '', NULL, NULL, NULL, NULL, '', '', NULL, NULL, NULL, 100)"""
    )


def test_the_function_sees_the_scopes_workspace_and_nothing_without_one(
    owner: Person, outsider: Person, letters: Inbox
) -> None:
    theirs = inbox_of(outsider, "hello@elsewhere.test")
    fill(theirs, [{"subject": "Secret order", "text": "order"}])
    assert found(outsider, "order") == ["Secret order"]
    assert "Secret order" not in found(owner, "order")
    assert found(outsider, "tag:support") == []
    with workspace_scope(owner.workspace.id):
        assert len(_ids_of_function()) == 4
        set_scope(None)
        assert _ids_of_function() == []


def test_the_function_is_for_the_application_only_and_its_search_path_is_fixed(
    database_urls: tuple[str, str], owner: Person
) -> None:
    with psycopg.connect(database_urls[0]) as admin:
        row = admin.execute(
            """SELECT prosecdef, proconfig @> ARRAY['search_path=pg_catalog, pg_temp'],
                 has_function_privilege('public', oid, 'EXECUTE')
               FROM pg_proc WHERE proname = 'convergio_search_emails'"""
        ).fetchone()
    assert row == (True, True, False)
