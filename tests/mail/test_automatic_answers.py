"""Rules 37 to 39: how often a machine answers by itself, whom, and how its mail looks."""

from __future__ import annotations

import threading
from datetime import timedelta
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from convergio.accounts.actor import Actor
from convergio.ai.interface import DraftRequest
from convergio.core import clock, sql
from convergio.core.tenancy import workspace_scope
from convergio.mail import limits
from convergio.mail.actions import send_reply
from convergio.mail.drafting import draft_reply
from convergio.mail.ingest import Receiver, store_messages
from convergio.mail.limits import find_limit
from convergio.mail.models import AutoReply, Email, Inbox
from tests.ai.scripted import ScriptedModel
from tests.billing.tokens import give_tokens
from tests.cast import make_user, make_workspace
from tests.jobs import run_jobs
from tests.mail.live import value
from tests.mail.messages import arrival, make_inbox, raw_message, receiver_of


@pytest.fixture
def auto(inbox: Inbox, scripted: ScriptedModel) -> ScriptedModel:
    """The inbox answers by itself."""
    Inbox.objects.filter(id=inbox.id).update(reply_mode="auto")
    return scripted


def ask(receiver: Receiver, number: int, *, headers: str = "", **changes: Any) -> None:
    """A question in a conversation of its own arrives now."""
    raw = raw_message(
        **{
            "message_id": f"{number}@lumen.example",
            "subject": f"Matter {number}",
            "date": clock.now(),
            **changes,
        }
    )
    store_messages(receiver, [arrival(headers.encode() + raw, clock.now())])
    run_jobs(also_scheduled=True)


def answers(outbox: Path) -> list[Message]:
    return [message_from_bytes(file.read_bytes()) for file in sorted(outbox.glob("*.eml"))]


def held_back() -> list[str]:
    return list(AutoReply.objects.filter(status="drafted").values_list("handover_reason", flat=True))


@pytest.mark.usefixtures("auto")
def test_rule_38_it_goes_to_the_return_path_and_to_nobody_else(receiver: Receiver, outbox: Path) -> None:
    headers = "Return-Path: <returns@lumen.example>\r\n"
    ask(receiver, 1, headers=headers, cc="tanvi@spice.example")
    [sent] = answers(outbox)
    assert (sent["To"], sent["Cc"]) == ("returns@lumen.example", None)
    assert AutoReply.objects.get().status == "sent"


@pytest.mark.usefixtures("auto")
@pytest.mark.parametrize("path", ["", "Return-Path: <ananya>\r\n", "Return-Path: <a b@lumen.example>\r\n"])
def test_rule_38_without_a_usable_return_path_it_goes_to_from(
    receiver: Receiver, outbox: Path, path: str
) -> None:
    ask(receiver, 1, headers=path)
    assert [sent["To"] for sent in answers(outbox)] == ["Ananya Rao <ananya@lumen.example>"]


@pytest.mark.usefixtures("auto")
def test_an_address_that_no_mail_can_go_to_leaves_the_draft_to_a_person(
    receiver: Receiver, outbox: Path
) -> None:
    ask(receiver, 1, sender='"ananya rao"@lumen.example')
    assert answers(outbox) == []
    [reason] = held_back()
    assert "is not a mail address" in reason


@pytest.mark.usefixtures("auto")
def test_rule_39_it_says_that_it_is_a_machine_and_quotes_nothing(receiver: Receiver, outbox: Path) -> None:
    ask(receiver, 1, references=["zero@lumen.example"])
    [sent] = answers(outbox)
    assert (sent["Auto-Submitted"], sent["X-Auto-Response-Suppress"]) == ("auto-replied", "All")
    assert sent["In-Reply-To"] == "<1@lumen.example>"
    assert sent["References"].split() == ["<zero@lumen.example>", "<1@lumen.example>"]
    assert (sent.get_content_type(), "When does my refund arrive?" in str(sent)) == ("text/plain", False)


@pytest.mark.usefixtures("auto")
def test_rule_37_one_automatic_answer_per_sender_in_seven_days(receiver: Receiver, outbox: Path) -> None:
    for number in range(3):
        ask(receiver, number)
    assert len(answers(outbox)) == 1
    assert ["less than 7 days ago" in reason for reason in held_back()] == [True, True]


@pytest.mark.usefixtures("auto")
@pytest.mark.parametrize(
    "paths",
    [
        ["Returns@Lumen.example", "returns@lumen.EXAMPLE"],
        ["ananya=17@mail.lumen.example", "ananya=18@mail.lumen.example"],
    ],
    ids=["other case", "another one for each message"],
)
def test_rule_37_a_return_path_that_differs_from_the_sender_gets_no_second_answer(
    receiver: Receiver, outbox: Path, paths: list[str]
) -> None:
    for number, path in enumerate(paths):
        ask(receiver, number, headers=f"Return-Path: <{path}>\r\n")
    assert [sent["To"] for sent in answers(outbox)] == paths[:1]


@pytest.mark.usefixtures("auto")
def test_rule_37_a_persons_answer_between_allows_the_next_automatic_one(
    receiver: Receiver, actor: Actor, outbox: Path
) -> None:
    ask(receiver, 1)
    ask(receiver, 2)
    send_reply(actor, AutoReply.objects.get(status="drafted").id)
    sql.execute("UPDATE emails SET send_after = now() - interval '1 second' WHERE delivery_state = 'queued'")
    run_jobs(also_scheduled=True)
    ask(receiver, 3)
    automatic = {sent["Subject"] for sent in answers(outbox) if sent["Auto-Submitted"]}
    assert automatic == {"Re: Matter 1", "Re: Matter 3"}


@pytest.mark.usefixtures("auto")
def test_rule_37_another_automatic_answer_is_allowed_after_seven_days(
    receiver: Receiver, outbox: Path
) -> None:
    ask(receiver, 1)
    Email.objects.filter(is_automatic=True).update(received_at=clock.now() - timedelta(days=7, minutes=1))
    ask(receiver, 2)
    assert len(answers(outbox)) == 2


@pytest.mark.usefixtures("auto")
def test_rule_37_a_conversation_and_an_address_have_hard_caps(receiver: Receiver, inbox: Inbox) -> None:
    def limit(thread_id: int, inbox_id: int) -> str:
        found = find_limit(
            inbox.workspace_id,
            inbox_id=inbox_id,
            thread_id=thread_id,
            sender="ananya@lumen.example",
            answer_to="ananya@lumen.example",
        )
        return found.reason if found else ""

    quiet = make_inbox(inbox.workspace, "quiet@convergio.test")
    for number in range(limits.MOST_TO_AN_ADDRESS_A_DAY):
        if number == limits.MOST_IN_A_THREAD:
            thread_id = Email.objects.filter(is_automatic=True).latest("id").thread_id
            Email.objects.filter(is_automatic=True).update(thread_id=thread_id)
            assert limit(thread_id, quiet.id) == "thread_limit"
        assert limit(0, quiet.id) == ""
        ask(receiver, number)
        # As if a person had answered each time.
        Email.objects.filter(is_automatic=True).update(received_at=clock.now() - timedelta(hours=1))
        Inbox.objects.filter(id=inbox.id).update(auto_paused_until=None)
        _person_answers(receiver, number)
    assert limit(0, quiet.id) == "address_limit"


def _person_answers(receiver: Receiver, number: int) -> None:
    store_messages(
        receiver, [arrival(raw_message(message_id=f"{number}@convergio.test", to="ananya@lumen.example"))]
    )
    Email.objects.filter(message_id=f"{number}@convergio.test").update(
        direction="outbound", to_address="Ananya@lumen.example", received_at=clock.now()
    )


@pytest.mark.usefixtures("auto")
def test_rule_37_too_many_in_an_hour_open_the_breaker_with_a_notice(
    receiver: Receiver, inbox: Inbox, outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("convergio.mail.limits.MOST_OF_AN_INBOX_AN_HOUR", 2)
    for number in range(4):
        ask(receiver, number, sender=f"p{number}@lumen.example")
    assert len(answers(outbox)) == 2
    inbox.refresh_from_db()
    assert inbox.auto_paused_until is not None
    assert inbox.auto_paused_until > clock.now()
    paused = "SELECT count(*) FROM activity WHERE action = 'auto_replies.paused'"
    assert sql.fetch_value(paused) == 1
    assert "are paused" in held_back()[-1]


def test_rule_37_two_workers_at_once_send_one_answer(committed: None, scripted: ScriptedModel) -> None:
    workspace = make_workspace(make_user("owner"))
    give_tokens(workspace.owner_id)
    receiver = receiver_of(make_inbox(workspace, reply_mode="auto"))
    raws = [raw_message(message_id=f"{n}@lumen.example", subject=f"Matter {n}") for n in range(6)]
    stored = store_messages(receiver, [arrival(raw) for raw in raws])
    together = threading.Barrier(len(raws))

    def think_together(_: DraftRequest) -> None:
        together.wait(30)

    def work(email_id: int) -> None:
        draft_reply(workspace.id, email_id)
        connection.close()

    scripted.meanwhile = think_together
    workers = [threading.Thread(target=work, args=[one.email_id]) for one in stored]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert value(workspace.id, "SELECT count(*) FROM auto_replies") == 6
    assert value(workspace.id, "SELECT count(*) FROM emails WHERE is_automatic") == 1
    with workspace_scope(workspace.id):
        assert Inbox.objects.get().auto_paused_until is None
