"""Drafts, decisions and limits: what a machine may write, and what it may send."""

from __future__ import annotations

from email import message_from_bytes
from pathlib import Path

import pytest

from convergio.accounts.actor import Actor, system
from convergio.ai.actions import add_document
from convergio.ai.interface import DraftRequest
from convergio.core import clock, sql
from convergio.mail.actions import reject_reply, send_reply, undo_send
from convergio.mail.drafting import draft_reply
from convergio.mail.errors import ReplyAlreadyDecided
from convergio.mail.ingest import Receiver, store_messages
from convergio.mail.models import AutoReply, Email, Inbox
from tests.ai.scripted import ScriptedModel
from tests.jobs import run_jobs
from tests.mail.messages import SUPPORT, arrival, make_inbox, raw_message, receiver_of


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


def test_rule_13_a_backfilled_question_gets_no_draft_and_a_follow_up_is_answered_alone(
    receiver: Receiver, scripted: ScriptedModel
) -> None:
    store_messages(receiver, [arrival(raw_message(text="Is the shop open?"))], backfill=True)
    run_jobs()
    assert not AutoReply.objects.exists()
    follow_up = raw_message(
        message_id="second@lumen.example", references=["first@lumen.example"], text="And on Sunday?"
    )
    [stored] = store_messages(receiver, [arrival(follow_up)])
    run_jobs()
    assert AutoReply.objects.get().email_id == stored.email_id
    assert [request.question.strip() for request in scripted.asked] == ["And on Sunday?"]


def test_rule_51_a_model_is_asked_without_the_quoted_mail(
    receiver: Receiver, scripted: ScriptedModel
) -> None:
    text = "Which size?\n\nOn 24 November 2026, Support <support@convergio.test> wrote:\n> The hoodie is sold out.\n"
    store_messages(receiver, [arrival(raw_message(text=text))])
    run_jobs()
    assert [request.question for request in scripted.asked] == ["Which size?"]


def test_a_draft_that_may_be_sent_waits_in_an_inbox_that_only_drafts(
    receiver: Receiver, scripted: ScriptedModel
) -> None:
    draft = draft_for(receiver, raw_message())
    assert (draft.ai_model, draft.reply_text) == (scripted.name, scripted.text)
    assert not Email.objects.filter(direction="outbound").exists()


def test_rule_40_a_slow_answer_to_an_old_question_does_not_replace_the_newer_draft(
    receiver: Receiver, scripted: ScriptedModel
) -> None:
    def write_meanwhile(request: DraftRequest) -> None:
        """The follow-up arrives, and gets its draft, while the model still thinks about the first mail."""
        scripted.meanwhile = None
        follow_up = raw_message(message_id="second@lumen.example", references=["first@lumen.example"])
        [second] = store_messages(receiver, [arrival(follow_up)])
        scripted.text = "To both."
        draft_reply(receiver.workspace_id, second.email_id)
        scripted.text = "To the first only."

    [first] = store_messages(receiver, [arrival(raw_message())])
    scripted.meanwhile = write_meanwhile
    draft_reply(receiver.workspace_id, first.email_id)
    assert [reply.reply_text for reply in AutoReply.objects.all()] == ["To both."]


def test_rule_40_of_two_conversations_that_become_one_the_older_draft_stays(receiver: Receiver) -> None:
    first = draft_for(receiver, raw_message())
    store_messages(
        receiver, [arrival(raw_message(message_id="other@lumen.example", subject="Another matter"))]
    )
    run_jobs()
    joint = raw_message(
        message_id="joint@lumen.example", references=["first@lumen.example", "other@lumen.example"]
    )
    store_messages(receiver, [arrival(joint)])
    run_jobs()
    assert list(AutoReply.objects.order_by("id").values_list("status", flat=True)) == [
        "drafted",
        "superseded",
    ]
    assert AutoReply.objects.get(status="drafted").id == first.id


def test_an_inbox_that_is_off_gets_no_draft(receiver: Receiver, inbox: Inbox) -> None:
    Inbox.objects.filter(id=inbox.id).update(reply_mode="off")
    store_messages(receiver, [arrival(raw_message())])
    run_jobs()
    assert not AutoReply.objects.exists()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["support first", "hello first"])
@pytest.mark.parametrize("hello", [{"reply_mode": "off"}, {"reply_mode": "draft"}], ids=str)
@pytest.mark.parametrize("to", [SUPPORT, f"{SUPPORT}, hello@convergio.test"], ids=["to one", "to both"])
def test_rule_24_the_draft_does_not_depend_on_which_inbox_is_read_first(
    inbox: Inbox, order: tuple[int, int], hello: dict[str, str], to: str
) -> None:
    inboxes = [inbox, make_inbox(inbox.workspace, "hello@convergio.test", **hello)]
    for number in order:
        store_messages(receiver_of(inboxes[number]), [arrival(raw_message(to=to))])
        run_jobs()
    draft = AutoReply.objects.get()
    expected = order[0] if hello["reply_mode"] == "draft" and to != SUPPORT else 0
    assert (draft.status, draft.inbox_id) == ("drafted", inboxes[expected].id)
    assert draft.email.reply_reason == "ok"


def test_rule_24_a_copy_in_a_second_inbox_does_not_bring_a_rejected_draft_back(
    receiver: Receiver, inbox: Inbox, actor: Actor
) -> None:
    raw = raw_message(to=f"{SUPPORT}, hello@convergio.test")
    reject_reply(actor, draft_for(receiver, raw).id)
    hello = make_inbox(inbox.workspace, "hello@convergio.test", reply_mode="draft")
    store_messages(receiver_of(hello), [arrival(raw)])
    run_jobs()
    assert AutoReply.objects.get().status == "rejected"


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
    sql.execute("UPDATE emails SET received_at = received_at - interval '1 minute'")
    store_messages(receiver, [arrival(again, clock.now())])
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


def test_the_system_is_not_a_person(inbox: Inbox) -> None:
    assert system(inbox.workspace_id).user_id is None
