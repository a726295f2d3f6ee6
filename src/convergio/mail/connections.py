"""How to reach an inbox's servers: its row, with its secrets opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec
from django.conf import settings

from convergio.core import crypto, sql
from convergio.mail.mailboxes.protocol import MailboxSettings

Security = Literal["tls", "starttls", "plain"]


class _Row(msgspec.Struct):
    kind: str
    email_address: str
    imap_host: str
    imap_port: int
    imap_security: Security
    imap_username: str
    smtp_host: str
    smtp_port: int
    smtp_security: Security
    smtp_username: str
    secrets: bytes | None
    maildir_path: str
    outbox_path: str


def mailbox_settings(inbox_id: int) -> MailboxSettings | None:
    """Settings to open the inbox with; None when it is not in view. Raises crypto.Unreadable for a lost secret key."""
    row = sql.fetch_one(
        _Row,
        """SELECT kind, email_address, imap_host, imap_port, imap_security, imap_username, smtp_host, smtp_port,
             smtp_security, smtp_username, secrets_encrypted, maildir_path, outbox_path
           FROM inboxes WHERE id = %s""",
        [inbox_id],
    )
    if row is None:
        return None
    secrets = open_secrets(inbox_id, row.secrets)
    return MailboxSettings(
        kind=row.kind,
        email_address=row.email_address,
        imap_host=row.imap_host,
        imap_port=row.imap_port,
        imap_security=row.imap_security,
        imap_username=row.imap_username or row.email_address,
        imap_password=secrets.get("imap_password", ""),
        smtp_host=row.smtp_host,
        smtp_port=row.smtp_port,
        smtp_security=row.smtp_security,
        smtp_username=row.smtp_username,
        smtp_password=secrets.get("smtp_password", ""),
        maildir_path=Path(row.maildir_path) if row.maildir_path else None,
        outbox_path=Path(row.outbox_path) if row.outbox_path else None,
        allow_private_hosts=settings.ALLOW_PRIVATE_HOSTS,
    )


def seal_secrets(inbox_id: int, secrets: dict[str, str]) -> bytes:
    """Encrypt an inbox's passwords; they open in this inbox's row only."""
    return crypto.seal(msgspec.json.encode(secrets).decode(), context=_context(inbox_id))


def open_secrets(inbox_id: int, sealed: bytes | None) -> dict[str, Any]:
    """Decrypt an inbox's passwords."""
    if not sealed:
        return {}
    opened: dict[str, Any] = msgspec.json.decode(crypto.unseal(sealed, context=_context(inbox_id)))
    return opened


def _context(inbox_id: int) -> str:
    return f"inboxes.secrets:{inbox_id}"
