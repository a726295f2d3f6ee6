"""One first sync through the product: prints messages a second, peak memory in MB, and the median poll in ms.

Arguments: host, port, user, password. Everything is kept: threads, tasks, search index, attachments, raw bytes.
"""

from __future__ import annotations

import resource
import sys
import time

import django

POLLS = 21


def measure(host: str, port: int, user: str, password: str) -> tuple[float, float, float]:
    """(messages a second, peak resident MB, milliseconds of a poll with nothing new)."""
    from convergio.mail.mailboxes import open_mailbox  # noqa: PLC0415 - needs Django's settings
    from convergio.mail.mailboxes.protocol import MailboxSettings  # noqa: PLC0415
    from convergio.mail.sync import sync_inbox  # noqa: PLC0415
    from convergio.mail.sync_store import InboxStore  # noqa: PLC0415

    address = f"{user}@mail.test"
    workspace_id, inbox_id = _make_inbox(address)
    mailbox = open_mailbox(
        MailboxSettings(
            kind="imap",
            email_address=address,
            imap_host=host,
            imap_port=port,
            imap_security="plain",
            imap_username=user,
            imap_password=password,
            allow_private_hosts=True,
        )
    )
    store = InboxStore(workspace_id, inbox_id)
    began = time.perf_counter()
    fetched = sync_inbox(mailbox, store).fetched
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    polls = []
    for _ in range(POLLS):
        began = time.perf_counter()
        sync_inbox(mailbox, store)
        polls.append((time.perf_counter() - began) * 1000)
    mailbox.close()
    return fetched / seconds, peak, sorted(polls)[POLLS // 2]


def _make_inbox(address: str) -> tuple[int, int]:
    """A workspace of its own each time, so that nothing is there yet."""
    from convergio.accounts.models import User, Workspace  # noqa: PLC0415
    from convergio.core.tenancy import workspace_scope  # noqa: PLC0415
    from convergio.mail.models import Inbox  # noqa: PLC0415

    owner, _ = User.objects.get_or_create(email="owner@convergio.test", defaults={"password": "!"})
    workspace = Workspace.objects.create(name="Benchmark", owner=owner)
    with workspace_scope(workspace.id):
        inbox = Inbox.objects.create(
            workspace=workspace,
            name="Support",
            email_address=address,
            tag="Support",
            kind="imap",
            reply_mode="draft",
        )
    return workspace.id, inbox.id


if __name__ == "__main__":
    django.setup()
    print(*measure(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]))
