"""Rules 2, 4 and 6: a server that drops the connection while it hands messages over, and what it is afterwards."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import pytest

from convergio.core.errors import ProviderError
from convergio.mail.mailboxes import open_mailbox
from convergio.mail.mailboxes.protocol import Folder, FolderRole, Mailbox
from convergio.mail.sync import SyncResult, sync_folder
from tests.mail.line_server import Conversation, LineServer, Script, imap_settings, line_server
from tests.mail.memory_store import MemoryStore
from tests.mail.sample import raw_message

INBOX = Folder("INBOX", FolderRole.INBOX)
# More than one batch, so that the cursor stands in the middle when the connection breaks in the second.
MAIL = {uid: raw_message(uid) for uid in range(1, 131)}

Break = Callable[[Conversation, int], None]


class Server:
    """An IMAP server with one folder. Its `fetch`-th FETCH of contents ends as `broken` says."""

    def __init__(
        self, mail: Mapping[int, bytes], *, uidvalidity: int = 1, fetch: int = 0, broken: Break | None = None
    ) -> None:
        self.mail, self.uidvalidity, self.fetch, self.broken = mail, uidvalidity, fetch, broken
        self.fetches = 0

    def __call__(self, conversation: Conversation) -> None:
        conversation.say("* OK [CAPABILITY IMAP4rev1] ready")
        while True:
            tag, command, *rest = conversation.hear().decode().split(" ", 3)
            if command == "UID":
                self._uid(conversation, *rest)
            elif command in _ANSWERS:
                conversation.say(_ANSWERS[command].format(uidvalidity=self.uidvalidity))
            conversation.say(f"{tag} OK done")

    def _uid(self, conversation: Conversation, command: str, asked: str) -> None:
        uids = _within(self.mail, asked)
        if command == "SEARCH":
            conversation.say("* SEARCH " + " ".join(map(str, uids)))
        elif "RFC822.SIZE" in asked:
            conversation.say(
                *(f"* {uid} FETCH (UID {uid} RFC822.SIZE {len(self.mail[uid])})" for uid in uids)
            )
        else:
            self._hand_over(conversation, uids)

    def _hand_over(self, conversation: Conversation, uids: Sequence[int]) -> None:
        self.fetches += 1
        for uid in uids:
            if self.broken and self.fetches == self.fetch and uid % 3 == 0:
                self.broken(conversation, uid)
                raise EOFError
            conversation.send(_before(uid, self.mail[uid]) + self.mail[uid] + b")\r\n")


_ANSWERS = {
    "CAPABILITY": "* CAPABILITY IMAP4rev1",
    "EXAMINE": "* 130 EXISTS\r\n* OK [UIDVALIDITY {uidvalidity}] ok\r\n* OK [UIDNEXT 131] ok",
}


def _within(mail: Mapping[int, bytes], asked: str) -> Sequence[int]:
    """UIDs named by a range or a list."""
    spans = re.findall(r"(\d+)(?::(\d+))?", asked.removeprefix("UID ").split(" ")[0])
    return [uid for uid in mail if any(int(low) <= uid <= int(high or low) for low, high in spans)]


def _before(uid: int, raw: bytes) -> bytes:
    """What stands before the bytes of a message."""
    date = b"23-Nov-2026 10:00:00 +0000"
    return b'* %d FETCH (UID %d FLAGS () INTERNALDATE "%b" BODY[] {%d}\r\n' % (uid, uid, date, len(raw))


def in_the_middle_of_a_message(conversation: Conversation, uid: int) -> None:
    conversation.send(_before(uid, MAIL[uid]) + MAIL[uid][:40])


def between_two_messages(conversation: Conversation, uid: int) -> None:
    conversation.close()


def after_the_bytes(conversation: Conversation, uid: int) -> None:
    conversation.send(_before(uid, MAIL[uid]) + MAIL[uid])


def with_a_goodbye(conversation: Conversation, uid: int) -> None:
    conversation.send(_before(uid, MAIL[uid]) + MAIL[uid] + b")\r\n* BYE out of memory\r\n")


def with_nonsense(conversation: Conversation, uid: int) -> None:
    conversation.send(_before(uid, MAIL[uid])[:-2] + b"\x00\xff" * 40 + b"\r\n\r\n")


BREAKS = [
    in_the_middle_of_a_message,
    between_two_messages,
    after_the_bytes,
    with_a_goodbye,
    with_nonsense,
]


@contextmanager
def mailbox_on(*scripts: Script) -> Iterator[tuple[Mailbox, LineServer]]:
    with line_server(*scripts) as server:
        mailbox = open_mailbox(imap_settings(server.port))
        yield mailbox, server
        mailbox.close()


def synced(mailbox: Mailbox, store: MemoryStore) -> SyncResult:
    return sync_folder(mailbox, store, INBOX, with_flags=False)


@pytest.mark.parametrize("broken", BREAKS, ids=lambda one: str(one.__name__))
@pytest.mark.parametrize("fetch", [1, 2])
def test_rule_6_a_connection_that_drops_in_a_fetch_leaves_whole_messages_and_a_true_cursor(
    broken: Break, fetch: int
) -> None:
    store = MemoryStore()
    with mailbox_on(Server(MAIL, fetch=fetch, broken=broken), Server(MAIL)) as (mailbox, _):
        with pytest.raises(ProviderError) as failure:
            synced(mailbox, store)
        kept = store.cursors["INBOX"].last_uid
        assert (failure.value.kind, kept) == ("retry", 100 * (fetch - 1))
        assert set(store.mail.values()) == {raw for uid, raw in MAIL.items() if uid <= kept}

        assert synced(mailbox, store).fetched == len(MAIL) - kept
    assert set(store.mail.values()) == set(MAIL.values())
    assert store.cursors["INBOX"].last_uid == 130


def test_rule_4_a_folder_that_is_renumbered_in_the_middle_of_a_sync_is_read_from_its_beginning() -> None:
    store = MemoryStore()
    # The new numbers say something else: what was 130 is 1 now.
    renumbered = dict(zip(MAIL, reversed(MAIL.values()), strict=True))
    before = Server(MAIL, fetch=2, broken=between_two_messages)
    with mailbox_on(before, Server(renumbered, uidvalidity=2)) as (mailbox, _):
        with pytest.raises(ProviderError):
            synced(mailbox, store)
        assert synced(mailbox, store).restarted == ("INBOX",)
    assert len(store.mail) == 130
    assert store.mail[store.uids["INBOX"][1]] == MAIL[130]
    assert (store.cursors["INBOX"].uidvalidity, store.answered) == (2, [])


def test_rule_2_messages_are_looked_at_in_a_folder_opened_for_reading_and_without_marking_them() -> None:
    with mailbox_on(Server(MAIL)) as (mailbox, server):
        synced(mailbox, MemoryStore())
    heard = server.conversations[0].heard
    assert not [line for line in heard if b" SELECT " in line]
    contents = [line for line in heard if b"BODY" in line]
    assert contents
    assert all(b"BODY.PEEK[" in line for line in contents)
