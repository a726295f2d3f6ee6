"""Keeping our copy of a mailbox up to date: new mail, read states both ways, renumbered folders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Protocol

from convergio.mail.mailboxes.folders import folders_to_sync
from convergio.mail.mailboxes.protocol import (
    FetchedMessage,
    FlagChanges,
    Folder,
    FolderRole,
    FolderStatus,
    Mailbox,
)

# Flags of that many UIDs are compared at a time, so that memory does not follow the size of the mailbox.
FLAG_WINDOW = 5_000


@dataclass(frozen=True, slots=True)
class FolderCursor:
    """How far a folder is stored (rule 1). UIDs below `quiet_below` were there first: never answered."""

    uidvalidity: int
    last_uid: int = 0
    modseq: int | None = None
    quiet_below: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages to store together with the cursor that they lead to."""

    folder: Folder
    messages: Sequence[FetchedMessage]
    cursor: FolderCursor
    backfill: bool

    @property
    def may_answer(self) -> bool:
        """Automatic replies are for mail that arrives in the inbox while we watch (rules 4 and 13)."""
        return not self.backfill and self.folder.role is FolderRole.INBOX


class SyncStore(Protocol):
    """The durable side. Every method is one transaction."""

    def cursor(self, folder: str) -> FolderCursor | None:
        """Where the folder stands; None before its first sync."""

    def restart(self, folder: str, cursor: FolderCursor) -> None:
        """Forget which UID belongs to which mail and start over at `cursor`; the mail itself stays.

        What `store` then brings again is linked by Message-ID and content hash, never stored twice.
        """

    def store(self, batch: Batch) -> None:
        """Store raw bytes and cursor together, or nothing (rule 6). Known messages are linked to their UID.

        In the Sent folder a message that we sent attaches to its record (rule 25).
        """

    def save_cursor(self, folder: str, cursor: FolderCursor) -> None:
        """Keep a cursor that moved without messages."""

    def unsent_seen(self, folder: str) -> Mapping[int, bool]:
        """UID -> read or unread, for what a person changed here and the server does not know."""

    def seen_sent(self, folder: str, changes: Mapping[int, bool]) -> None:
        """The server knows these now; a change made here in the meantime stays unsent."""

    def apply_flags(self, folder: str, changes: FlagChanges) -> None:
        """Take over the server's read state, save for unsent changes; forget the UIDs that vanished."""

    def reconcile(
        self, folder: str, first_uid: int, last_uid: int, flags: Mapping[int, frozenset[str]]
    ) -> None:
        """`flags` is all the server has from `first_uid` to `last_uid`: apply it, forget other UIDs there."""


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What one pass did. `restarted` names folders that are read from their beginning."""

    fetched: int
    restarted: tuple[str, ...] = ()


class Stopped(Exception):
    """The store was asked to stop; what is stored stays stored."""


def sync_inbox(mailbox: Mailbox, store: SyncStore, *, with_flags: bool = True) -> SyncResult:
    """One pass over the inbox and Sent. Stored batches stay stored when a later one fails."""
    results = [
        sync_folder(mailbox, store, folder, with_flags=with_flags)
        for folder in folders_to_sync(mailbox.folders())
    ]
    restarted = tuple(name for result in results for name in result.restarted)
    return SyncResult(sum(result.fetched for result in results), restarted)


def sync_folder(mailbox: Mailbox, store: SyncStore, folder: Folder, *, with_flags: bool = True) -> SyncResult:
    """Fetch what is above the cursor, then exchange read states where the folder has UIDs of its own."""
    status = mailbox.status(folder.name)
    cursor = store.cursor(folder.name)
    restarted = cursor is None or _starts_over(cursor, status)
    if cursor is None or restarted:
        # Changes of flags count from here, and what is fetched from now on is newer than that.
        cursor = FolderCursor(
            status.uidvalidity, modseq=status.highestmodseq, quiet_below=status.uidnext or 0
        )
        store.restart(folder.name, cursor)
    fetched = 0
    for batch in _batches(mailbox, folder, cursor, status):
        store.store(batch)
        mailbox.confirm(folder.name, [message.uid for message in batch.messages])
        fetched += len(batch.messages)
        cursor = batch.cursor
    if with_flags and status.uidnext is not None:
        _push_seen(mailbox, store, folder.name)
        _pull_flags(mailbox, store, folder.name, cursor, status)
    return SyncResult(fetched, (folder.name,) if restarted else ())


def _starts_over(cursor: FolderCursor, status: FolderStatus) -> bool:
    """A new UIDVALIDITY (rule 4), or a next UID that we have already seen given away (rule 5)."""
    if cursor.uidvalidity != status.uidvalidity:
        return True
    return status.uidnext is not None and status.uidnext <= cursor.last_uid


def _batches(mailbox: Mailbox, folder: Folder, cursor: FolderCursor, status: FolderStatus) -> Iterator[Batch]:
    """Batches with the cursor after each; one that holds both old and new mail is cut in two."""
    quiet_below = cursor.quiet_below
    for messages in mailbox.fetch_since(folder.name, cursor.last_uid):
        for backfill, part in groupby(messages, lambda message: message.uid < quiet_below):
            portion = list(part)
            if status.uidnext is not None:
                cursor = replace(cursor, last_uid=portion[-1].uid)
            yield Batch(folder, portion, cursor, backfill)


def _push_seen(mailbox: Mailbox, store: SyncStore, folder: str) -> None:
    changes = store.unsent_seen(folder)
    for seen in (True, False):
        uids = [uid for uid, wanted in changes.items() if wanted is seen]
        if uids:
            mailbox.set_seen(folder, uids, seen)
    if changes:
        store.seen_sent(folder, changes)


def _pull_flags(
    mailbox: Mailbox, store: SyncStore, folder: str, cursor: FolderCursor, status: FolderStatus
) -> None:
    """Only what changed where the server counts changes (RFC 7162), else everything, in windows."""
    if cursor.modseq is None or status.highestmodseq is None:
        for first in range(1, cursor.last_uid + 1, FLAG_WINDOW):
            last = min(first + FLAG_WINDOW - 1, cursor.last_uid)
            store.reconcile(folder, first, last, mailbox.flags_between(folder, first, last))
    elif cursor.modseq != status.highestmodseq:
        for changes in mailbox.changed_flags(folder, cursor.modseq):
            store.apply_flags(folder, changes)
    if cursor.modseq != status.highestmodseq:
        store.save_cursor(folder, replace(cursor, modseq=status.highestmodseq))
