"""What both mailbox kinds promise, held against a real Dovecot and Exim, and against folders."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import pytest

from convergio.mail.mailboxes import open_mailbox
from convergio.mail.mailboxes.protocol import FolderRole, Mailbox, MailboxSettings
from convergio.mail.message_ids import new_message_id
from tests.mail.sample import raw_message
from tests.mail.servers import Account, delivered

ME = "support@mail.test"


@dataclass
class Case:
    mailbox: Mailbox
    deliver: Callable[[bytes], object]
    address: str
    sent: Callable[[int], list[bytes]]


@pytest.fixture(params=["imap", "maildir"])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    if request.param == "imap":
        request.getfixturevalue("smtp_server")
        made = _imap_case(request.getfixturevalue("account"))
    else:
        made = _maildir_case(tmp_path)
    yield made
    made.mailbox.close()


def _imap_case(account: Account) -> Case:
    return Case(
        open_mailbox(account.settings),
        account.deliver,
        account.address,
        lambda count: delivered(account, count),
    )


def _maildir_case(folder: Path) -> Case:
    for name in ("inbox/new", "inbox/cur", "inbox/tmp", "outbox"):
        (folder / name).mkdir(parents=True)
    settings = MailboxSettings(
        kind="maildir", email_address=ME, maildir_path=folder / "inbox", outbox_path=folder / "outbox"
    )

    def deliver(raw: bytes) -> None:
        name = f"{time.time_ns()}.test"
        (folder / "inbox/tmp" / name).write_bytes(raw)
        (folder / "inbox/tmp" / name).rename(folder / "inbox/new" / name)

    def sent(count: int) -> list[bytes]:
        return [path.read_bytes() for path in (folder / "outbox").glob("*.eml")]

    return Case(open_mailbox(settings), deliver, ME, sent)


def _take_up(case: Case) -> list[int]:
    case.mailbox.status("INBOX")
    uids = [message.uid for batch in case.mailbox.fetch_since("INBOX", 0) for message in batch]
    case.mailbox.confirm("INBOX", uids)
    return uids


def test_it_reports_that_both_halves_work(case: Case) -> None:
    report = case.mailbox.check()

    assert report.incoming.success, report.incoming.error
    assert report.outgoing.success, report.outgoing.error


def test_it_names_one_inbox_and_one_sent_folder(case: Case) -> None:
    roles = [folder.role for folder in case.mailbox.folders()]

    assert roles.count(FolderRole.INBOX) == 1
    assert roles.count(FolderRole.SENT) == 1


def test_it_fetches_a_message_byte_for_byte_with_an_aware_date(case: Case) -> None:
    case.deliver(raw_message(1, body="Grüße and raw bytes"))

    case.mailbox.status("INBOX")
    [[message]] = list(case.mailbox.fetch_since("INBOX", 0))

    assert message.raw == raw_message(1, body="Grüße and raw bytes")
    assert message.size == len(message.raw)
    assert message.internal_date.utcoffset() is not None
    assert not message.is_seen


def test_it_fetches_in_order_of_arrival_and_in_small_batches(case: Case) -> None:
    for number in range(7):
        case.deliver(raw_message(number))

    case.mailbox.status("INBOX")
    batches = list(case.mailbox.fetch_since("INBOX", 0, messages=3))

    assert [len(batch) for batch in batches] == [3, 3, 1]
    assert [message.raw for batch in batches for message in batch] == [raw_message(n) for n in range(7)]


def test_it_limits_a_batch_by_bytes_and_lets_one_larger_message_through_alone(case: Case) -> None:
    for number, size in enumerate([4_000, 4_000, 30_000, 100]):
        case.deliver(raw_message(number, size=size))

    case.mailbox.status("INBOX")
    batches = list(case.mailbox.fetch_since("INBOX", 0, size=10_000))

    assert [len(batch) for batch in batches] == [2, 1, 1]


def test_it_brings_nothing_twice_after_it_was_stored(case: Case) -> None:
    case.deliver(raw_message(1))
    [stored] = _take_up(case)

    case.mailbox.status("INBOX")

    assert list(case.mailbox.fetch_since("INBOX", stored)) == []


def test_it_brings_an_unconfirmed_message_again(case: Case) -> None:
    case.deliver(raw_message(1))
    case.mailbox.status("INBOX")
    first = list(case.mailbox.fetch_since("INBOX", 0))

    case.mailbox.status("INBOX")

    assert [m.raw for m in next(case.mailbox.fetch_since("INBOX", 0))] == [m.raw for m in first[0]]


def test_it_sets_and_clears_the_read_flag(case: Case) -> None:
    case.deliver(raw_message(1))
    [uid] = _take_up(case)

    case.mailbox.set_seen("INBOX", [uid], True)
    assert "\\Seen" in case.mailbox.flags_between("INBOX", uid, uid)[uid]
    case.mailbox.set_seen("INBOX", [uid], False)
    assert "\\Seen" not in case.mailbox.flags_between("INBOX", uid, uid)[uid]


def test_it_lists_the_uids_it_knows(case: Case) -> None:
    case.deliver(raw_message(1))
    case.deliver(raw_message(2))
    uids = _take_up(case)

    assert sorted(uid for portion in case.mailbox.fetch_uids("INBOX") for uid in portion) == sorted(uids)


def test_waiting_ends_when_a_message_arrives(case: Case) -> None:
    case.mailbox.status("INBOX")
    later = threading.Timer(0.5, case.deliver, [raw_message(1)])
    later.start()
    started = time.monotonic()

    assert case.mailbox.wait("INBOX", 20, Event())
    assert time.monotonic() - started < 3
    later.join()


def test_waiting_notices_what_arrived_before_it_began(case: Case) -> None:
    case.mailbox.status("INBOX")
    case.deliver(raw_message(1))

    assert case.mailbox.wait("INBOX", 20, Event())


def test_waiting_ends_with_its_time(case: Case) -> None:
    case.mailbox.status("INBOX")

    assert not case.mailbox.wait("INBOX", 0.3, Event())


def test_waiting_ends_soon_when_told_to_stop(case: Case) -> None:
    case.mailbox.status("INBOX")
    stop = Event()
    threading.Timer(0.2, stop.set).start()
    started = time.monotonic()

    assert not case.mailbox.wait("INBOX", 60, stop)
    assert time.monotonic() - started < 3


def test_it_finds_a_message_by_its_whole_id_only(case: Case) -> None:
    case.deliver(raw_message("long-1"))
    case.deliver(raw_message("1"))
    long_one, short_one = _take_up(case)

    assert case.mailbox.find_by_message_id("INBOX", "1@client.example") == [short_one]
    assert case.mailbox.find_by_message_id("INBOX", "long-1@client.example") == [long_one]
    assert case.mailbox.find_by_message_id("INBOX", "2@client.example") == []


def test_what_is_sent_leaves_once_and_is_found_in_sent(case: Case) -> None:
    message_id = new_message_id("test", b"secret", domain="mail.test")
    raw = raw_message(1).replace(b"1@client.example", message_id.encode())
    noted: list[str] = []

    result = case.mailbox.send(case.address, [case.address], raw, lambda: noted.append("may be delivered"))
    case.mailbox.append_sent(raw, message_id)
    case.mailbox.append_sent(raw, message_id)

    assert noted == ["may be delivered"]
    assert result.refused == {}
    assert sum(message_id.encode() in message for message in case.sent(1)) == 1
    sent = next(folder.name for folder in case.mailbox.folders() if folder.role is FolderRole.SENT)
    assert len(case.mailbox.find_by_message_id(sent, message_id)) == 1


def test_nothing_leaves_when_the_intent_cannot_be_noted(case: Case) -> None:
    def fail() -> None:
        raise RuntimeError("the database is away")

    with pytest.raises(RuntimeError):
        case.mailbox.send(case.address, [case.address], raw_message(1), fail)

    time.sleep(0.5)
    assert case.sent(0) == []


def test_closing_twice_is_harmless_and_the_mailbox_opens_again(case: Case) -> None:
    case.mailbox.status("INBOX")
    case.mailbox.close()
    case.mailbox.close()

    assert case.mailbox.status("INBOX").exists == 0
