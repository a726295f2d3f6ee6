"""Messages over REST: posted, listed, read, filtered, marked."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from convergio.ai.actions import add_document
from convergio.core.storage import storage
from convergio.core.tenancy import workspace_scope
from convergio.mail.ingest import Arrival, store_messages
from convergio.mail.models import Email, Inbox
from convergio.work.models import Task
from tests.cast import Person
from tests.jobs import run_jobs
from tests.mail.api import call, inbox_of, receive
from tests.mail.messages import arrival, raw_message, receiver_of

POSTED = {
    "message_id": "<posted-1@lumen.example>",
    "from_address": "ananya@lumen.example",
    "from_name": "Ananya Rao, Lumen",
    "to_address": "support@convergio.test",
    "subject": "Where is my refund? ₹4,50,000",
    "body_text": "Please look.\n",
}


@pytest.fixture
def support(owner: Person) -> Inbox:
    return inbox_of(owner)


def test_a_posted_message_becomes_mail_with_tag_task_and_thread(owner: Person, support: Inbox) -> None:
    answer = call(owner.program(), "post", "/emails", POSTED)
    assert answer.status_code == 201
    body = answer.json()
    assert (body["message_id"], body["tag"], body["tags"]) == (
        "posted-1@lumen.example",
        "Support",
        ["Support"],
    )
    assert (body["from_name"], body["subject"]) == ("Ananya Rao, Lumen", "Where is my refund? ₹4,50,000")
    assert body["reply_verdict"] == {
        "may_answer": True,
        "reason": "ok",
        "rule": body["reply_verdict"]["rule"],
    }
    assert body["received_at"].endswith("Z")
    with workspace_scope(owner.workspace.id):
        assert Task.objects.get(email_id=body["id"]).title == POSTED["subject"]


def test_a_message_posted_twice_is_a_conflict_that_names_the_stored_one(
    owner: Person, support: Inbox
) -> None:
    client = owner.program()
    first = call(client, "post", "/emails", POSTED).json()
    again = call(client, "post", "/emails", POSTED)
    assert again.status_code == 409
    assert (again.json()["code"], again.json()["id"]) == ("duplicate_email", first["id"])
    with workspace_scope(owner.workspace.id):
        assert Email.objects.count() == 1


def test_a_repeated_post_without_message_id_is_recognised_by_its_content(
    owner: Person, support: Inbox
) -> None:
    body = {
        "from": "ananya@lumen.example",
        "to": "support@convergio.test",
        "text": "One",
        "html": "<p>One</p>",
        "attachments": [{"filename": "a.txt", "content": b64encode(b"hello").decode()}],
    }
    client = owner.program()
    assert call(client, "post", "/emails", body).status_code == 201
    assert call(client, "post", "/emails", body).status_code == 409
    assert call(client, "post", "/emails", body | {"text": "Two"}).status_code == 201


def test_a_posted_raw_message_is_kept_byte_for_byte(owner: Person, support: Inbox) -> None:
    raw = raw_message()
    client = owner.program()
    stored = call(client, "post", "/emails", {"raw": b64encode(raw).decode()}).json()
    answer = client.get(f"/api/emails/{stored['id']}/raw")
    assert answer.content == raw
    assert answer["Content-Type"] == "message/rfc822"
    assert answer["Content-Disposition"].startswith("attachment")


def test_posted_headers_decide_the_verdict_and_cannot_inject_others(owner: Person, support: Inbox) -> None:
    body = POSTED | {
        "subject": "Away\r\nBcc: everybody@lumen.example",
        "headers": {"Auto-Submitted": "auto-replied", "To": "other@lumen.example", "Bad Name": "x"},
    }
    stored = call(owner.program(), "post", "/emails", body).json()
    assert stored["reply_verdict"]["reason"] == "auto_submitted"
    assert stored["subject"] == "Away Bcc: everybody@lumen.example"
    assert [one["address"] for one in stored["to"]] == ["support@convergio.test"]


def test_a_posted_message_for_nobody_goes_to_the_oldest_inbox(owner: Person, support: Inbox) -> None:
    inbox_of(owner, "hello@convergio.test")
    client = owner.program()
    stored = call(client, "post", "/emails", POSTED | {"to_address": "x@lumen.example"}).json()
    assert stored["tag"] == "Support"
    tagged = call(
        client, "post", "/emails", POSTED | {"message_id": "2@lumen.example", "tag": "hELLO"}
    ).json()
    assert tagged["tag"] == "Hello"


def test_without_an_inbox_a_posted_message_is_refused_with_a_sentence(owner: Person) -> None:
    answer = call(owner.program(), "post", "/emails", POSTED)
    assert (answer.status_code, answer.json()["code"]) == (400, "no_inbox")


@pytest.mark.parametrize("field", ["raw", "attachments"])
def test_base64_that_is_none_is_named(owner: Person, support: Inbox, field: str) -> None:
    broken: Any = "%%%" if field == "raw" else [{"filename": "a", "content": "%%%"}]
    answer = call(owner.program(), "post", "/emails", POSTED | {field: broken})
    assert (answer.status_code, answer.json()["field"]) == (400, field)


def test_mail_is_listed_under_each_inbox_that_got_it_and_once_in_all(owner: Person, support: Inbox) -> None:
    hello = inbox_of(owner, "hello@convergio.test")
    both = raw_message(to="support@convergio.test, hello@convergio.test")
    [first] = store_messages(receiver_of(support), [arrival(both)])
    [second] = store_messages(receiver_of(hello), [arrival(both)])
    assert first.email_id == second.email_id
    client = owner.program()
    for tag in ("support", "HELLO", ""):
        assert [row["id"] for row in client.get("/api/emails", {"tag": tag}).json()] == [first.email_id]
    assert client.get("/api/emails", {"tag": "Neo"}).json() == []
    detail = client.get(f"/api/emails/{first.email_id}").json()
    assert detail["tags"] == ["Support", "Hello"]


def test_a_list_row_has_neither_text_nor_source(owner: Person, support: Inbox) -> None:
    receive(support)
    [row] = owner.program().get("/api/emails").json()
    assert {"body_text", "body_html", "raw_source"}.isdisjoint(row)
    assert {
        "id",
        "message_id",
        "from_address",
        "subject",
        "tag",
        "direction",
        "attachments",
        "reply_verdict",
    } <= set(row)


def _filled(inbox: Inbox, count: int) -> list[int]:
    """That many messages, a minute apart; their ids newest first."""
    arrivals = [
        Arrival(
            raw=raw_message(message_id=f"m{number}@lumen.example", subject=f"Mail {number}"),
            received_at=datetime(2026, 11, 1, 10, number % 60, number // 60, tzinfo=UTC),
        )
        for number in range(count)
    ]
    stored = store_messages(receiver_of(inbox), arrivals, backfill=True)
    return [one.email_id for one in reversed(stored)]


@pytest.mark.parametrize("tag", ["", "Support"])
def test_pages_by_offset_and_by_cursor_agree(owner: Person, support: Inbox, tag: str) -> None:
    ids = _filled(support, 7)
    client = owner.program()
    by_offset = [
        row["id"]
        for offset in (0, 3, 6)
        for row in client.get("/api/emails", {"tag": tag, "limit": 3, "offset": offset}).json()
    ]
    by_cursor: list[int] = []
    wanted = {"tag": tag, "limit": "3"}
    while "cursor" not in wanted or wanted["cursor"]:
        answer = client.get("/api/emails", wanted)
        by_cursor += [row["id"] for row in answer.json()]
        wanted["cursor"] = answer.headers.get("X-Next-Cursor", "")
    assert by_offset == by_cursor == ids
    assert client.get("/api/emails", {"tag": tag}).headers["X-Total-Count"] == "7"


def test_every_filter_of_the_list(owner: Person, support: Inbox) -> None:
    newest, *_, oldest = ids = _filled(support, 4)
    client = owner.program()
    call(client, "patch", "/emails/read", {"ids": [newest], "is_read": True})
    with workspace_scope(owner.workspace.id):
        thread_id = Email.objects.get(id=oldest).thread_id
        Email.objects.get(id=oldest).thread.__class__.objects.filter(id=thread_id).update(status="done")

    def listed(**query: Any) -> list[int]:
        return [row["id"] for row in client.get("/api/emails", query).json()]

    assert listed(is_read="true") == [newest]
    assert listed(is_read="false") == ids[1:]
    assert listed(is_read="false", tag="support") == ids[1:]
    assert listed(status="done") == [oldest]
    assert listed(direction="outbound") == []
    assert listed(thread=thread_id) == [oldest]
    assert listed(**{"from": "2026-11-01T10:02:00Z"}) == ids[:2]
    assert listed(to="2026-11-01T10:02:00Z") == ids[2:]
    assert listed(**{"from": "2026-11-01", "to": "2026-11-01"}) == ids
    assert listed(search="mail subject:2 tag:support") == [ids[1]]
    assert listed(search="mail", is_read="true") == [newest]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"from": "soon"}, 400),
        ({"to": "2026-13-01"}, 400),
        ({"direction": "sideways"}, 422),
        ({"limit": "many"}, 422),
        ({"limit": "100000", "offset": "-5"}, 200),
        ({"search": "(((:*'\"\\ & |!"}, 200),
        ({"search": "\x01\uffff"}, 200),
        ({"thread": "9223372036854775808"}, 404),
    ],
)
def test_odd_queries_get_an_answer_of_their_own(
    owner: Person, support: Inbox, query: dict[str, str], status: int
) -> None:
    assert owner.program().get("/api/emails", query).status_code == status


@pytest.mark.parametrize("query", [{}, {"tag": "Support"}, {"search": "mail"}])
def test_the_list_takes_as_many_statements_for_forty_rows_as_for_four(
    owner: Person, support: Inbox, query: dict[str, str]
) -> None:
    client = owner.program()
    counts = []
    for number in (4, 40):
        _filled(support, number)
        client.get("/api/emails", query)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get("/api/emails", query)
        counts.append(len([one for one in queries if "emails" in one["sql"]]))
    assert counts == [1, 1]


def test_marking_read_changes_the_thread_and_refuses_ids_that_are_not_there(
    owner: Person, support: Inbox
) -> None:
    stored = receive(support)
    client = owner.program()
    answer = call(client, "patch", "/emails/read", {"ids": [stored.email_id], "is_read": True})
    assert answer.json() == {"updated": 1, "ids": [stored.email_id]}
    with workspace_scope(owner.workspace.id):
        assert Email.objects.get(id=stored.email_id).thread.unread_count == 0
    refused = call(client, "patch", "/emails/read", {"ids": [stored.email_id, 999_999], "is_read": False})
    assert refused.status_code == 404
    with workspace_scope(owner.workspace.id):
        assert Email.objects.get(id=stored.email_id).is_read


def test_a_thread_shows_its_messages_in_order_with_tasks_in_a_constant_number_of_statements(
    owner: Person, support: Inbox
) -> None:
    first = receive(support)
    client = owner.program()
    counts = []
    for number in range(3):
        receive(
            support,
            message_id=f"reply{number}@lumen.example",
            references=["first@lumen.example"],
            subject="Re: Refund for my order",
        )
        with CaptureQueriesContext(connection) as queries:
            thread = client.get(f"/api/emails/{first.email_id}/thread").json()
        counts.append(len(queries))
    assert len(set(counts)) == 1
    assert thread["thread_id"] == first.thread_id
    assert [one["message_id"] for one in thread["messages"]] == [
        "first@lumen.example",
        *(f"reply{number}@lumen.example" for number in range(3)),
    ]
    assert len(thread["tasks"]) == 4
    assert thread["inboxes"] == [{"tag": "Support", "colour": "blue"}]


def test_an_attachment_is_offered_under_its_name_and_never_run(owner: Person, support: Inbox) -> None:
    content = b"<script>alert(1)</script>"
    posted = POSTED | {
        "attachments": [{"filename": '../e\u0301vil "x".html', "content": b64encode(content).decode()}]
    }
    client = owner.program()
    stored = call(client, "post", "/emails", posted).json()
    answer = client.get(f"/api/emails/{stored['id']}/attachments/0")
    assert answer.content == content
    assert answer["Content-Disposition"].startswith("attachment; ")
    assert "/" not in answer["Content-Disposition"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]
    assert client.get(f"/api/emails/{stored['id']}/attachments/1").status_code == 404
    storage().remove_unused(stored["attachments"][0]["sha256"], timedelta(-1))
    assert client.get(f"/api/emails/{stored['id']}/attachments/0").status_code == 404


def test_an_outsider_finds_none_of_it(owner: Person, outsider: Person, support: Inbox) -> None:
    stored = receive(support)
    client = outsider.program()
    assert client.get("/api/emails").json() == []
    assert client.get("/api/emails", {"search": "refund"}).json() == []
    for path in ("", "/thread", "/raw", "/attachments/0"):
        assert client.get(f"/api/emails/{stored.email_id}{path}").status_code == 404
    assert client.get("/api/emails", {"thread": stored.thread_id}).status_code == 404
    assert client.get("/api/emails", {"cursor": stored.email_id}).status_code == 404
    assert call(client, "patch", "/emails/read", {"ids": [stored.email_id]}).status_code == 404


def test_nobody_in_particular_is_asked_to_sign_in(client: Any, db: None) -> None:
    for path in ("/emails", "/inboxes", "/auto-replies", "/sync/status"):
        assert client.get(f"/api{path}").status_code == 401


def test_the_analysis_says_what_the_machine_makes_of_a_message(owner: Person, support: Inbox) -> None:
    with workspace_scope(owner.workspace.id):
        add_document(owner.actor, title="Refunds", body="# Refunds\n\nA refund arrives within seven days.")
        stored = receive(support, text="When does my refund arrive?")
    run_jobs()
    body = owner.program().get(f"/api/emails/{stored.email_id}/ai-analysis").json()
    assert body["email_id"] == stored.email_id
    assert body["reply_verdict"]["may_answer"] is True
    assert [(one["title"], one["text"]) for one in body["passages"]] == [
        ("Refunds", "A refund arrives within seven days.")
    ]
    assert [reply["ai_model"] for reply in body["auto_replies"]] == ["offline"]
    assert (body["input_tokens"], body["output_tokens"], body["cost"]) == (0, 0, 0)


def test_the_analysis_of_our_own_mail_has_nothing_to_answer(owner: Person, support: Inbox) -> None:
    posted = {
        "to": ["ananya@lumen.example"],
        "subject": "Hello",
        "body": "A refund.",
        "from_inbox": "Support",
    }
    sent = call(owner.program(), "post", "/send-email", posted).json()
    body = owner.program().get(f"/api/emails/{sent['id']}/ai-analysis").json()
    assert (body["reply_verdict"], body["passages"], body["auto_replies"]) == (None, [], [])


@pytest.mark.parametrize("moment", [1_764_000_000, "1764000000", "-5.5", True, {}])
def test_a_moment_that_is_a_number_is_refused(owner: Person, support: Inbox, moment: Any) -> None:
    answer = call(owner.program(), "post", "/emails", {**POSTED, "date": moment})
    assert answer.status_code == 422, answer.content
    assert not Email.objects.exists()
