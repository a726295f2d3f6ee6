"""Mailbox kinds behind one protocol. Adding one is a module and a line in MAILBOXES."""

from __future__ import annotations

from collections.abc import Callable

from convergio.core.errors import ProviderError
from convergio.mail.mailboxes.imap import ImapMailbox
from convergio.mail.mailboxes.maildir import MaildirMailbox
from convergio.mail.mailboxes.protocol import Mailbox, MailboxSettings

MAILBOXES: dict[str, Callable[[MailboxSettings], Mailbox]] = {
    "imap": ImapMailbox,
    "maildir": MaildirMailbox,
}


def open_mailbox(settings: MailboxSettings) -> Mailbox:
    """The mailbox of that kind, not yet connected."""
    try:
        kind = MAILBOXES[settings.kind]
    except KeyError:
        raise ProviderError("permanent", f"There is no inbox kind {settings.kind}.") from None
    return kind(settings)
