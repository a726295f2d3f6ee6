"""Drafts, decisions and limits: what a machine may write, and what it may send."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path

import pytest

from convergio.accounts.actor import Actor, system
from convergio.ai.actions import add_document
from convergio.ai.interface import Draft, DraftRequest
from convergio.ai.providers import MODELS
from convergio.core import clock, sql
from convergio.mail.actions import reject_reply, send_reply, undo_send
from convergio.mail.errors import ReplyAlreadyDecided
from convergio.mail.ingest import Receiver, store_messages
from convergio.mail.models import AutoReply, Email, Inbox
from tests.jobs import run_jobs
from tests.mail.messages import arrival, raw_message


@pytest.fixture
def actor(inbox: Inbox) -> Actor:
    return Actor(workspace_id=inbox.workspace_id, user_id=inbox.workspace.owner_id, role="owner")


@pytest.fixture
def outbox(inbox: Inbox, tmp_path: Path) -> Path:
    """The inbox's outbox folder, made."""
    for name in ("new", "cur", "tmp"):
        (tmp_path / "mail" / name).mkdir(parents=True)
    outbox = tmp_path / "outbox"
    outbox.mkdir()
    Inbox.objects.filter(id=inbox.id).update(maildir_path=str(tmp_path / "mail"), outbox_path=str(outbox))
    return outbox


class ScriptedModel:
    """Answers what the test says, and may be sent."""

    def draft_reply(self, request: DraftRequest) -> Draft:
        return Draft(
            text=f"Scripted answer to: {request.subject}",
            citations=[],
            model="scripted",
            confidence=0.9,
            may_send=True,
        )


@pytest.fixture
def scripted_model(settings: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS, "scripted", ScriptedModel)
    settings.AI_MODEL = "scripted"  # type: ignore[attr-defined]


def leave_now() -> None:
    """End every undo window."""
    sql.execute("UPDATE emails SET send_after = now() - interval '1 second' WHERE delivery_state = 'queued'")


def draft_for(receiver: Receiver, raw: bytes) -> AutoReply:
    store_messages(receiver, [arrival(raw)])
    run_jobs()
    return AutoReply.objects.get(status="drafted")


def test_a_question_gets_one_draft_that_quotes_the_knowledge_base(receiver: Receiver, actor: Actor) -> None:
    add_document(actor, title="Refunds", body="# Refunds\n\nA refund arrives within seven working days.")
    draft = draft_for(receiver, raw_message(text="When does my refund arrive?"))
    assert "A refund arrives within seven working days." in draft.reply_text
    assert draft.citations[0]["title"] == "Refunds"
    assert (draft.ai_model, draft.input_tokens, draft.output_tokens, draft.cost) == ("offline", 0, 0, 0)


def test_rule_40_a_follow_up_renews_the_draft_on_the_first_unanswered_message(
    receiver: Receiver, actor: Actor
) -> None:
    add_document(actor, title="Refunds", body="# Refunds\n\nA refund arrives within seven working days.")
    add_document(actor, title="Shipping", body="# Shipping\n\nHoodies are shipped every Tuesday by courier.")
    first = draft_for(receiver, raw_message(text="When does my refund arrive?"))
    follow_up = raw_message(
        message_id="second@lumen.example",
        references=["first@lumen.example"],
        subject="Re: Refund for my order",
        text="And when are hoodies shipped?",
    )
    renewed = draft_for(receiver, follow_up)
    assert renewed.id == first.id
    assert renewed.email_id == first.email_id
    assert "shipped every Tuesday" in renewed.reply_text


@pytest.mark.parametrize(
    ("headers", "reason"),
    [(["Auto-Submitted: auto-replied"], "auto_submitted"), (["List-Id: <news.lumen.example>"], "list_mail")],
)
def test_rule_31_and_32_automatic_mail_gets_a_stored_reason_and_no_draft(
    receiver: Receiver, headers: list[str], reason: str
) -> None:
    [stored] = store_messages(receiver, [arrival(raw_message(headers=headers))])
    run_jobs()
    assert not AutoReply.objects.exists()
    email = Email.objects.get(id=stored.email_id)
    assert (email.reply_allowed, email.reply_reason) == (False, reason)
    assert email.reply_rule


def test_rule_13_a_backfilled_question_gets_no_draft_not_even_by_a_follow_up(receiver: Receiver) -> None:
    store_messages(receiver, [arrival(raw_message())], backfill=True)
    run_jobs()
    assert not AutoReply.objects.exists()


def test_an_inbox_that_is_off_gets_no_draft(receiver: Receiver, inbox: Inbox) -> None:
    Inbox.objects.filter(id=inbox.id).update(reply_mode="off")
    store_messages(receiver, [arrival(raw_message())])
    run_jobs()
    assert not AutoReply.objects.exists()


def test_an_approved_draft_leaves_as_one_file_with_threading_headers(
    receiver: Receiver, actor: Actor, outbox: Path
) -> None:
    draft = draft_for(receiver, raw_message(references=["zero@lumen.example"]))
    email_id = send_reply(actor, draft.id)
    leave_now()
    run_jobs(also_scheduled=True)
    [file] = outbox.glob("*.eml")
    sent = message_from_bytes(file.read_bytes())
    assert sent["In-Reply-To"] == "<first@lumen.example>"
    assert sent["References"].split() == ["<zero@lumen.example>", "<first@lumen.example>"]
    assert sent["To"] == "Ananya Rao <ananya@lumen.example>"
    assert sent["Subject"] == "Re: Refund for my order"
    # Rule 39: what a person approved is that person's mail.
    assert sent["Auto-Submitted"] is None
    email = Email.objects.get(id=email_id)
    assert (email.delivery_state, email.direction, email.thread_id) == ("sent", "outbound", draft.thread_id)
    draft.refresh_from_db()
    assert (draft.status, draft.reviewed_by_id, draft.sent_email_id) == ("sent", actor.user_id, email_id)


def test_an_answered_conversation_gets_no_new_draft_until_somebody_writes_again(
    receiver: Receiver, actor: Actor, outbox: Path
) -> None:
    draft = draft_for(receiver, raw_message())
    send_reply(actor, draft.id)
    leave_now()
    run_jobs(also_scheduled=True)
    assert not AutoReply.objects.filter(status="drafted").exists()
    again = raw_message(
        message_id="again@lumen.example", references=["first@lumen.example"], text="One more thing."
    )
    sent_at: datetime = sql.fetch_value("SELECT max(received_at) FROM emails")
    store_messages(receiver, [arrival(again, sent_at + timedelta(minutes=1))])
    run_jobs()
    assert AutoReply.objects.filter(status="drafted").count() == 1


def test_a_draft_is_decided_once(receiver: Receiver, actor: Actor) -> None:
    draft = draft_for(receiver, raw_message())
    send_reply(actor, draft.id)
    with pytest.raises(ReplyAlreadyDecided):
        send_reply(actor, draft.id)
    with pytest.raises(ReplyAlreadyDecided):
        reject_reply(actor, draft.id)
    assert Email.objects.filter(direction="outbound").count() == 1


def test_rule_46_undo_edit_send_gives_exactly_one_mail_with_the_new_text(
    receiver: Receiver, actor: Actor, outbox: Path
) -> None:
    draft = draft_for(receiver, raw_message())
    undo_send(actor, send_reply(actor, draft.id))
    send_reply(actor, draft.id, text="The new text.")
    leave_now()
    run_jobs(also_scheduled=True)
    [file] = outbox.glob("*.eml")
    assert "The new text." in message_from_bytes(file.read_bytes()).get_payload()


def test_the_offline_provider_never_sends_by_itself(receiver: Receiver, inbox: Inbox) -> None:
    Inbox.objects.filter(id=inbox.id).update(reply_mode="auto")
    draft_for(receiver, raw_message())
    assert not Email.objects.filter(direction="outbound").exists()


@pytest.mark.usefixtures("scripted_model")
def test_rules_38_and_39_auto_mode_answers_the_return_path_and_says_that_it_is_a_machine(
    receiver: Receiver, inbox: Inbox, outbox: Path
) -> None:
    Inbox.objects.filter(id=inbox.id).update(reply_mode="auto")
    store_messages(receiver, [arrival(b"Return-Path: <returns@lumen.example>\r\n" + raw_message())])
    run_jobs(also_scheduled=True)
    [file] = outbox.glob("*.eml")
    sent = message_from_bytes(file.read_bytes())
    assert sent["Auto-Submitted"] == "auto-replied"
    assert sent["X-Auto-Response-Suppress"] == "All"
    assert AutoReply.objects.get().status == "sent"


@pytest.mark.usefixtures("scripted_model")
def test_rule_37_one_automatic_answer_per_sender_in_seven_days(
    receiver: Receiver, inbox: Inbox, outbox: Path
) -> None:
    Inbox.objects.filter(id=inbox.id).update(reply_mode="auto")
    for number in range(3):
        store_messages(
            receiver, [arrival(raw_message(message_id=f"{number}@lumen.example", subject=f"Matter {number}"))]
        )
        run_jobs(also_scheduled=True)
    assert len(list(outbox.glob("*.eml"))) == 1
    held = AutoReply.objects.filter(status="drafted")
    assert held.count() == 2
    assert all("less than 7 days ago" in reply.handover_reason for reply in held)


@pytest.mark.usefixtures("scripted_model")
def test_rule_37_too_many_in_an_hour_open_the_breaker_with_a_notice(
    receiver: Receiver, inbox: Inbox, outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("convergio.mail.limits.MOST_OF_AN_INBOX_AN_HOUR", 2)
    Inbox.objects.filter(id=inbox.id).update(reply_mode="auto")
    for number in range(4):
        raw = raw_message(
            message_id=f"{number}@lumen.example", sender=f"p{number}@lumen.example", subject=f"M {number}"
        )
        store_messages(receiver, [arrival(raw, clock.now())])
        run_jobs(also_scheduled=True)
    assert len(list(outbox.glob("*.eml"))) == 2
    inbox.refresh_from_db()
    assert inbox.auto_paused_until is not None
    assert inbox.auto_paused_until > datetime.now(UTC)
    noted = Counter(sql.fetch_column("SELECT action FROM activity"))
    assert noted == {"draft.made": 4, "mail.sent": 2, "auto_replies.paused": 1}


def test_the_system_is_not_a_person(inbox: Inbox) -> None:
    assert system(inbox.workspace_id).user_id is None
