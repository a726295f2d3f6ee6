"""The durable side of a sync: cursors, UIDs and read states of one inbox's folders, one transaction per step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from convergio.core import clock, events, sql
from convergio.core.tenancy import workspace_scope
from convergio.mail.ingest import Arrival, load_receiver, store_batch
from convergio.mail.ingest.summaries import refresh_threads
from convergio.mail.mailboxes.protocol import SEEN, FetchedMessage, FlagChanges, Folder, FolderRole
from convergio.mail.sync import Batch, FolderCursor, Stopped


class _Cursor(msgspec.Struct):
    uidvalidity: int
    last_uid: int
    modseq: int | None
    quiet_below: int


_SAVE_CURSOR = """
INSERT INTO inbox_folders (workspace_id, inbox_id, name, role, uidvalidity, last_uid, modseq, quiet_below)
VALUES (%(workspace)s, %(inbox)s, %(name)s, %(role)s, %(uidvalidity)s, %(last_uid)s, %(modseq)s, %(quiet_below)s)
ON CONFLICT (inbox_id, name) DO UPDATE SET uidvalidity = excluded.uidvalidity, last_uid = excluded.last_uid,
  modseq = excluded.modseq, quiet_below = excluded.quiet_below,
  role = COALESCE(NULLIF(excluded.role, ''), inbox_folders.role)
RETURNING id
"""
# What a person decided here wins until the server has been told.
_TAKE_FLAGS = """
UPDATE email_deliveries AS delivery SET is_seen = told.seen
FROM unnest(%(uids)s::bigint[], %(seen)s::boolean[]) AS told(uid, seen)
WHERE delivery.folder_id = %(folder)s AND delivery.uid = told.uid AND delivery.is_seen <> told.seen
  AND delivery.seen_wanted IS NULL
RETURNING delivery.email_id, delivery.is_seen
"""


class InboxStore:
    """A SyncStore over one inbox.

    `in_queue`: the folders are queues (maildir), and mail counts as received at take-up. Once `stopped` answers True,
    `store` raises Stopped instead of beginning another batch.
    """

    def __init__(
        self,
        workspace_id: int,
        inbox_id: int,
        *,
        in_queue: bool = False,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self.workspace_id = workspace_id
        self.inbox_id = inbox_id
        self._in_queue = in_queue
        self._stopped = stopped

    def cursor(self, folder: str) -> FolderCursor | None:
        with workspace_scope(self.workspace_id):
            row = sql.fetch_one(
                _Cursor,
                """SELECT uidvalidity, last_uid, modseq, quiet_below FROM inbox_folders
                   WHERE inbox_id = %s AND name = %s""",
                [self.inbox_id, folder],
            )
        return FolderCursor(row.uidvalidity, row.last_uid, row.modseq, row.quiet_below) if row else None

    def restart(self, folder: str, cursor: FolderCursor) -> None:
        with workspace_scope(self.workspace_id):
            folder_id = self._save(folder, cursor)
            sql.execute(
                "UPDATE email_deliveries SET uid = NULL, seen_wanted = NULL WHERE folder_id = %s", [folder_id]
            )

    def store(self, batch: Batch) -> None:
        if self._stopped():
            raise Stopped
        with workspace_scope(self.workspace_id):
            receiver = load_receiver(self.inbox_id)
            folder_id = self._folder_id(batch.folder.name)
        store_batch(
            receiver,
            [self._arrival(message, batch.folder, folder_id) for message in batch.messages],
            backfill=not batch.may_answer,
            also=lambda: self._move_cursor(batch),
        )

    def save_cursor(self, folder: str, cursor: FolderCursor) -> None:
        with workspace_scope(self.workspace_id):
            self._save(folder, cursor)

    def unsent_seen(self, folder: str) -> Mapping[int, bool]:
        with workspace_scope(self.workspace_id):
            rows = sql.run(
                """SELECT uid, seen_wanted FROM email_deliveries
                   WHERE folder_id = %s AND seen_wanted IS NOT NULL AND uid IS NOT NULL""",
                [self._folder_id(folder)],
            ).fetchall()
        return dict(rows)

    def seen_sent(self, folder: str, changes: Mapping[int, bool]) -> None:
        with workspace_scope(self.workspace_id):
            folder_id = self._folder_id(folder)
            sql.execute_many(
                """UPDATE email_deliveries SET is_seen = %(seen)s, seen_wanted = NULL
                   WHERE folder_id = %(folder)s AND uid = %(uid)s AND seen_wanted = %(seen)s""",
                [{"folder": folder_id, "uid": uid, "seen": seen} for uid, seen in changes.items()],
            )

    def apply_flags(self, folder: str, changes: FlagChanges) -> None:
        with workspace_scope(self.workspace_id):
            folder_id = self._folder_id(folder)
            self._take_flags(folder_id, changes.flags)
            self._forget(folder_id, list(changes.vanished))

    def reconcile(
        self, folder: str, first_uid: int, last_uid: int, flags: Mapping[int, frozenset[str]]
    ) -> None:
        with workspace_scope(self.workspace_id):
            folder_id = self._folder_id(folder)
            self._take_flags(folder_id, flags)
            sql.execute(
                """UPDATE email_deliveries SET uid = NULL, seen_wanted = NULL
                   WHERE folder_id = %s AND uid BETWEEN %s AND %s AND NOT uid = ANY(%s)""",
                [folder_id, first_uid, last_uid, list(flags)],
            )

    def _take_flags(self, folder_id: int, flags: Mapping[int, frozenset[str]]) -> None:
        seen = [SEEN in every for every in flags.values()]
        changed = sql.run(_TAKE_FLAGS, {"folder": folder_id, "uids": list(flags), "seen": seen}).fetchall()
        for value in (True, False):
            ids = [email_id for email_id, is_seen in changed if is_seen is value]
            threads = sql.fetch_column(
                "UPDATE emails SET is_read = %s WHERE id = ANY(%s) AND is_read <> %s RETURNING thread_id",
                [value, ids, value],
            )
            refresh_threads(set(threads))
        if changed:
            events.show(
                "email.read", workspace_id=self.workspace_id, ids=[email_id for email_id, _ in changed]
            )

    def _forget(self, folder_id: int, uids: Sequence[int]) -> None:
        if uids:
            sql.execute(
                "UPDATE email_deliveries SET uid = NULL, seen_wanted = NULL WHERE folder_id = %s AND uid = ANY(%s)",
                [folder_id, uids],
            )

    def _arrival(self, message: FetchedMessage, folder: Folder, folder_id: int) -> Arrival:
        return Arrival(
            raw=message.raw,
            received_at=clock.now() if self._in_queue else message.internal_date,
            folder_id=folder_id,
            uid=message.uid,
            is_seen=message.is_seen,
            is_junk=folder.role is FolderRole.JUNK,
            in_sent_folder=folder.role is FolderRole.SENT,
        )

    def _move_cursor(self, batch: Batch) -> None:
        self._save(batch.folder.name, batch.cursor, role=batch.folder.role)

    def _save(self, folder: str, cursor: FolderCursor, *, role: str = "") -> int:
        folder_id: int = sql.fetch_value(
            _SAVE_CURSOR,
            {
                "workspace": self.workspace_id,
                "inbox": self.inbox_id,
                "name": folder,
                "role": role,
                "uidvalidity": cursor.uidvalidity,
                "last_uid": cursor.last_uid,
                "modseq": cursor.modseq,
                "quiet_below": cursor.quiet_below,
            },
        )
        return folder_id

    def _folder_id(self, folder: str) -> int:
        folder_id: int = sql.fetch_value(
            "SELECT id FROM inbox_folders WHERE inbox_id = %s AND name = %s", [self.inbox_id, folder]
        )
        return folder_id
