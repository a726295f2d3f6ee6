"""Inboxes on real servers with committed rows, for what runs in threads and processes of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from convergio.accounts.models import Workspace
from convergio.core import sql
from convergio.core.tenancy import workspace_scope
from convergio.mail.connections import seal_secrets
from convergio.mail.mailboxes.protocol import MailboxSettings
from convergio.mail.mailwatch import MailWatch
from convergio.mail.models import Inbox
from tests.mail.messages import make_inbox
from tests.mail.servers import Account


def inbox_on(account: Account, workspace: Workspace, **fields: Any) -> Inbox:
    """The account as an inbox of the workspace."""
    settings = account.settings
    with workspace_scope(workspace.id):
        inbox = make_inbox(
            workspace,
            account.address,
            **{
                "kind": "imap",
                "imap_host": settings.imap_host,
                "imap_port": settings.imap_port,
                "imap_security": settings.imap_security,
                "imap_username": settings.imap_username,
                "smtp_host": settings.smtp_host,
                "smtp_port": settings.smtp_port,
                "smtp_security": settings.smtp_security,
                "smtp_username": settings.smtp_username,
                "reply_mode": "draft",
                **fields,
            },
        )
        set_passwords(inbox, settings)
    return inbox


def set_passwords(inbox: Inbox, settings: MailboxSettings) -> None:
    """Store the passwords of these settings."""
    passwords = {"imap_password": settings.imap_password, "smtp_password": settings.smtp_password}
    with workspace_scope(inbox.workspace_id):
        Inbox.objects.filter(id=inbox.id).update(secrets=seal_secrets(inbox.id, passwords))


def value(workspace_id: int, statement: str, *parameters: object) -> Any:
    """The first column of the first row, in the workspace's scope and a transaction of its own."""
    with workspace_scope(workspace_id):
        return sql.fetch_value(statement, parameters)


def until(condition: Callable[[], object], *, seconds: float = 15.0) -> None:
    """Wait until the condition holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"It did not happen within {seconds:g} s."
        time.sleep(0.05)


@contextmanager
def watching() -> Iterator[MailWatch]:
    """A MailWatch in a thread of its own, stopped in the end."""
    watch = MailWatch()
    thread = threading.Thread(target=watch.run)
    thread.start()
    try:
        yield watch
    finally:
        watch.stop()
        thread.join(15)
        assert not thread.is_alive(), "MailWatch did not stop."
