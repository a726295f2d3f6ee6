"""Sending, files, replies over REST."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from convergio.core.errors import NotFound
from convergio.core.storage import storage
from convergio.core.tenancy import workspace_scope
from convergio.mail.attachments import AttachmentReference
from convergio.mail.compose import Composed, send_email
from convergio.mail.drafts import DraftFields, delete_draft, list_drafts, save_draft
from convergio.mail.models import AutoReply, Email, Inbox
from tests.cast import Person
from tests.mail.api import call, inbox_of, receive

LETTER = {"to": "Ananya Rao <ananya@lumen.example>", "subject": "Your refund", "body": "It is on its way."}


@pytest.fixture
def support(owner: Person) -> Inbox:
    return inbox_of(owner)


def _upload(person: Person, name: str = "a.pdf", content: bytes = b"%PDF-1.7 x", **extra: Any) -> Any:
    file = SimpleUploadedFile(name, content, content_type="text/html")
    return person.program().post("/api/upload-attachment", {"file": file}, **extra)


def test_a_sent_mail_is_queued_once_with_the_senders_inbox(owner: Person, support: Inbox) -> None:
    answer = call(
        owner.program(), "post", "/send-email", LETTER | {"cc": ["b@lumen.example", "c@lumen.example"]}
    )
    assert answer.status_code == 201
    mail = answer.json()
    assert (mail["delivery_state"], mail["direction"], mail["tag"]) == ("queued", "outbound", "Support")
    assert (mail["from_address"], mail["to_address"]) == ("support@convergio.test", "ananya@lumen.example")
    assert [one["address"] for one in mail["cc"]] == ["b@lumen.example", "c@lumen.example"]
    assert mail["reply_verdict"] is None


def test_the_same_idempotency_key_sends_once(owner: Person, support: Inbox) -> None:
    client = owner.program()
    first, second = (
        call(client, "post", "/send-email", LETTER, **{"Idempotency-Key": "refund-1"}) for _ in range(2)
    )
    assert first.json()["id"] == second.json()["id"]
    with workspace_scope(owner.workspace.id):
        assert Email.objects.filter(direction="outbound").count() == 1


def test_a_reply_carries_the_threading_headers_and_takes_the_parents_inbox_and_subject(
    owner: Person, support: Inbox
) -> None:
    inbox_of(owner, "hello@convergio.test")
    parent = receive(support, references=["root@lumen.example"])
    body = {"to": "ananya@lumen.example", "body_html": "<p>Today, <b>surely</b>.</p>"}
    answer = call(
        owner.program(), "post", "/send-email", body | {"parent_message_id": "<first@lumen.example>"}
    )
    mail = answer.json()
    assert (mail["thread_id"], mail["tag"]) == (parent.thread_id, "Support")
    assert mail["subject"] == "Re: Refund for my order"
    assert mail["body_text"].strip() == "Today, surely."
    assert mail["references"] == ["root@lumen.example", "first@lumen.example"]
    with workspace_scope(owner.workspace.id):
        assert b"In-Reply-To: <first@lumen.example>" in bytes(Email.objects.get(id=mail["id"]).raw_source)


def test_an_unknown_parent_is_found_by_the_latest_known_reference(owner: Person, support: Inbox) -> None:
    parent = receive(support)
    chain = "<root@lumen.example> <first@lumen.example> <later@lumen.example>"
    body = LETTER | {"parent_message_id": "<gone@lumen.example>", "references_chain": chain}
    assert call(owner.program(), "post", "/send-email", body).json()["thread_id"] == parent.thread_id
    body = LETTER | {"parent_message_id": "<gone@lumen.example>"}
    assert call(owner.program(), "post", "/send-email", body).status_code == 404


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"to": ""}, 400, "no_recipient"),
        ({"to": "nobody"}, 400, "invalid_address"),
        ({"bcc": "x@"}, 400, "invalid_message"),
        ({"subject": "a\r\nBcc: x@lumen.example"}, 201, None),
        ({"body": " "}, 400, "empty_email"),
        ({"to": ",".join(f"p{number}@lumen.example" for number in range(101))}, 413, "too_many_recipients"),
        ({"from_inbox": "Nowhere"}, 404, "not_found"),
        ({"attachments": [{"id": 999999}]}, 404, "not_found"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_a_code(
    owner: Person, support: Inbox, changes: dict[str, Any], status: int, code: str | None
) -> None:
    answer = call(owner.program(), "post", "/send-email", LETTER | changes)
    assert (answer.status_code, answer.json().get("code")) == (status, code)
    if status == 201:
        assert answer.json()["subject"] == "a Bcc: x@lumen.example"


def test_with_several_inboxes_one_must_be_named_by_id_address_or_tag(owner: Person, support: Inbox) -> None:
    hello = inbox_of(owner, "hello@convergio.test")
    client = owner.program()
    assert call(client, "post", "/send-email", LETTER).json()["code"] == "inbox_needed"
    for named in (hello.id, "HELLO", "hello@convergio.test"):
        assert call(client, "post", "/send-email", LETTER | {"from_inbox": named}).json()["tag"] == "Hello"


def test_an_uploaded_file_is_typed_by_its_bytes_and_sent(owner: Person, support: Inbox) -> None:
    stored = _upload(owner, "../../etc/report.html").json()
    assert (stored["filename"], stored["content_type"], stored["size"]) == (
        "report.html",
        "application/pdf",
        10,
    )
    body = LETTER | {"attachments": [{"id": stored["id"], "filename": "refund.pdf"}]}
    mail = call(owner.program(), "post", "/send-email", body).json()
    assert mail["attachments"][0]["filename"] == "refund.pdf"
    with workspace_scope(owner.workspace.id):
        assert b'filename="refund.pdf"' in bytes(Email.objects.get(id=mail["id"]).raw_source)


def test_a_file_too_large_and_an_empty_one_are_refused(
    owner: Person, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    assert _upload(owner, content=b"x" * (25 * 1024 * 1024 + 1)).status_code == 413
    assert _upload(owner, content=b"").json()["code"] == "empty_attachment"


def test_an_outsider_cannot_send_our_files_answer_our_mail_or_use_our_inbox(
    owner: Person, outsider: Person, support: Inbox
) -> None:
    theirs = inbox_of(outsider, "hello@elsewhere.test")
    receive(support)
    file_id = _upload(owner).json()["id"]
    client = outsider.program()
    for changes in (
        {"attachments": [{"id": file_id}]},
        {"parent_message_id": "first@lumen.example"},
        {"from_inbox": support.id},
        {"from_inbox": "support@convergio.test"},
    ):
        assert (
            call(client, "post", "/send-email", {"from_inbox": theirs.id} | LETTER | changes).status_code
            == 404
        )
    with workspace_scope(outsider.workspace.id):
        assert not Email.objects.exists()


def _draft(client: Any, email_id: int, **changes: Any) -> Any:
    body = {"email_id": email_id, "reply_text": "It was sent on Monday.", "ai_model": "n8n", **changes}
    return call(client, "post", "/auto-replies", body)


def test_a_posted_reply_is_the_draft_of_its_conversation(owner: Person, support: Inbox) -> None:
    stored = receive(support)
    client = owner.program()
    first = _draft(client, stored.email_id).json()
    second = _draft(client, stored.email_id, reply_text="It was sent on Tuesday.").json()
    assert first["id"] == second["id"]
    assert (second["status"], second["ai_model"], second["email_id"]) == ("drafted", "n8n", stored.email_id)
    [listed] = client.get("/api/auto-replies", {"status": "drafted"}).json()
    assert listed["reply_text"] == "It was sent on Tuesday."
    assert client.get(f"/api/emails/{stored.email_id}").json()["auto_replies"] == [listed]


def test_an_approved_reply_is_sent_once_with_the_edited_text(owner: Person, support: Inbox) -> None:
    stored = receive(support)
    client = owner.program()
    reply = _draft(client, stored.email_id).json()
    answer = call(client, "post", f"/auto-replies/{reply['id']}/approve", {"reply_text": "Edited."})
    assert answer.json()["status"] == "approved"
    again = call(client, "post", f"/auto-replies/{reply['id']}/approve")
    assert (again.status_code, again.json()["code"]) == (409, "reply_already_decided")
    sent = client.get(f"/api/emails/{answer.json()['sent_email_id']}").json()
    assert (sent["body_text"].strip(), sent["delivery_state"]) == ("Edited.", "queued")


def test_a_person_may_approve_a_reply_to_mail_that_no_machine_may_answer(
    owner: Person, support: Inbox
) -> None:
    client = owner.program()
    stored = receive(support, headers=["List-Id: <news.lumen.example>"])
    reply = _draft(client, stored.email_id).json()
    assert call(client, "post", f"/auto-replies/{reply['id']}/approve").json()["status"] == "approved"


def test_a_rejected_reply_stays_unsent(owner: Person, support: Inbox) -> None:
    client = owner.program()
    reply = _draft(client, receive(support).email_id).json()
    assert call(client, "post", f"/auto-replies/{reply['id']}/reject").json()["status"] == "rejected"
    assert call(client, "post", f"/auto-replies/{reply['id']}/approve").status_code == 409


def test_a_persons_own_answer_retires_the_machines_draft(owner: Person, support: Inbox) -> None:
    stored = receive(support)
    client = owner.program()
    reply = _draft(client, stored.email_id).json()
    call(client, "post", "/send-email", LETTER | {"parent_message_id": "first@lumen.example"})
    assert client.get(f"/api/auto-replies/{reply['id']}").json()["status"] == "superseded"


def test_a_reply_that_no_person_could_send_is_refused(owner: Person, support: Inbox) -> None:
    client = owner.program()
    stored = receive(support)
    sent = call(client, "post", "/send-email", LETTER).json()
    assert _draft(client, stored.email_id, reply_text=" ").json()["code"] == "empty_reply"
    assert _draft(client, sent["id"]).json()["code"] == "not_inbound"
    assert _draft(client, stored.email_id, confidence=2).status_code == 422


def test_an_outsider_finds_no_reply(owner: Person, outsider: Person, support: Inbox) -> None:
    stored = receive(support)
    reply = _draft(owner.program(), stored.email_id).json()
    client = outsider.program()
    assert client.get("/api/auto-replies").json() == []
    assert client.get("/api/auto-replies", {"email_id": stored.email_id}).status_code == 404
    assert client.get("/api/auto-replies", {"cursor": reply["id"]}).status_code == 404
    assert client.get(f"/api/auto-replies/{reply['id']}").status_code == 404
    assert _draft(client, stored.email_id).status_code == 404
    for decision in ("approve", "reject"):
        assert call(client, "post", f"/auto-replies/{reply['id']}/{decision}").status_code == 404
    with workspace_scope(owner.workspace.id):
        assert AutoReply.objects.get().status == "drafted"


def test_a_draft_is_kept_for_its_writer_until_it_is_sent(
    owner: Person, teammate: Person, outsider: Person, support: Inbox
) -> None:
    with workspace_scope(owner.workspace.id):
        draft_id = save_draft(owner.actor, DraftFields(to="anan", subject="Unfinished"))
        again = save_draft(
            owner.actor, DraftFields(to="ananya@lumen.example"), draft_id=draft_id, inbox_id=support.id
        )
        assert again == draft_id
        [draft] = list_drafts(owner.actor)
        assert (draft.recipients["to"], draft.subject, draft.inbox_id) == (
            "ananya@lumen.example",
            "",
            support.id,
        )
        assert list_drafts(teammate.actor) == []
        with pytest.raises(NotFound):
            save_draft(teammate.actor, DraftFields(), draft_id=draft_id)
        composed = Composed(inbox_id=support.id, to="ananya@lumen.example", html="<p>Done</p>")
        send_email(owner.actor, composed, draft_id=draft_id)
        assert list_drafts(owner.actor) == []
        with pytest.raises(NotFound):
            delete_draft(owner.actor, draft_id)
    with workspace_scope(outsider.workspace.id), pytest.raises(NotFound):
        save_draft(outsider.actor, DraftFields(), inbox_id=support.id)


def test_what_a_person_sends_waits_for_the_undo_window_and_what_a_program_sends_does_not(
    owner: Person, support: Inbox
) -> None:
    composed = Composed(inbox_id=support.id, to="ananya@lumen.example", text="Hello")
    by_key = owner.actor.__class__(
        workspace_id=owner.workspace.id, user_id=owner.user.id, role="owner", via="api_key"
    )
    with workspace_scope(owner.workspace.id):
        by_person, by_program = (
            Email.objects.get(id=send_email(actor, composed)) for actor in (owner.actor, by_key)
        )
        assert by_person.send_after is not None
        assert by_program.send_after is not None
        assert (by_person.send_after - by_program.send_after).total_seconds() > 5


def test_an_attachment_of_our_own_that_was_forged_by_hash_is_not_found(owner: Person, support: Inbox) -> None:
    storage().put(b"another workspace's secret")
    forged = [AttachmentReference(1)]
    composed = Composed(inbox_id=support.id, to="a@lumen.example", text="x", attachments=forged)
    with workspace_scope(owner.workspace.id), pytest.raises(NotFound):
        send_email(owner.actor, composed)
