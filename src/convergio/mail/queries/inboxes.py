"""Inboxes as people see them: settings and state, never a secret."""

from __future__ import annotations

from datetime import datetime

import msgspec

from convergio.accounts.actor import Actor
from convergio.core import sql
from convergio.core.errors import NotFound


class InboxRow(msgspec.Struct, frozen=True):
    """An inbox. `state`: new, syncing, ok, unreachable, sign_in_failed or paused; has_secrets: passwords are stored."""

    id: int
    name: str
    email_address: str
    tag: str
    colour: str
    kind: str
    is_active: bool
    reply_mode: str
    imap_host: str
    imap_port: int
    imap_security: str
    imap_username: str
    smtp_host: str
    smtp_port: int
    smtp_security: str
    smtp_username: str
    has_secrets: bool
    maildir_path: str
    outbox_path: str
    signature: str
    state: str
    last_error: str
    last_polled_at: datetime | None
    first_synced_at: datetime | None
    auto_paused_until: datetime | None
    created_at: datetime


class SendingInbox(msgspec.Struct, frozen=True):
    """An inbox that mail can be sent from."""

    id: int
    name: str
    email_address: str
    tag: str
    colour: str


class SyncState(msgspec.Struct, frozen=True):
    """How far the reading of one inbox is; `messages` counts what it has brought."""

    id: int
    name: str
    tag: str
    state: str
    last_error: str
    last_polled_at: datetime | None
    first_synced_at: datetime | None
    messages: int


class ResponderState(msgspec.Struct, frozen=True):
    """Whether replies are written for an inbox; they wait for a person unless `reply_mode` is auto."""

    id: int
    name: str
    tag: str
    enabled: bool
    reply_mode: str
    paused_until: datetime | None


_COLUMNS = """id, name, email_address, tag, colour, kind, is_active, reply_mode, imap_host, imap_port, imap_security,
imap_username, smtp_host, smtp_port, smtp_security, smtp_username, secrets_encrypted IS NOT NULL, maildir_path,
outbox_path, signature, state, last_error, last_polled_at, first_synced_at, auto_paused_until, created_at"""
_LIST = f"SELECT {_COLUMNS} FROM inboxes WHERE workspace_id = %s ORDER BY is_active DESC, id"
_ONE = f"SELECT {_COLUMNS} FROM inboxes WHERE workspace_id = %s AND id = %s"
_SENDING = """
SELECT id, name, email_address, tag, colour FROM inboxes
WHERE workspace_id = %s AND is_active AND (kind = 'maildir' OR smtp_host <> '') ORDER BY id
"""
_SYNC = """
SELECT inbox.id, inbox.name, inbox.tag, inbox.state, inbox.last_error, inbox.last_polled_at, inbox.first_synced_at,
  (SELECT count(*) FROM email_deliveries AS delivery WHERE delivery.inbox_id = inbox.id)
FROM inboxes AS inbox WHERE inbox.workspace_id = %s AND inbox.is_active ORDER BY inbox.id
"""
_RESPONDERS = """
SELECT id, name, tag, reply_mode <> 'off', reply_mode,
  CASE WHEN auto_paused_until > statement_timestamp() THEN auto_paused_until END
FROM inboxes WHERE workspace_id = %s AND is_active ORDER BY id
"""


def list_inboxes(actor: Actor) -> list[InboxRow]:
    """All inboxes, those that are switched off last."""
    return sql.fetch_all(InboxRow, _LIST, [actor.workspace_id])


def get_inbox(actor: Actor, inbox_id: int) -> InboxRow:
    """One inbox. Raises NotFound."""
    inbox = sql.fetch_one(InboxRow, _ONE, [actor.workspace_id, inbox_id])
    if inbox is None:
        raise NotFound("inbox")
    return inbox


def list_sending_inboxes(actor: Actor) -> list[SendingInbox]:
    """Inboxes to choose from when writing."""
    return sql.fetch_all(SendingInbox, _SENDING, [actor.workspace_id])


def list_sync_states(actor: Actor) -> list[SyncState]:
    """Every active inbox with its state."""
    return sql.fetch_all(SyncState, _SYNC, [actor.workspace_id])


def list_responders(actor: Actor) -> list[ResponderState]:
    """Every active inbox with what is done about replies."""
    return sql.fetch_all(ResponderState, _RESPONDERS, [actor.workspace_id])
