"""Importing mail from files, and batches that hold a message which cannot be stored (rules 13, 14 and 22)."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from convergio.core import sql
from convergio.mail.importing import ImportProgress, ImportResult, NothingToImport, import_path
from convergio.mail.ingest import Receiver, store_batch
from convergio.mail.models import AutoReply, Email, EmailThread, Inbox
from convergio.work.models import Task
from tests.jobs import run_jobs
from tests.mail.messages import arrival, make_inbox, raw_message, receiver_of


def _messages(count: int, *, size: int = 0) -> Iterator[bytes]:
    for number in range(count):
        text = f"Question {number}\n" + "word " * (size // 5)
        yield raw_message(message_id=f"{number}@lumen.example", subject=f"Question {number}", text=text)


def _write_mbox(path: Path, messages: Iterator[bytes], *, extra: bytes = b"") -> Path:
    with path.open("wb") as file:
        for raw in messages:
            file.write(b"From ananya@lumen.example Tue Nov 24 09:00:00 2026\n" + extra)
            file.write(raw.replace(b"\r\n", b"\n") + b"\n")
    return path


def _make_maildir(path: Path) -> Path:
    for name in ("new", "cur", "tmp"):
        (path / name).mkdir(parents=True)
    return path


def test_it_takes_an_eml(receiver: Receiver, tmp_path: Path) -> None:
    path = tmp_path / "question.txt"
    path.write_bytes(raw_message())
    assert import_path(receiver, path) == ImportResult(1, 1, 0, 0)
    assert bytes(Email.objects.get().raw_source) == raw_message()


def test_it_takes_an_mbox_whatever_its_name(receiver: Receiver, tmp_path: Path) -> None:
    path = _write_mbox(tmp_path / "archive.eml", _messages(250))
    assert import_path(receiver, path) == ImportResult(250, 250, 0, 0)
    assert Email.objects.count() == EmailThread.objects.count() == Task.objects.count() == 250


def test_it_takes_a_maildir_with_its_subfolders_and_read_states(receiver: Receiver, tmp_path: Path) -> None:
    maildir = _make_maildir(tmp_path / "Maildir")
    (maildir / "new" / "1.fresh").write_bytes(raw_message(message_id="fresh@lumen.example"))
    (maildir / "cur" / "2.read:2,RS").write_bytes(raw_message(message_id="read@lumen.example"))
    (maildir / "cur" / "3.odd:2,").write_bytes(b"no header at all")
    (maildir / "tmp" / "4.half").write_bytes(raw_message(message_id="half@lumen.example"))
    (maildir / "dovecot-uidlist").write_text("3 V1 N4\n")
    sent = _make_maildir(maildir / ".Sent")
    (sent / "cur" / "5:2,S").write_bytes(
        raw_message(message_id="sent@convergio.test", sender=receiver.address)
    )

    assert import_path(receiver, maildir).stored == 4
    assert Email.objects.get(message_id="read@lumen.example").is_read
    assert not Email.objects.get(message_id="fresh@lumen.example").is_read
    assert not Email.objects.filter(message_id="half@lumen.example").exists()
    assert Email.objects.get(message_id="sent@convergio.test").direction == "outbound"


def test_it_takes_a_folder_of_any_of_these_and_passes_over_what_is_no_mail(
    receiver: Receiver, tmp_path: Path
) -> None:
    (tmp_path / "notes.md").write_text("# Not mail\n")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(200))
    (tmp_path / "one").write_bytes(raw_message(message_id="one@lumen.example"))
    _write_mbox(tmp_path / "old", iter([raw_message(message_id="two@lumen.example")]))
    maildir = _make_maildir(tmp_path / "inner" / "box")
    (maildir / "new" / "three").write_bytes(raw_message(message_id="three@lumen.example"))
    (tmp_path / "broken.eml").write_bytes(b"\x00\x01 damaged from its first byte")
    assert import_path(receiver, tmp_path).stored == 4


def test_running_it_twice_changes_nothing(receiver: Receiver, tmp_path: Path) -> None:
    raws = [
        *_messages(120),
        raw_message(message_id=None),
        raw_message(message_id="1@lumen.example", text="other"),
    ]
    path = _write_mbox(tmp_path / "archive", iter(raws))
    assert import_path(receiver, path) == ImportResult(122, 122, 0, 0)
    assert import_path(receiver, path) == ImportResult(122, 0, 122, 0)
    assert Email.objects.count() == Task.objects.count() == 122


def test_an_import_that_broke_off_goes_on_where_it_stopped(receiver: Receiver, tmp_path: Path) -> None:
    path = _write_mbox(tmp_path / "archive", _messages(250))

    def break_off(progress: ImportProgress) -> None:
        if progress.read >= 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_path(receiver, path, progress=break_off)
    assert Email.objects.count() == 100
    assert import_path(receiver, path) == ImportResult(250, 150, 100, 0)


def test_mail_that_another_inbox_has_is_listed_in_this_one_too(
    receiver: Receiver, inbox: Inbox, tmp_path: Path
) -> None:
    path = _write_mbox(tmp_path / "archive", _messages(3))
    import_path(receiver, path)
    other = receiver_of(make_inbox(inbox.workspace, "hello@convergio.test"))
    assert import_path(other, path) == ImportResult(3, 0, 3, 0)
    assert sql.fetch_value("SELECT count(*) FROM email_deliveries WHERE inbox_id = %s", [other.inbox_id]) == 3
    assert Email.objects.count() == 3


def test_rule_13_nothing_imported_is_answered(receiver: Receiver, tmp_path: Path) -> None:
    import_path(receiver, _write_mbox(tmp_path / "archive", _messages(5)))
    run_jobs(also_scheduled=True)
    assert not AutoReply.objects.exists()
    assert Email.objects.filter(is_backfill=True).count() == 5


def test_the_date_is_the_topmost_received_else_date_else_the_separator(
    receiver: Receiver, tmp_path: Path
) -> None:
    received = [
        "Received: from b by a; Wed, 25 Nov 2020 10:00:00 +0000",
        "Received: from c by b; Wed, 25 Nov 2020 09:00:00 +0000",
    ]
    old = datetime(2019, 5, 6, 7, 8, tzinfo=UTC)
    raws = [
        raw_message(message_id="a@lumen.example", headers=received, date=old),
        raw_message(message_id="b@lumen.example", date=old),
        raw_message(message_id="c@lumen.example", date=None),
    ]
    path = tmp_path / "archive"
    path.write_bytes(
        b"".join(
            b"From x@y.example Mon Jan  1 12:00:00 2018\n" + raw.replace(b"\r\n", b"\n") + b"\n"
            for raw in raws
        )
    )
    import_path(receiver, path)
    dates = dict(Email.objects.values_list("message_id", "received_at"))
    assert dates["a@lumen.example"] == datetime(2020, 11, 25, 10, tzinfo=UTC)
    assert dates["b@lumen.example"] == old
    assert dates["c@lumen.example"] == datetime(2018, 1, 1, 12, tzinfo=UTC)


def test_mail_older_than_two_weeks_is_no_work_any_more(receiver: Receiver, tmp_path: Path) -> None:
    path = tmp_path / "old"
    path.write_bytes(raw_message(date=datetime(2020, 1, 1, tzinfo=UTC)))
    import_path(receiver, path)
    assert Task.objects.get().status == "done"


def test_progress_knows_the_bytes_the_rate_and_the_time_left(receiver: Receiver, tmp_path: Path) -> None:
    path = _write_mbox(tmp_path / "archive", _messages(250))
    seen: list[ImportProgress] = []
    import_path(receiver, path, progress=seen.append)
    assert [one.read for one in seen] == [100, 200, 250]
    assert [one.bytes_done for one in seen] == sorted(one.bytes_done for one in seen)
    assert seen[-1].bytes_done == seen[-1].bytes_total == path.stat().st_size
    assert 0 < seen[0].bytes_done < seen[0].bytes_total
    assert seen[0].messages_per_second > 0
    assert (seen[0].seconds_left or 0) > 0
    assert seen[-1].seconds_left == 0


def test_memory_does_not_follow_the_size_of_the_mbox(receiver: Receiver, tmp_path: Path) -> None:
    path = _write_mbox(tmp_path / "archive", _messages(300, size=100_000))
    assert path.stat().st_size > 30_000_000
    tracemalloc.start()
    import_path(receiver, path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000_000


@pytest.mark.parametrize("content", [None, b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_mail_ends_in_a_sentence(
    receiver: Receiver, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "thing"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(NothingToImport):
        import_path(receiver, path)


def test_parse_errors_are_stored_and_counted(receiver: Receiver, tmp_path: Path) -> None:
    (tmp_path / "bad.eml").write_bytes(
        b"From: a@b.example\r\nTo: support@convergio.test\r\nContent-Type: multipart/mixed\r\n\r\nno boundary\r\n"
    )
    (tmp_path / "good.eml").write_bytes(raw_message())
    assert import_path(receiver, tmp_path) == ImportResult(2, 2, 0, 1)


@pytest.fixture
def refusing_database(database_urls: tuple[str, str], django_db_setup: None) -> Iterator[None]:
    """A database that refuses one subject, as a limit or a broken index would. Ask for it before the inbox."""
    with psycopg.connect(database_urls[0], autocommit=True) as owner:
        owner.execute("ALTER TABLE emails ADD CONSTRAINT poison CHECK (subject <> 'poison') NOT VALID")
    yield
    with psycopg.connect(database_urls[0], autocommit=True) as owner:
        owner.execute("ALTER TABLE emails DROP CONSTRAINT poison")


def test_rule_14_a_message_that_the_database_refuses_is_kept_raw_and_the_others_arrive(
    refusing_database: None, receiver: Receiver
) -> None:
    poison = raw_message(message_id="poison@lumen.example", subject="poison")
    raws = [*_messages(9), poison, *(raw.replace(b"@lumen", b"@other") for raw in _messages(9))]
    stored = store_batch(receiver, [arrival(raw) for raw in raws])
    assert [one.parse_error is not None for one in stored] == [False] * 9 + [True] + [False] * 9
    assert len({one.email_id for one in stored}) == 19
    assert bytes(Email.objects.get(id=stored[9].email_id).raw_source) == poison
    assert not Email.objects.get(id=stored[9].email_id).reply_allowed
    assert Task.objects.count() == 19


def test_a_refused_message_that_comes_again_is_recognised(
    refusing_database: None, receiver: Receiver
) -> None:
    poison = arrival(raw_message(subject="poison"))
    [first] = store_batch(receiver, [poison])
    [again] = store_batch(receiver, [poison])
    assert (first.email_id, again.is_new) == (again.email_id, False)


def test_a_cursor_moves_with_the_last_portion_only(refusing_database: None, receiver: Receiver) -> None:
    seen: list[int] = []
    raws = [*_messages(3), raw_message(message_id="poison@lumen.example", subject="poison"), raw_message()]
    store_batch(receiver, [arrival(raw) for raw in raws], also=lambda: seen.append(Email.objects.count()))
    assert seen == [5]


def test_trouble_of_the_database_is_no_fault_of_a_message(
    receiver: Receiver, database_urls: tuple[str, str]
) -> None:
    def out_of_time() -> None:
        sql.execute("SET LOCAL statement_timeout = 1")
        sql.execute("SELECT pg_sleep(1)")

    with pytest.raises(Exception, match="statement timeout"):
        store_batch(receiver, [arrival(raw) for raw in _messages(3)], also=out_of_time)
    assert not Email.objects.exists()


def test_addresses_of_any_length_are_stored(receiver: Receiver) -> None:
    long = f"{'a' * 300}@{'b' * 300}.example"
    raw = raw_message(sender=f"{'N' * 400} <{long}>", to=f"support@convergio.test, {long}", cc=long)
    [stored] = store_batch(receiver, [arrival(raw)])
    assert stored.parse_error is None


def test_a_pipe_is_refused_and_not_read_half(receiver: Receiver, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(
        NothingToImport, match="is neither a file nor a folder; write what comes from it to a file"
    ):
        import_path(receiver, tmp_path / "pipe")
