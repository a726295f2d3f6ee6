"""The folder kind: what is taken up and when, and the one file for each message that leaves."""

from __future__ import annotations

import os
import time
from pathlib import Path
from threading import Event

import pytest

from convergio.core.errors import ProviderError
from convergio.mail.mailboxes import open_mailbox
from convergio.mail.mailboxes.maildir import outbox_name
from convergio.mail.mailboxes.protocol import Mailbox, MailboxSettings
from tests.mail.sample import raw_message


@pytest.fixture
def mailbox(tmp_path: Path) -> Mailbox:
    for name in ("new", "cur", "tmp", "outbox"):
        (tmp_path / name).mkdir()
    return open_mailbox(
        MailboxSettings(
            kind="maildir",
            email_address="a@mail.test",
            maildir_path=tmp_path,
            outbox_path=tmp_path / "outbox",
        )
    )


def _fetched(mailbox: Mailbox) -> list[bytes]:
    return [message.raw for batch in mailbox.fetch_since("INBOX", 0) for message in batch]


def test_files_are_taken_up_in_order_of_time_and_then_of_name(mailbox: Mailbox, tmp_path: Path) -> None:
    for name, modified in [("b", 100), ("c", 50), ("a", 100)]:
        path = tmp_path / "new" / name
        path.write_bytes(raw_message(name))
        os.utime(path, (modified, modified))

    assert _fetched(mailbox) == [raw_message(name) for name in ("c", "a", "b")]


def test_confirming_moves_to_cur_and_keeps_the_flags(mailbox: Mailbox, tmp_path: Path) -> None:
    (tmp_path / "new" / "plain").write_bytes(raw_message(1))
    (tmp_path / "new" / "flagged:2,FS").write_bytes(raw_message(2))
    messages = [message for batch in mailbox.fetch_since("INBOX", 0) for message in batch]

    mailbox.confirm("INBOX", [message.uid for message in messages])

    assert sorted(path.name for path in (tmp_path / "cur").iterdir()) == ["flagged:2,FS", "plain:2,"]
    assert sorted(message.is_seen for message in messages) == [False, True]
    assert sorted(uid for uids in mailbox.fetch_uids("INBOX") for uid in uids) == sorted(
        m.uid for m in messages
    )


def test_only_confirmed_messages_leave_the_queue(mailbox: Mailbox, tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / "new" / str(number)).write_bytes(raw_message(number))
    first, *_ = (message for batch in mailbox.fetch_since("INBOX", 0) for message in batch)

    mailbox.confirm("INBOX", [first.uid])

    assert len(_fetched(mailbox)) == 2


def test_hidden_files_folders_and_links_are_not_mail(mailbox: Mailbox, tmp_path: Path) -> None:
    (tmp_path / "new" / ".DS_Store").write_bytes(b"x")
    (tmp_path / "new" / "folder").mkdir()
    (tmp_path / "secret").write_bytes(b"not a mail")
    (tmp_path / "new" / "link").symlink_to(tmp_path / "secret")

    assert _fetched(mailbox) == []
    assert not mailbox.wait("INBOX", 0.1, Event())


def test_a_file_that_somebody_only_began_to_copy_is_left_until_it_has_content(
    mailbox: Mailbox, tmp_path: Path
) -> None:
    (tmp_path / "new" / "begun").touch()
    assert _fetched(mailbox) == []

    os.utime(tmp_path / "new" / "begun", (time.time() - 60, time.time() - 60))
    assert _fetched(mailbox) == [b""]


def test_a_file_that_vanished_does_not_keep_the_others(mailbox: Mailbox, tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / "new" / str(number)).write_bytes(raw_message(number, size=5_000))
    batches = mailbox.fetch_since("INBOX", 0, messages=1)
    first = next(batches)
    (tmp_path / "new" / "2").unlink()

    assert [m.raw for m in first] == [raw_message(0, size=5_000)]
    assert [m.raw for batch in batches for m in batch] == [raw_message(1, size=5_000)]


def test_writing_the_same_message_twice_gives_one_file(mailbox: Mailbox, tmp_path: Path) -> None:
    for _ in range(2):
        mailbox.send("a@mail.test", ["you@client.example"], raw_message(1), lambda: None)

    [path] = (tmp_path / "outbox").iterdir()
    assert path.suffix == ".eml"
    assert path.read_bytes() == raw_message(1)


def test_a_message_id_cannot_name_a_file_elsewhere() -> None:
    name = outbox_name("../../etc/passwd@x")

    assert "/" not in name
    assert not name.startswith(".")
    assert outbox_name("a/b@x") != outbox_name("a_b@x")


def test_a_missing_folder_is_a_sentence(tmp_path: Path) -> None:
    mailbox = open_mailbox(
        MailboxSettings(
            kind="maildir",
            email_address="a@mail.test",
            maildir_path=tmp_path / "nowhere",
            outbox_path=tmp_path / "outbox",
        )
    )

    report = mailbox.check()

    assert "lacks new/" in report.incoming.error
    assert "outbox folder lacks" in report.outgoing.error
    with pytest.raises(ProviderError, match="The mail folder cannot be used: no such file"):
        mailbox.status("INBOX")


def test_an_unknown_kind_is_a_sentence() -> None:
    with pytest.raises(ProviderError, match="There is no inbox kind pop3"):
        open_mailbox(MailboxSettings(kind="pop3", email_address="a@mail.test"))
