"""Proof 4: worker and mailwatch killed with -9 at random while mail arrives and approved replies go out."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from convergio.accounts.actor import Actor
from convergio.accounts.models import Workspace
from convergio.core import sql
from convergio.core.tenancy import workspace_scope
from convergio.mail.actions import send_reply
from convergio.mail.interrupted import settle_uncertain
from tests.cast import make_user, make_workspace
from tests.mail.live import inbox_on, until, value
from tests.mail.messages import raw_message
from tests.mail.servers import Account, MailServers
from tests.proofs.report import report

pytestmark = pytest.mark.proof

KILLS = 50
MESSAGES = 2_000
REPLIES = 100
ARRIVING_SECONDS = 75.0
SECONDS = 235.0
_MESSAGE_ID = re.compile(rb"^message-id:\s*<([^>]+)>", re.IGNORECASE | re.MULTILINE)


class Program:
    """One `convergio` command that is started again when it was killed, as a supervisor does."""

    def __init__(self, name: str, environment: dict[str, str], folder: Path) -> None:
        self.name = name
        self._environment = environment
        self._output = folder / f"{name}.log"
        self.kills = 0
        self.start()

    def start(self) -> None:
        with self._output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "convergio", self.name],
                env=self._environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def kill(self) -> None:
        assert self.process.poll() is None, (
            f"{self.name} ended by itself:\n{self._output.read_text()[-3000:]}"
        )
        self.process.kill()
        self.process.wait(10)
        self.kills += 1
        self.start()

    def end(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)


@contextmanager
def running(environment: dict[str, str], folder: Path) -> Iterator[list[Program]]:
    programs = [Program(name, environment, folder) for name in ("worker", "mailwatch")]
    try:
        yield programs
    finally:
        for program in programs:
            program.end()


def test_proof_4_nothing_is_lost_and_nothing_is_doubled_by_fifty_kills(
    committed: None,
    settings: Any,
    database_urls: tuple[str, str],
    smtp_server: MailServers,
    tmp_path: Path,
) -> None:
    settings.DATABASE_DIRECT_URL = database_urls[1]
    account, reader = smtp_server.account(), smtp_server.account()
    workspace = make_workspace(make_user("owner"))
    inbox = inbox_on(account, workspace)
    environment = os.environ | {
        "DATABASE_URL": database_urls[1],
        "DJANGO_SETTINGS_MODULE": "convergio.settings",
        "CONVERGIO_UNDO_SECONDS": "0",
        "CONVERGIO_DATA_DIR": str(tmp_path),
        "CONVERGIO_ALLOW_PRIVATE_HOSTS": "true",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    began = time.monotonic()
    settled: Counter[str] = Counter()
    with running(environment, tmp_path) as programs:
        until(
            lambda: value(workspace.id, "SELECT state FROM inboxes WHERE id = %s", inbox.id) == "ok",
            seconds=40,
        )
        delivering = threading.Thread(target=_deliver, args=(account, reader))
        delivering.start()
        _kill_and_approve(programs, workspace)
        delivering.join()
        calm = time.monotonic() - began
        while not _is_done(workspace):
            assert time.monotonic() - began < SECONDS, _counts(workspace)
            _approve(workspace)
            _settle(workspace, reader, settled)
            time.sleep(0.5)
        kills = {program.name: program.kills for program in programs}
    seconds = time.monotonic() - began

    counts = _counts(workspace)
    received = _received(reader)
    assert counts["inbound"] == counts["tasks"] == counts["different"] == MESSAGES
    assert counts["sent"] == counts["outbound"] == REPLIES
    assert len(received) == len(set(received)) == REPLIES
    with workspace_scope(workspace.id):
        assert set(received) == set(
            sql.fetch_column("SELECT message_id FROM emails WHERE direction = 'outbound'")
        )
    report(
        "Proof 4: fifty kills",
        [
            f"- kill -9 within {calm:.0f} s: worker {kills['worker']} times, mailwatch {kills['mailwatch']} times",
            f"- stored: {counts['inbound']:,} messages, {counts['tasks']:,} tasks, {counts['drafts']:,} drafts",
            f"- approved replies: {REPLIES}; received by their recipient: {len(received)}, each once",
            f"- tries that these took: {counts['attempts']}",
            f"- interrupted past the last byte, so `uncertain`: {sum(settled.values())}",
            f"- of these, settled by a person: {settled['sent']} had arrived, {settled['queued']} were sent once more",
            f"- everything settled {seconds:.0f} s after the start",
        ],
    )


def _deliver(account: Account, reader: Account) -> None:
    """Questions from one person, evenly over the time."""
    began = time.monotonic()
    for number in range(MESSAGES):
        ahead = number * ARRIVING_SECONDS / MESSAGES - (time.monotonic() - began)
        if ahead > 0:
            time.sleep(ahead)
        account.deliver(
            raw_message(
                message_id=f"{number}.kills@client.example",
                sender=f"Client {number} <{reader.address}>",
                to=account.address,
                subject=f"Question {number}",
                text=f"When does order {number} arrive?",
            )
        )


def _kill_and_approve(programs: list[Program], workspace: Workspace) -> None:
    chance = random.Random()
    for _ in range(KILLS):
        pause = time.monotonic() + chance.uniform(0.4, 2.6)
        while time.monotonic() < pause:
            _approve(workspace, most=1)
            time.sleep(chance.uniform(0.05, 0.3))
        chance.choice(programs).kill()


def _approve(workspace: Workspace, *, most: int = REPLIES) -> None:
    """Approve drafts as they come, until there are enough."""
    actor = Actor(workspace_id=workspace.id, user_id=workspace.owner_id, role="owner")
    with workspace_scope(workspace.id):
        sent = sql.fetch_value("SELECT count(*) FROM emails WHERE direction = 'outbound'")
        left = min(most, REPLIES - sent)
        drafts = sql.fetch_column(
            "SELECT id FROM auto_replies WHERE status = 'drafted' ORDER BY id LIMIT %s", [max(left, 0)]
        )
        for reply_id in drafts:
            send_reply(actor, reply_id)


def _settle(workspace: Workspace, reader: Account, settled: Counter[str]) -> None:
    """What a person does about a mail of which nobody knows: ask the recipient."""
    with workspace_scope(workspace.id):
        uncertain = sql.fetch_rows("SELECT id, message_id FROM emails WHERE delivery_state = 'uncertain'")
    received = set(_received(reader)) if uncertain else set()
    for email_id, message_id in uncertain:
        if settle_uncertain(workspace.id, email_id, was_sent=message_id in received):
            settled["sent" if message_id in received else "queued"] += 1


def _is_done(workspace: Workspace) -> bool:
    counts = _counts(workspace)
    return counts["sent"] == REPLIES and counts["inbound"] == MESSAGES == counts["drafts"]


def _counts(workspace: Workspace) -> dict[str, int]:
    names = ("inbound", "outbound", "different", "sent", "attempts", "tasks", "drafts")
    with workspace_scope(workspace.id):
        [row] = sql.fetch_rows(
            """SELECT count(*) FILTER (WHERE direction = 'inbound'), count(*) FILTER (WHERE direction = 'outbound'),
                 count(DISTINCT message_id_header) FILTER (WHERE direction = 'inbound'),
                 count(*) FILTER (WHERE delivery_state = 'sent'), sum(attempts),
                 (SELECT count(*) FROM tasks), (SELECT count(*) FROM auto_replies) FROM emails"""
        )
    connection.close()
    return dict(zip(names, row, strict=True))


def _received(reader: Account) -> list[str]:
    """Message-IDs of what Exim put into the recipient's mailbox."""
    new = reader.maildir / "new"
    files = list(new.iterdir()) if new.is_dir() else []
    return [match[1].decode() for file in files if (match := _MESSAGE_ID.search(file.read_bytes()))]
