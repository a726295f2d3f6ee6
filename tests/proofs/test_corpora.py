"""Proof 3: every file of the shared corpora through the engine."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest

from convergio.accounts.models import Workspace
from convergio.core import sql
from convergio.core.tenancy import workspace_scope
from convergio.mail.ingest import Arrival, Stored, store_messages
from tests.cast import make_user, make_workspace
from tests.mail.messages import make_inbox, receiver_of
from tests.proofs.corpora import folders, messages, needs_corpora
from tests.proofs.report import report

pytestmark = [pytest.mark.proof, needs_corpora]


def test_proof_3_every_file_is_stored_and_none_raises(db: None) -> None:
    workspace = make_workspace(make_user("owner"))
    with workspace_scope(workspace.id):
        rows = [_store(workspace, folder) for folder in folders()]
        emails = sql.fetch_value("SELECT count(*) FROM emails")
        reasons = sql.fetch_rows("SELECT reply_reason, count(*) FROM emails GROUP BY 1 ORDER BY 2 DESC, 1")
        errors = sql.fetch_rows(
            "SELECT parse_error, count(*) FROM emails WHERE parse_error IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1"
        )
        tasks = sql.fetch_value("SELECT count(*) FROM tasks")
    read = sum(int(row[1]) for row in rows)
    stored = sum(int(row[2]) for row in rows)
    assert stored == emails == tasks
    assert not any("not be stored" in error for error, _ in errors)
    report(
        "Proof 3: every file of the shared corpora",
        [
            "| corpus | read | stored | same as one before | with a parse error | with files |",
            "| --- | ---: | ---: | ---: | ---: | ---: |",
            *(
                "| " + " | ".join(f"{cell:,}" if isinstance(cell, int) else cell for cell in row) + " |"
                for row in rows
            ),
            "",
            f"{read:,} read, {stored:,} stored, as many tasks; none lost, none raised.",
            "",
            "| verdict on answering automatically | messages |",
            "| --- | ---: |",
            *(f"| {reason} | {count:,} |" for reason, count in reasons),
            "",
            "| parse error | messages |",
            "| --- | ---: |",
            *(f"| {error} | {count:,} |" for error, count in errors),
        ],
    )


def _store(workspace: Workspace, folder: str) -> list[str | int]:
    """One row of the table. Every message is stored, under the bytes it came with, or is one that was there."""
    inbox = make_inbox(workspace, f"{folder}@convergio.test")
    receiver = receiver_of(inbox)
    counted: Counter[str] = Counter()
    source = messages(folder)
    while batch := list(islice(source, 100)):
        stored = store_messages(receiver, [Arrival(raw=raw) for raw in batch])
        _check_bytes(batch, stored)
        counted["read"] += len(batch)
        counted["stored"] += sum(one.is_new for one in stored)
        counted["errors"] += sum(one.is_new and one.parse_error is not None for one in stored)
    files = sql.fetch_value(
        """SELECT count(*) FROM emails AS email JOIN email_deliveries AS delivery ON delivery.email_id = email.id
           WHERE delivery.inbox_id = %s AND email.attachments <> '[]'""",
        [inbox.id],
    )
    return [
        folder,
        counted["read"],
        counted["stored"],
        counted["read"] - counted["stored"],
        counted["errors"],
        files,
    ]


def _check_bytes(batch: list[bytes], stored: list[Stored]) -> None:
    kept = dict(
        sql.fetch_rows(
            "SELECT id, raw_source FROM emails WHERE id = ANY(%s)", [[one.email_id for one in stored]]
        )
    )
    for raw, one in zip(batch, stored, strict=True):
        if one.is_new:
            assert bytes(kept[one.email_id]) == raw
