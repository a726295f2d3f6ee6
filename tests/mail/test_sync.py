"""Mail rules 1 to 7, 11, 13 and 25: the sync algorithm over a real Dovecot."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from convergio.core.errors import ProviderError
from convergio.mail.mailboxes import open_mailbox
from convergio.mail.mailboxes.protocol import Folder, FolderRole, Mailbox, MailboxSettings
from convergio.mail.sync import FolderCursor, sync_folder, sync_inbox
from tests.mail.memory_store import MemoryStore, StorageFull
from tests.mail.sample import raw_message
from tests.mail.servers import Account, flags_of, imap_of

INBOX = Folder("INBOX", FolderRole.INBOX)


@pytest.fixture
def mailbox(account: Account) -> Iterator[Mailbox]:
    opened = open_mailbox(account.settings)
    yield opened
    opened.close()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def _forget_uids(account: Account) -> None:
    """Make Dovecot number the folder anew with another UIDVALIDITY."""
    for path in account.maildir.glob("dovecot*"):
        path.unlink()
    uidlist = account.maildir / "dovecot-uidlist"
    uidlist.write_text("3 V4242 N100 Gabcdefabcdefabcdefabcdefabcdef12\n")
    _own(uidlist, account)


def _own(path: Path, account: Account) -> None:
    owner = account.maildir.stat()
    os.chown(path, owner.st_uid, owner.st_gid)


def test_rule_1_the_cursor_is_the_last_uid_and_unseen_does_not_matter(
    account: Account, mailbox: Mailbox, store: MemoryStore
) -> None:
    account.deliver(raw_message(1))
    sync_inbox(mailbox, store)
    account.deliver(raw_message(2))
    client = imap_of(account)
    client.store("2", "+FLAGS", "\\Seen")
    client.logout()

    assert sync_inbox(mailbox, store).fetched == 1
    assert store.cursors["INBOX"].last_uid == 2
    assert set(store.mail.values()) == {raw_message(1), raw_message(2)}
    assert store.is_seen(raw_message(2))


def test_rule_2_fetching_sets_no_flag_on_the_server(
    account: Account, mailbox: Mailbox, store: MemoryStore
) -> None:
    account.deliver(raw_message(1))
    sync_inbox(mailbox, store)

    assert "\\Seen" not in flags_of(account, "1")[0]


def test_rule_2_reading_here_is_told_to_the_server(
    account: Account, mailbox: Mailbox, store: MemoryStore
) -> None:
    account.deliver(raw_message(1))
    sync_inbox(mailbox, store)
    store.read_here("INBOX", raw_message(1))

    sync_inbox(mailbox, store)

    assert "\\Seen" in flags_of(account, "1")[0]
    assert store.unsent["INBOX"] == {}


def test_rule_2_reading_elsewhere_arrives_here(
    account: Account, mailbox: Mailbox, store: MemoryStore
) -> None:
    for number in (1, 2):
        account.deliver(raw_message(number))
    sync_inbox(mailbox, store)
    client = imap_of(account)
    client.store("1", "+FLAGS", "\\Seen")
    client.logout()

    sync_inbox(mailbox, store)

    assert store.is_seen(raw_message(1))
    assert not store.is_seen(raw_message(2))


def test_rule_3_a_poll_with_nothing_new_does_not_bring_the_last_message_again(
    account: Account, mailbox: Mailbox, store: MemoryStore
) -> None:
    account.deliver(raw_message(1))
    sync_inbox(mailbox, store)

    assert sync_inbox(mailbox, store).fetched == 0
    assert len(store.batches) == 1


def test_rule_4_a_new_uidvalidity_relinks_without_duplicates_and_without_answers(
    account: Account, mailbox: Mailbox, store: MemoryStore
) -> None:
    sync_inbox(mailbox, store)
    for number in range(3):
        account.deliver(raw_message(number))
    sync_inbox(mailbox, store)
    answered = list(store.answered)
    before = store.cursors["INBOX"]
    mailbox.close()
    _forget_uids(account)

    result = sync_inbox(mailbox, store)

    assert result.restarted == ("INBOX",)
    assert store.cursors["INBOX"].uidvalidity != before.uidvalidity
    assert len(store.mail) == 3
    assert set(store.uids["INBOX"]) == {100, 101, 102}
    assert store.answered == answered
    assert sync_inbox(mailbox, store).restarted == ()


def test_rule_4_mail_that_arrives_after_the_relinking_is_answered_again(
    account: Account, mailbox: Mailbox, store: MemoryStore
) -> None:
    account.deliver(raw_message(1))
    sync_inbox(mailbox, store)
    mailbox.close()
    _forget_uids(account)
    sync_inbox(mailbox, store)
    account.deliver(raw_message(2))

    sync_inbox(mailbox, store)

    assert store.answered == [raw_message(2)]


def test_rule_5_a_uidnext_below_the_cursor_reads_again_instead_of_stalling(
    account: Account, mailbox: Mailbox, store: MemoryStore
) -> None:
    account.deliver(raw_message(1))
    sync_inbox(mailbox, store)
    ahead = store.cursors["INBOX"]
    store.cursors["INBOX"] = FolderCursor(ahead.uidvalidity, last_uid=5_000, modseq=ahead.modseq)
    account.deliver(raw_message(2))

    sync_inbox(mailbox, store)

    assert set(store.mail.values()) == {raw_message(1), raw_message(2)}
    assert store.cursors["INBOX"].last_uid == 2
    assert store.answered == []


def test_rule_6_the_cursor_stays_where_storing_failed_and_nothing_is_lost(
    account: Account, mailbox: Mailbox, store: MemoryStore
) -> None:
    for number in range(250):
        account.deliver(raw_message(number))
    store.room = 150
    with pytest.raises(StorageFull):
        sync_inbox(mailbox, store)
    assert store.cursors["INBOX"].last_uid == 100

    store.room = 1_000
    sync_inbox(mailbox, store)

    assert len(store.mail) == 250
    assert store.answered == []


def test_rule_7_only_changed_flags_are_fetched_and_vanished_uids_are_forgotten(
    account: Account, mailbox: Mailbox, store: MemoryStore
) -> None:
    for number in range(5):
        account.deliver(raw_message(number))
    sync_inbox(mailbox, store)
    modseq = store.cursors["INBOX"].modseq
    assert modseq is not None
    client = imap_of(account)
    client.store("2", "+FLAGS", "\\Seen")
    client.store("4", "+FLAGS", "\\Deleted")
    client.expunge()
    client.logout()

    mailbox.status("INBOX")
    changes = list(mailbox.changed_flags("INBOX", modseq))
    sync_inbox(mailbox, store)

    assert [set(change.flags) for change in changes] == [{2}]
    assert [list(change.vanished) for change in changes] == [[4]]
    assert set(store.uids["INBOX"]) == {1, 2, 3, 5}
    assert len(store.mail) == 5


def test_rule_7_without_modification_sequences_the_full_difference_is_taken(
    account: Account, mailbox: Mailbox, store: MemoryStore
) -> None:
    for number in range(5):
        account.deliver(raw_message(number))
    sync_inbox(mailbox, store)
    known = store.cursors["INBOX"]
    store.cursors["INBOX"] = FolderCursor(known.uidvalidity, known.last_uid, modseq=None)
    client = imap_of(account)
    client.store("1", "+FLAGS", "\\Seen")
    client.store("5", "+FLAGS", "\\Deleted")
    client.expunge()
    client.logout()

    sync_inbox(mailbox, store)

    assert store.is_seen(raw_message(0))
    assert set(store.uids["INBOX"]) == {1, 2, 3, 4}


def test_rule_11_everything_missed_during_an_outage_is_fetched_afterwards(
    account: Account, mailbox: Mailbox, store: MemoryStore
) -> None:
    sync_inbox(mailbox, store)
    mailbox.close()
    away = open_mailbox(account.with_settings(imap_port=1))
    for number in range(3):
        account.deliver(raw_message(number))
    with pytest.raises(ProviderError) as failure:
        sync_inbox(away, store)
    assert failure.value.kind == "retry"

    sync_inbox(mailbox, store)

    assert store.answered == [raw_message(number) for number in range(3)]


def test_rule_13_what_was_there_before_the_first_sync_is_never_answered(
    account: Account, mailbox: Mailbox, store: MemoryStore
) -> None:
    account.deliver(raw_message(1))
    sync_inbox(mailbox, store)
    account.deliver(raw_message(2))
    sync_inbox(mailbox, store)

    assert [batch.backfill for batch in store.batches] == [True, False]
    assert store.answered == [raw_message(2)]


def test_rule_13_an_interrupted_first_sync_stays_a_first_sync(
    account: Account, mailbox: Mailbox, store: MemoryStore
) -> None:
    for number in range(120):
        account.deliver(raw_message(number))
    store.room = 100
    with pytest.raises(StorageFull):
        sync_inbox(mailbox, store)
    store.room = 1_000
    account.deliver(raw_message("live"))

    sync_inbox(mailbox, store)

    assert store.answered == [raw_message("live")]
    assert len(store.mail) == 121


def test_rule_25_our_own_mail_in_sent_is_stored_as_sent_and_never_answered(
    account: Account, mailbox: Mailbox, store: MemoryStore
) -> None:
    sync_inbox(mailbox, store)
    mailbox.append_sent(raw_message("ours"), "ours@client.example")

    sync_inbox(mailbox, store)

    [batch] = store.batches
    assert batch.folder.role is FolderRole.SENT
    assert not batch.may_answer


def test_a_maildir_needs_no_cursor_and_everything_in_it_is_live(tmp_path: Path, store: MemoryStore) -> None:
    for name in ("new", "cur", "tmp", "outbox"):
        (tmp_path / name).mkdir()
    (tmp_path / "new" / "1.test").write_bytes(raw_message(1))
    mailbox = open_mailbox(
        MailboxSettings(
            kind="maildir",
            email_address="a@mail.test",
            maildir_path=tmp_path,
            outbox_path=tmp_path / "outbox",
        )
    )

    assert sync_inbox(mailbox, store).fetched == 1
    assert sync_inbox(mailbox, store).fetched == 0
    assert store.answered == [raw_message(1)]
    assert [path.name for path in (tmp_path / "cur").iterdir()] == ["1.test:2,"]


def test_memory_does_not_follow_the_size_of_the_mailbox(account: Account, mailbox: Mailbox) -> None:
    class Counter(MemoryStore):
        """Keeps the number of messages and no message."""

        count = 0

        def store(self, batch: object) -> None:
            self.count += len(batch.messages)  # type: ignore[attr-defined]

    for number in range(60):
        account.deliver(raw_message(number, size=1_000_000))
    store = Counter()
    tracemalloc.start()
    sync_folder(mailbox, store, INBOX)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert store.count == 60
    assert peak < 30_000_000
