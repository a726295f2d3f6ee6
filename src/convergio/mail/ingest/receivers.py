"""Loading what the engine must know of an inbox."""

from __future__ import annotations

import msgspec

from convergio.core import sql
from convergio.core.errors import NotFound
from convergio.mail.ingest.arrivals import Receiver


class _Row(msgspec.Struct):
    workspace_id: int
    address: str
    tag: str
    reply_mode: str
    own_addresses: list[str]


def load_receiver(inbox_id: int) -> Receiver:
    """The inbox with all addresses of its workspace, in one statement. Raises NotFound outside that workspace."""
    row = sql.fetch_one(
        _Row,
        """SELECT workspace_id, lower(email_address), tag, reply_mode,
                  ARRAY(SELECT lower(email_address) FROM inboxes AS every WHERE every.workspace_id = inbox.workspace_id)
           FROM inboxes AS inbox WHERE id = %s""",
        [inbox_id],
    )
    if row is None:
        raise NotFound("inbox")
    return Receiver(
        workspace_id=row.workspace_id,
        inbox_id=inbox_id,
        address=row.address,
        tag=row.tag,
        reply_mode=row.reply_mode,
        own_addresses=frozenset(row.own_addresses),
    )
