"""Is this message here already? (rules 22 to 25)"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from convergio.core import sql
from convergio.mail.ingest.incoming import Incoming
from convergio.mail.parsing import key_and_hash

LONGEST_KEY = 500


class _Known(msgspec.Struct):
    email_id: int
    thread_id: int
    key: str
    content_hash: bytes
    direction: str


def variant_key(key: str, content_hash: bytes) -> str:
    """Where a second message with the same Message-ID and other content is stored (rule 22)."""
    suffix = f"#{content_hash.hex()[:16]}"
    return key[: LONGEST_KEY - len(suffix)] + suffix


def recognise(workspace_id: int, batch: Sequence[Incoming]) -> list[Incoming]:
    """Give every known message its ids, and a key of its own to every other; the answer is the new ones, in order.

    A message that occurs twice in the batch is new once; the second gets its ids from the first when that is stored.
    """
    known = _load(workspace_id, batch)
    fresh: list[Incoming] = []
    for incoming in batch:
        content_hash = incoming.message.content_hash
        found = known.get(incoming.key)
        if found and not _same(found, incoming):
            incoming.key = variant_key(incoming.key, content_hash)
            found = known.get(incoming.key)
        if found:
            incoming.email_id, incoming.thread_id = found.email_id, found.thread_id
        else:
            incoming.is_new = True
            fresh.append(incoming)
            known[incoming.key] = _Known(0, 0, incoming.key, content_hash, incoming.direction)
    return fresh


class _Here(msgspec.Struct):
    key: str
    content_hash: bytes


def already_delivered(inbox_id: int, raws: Sequence[bytes]) -> list[bool]:
    """Which of these messages this inbox holds, told by their headers: the quick way to pass over what is here.

    In doubt the answer is False, and storing decides.
    """
    wanted = [key_and_hash(raw) for raw in raws]
    keys = {key for found in wanted if found for key in (found[0], variant_key(*found))}
    rows = sql.fetch_all(
        _Here,
        """SELECT email.message_id, email.content_hash FROM emails AS email
           JOIN email_deliveries AS delivery ON delivery.email_id = email.id AND delivery.inbox_id = %s
           WHERE email.message_id = ANY(%s)""",
        [inbox_id, list(keys)],
    )
    here = {(row.key, bytes(row.content_hash)) for row in rows}
    return [
        found is not None and not here.isdisjoint({found, (variant_key(*found), found[1])})
        for found in wanted
    ]


def _same(known: _Known, incoming: Incoming) -> bool:
    # Our own mail comes back with what servers and lists did to it (rule 25). A recipient knows its id too, so what a
    # recipient sends under that id is mail of its own.
    is_copy = known.direction == "outbound" and incoming.may_be_our_copy
    return is_copy or bytes(known.content_hash) == incoming.message.content_hash


def find_new_here(inbox_id: int, batch: Sequence[Incoming]) -> list[Incoming]:
    """Messages that are known and that this inbox gets for the first time."""
    known = {incoming.email_id: incoming for incoming in batch if incoming.email_id}
    if not known:
        return []
    here = sql.fetch_column(
        "SELECT email_id FROM email_deliveries WHERE inbox_id = %s AND email_id = ANY(%s)",
        [inbox_id, list(known)],
    )
    return [incoming for email_id, incoming in known.items() if email_id not in set(here)]


def _load(workspace_id: int, batch: Sequence[Incoming]) -> dict[str, _Known]:
    keys = {incoming.key for incoming in batch}
    keys |= {variant_key(incoming.key, incoming.message.content_hash) for incoming in batch}
    rows = sql.fetch_all(
        _Known,
        """SELECT id, thread_id, message_id, content_hash, direction FROM emails
           WHERE workspace_id = %s AND message_id = ANY(%s)""",
        [workspace_id, list(keys)],
    )
    return {row.key: row for row in rows}
