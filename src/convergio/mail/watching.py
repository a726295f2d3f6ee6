"""Watching one inbox: sync, wait for the server to say more, sync again; back off when it fails (rules 8 to 11)."""

from __future__ import annotations

import threading

import structlog
from django.db import connection

from convergio.core import events, sql
from convergio.core.errors import ProviderError
from convergio.core.models import Activity
from convergio.core.tenancy import workspace_scope
from convergio.mail.backoff import RetrySchedule
from convergio.mail.mailboxes import open_mailbox
from convergio.mail.mailboxes.protocol import FolderRole, Mailbox, MailboxSettings
from convergio.mail.sync import Stopped, sync_inbox
from convergio.mail.sync_store import InboxStore

log = structlog.get_logger(__name__)

# IDLE tells at once where it works; the poll finds what it missed.
POLL_SECONDS = 120.0
UNEXPECTED_DELAY = 15.0


class Watcher:
    """One thread that keeps one inbox up to date until it is stopped."""

    def __init__(self, workspace_id: int, inbox_id: int, settings: MailboxSettings) -> None:
        self.workspace_id = workspace_id
        self.inbox_id = inbox_id
        self.settings = settings
        self._store = InboxStore(
            workspace_id, inbox_id, in_queue=settings.kind == "maildir", stopped=lambda: self._stopped
        )
        self._schedule = RetrySchedule()
        self._stopped = False
        self._interrupt = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"inbox-{inbox_id}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether the thread still runs."""
        return self._thread.is_alive()

    def wake(self) -> None:
        """Sync now, instead of when the server says so."""
        self._interrupt.set()

    def stop(self) -> None:
        """Ask the thread to end; `join` waits for it."""
        self._stopped = True
        self._interrupt.set()

    def join(self, timeout: float) -> None:
        """Wait for the thread's end."""
        self._thread.join(timeout)

    def _run(self) -> None:
        mailbox: Mailbox | None = None
        try:
            while True:
                # Cleared first: a stop that comes between the two lines is seen by the second.
                self._interrupt.clear()
                if self._stopped:
                    return
                mailbox = self._turn(mailbox)
        finally:
            if mailbox is not None:
                mailbox.close()
            connection.close()

    def _turn(self, mailbox: Mailbox | None) -> Mailbox | None:
        """Sync once and wait for news; the mailbox to go on with."""
        try:
            mailbox = mailbox or open_mailbox(self.settings)
            sync_inbox(mailbox, self._store)
            self._note_success()
            connection.close()  # a quiet inbox needs no connection
            inbox = next(one.name for one in mailbox.folders() if one.role is FolderRole.INBOX)
            mailbox.wait(inbox, POLL_SECONDS, self._interrupt)
        except Stopped:
            log.info("mailwatch.stopped_between_batches", inbox_id=self.inbox_id)
        except ProviderError as error:
            self._pause(self._schedule.failed(error), error)
        except Exception:
            log.exception("mailwatch.turn_broke", inbox_id=self.inbox_id)
            self._pause(UNEXPECTED_DELAY, None)
        return mailbox

    def _pause(self, seconds: float, error: ProviderError | None) -> None:
        try:
            if error is not None:
                self._note_failure(error)
        except Exception:
            log.exception("mailwatch.note_failed", inbox_id=self.inbox_id)
        connection.close()
        self._interrupt.wait(seconds)

    def _note_success(self) -> None:
        self._schedule.succeeded()
        with workspace_scope(self.workspace_id):
            is_news: bool | None = sql.fetch_value(
                """UPDATE inboxes AS now SET
                     state = CASE WHEN now.sending_error = '' THEN 'ok' ELSE 'sign_in_failed' END,
                     last_error = now.sending_error, auth_failures = 0, last_polled_at = now(),
                     first_synced_at = COALESCE(now.first_synced_at, now())
                   FROM inboxes AS before WHERE now.id = %s AND before.id = now.id
                   RETURNING before.state <> now.state""",
                [self.inbox_id],
            )
            if is_news:
                events.show("inbox.changed", workspace_id=self.workspace_id, ids=[self.inbox_id])

    def _note_failure(self, error: ProviderError) -> None:
        state = self._schedule.state
        with workspace_scope(self.workspace_id):
            was: str | None = sql.fetch_value(
                """UPDATE inboxes AS now SET state = %s, last_error = %s, auth_failures = %s, last_polled_at = now()
                   FROM inboxes AS before WHERE now.id = %s AND before.id = now.id RETURNING before.state""",
                [state, error.message, self._schedule.refused_logins, self.inbox_id],
            )
            if was == state:
                return
            events.show("inbox.changed", workspace_id=self.workspace_id, ids=[self.inbox_id])
            if state == "sign_in_failed":
                Activity.objects.create(
                    workspace_id=self.workspace_id,
                    action="inbox.sign_in_failed",
                    subject=f"inboxes:{self.inbox_id}",
                    facts={},
                )
