"""Proof 1: mail dropped into a running demo becomes threads, tasks and drafts, and one approved reply leaves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any
from urllib.error import HTTPError

import pytest

from tests.proofs.report import report
from tests.support.commands import Demo, running_demo, wait_until
from tests.support.postgres import reachable_folder

pytestmark = pytest.mark.proof(quick=True)

INBOX = "support@convergio.test"
SENDER = "ananya@lumen.example"
QUESTION_ID, FOLLOW_UP_ID = "<question@lumen.example>", "<follow-up@lumen.example>"
HEAD = f"From: Ananya Rao <{SENDER}>\r\nTo: {INBOX}\r\nDate: Thu, 26 Nov 2026 10:00:00 +0530\r\n"
PLAIN = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
BROKEN = 'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="never"\r\n'
# Name: further headers and the text.
MESSAGES = {
    "question": (
        f"Message-ID: {QUESTION_ID}\r\nSubject: Return of a shirt\r\n{PLAIN}",
        "How many days do I have to return a shirt?",
    ),
    "follow-up": (
        (
            f"Message-ID: {FOLLOW_UP_ID}\r\nSubject: Re: Return of a shirt\r\n{PLAIN}"
            f"In-Reply-To: {QUESTION_ID}\r\nReferences: {QUESTION_ID}\r\n"
        ),
        "And how long does the refund to my card take?",
    ),
    "out-of-office": (
        f"Message-ID: <away@lumen.example>\r\nSubject: Away\r\nAuto-Submitted: auto-replied\r\n{PLAIN}",
        "I am back on Monday.",
    ),
    "newsletter": (
        f"Message-ID: <news@lumen.example>\r\nSubject: Our week\r\nList-Id: News <news.lumen.example>\r\n{PLAIN}",
        "Three new lamps.",
    ),
    "without Message-ID": (
        f"Subject: Delivery to Portugal\r\n{PLAIN}",
        "Do you deliver to Portugal, and what does shipping cost?",
    ),
    "broken MIME": (
        f"Message-ID: <broken@lumen.example>\r\nSubject: Pictures of the shirt\r\n{BROKEN}",
        "A boundary that is announced and never comes. How do I send it back?",
    ),
}
ANSWERED = {"question", "without Message-ID"}
REASONS = {
    "question": "ok",
    "follow-up": "ok",
    "out-of-office": "auto_submitted",
    "newsletter": "list_mail",
    "without Message-ID": "ok",
    "broken MIME": "damaged",
}


@pytest.fixture
def demo() -> Iterator[Demo]:
    with reachable_folder() as folder, running_demo(folder / "demo") as running:
        yield running


def test_proof_1_mail_becomes_threads_tasks_and_drafts_and_one_reply_leaves(demo: Demo) -> None:
    dropped = time.monotonic()
    stored = drop_and_find(demo)
    stored_after = time.monotonic() - dropped
    wait_until(lambda: answers_both_questions(drafts(demo, stored).get("question")), seconds=15)
    wait_until(lambda: set(drafts(demo, stored)) == ANSWERED, seconds=15)
    drafted_after = time.monotonic() - dropped

    assert {name: email["reply_verdict"]["reason"] for name, email in stored.items()} == REASONS
    threads = {name: email["thread_id"] for name, email in stored.items()}
    assert threads["question"] == threads["follow-up"]
    assert len(set(threads.values())) == len(MESSAGES) - 1
    tasks = tasks_of(demo, stored)
    broken = demo.get(f"/api/emails/{stored['broken MIME']['id']}")
    assert "a multipart whose boundary never appears" in broken["parse_error"]
    assert MESSAGES["broken MIME"][1] in broken["body_text"]

    reply, sent_after = approve_twice(demo, drafts(demo, stored)["question"])
    assert drafts(demo, stored).keys() == {"without Message-ID"}
    seconds = {"stored": stored_after, "drafted": drafted_after, "sent": sent_after}
    report(
        "Proof 1: mail becomes threads, tasks and drafts, and one reply leaves",
        [*summary(seconds, len(set(threads.values())), reply), "", *table(stored, tasks)],
    )


def summary(seconds: dict[str, float], threads: int, reply: EmailMessage) -> Iterator[str]:
    yield f"- {len(MESSAGES)} messages moved into mail/support/new: all stored after {seconds['stored']:.1f} s,"
    yield f"  the last draft after {seconds['drafted']:.1f} s"
    yield f"- conversations: {threads}, the question and its follow-up in one; tasks: one a message;"
    yield f"  drafts: {len(ANSWERED)}"
    yield f"- the question's draft approved over REST: its .eml in outbox/ after {seconds['sent']:.1f} s, most of it"
    yield "  the time for undo; approved again: 409; files in outbox/: 1, with"
    yield ""
    for name in ("To", "Subject", "In-Reply-To", "References"):
        yield f"      {name}: {reply[name]}"


def drop_and_find(demo: Demo) -> dict[str, dict[str, Any]]:
    """Deliver as a mail server does, to tmp/, then into new/; what is stored of it, by the names of MESSAGES."""
    known = {email["id"] for email in emails(demo)}
    folder = demo.data_dir / "mail" / "support"
    for number, (headers, text) in enumerate(MESSAGES.values()):
        name = f"{time.time_ns()}.{number}.proof"
        (folder / "tmp" / name).write_bytes(f"{HEAD}{headers}\r\n{text}\r\n".encode())
        (folder / "tmp" / name).rename(folder / "new" / name)
    wait_until(lambda: len(emails(demo)) == len(known) + len(MESSAGES), seconds=10)
    new = {email["subject"]: email for email in emails(demo) if email["id"] not in known}
    return {name: new[_subject(headers)] for name, (headers, _) in MESSAGES.items()}


def _subject(headers: str) -> str:
    return headers.partition("Subject: ")[2].partition("\r\n")[0]


def emails(demo: Demo) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = demo.get("/api/emails?tag=support&direction=inbound&limit=200")
    return found


def drafts(demo: Demo, stored: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Drafts that wait, by the message that they answer; two replies to one message fail."""
    found = {}
    for name, email in stored.items():
        replies = demo.get(f"/api/auto-replies?email_id={email['id']}")
        assert len(replies) <= 1, f"{name} has {len(replies)} replies"
        if replies and replies[0]["status"] == "drafted":
            found[name] = replies[0]
    return found


def answers_both_questions(draft: dict[str, Any] | None) -> bool:
    """A follow-up before the decision writes the conversation's one draft anew (rule 40)."""
    quoted = "" if draft is None else " ".join(citation["quote"] for citation in draft["citations"])
    return "14 days" in quoted and "five working days" in quoted


def tasks_of(demo: Demo, stored: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The one task of each message."""
    found = {}
    for name, email in stored.items():
        (found[name],) = [
            task
            for task in demo.get("/api/tasks?source=commboost&limit=200")
            if task["email_id"] == email["id"]
        ]
        assert (found[name]["title"], found[name]["status"]) == (email["subject"], "todo")
    return found


def approve_twice(demo: Demo, draft: dict[str, Any]) -> tuple[EmailMessage, float]:
    """Approve a draft, and once more; the one message that is sent, and the seconds until it was."""
    outbox, path = demo.data_dir / "outbox", f"/api/auto-replies/{draft['id']}"
    assert list(outbox.iterdir()) == []
    began = time.monotonic()
    demo.act(f"{path}/approve")
    with pytest.raises(HTTPError, match="409"):
        demo.act(f"{path}/approve")
    wait_until(lambda: demo.get(path)["status"] == "sent", seconds=30)
    seconds = time.monotonic() - began
    time.sleep(2)  # a second one would be there by now
    (file,) = outbox.iterdir()
    sent = message_from_bytes(file.read_bytes(), policy=default)
    assert (sent["In-Reply-To"], sent["References"]) == (FOLLOW_UP_ID, f"{QUESTION_ID} {FOLLOW_UP_ID}")
    assert (sent["From"].addresses[0].addr_spec, sent["To"].addresses[0].addr_spec) == (INBOX, SENDER)
    assert sent["Subject"] == "Re: Return of a shirt"
    body = sent.get_body(("plain",))
    assert body is not None
    assert draft["reply_text"].splitlines()[0] in body.get_content()
    return sent, seconds


def table(stored: dict[str, dict[str, Any]], tasks: dict[str, dict[str, Any]]) -> Iterator[str]:
    yield "| message | task | verdict on answering automatically | draft |"
    yield "| --- | --- | --- | --- |"
    for name, email in stored.items():
        task, verdict = tasks[name], email["reply_verdict"]
        draft = "one" if name in ANSWERED else "none"
        yield f"| {name} | {task['status']}, {task['priority']} | {verdict['reason']}: {verdict['rule']} | {draft} |"
