"""All inboxes, watched: each by one thread of one process, whichever machine it is on.

The owner of an inbox holds its advisory lock on this process's one lock connection. When that connection is lost, so
are the locks: all watchers stop, and whoever gets the locks next goes on. Should two overlap for a moment, nothing is
stored twice, because storing recognises what is there.
"""

from __future__ import annotations

import time
from threading import Event

import django.db
import msgspec
import psycopg
import structlog
from django.conf import settings
from django.db import connection

from convergio.accounts.workspaces import workspace_ids
from convergio.core import crypto, sql
from convergio.core.events import CHANNEL
from convergio.core.tenancy import workspace_scope
from convergio.mail.connections import mailbox_settings
from convergio.mail.mailboxes.protocol import MailboxSettings
from convergio.mail.watching import Watcher

log = structlog.get_logger(__name__)

# First number of the advisory lock of one inbox.
_LOCK = 7_203
REVIEW_SECONDS = 15.0
RECONNECT_SECONDS = 2.0
STOP_SECONDS = 3.0
# Events after which the list of inboxes, or one inbox, should be looked at right away.
_REVIEW_ON = frozenset({"inbox.changed"})
_WAKE_ON = frozenset({"inbox.sync_requested", "email.read"})


class _Notice(msgspec.Struct):
    event: str
    workspace: int
    ids: list[int]


class MailWatch:
    """The watchers of this process and the connection that holds their locks."""

    def __init__(self) -> None:
        self._stop = Event()
        self._watchers: dict[int, Watcher] = {}

    def stop(self) -> None:
        """End `run`; safe to call from a signal handler."""
        self._stop.set()

    def run(self) -> None:
        """Watch until `stop`. A lost database connection is opened again."""
        try:
            while not self._stop.is_set():
                try:
                    with psycopg.connect(settings.DATABASE_DIRECT_URL, autocommit=True) as locks:
                        self._watch(locks)
                except (psycopg.Error, django.db.Error) as error:
                    log.warning("mailwatch.database_lost", reason=type(error).__name__)
                    self._stop_watchers()
                    connection.close()
                    self._stop.wait(RECONNECT_SECONDS)
        finally:
            self._stop_watchers()
            connection.close()

    def _watch(self, locks: psycopg.Connection) -> None:
        locks.execute(f"LISTEN {CHANNEL}")
        due = 0.0
        while not self._stop.is_set():
            if time.monotonic() >= due:
                self._review(locks)
                due = time.monotonic() + REVIEW_SECONDS
            for notify in locks.notifies(timeout=0.5, stop_after=1):
                if self._hear(notify.payload):
                    due = 0.0

    def _hear(self, payload: str) -> bool:
        """Wake whom an event concerns; True when the inboxes should be reviewed now."""
        notice = msgspec.json.decode(payload, type=_Notice)
        if notice.event in _WAKE_ON:
            for watcher in self._watchers.values():
                if watcher.workspace_id == notice.workspace and _concerns(notice, watcher.inbox_id):
                    watcher.wake()
        return notice.event in _REVIEW_ON

    def _review(self, locks: psycopg.Connection) -> None:
        """Start what should be watched and is not, restart what changed, stop what went away."""
        wanted = _wanted_inboxes()
        for inbox_id, watcher in list(self._watchers.items()):
            settings_now = wanted.get(inbox_id, (0, None))[1]
            if settings_now != watcher.settings or not watcher.is_alive:
                watcher.stop()
                watcher.join(STOP_SECONDS)
                del self._watchers[inbox_id]
                locks.execute("SELECT pg_advisory_unlock(%s, %s)", [_LOCK, inbox_id & 0x7FFFFFFF])
        for inbox_id, (workspace_id, found) in wanted.items():
            if inbox_id not in self._watchers and _lock(locks, inbox_id):
                watcher = self._watchers[inbox_id] = Watcher(workspace_id, inbox_id, found)
                watcher.start()

    def _stop_watchers(self) -> None:
        for watcher in self._watchers.values():
            watcher.stop()
        until = time.monotonic() + STOP_SECONDS
        for watcher in self._watchers.values():
            watcher.join(max(0.0, until - time.monotonic()))
        self._watchers.clear()


def _concerns(notice: _Notice, inbox_id: int) -> bool:
    return notice.event != "inbox.sync_requested" or not notice.ids or inbox_id in notice.ids


def _lock(locks: psycopg.Connection, inbox_id: int) -> bool:
    row = locks.execute("SELECT pg_try_advisory_lock(%s, %s)", [_LOCK, inbox_id & 0x7FFFFFFF]).fetchone()
    return bool(row and row[0])


def _wanted_inboxes() -> dict[int, tuple[int, MailboxSettings]]:
    """Every active inbox whose secrets open, with its workspace."""
    wanted: dict[int, tuple[int, MailboxSettings]] = {}
    for workspace_id in workspace_ids():
        with workspace_scope(workspace_id):
            for inbox_id in sql.fetch_column("SELECT id FROM inboxes WHERE is_active ORDER BY id"):
                try:
                    found = mailbox_settings(inbox_id)
                except crypto.Unreadable as error:
                    sql.execute(
                        "UPDATE inboxes SET state = 'sign_in_failed', last_error = %s WHERE id = %s",
                        [str(error), inbox_id],
                    )
                    continue
                if found:
                    wanted[inbox_id] = (workspace_id, found)
    connection.close()
    return wanted
