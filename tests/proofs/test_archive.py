"""Proof 2: a mailing-list archive of 13,504 messages delivered to a real Dovecot and watched."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from email import message_from_bytes
from email.utils import mktime_tz, parsedate_tz
from typing import Any

import pytest

from convergio.accounts.models import Workspace
from convergio.core import sql
from convergio.core.tenancy import workspace_scope
from convergio.mail.models import Inbox
from convergio.mail.parsing.subjects import base_subject
from tests.cast import make_user, make_workspace
from tests.jobs import run_jobs
from tests.mail.live import inbox_on, until, value, watching
from tests.mail.servers import Account, MailServers
from tests.proofs.corpora import archive, needs_corpora
from tests.proofs.report import report

pytestmark = [pytest.mark.proof, needs_corpora]

MESSAGES = 13_504
# 7,965 by their raw bytes; six of those differ only in how a header is folded.
DIFFERENT = 7_959
IDS = 6_742
_REPLY = re.compile(r"\s*(\[[^\]]*\]\s*)?(re|fwd?|aw|sv)(\[\d+\])?\s*:", re.IGNORECASE)


def test_proof_2_the_archive_is_stored_once_threaded_by_its_references_and_never_answered(
    committed: None, settings: Any, database_urls: tuple[str, str], mail_servers: MailServers
) -> None:
    settings.DATABASE_DIRECT_URL = database_urls[1]
    account = mail_servers.account()
    workspace = make_workspace(make_user("owner"))
    inbox = inbox_on(account, workspace, reply_mode="auto")
    lines = []

    with watching():
        until(lambda: _last_uid(workspace) == 0)
        began = time.monotonic()
        _deliver_all(account)
        until(lambda: _last_uid(workspace) == MESSAGES, seconds=400)
        lines.append(f"- watched while {MESSAGES:,} messages arrived: {time.monotonic() - began:.0f} s")
        _run_all_jobs(workspace)
        lines += _check(workspace, inbox)

    _renumber(account)
    with watching():
        began = time.monotonic()
        until(lambda: _last_uid(workspace) == 99 + MESSAGES, seconds=400)
        lines.append(f"- read again under another UIDVALIDITY: {time.monotonic() - began:.0f} s")
        _run_all_jobs(workspace)
        lines += _check(workspace, inbox)
    report("Proof 2: the mailing-list archive through Dovecot", lines)


def _last_uid(workspace: Workspace) -> int | None:
    statement = "SELECT last_uid FROM inbox_folders WHERE name = 'INBOX'"
    found: int | None = value(workspace.id, statement)
    return found


def _deliver_all(account: Account) -> None:
    """Maildir files whose times are the messages' own, moved into new/ a hundred at a time."""
    owner = account.maildir.stat()
    for name in ("new", "cur", "tmp"):
        (account.maildir / name).mkdir(exist_ok=True)
        os.chown(account.maildir / name, owner.st_uid, owner.st_gid)
    for number, raw in enumerate(archive()):
        path = account.maildir / "tmp" / f"{1_700_000_000 + number}.{number}.proof"
        path.write_bytes(raw)
        os.chown(path, owner.st_uid, owner.st_gid)
        date = parsedate_tz(str(message_from_bytes(raw)["date"]))
        if date and 1990 < date[0] < 2030:
            os.utime(path, (mktime_tz(date), mktime_tz(date)))
        path.rename(account.maildir / "new" / path.name)


def _renumber(account: Account) -> None:
    owner = account.maildir.stat()
    for path in account.maildir.glob("dovecot*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    uidlist = account.maildir / "dovecot-uidlist"
    uidlist.write_text("3 V4242 N100 Gabcdefabcdefabcdefabcdefabcdef12\n")
    os.chown(uidlist, owner.st_uid, owner.st_gid)


def _run_all_jobs(workspace: Workspace) -> None:
    run_jobs(also_scheduled=True)
    assert value(workspace.id, "SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo'") == 0


def _check(workspace: Workspace, inbox: Inbox) -> list[str]:
    """Everything the proof claims; the answer is what was counted."""
    emails = value(workspace.id, "SELECT count(*) FROM emails")
    assert emails == DIFFERENT
    assert value(workspace.id, "SELECT count(DISTINCT message_id_header) FROM emails") == IDS
    assert (
        value(workspace.id, "SELECT count(DISTINCT (message_id_header, content_hash)) FROM emails")
        == DIFFERENT
    )
    for table in ("tasks", "email_deliveries"):
        assert value(workspace.id, f"SELECT count(*) FROM {table}") == DIFFERENT, table
    assert value(workspace.id, "SELECT count(*) FROM auto_replies") == 0
    assert value(workspace.id, "SELECT count(*) FROM emails WHERE direction = 'outbound'") == 0
    assert value(workspace.id, "SELECT count(*) FROM emails WHERE reply_allowed") == 0
    threads, by_subject = _compare_threads(workspace)
    return [
        f"- stored: {emails:,} different messages, {IDS:,} Message-IDs, as many tasks and deliveries as messages",
        "  (7,965 differ in their bytes; six of these only in how a header is folded)",
        f"- conversations: {threads:,}; the references alone make {threads + by_subject:,}; {by_subject} times a reply",
        "  without any reference joined its correspondent's conversation of that subject within 7 days (rule 27)",
        "- automatic replies and drafts: 0",
    ]


def _compare_threads(workspace: Workspace) -> tuple[int, int]:
    """(conversations, how many more the references alone make). Fails where a reference is not followed.

    Joined beyond the references are only conversations that rule 27 allows: one of them begins with a reply that
    names no reference, and both have the same base subject.
    """
    with workspace_scope(workspace.id):
        stored = dict(sql.fetch_rows("SELECT message_id_header, min(thread_id) FROM emails GROUP BY 1"))
        split = sql.fetch_rows(
            "SELECT 1 FROM emails GROUP BY message_id_header HAVING count(DISTINCT thread_id) > 1"
        )
    assert split == [], "one Message-ID lies in two conversations"
    groups = _by_references()
    inside: dict[int, list[_Group]] = defaultdict(list)
    for group in groups:
        threads = {stored[one] for one in group.ids}
        assert len(threads) == 1, (
            f"the references of {sorted(group.ids)[:3]} lead to {len(threads)} conversations"
        )
        inside[threads.pop()].append(group)
    for joined in inside.values():
        if len(joined) > 1:
            subjects = {subject for group in joined for subject in group.subjects}
            unreferenced = sum(bool(group.has_unreferenced_reply) for group in joined)
            assert unreferenced >= len(joined) - 1, f"joined without a reason: {sorted(subjects)[:4]}"
    return len(inside), len(groups) - len(inside)


class _Group:
    """Messages that the references connect."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.subjects: set[str] = set()
        self.has_unreferenced_reply = False


def _by_references() -> Sequence[_Group]:
    """Independent of the product: a union-find over Message-ID, References and In-Reply-To."""
    parents: dict[str, str] = {}

    def root(one: str) -> str:
        parents.setdefault(one, one)
        while parents[one] != one:
            parents[one] = parents[parents[one]]
            one = parents[one]
        return one

    heads = [(own, named, subject) for own, named, subject in _headers()]
    for own, named, _ in heads:
        for other in named:
            parents[root(other)] = root(own)
    groups: dict[str, _Group] = defaultdict(_Group)
    for own, named, subject in heads:
        group = groups[root(own)]
        group.ids.add(own)
        group.subjects.add(base_subject(subject))
        group.has_unreferenced_reply |= not named and _REPLY.match(subject) is not None
    return list(groups.values())


def _headers() -> Iterator[tuple[str, list[str], str]]:
    """(own id, ids named by References or else In-Reply-To, subject) of each message."""
    for raw in archive():
        head = message_from_bytes(raw.partition(b"\n\n")[0] + b"\n\n")
        [own] = _ids(str(head["message-id"]))[:1]
        named = _ids(str(head["references"] or "")) or _ids(str(head["in-reply-to"] or ""))
        yield own, [one for one in named if one != own], str(head["subject"])


def _ids(header: str) -> list[str]:
    return re.findall(r"<([^<>]+)>", re.sub(r"[\r\n]+[ \t]*", "", header))
