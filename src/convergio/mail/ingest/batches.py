"""Batches in which one message that cannot be stored holds up no other (rule 14)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import structlog
from django.db import InterfaceError, OperationalError

from convergio.mail.ingest.arrivals import Arrival, Receiver, Stored
from convergio.mail.ingest.store import Also, store_messages

log = structlog.get_logger(__name__)

REFUSED = "What was read from this message could not be stored; its original is kept."
# PostgreSQL's classes of "this statement is too much", which psycopg counts as trouble of the server.
_LIMIT_EXCEEDED = "54"


def store_batch(
    receiver: Receiver, arrivals: Sequence[Arrival], *, backfill: bool = False, also: Also | None = None
) -> list[Stored]:
    """Like `store_messages`, but a batch that is refused is halved until the offender is alone; that one is kept raw.

    `also` runs with the last portion only: until then a cursor stays, and what is fetched again is recognised. Raises
    what the database's or the disk's own trouble raises, which says nothing about a message.
    """
    try:
        return store_messages(receiver, arrivals, backfill=backfill, also=also)
    except Exception as error:
        if _is_trouble(error) or not arrivals:
            raise
        if len(arrivals) == 1:
            return _store_raw(receiver, arrivals[0], error, backfill=backfill, also=also)
    half = len(arrivals) // 2
    first = store_batch(receiver, arrivals[:half], backfill=backfill)
    return first + store_batch(receiver, arrivals[half:], backfill=backfill, also=also)


def _store_raw(
    receiver: Receiver, arrival: Arrival, error: Exception, *, backfill: bool, also: Also | None
) -> list[Stored]:
    stored = store_messages(receiver, [replace(arrival, refusal=REFUSED)], backfill=backfill, also=also)
    log.error("mail.kept_raw", email_id=stored[0].email_id, reason=type(error).__name__)
    return stored


def _is_trouble(error: Exception) -> bool:
    """A lost connection, a full disk, a deadlock: the same batch may be stored a moment later."""
    if isinstance(error, OperationalError):
        return not (getattr(error.__cause__, "sqlstate", None) or "").startswith(_LIMIT_EXCEEDED)
    return isinstance(error, OSError | MemoryError | InterfaceError)
