"""A SyncStore in memory: each method is all or nothing, like the transaction it stands for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from convergio.mail.mailboxes.protocol import SEEN, FlagChanges
from convergio.mail.sync import Batch, FolderCursor


class StorageFull(Exception):
    """The transaction could not be committed."""


@dataclass
class MemoryStore:
    mail: dict[str, bytes] = field(default_factory=dict)
    seen: dict[str, bool] = field(default_factory=dict)
    uids: dict[str, dict[int, str]] = field(default_factory=dict)
    cursors: dict[str, FolderCursor] = field(default_factory=dict)
    unsent: dict[str, dict[int, bool]] = field(default_factory=dict)
    answered: list[bytes] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)
    room: int = 1_000_000

    def cursor(self, folder: str) -> FolderCursor | None:
        return self.cursors.get(folder)

    def restart(self, folder: str, cursor: FolderCursor) -> None:
        self.uids[folder] = {}
        self.cursors[folder] = cursor

    def store(self, batch: Batch) -> None:
        if len(self.mail) + len(batch.messages) > self.room:
            raise StorageFull
        for message in batch.messages:
            key = hashlib.sha256(message.raw).hexdigest()
            if key not in self.mail and batch.may_answer:
                self.answered.append(message.raw)
            self.mail[key] = message.raw
            self.seen[key] = message.is_seen
            self.uids.setdefault(batch.folder.name, {})[message.uid] = key
        self.cursors[batch.folder.name] = batch.cursor
        self.batches.append(batch)

    def save_cursor(self, folder: str, cursor: FolderCursor) -> None:
        self.cursors[folder] = cursor

    def unsent_seen(self, folder: str) -> Mapping[int, bool]:
        return dict(self.unsent.get(folder, {}))

    def seen_sent(self, folder: str, changes: Mapping[int, bool]) -> None:
        for uid in changes:
            del self.unsent[folder][uid]

    def apply_flags(self, folder: str, changes: FlagChanges) -> None:
        known = self.uids[folder]
        for uid, flags in changes.flags.items():
            if uid in known and uid not in self.unsent.get(folder, {}):
                self.seen[known[uid]] = SEEN in flags
        for uid in changes.vanished:
            known.pop(uid, None)

    def reconcile(
        self, folder: str, first_uid: int, last_uid: int, flags: Mapping[int, frozenset[str]]
    ) -> None:
        gone = [uid for uid in self.uids[folder] if first_uid <= uid <= last_uid and uid not in flags]
        self.apply_flags(folder, FlagChanges(flags, gone))

    def read_here(self, folder: str, raw: bytes, seen: bool = True) -> None:
        """A person reads a message in the product."""
        key = hashlib.sha256(raw).hexdigest()
        uid = next(uid for uid, known in self.uids[folder].items() if known == key)
        self.seen[key] = seen
        self.unsent.setdefault(folder, {})[uid] = seen

    def is_seen(self, raw: bytes) -> bool:
        return self.seen[hashlib.sha256(raw).hexdigest()]
