"""What comes in, what it becomes, and what must be known of the inbox meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Direction = Literal["inbound", "outbound"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One message as a server, folder or file handed it over.

    `received_at` is INTERNALDATE (imap) or the moment of take-up (maildir); None lets the message decide (imports), and
    `envelope_date` then counts for a message that has no date of its own. `folder_id` and `uid` tell where it lies on
    the server; both None where there is no such place. `refusal` says why only its raw bytes can be stored (rule 14).
    """

    raw: bytes
    received_at: datetime | None = None
    envelope_date: datetime | None = None
    folder_id: int | None = None
    uid: int | None = None
    is_seen: bool = False
    is_junk: bool = False
    in_sent_folder: bool = False
    refusal: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """The inbox that got the messages, with what rules 28 and 34 need to know of its workspace."""

    workspace_id: int
    inbox_id: int
    address: str
    tag: str
    reply_mode: str
    own_addresses: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What became of one arrival. `is_new` is False when the message was there already."""

    email_id: int
    thread_id: int
    message_id: str
    direction: Direction
    is_new: bool
    parse_error: str | None = None
