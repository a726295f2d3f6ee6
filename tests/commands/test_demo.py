"""`convergio demo`, whole: real processes, a real database, mail dropped into its folders."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.commands import Demo, convergio, running_demo, wait_until
from tests.support.postgres import reachable_folder

TAGS = ("Hello", "Partners", "Info", "Support", "Neo")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with reachable_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def demo(folder: Path) -> Iterator[Demo]:
    with running_demo(folder / "demo") as running:
        yield running


def subjects(demo: Demo, tag: str) -> list[str]:
    return [row["subject"] for row in demo.get(f"/api/emails?tag={tag}&limit=100")]


def drop(demo: Demo, tag: str, subject: str) -> None:
    """Deliver as a mail server does: write to tmp/, then move into new/."""
    name = f"{time.time_ns()}.{os.getpid()}"
    raw = (
        f"From: Ann Lee <ann@else.example>\r\nTo: {tag}@convergio.test\r\nSubject: {subject}\r\n"
        f"Message-ID: <{name}@else.example>\r\nDate: Tue, 24 Nov 2026 09:00:00 +0530\r\n\r\n"
        "How many days do I have to return a shirt?\r\n"
    )
    folder = demo.data_dir / "mail" / tag
    (folder / "tmp" / name).write_bytes(raw.encode())
    (folder / "tmp" / name).rename(folder / "new" / name)


def test_the_note_for_programs_has_exactly_its_five_facts(demo: Demo) -> None:
    assert list(demo.note) == ["url", "email", "password", "api_key", "data_dir"]
    assert demo.note["email"] == "demo@convergio.test"
    assert demo.note["data_dir"] == str(demo.data_dir)
    assert (demo.data_dir / "demo.json").stat().st_mode & 0o777 == 0o600


def test_the_person_and_the_program_of_the_note_are_let_in(demo: Demo) -> None:
    me = demo.post("/api/auth/login", email=demo.note["email"], password=demo.note["password"])
    assert me["user"]["email"] == "demo@convergio.test"
    assert len(demo.get("/api/emails?limit=5")) == 5


def test_each_step_and_the_login_are_told_on_the_terminal(demo: Demo) -> None:
    printed = demo.log.read_text(encoding="utf-8")
    steps = [
        "Starting PostgreSQL",
        "Bringing its tables up to date",
        "Filling it with a week of mail",
        "Starting web",
    ]
    assert [step for step in steps if step in printed] == steps
    assert f"Convergio is at {demo.note['url']}" in printed
    assert demo.note["password"] in printed


def test_nothing_else_is_told(demo: Demo) -> None:
    printed = demo.log.read_text(encoding="utf-8").splitlines()
    assert [line for line in printed if line.startswith(("web ", "worker ", "mailwatch "))] == []


def test_other_users_of_the_machine_cannot_read_its_mail(demo: Demo) -> None:
    """The data folder itself lets the database's user through when root starts it."""
    for folder in (demo.data_dir / "outbox", *demo.data_dir.glob("mail/*/*")):
        assert folder.stat().st_mode & 0o077 == 0, folder


def test_five_maildir_inboxes_draft_replies(demo: Demo) -> None:
    inboxes = {inbox["tag"]: inbox for inbox in demo.get("/api/inboxes")}
    assert sorted(inboxes) == sorted(TAGS)
    for tag, inbox in inboxes.items():
        assert (inbox["kind"], inbox["reply_mode"]) == ("maildir", "draft")
        assert inbox["email_address"] == f"{tag.lower()}@convergio.test"
        assert inbox["maildir_path"] == str(demo.data_dir / "mail" / tag.lower())
        assert all((demo.data_dir / "mail" / tag.lower() / part).is_dir() for part in ("new", "cur", "tmp"))


def test_the_week_became_threads_tasks_and_drafts_by_the_engine(demo: Demo) -> None:
    with psycopg.connect(convergio("db", "url", "--data-dir", demo.data_dir).stdout.strip()) as owner:

        def drafts() -> int:
            row = owner.execute("SELECT count(*) FROM auto_replies WHERE status = 'drafted'").fetchone()
            owner.commit()
            return row[0] if row else 0

        wait_until(lambda: drafts() > 20)
        rows = owner.execute("SELECT status, count(*) FROM tasks GROUP BY 1").fetchall()
        statuses: dict[str, int] = dict(rows)
        unread = owner.execute("SELECT count(*) FILTER (WHERE NOT is_read), count(*) FROM emails").fetchone()
        backfilled = owner.execute(
            "SELECT count(*) FROM emails WHERE is_backfill OR raw_source = ''"
        ).fetchone()
    assert min(statuses["todo"], statuses["in_progress"], statuses["done"]) >= 3
    assert unread is not None
    assert 20 < unread[0] < unread[1]
    assert backfilled == (0,)


def test_tokens_can_be_bought_without_anybodys_key(demo: Demo) -> None:
    me = demo.post("/api/auth/login", email=demo.note["email"], password=demo.note["password"])
    made = demo.act_as(me["token"], "/api/settings/tokens/purchase", package="growth")
    assert (made["purchase"]["gateway"], made["purchase"]["status"]) == ("fake", "pending")


def test_mail_moved_into_new_is_taken_up_within_two_seconds(demo: Demo) -> None:
    drop(demo, "support", "Return of a shirt")
    assert wait_until(lambda: "Return of a shirt" in subjects(demo, "support"), seconds=10) < 2


def test_import_joins_the_running_demo(demo: Demo, tmp_path: Path) -> None:
    (tmp_path / "one.eml").write_bytes(b"From: a@else.example\r\nSubject: From a file\r\n\r\nHello\r\n")
    done = convergio("import", "--inbox", "info", "--data-dir", demo.data_dir, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "1 read, 1 stored, 0 already there, 0 stored with a parse error\n"
    assert "From a file" in subjects(demo, "Info")


def test_check_finds_nothing_wrong_beside_it(demo: Demo) -> None:
    done = convergio("check", "--data-dir", demo.data_dir)
    assert "problem" not in done.stdout.replace("problem  disk", "")
    assert "1 worker is running" in done.stdout
    assert "5 mailboxes are watched" in done.stdout


def test_ctrl_c_stops_everything_within_five_seconds_and_kill_9_leaves_nothing(demo: Demo) -> None:
    """One test for both ends and two more starts, because a start takes seconds."""
    before = demo.note
    mail = len(subjects(demo, "Support"))
    with demo.stream():  # an open event stream must not hold the website up
        code, seconds = demo.stop(signal.SIGINT)
    assert code == 0
    assert seconds < 5

    with running_demo(demo.data_dir) as again:
        assert "Filling it" not in again.log.read_text(encoding="utf-8")
        assert again.note | {"url": ""} == before | {"url": ""}
        assert len(subjects(again, "Support")) == mail
        assert len(again.processes()) >= 6
        code, seconds = again.stop(signal.SIGKILL)
        assert code == -signal.SIGKILL
        assert seconds < 2

    recovered = convergio("check", "--data-dir", demo.data_dir)
    assert "ok       migrations:" in recovered.stdout
    assert recovered.stderr == ""
