"""One parsed arrival on its way into the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from convergio.core import clock
from convergio.core.storage import storage
from convergio.mail.identity import is_ours
from convergio.mail.ingest.arrivals import Arrival, Direction, Receiver
from convergio.mail.parsing import Address, ParsedMessage, parse_message, unparsed
from convergio.mail.verdict import Verdict, may_answer


@dataclass(slots=True)
class Incoming:
    """An arrival with its parsed form; the ids are filled in while the batch is stored."""

    arrival: Arrival
    message: ParsedMessage
    direction: Direction
    verdict: Verdict
    received_at: datetime
    key: str
    may_be_our_copy: bool
    email_id: int = 0
    thread_id: int = 0
    is_new: bool = False
    attachments: list[dict[str, Any]] = field(default_factory=list)

    @property
    def sender(self) -> str:
        return self.message.sender.address.lower() if self.message.sender else ""

    @property
    def references(self) -> list[str]:
        """Every id that this message names, ancestors first, its direct parent last (rule 26), itself left out."""
        named = self.message.references or self.message.in_reply_to
        return [one for one in dict.fromkeys(named) if one != self.message.message_id]

    @property
    def parent(self) -> str:
        """Last id in References, else the first in In-Reply-To."""
        if self.message.references:
            return self.message.references[-1]
        return self.message.in_reply_to[0] if self.message.in_reply_to else ""


def take_in(arrival: Arrival, receiver: Receiver) -> Incoming:
    """Parse and judge one arrival. Touches no table and no file; bad mail raises nothing."""
    message = (
        parse_message(arrival.raw) if arrival.refusal is None else unparsed(arrival.raw, arrival.refusal)
    )
    sender = message.sender.address.lower() if message.sender else ""
    outbound = arrival.in_sent_folder and sender in receiver.own_addresses
    return Incoming(
        arrival=arrival,
        message=message,
        direction="outbound" if outbound else "inbound",
        verdict=may_answer(
            message,
            inbox_addresses={receiver.address},
            own_addresses=receiver.own_addresses,
            is_our_id=is_ours,
            is_junk=arrival.is_junk,
        ),
        received_at=_received_at(arrival, message),
        key=message.message_id,
        may_be_our_copy=(
            sender in receiver.own_addresses or arrival.in_sent_folder or message.list_id is not None
        ),
        attachments=_describe_files(message),
    )


def _received_at(arrival: Arrival, message: ParsedMessage) -> datetime:
    now = clock.now()
    told = arrival.received_at or message.received_date or message.date or arrival.envelope_date or now
    # A clock that ran ahead would keep the message on top for ever, and unanswered however often we answer.
    return min(told, now)


def keep_files(batch: Sequence[Incoming]) -> None:
    """Make the attachments of these messages durable, each content once; the rows that name them come afterwards."""
    files = {one.sha256: one.content for incoming in batch for one in incoming.message.attachments}
    storage().put_all(list(files.values()))


def _describe_files(message: ParsedMessage) -> list[dict[str, Any]]:
    return [
        {
            "filename": attachment.filename,
            "content_type": attachment.content_type,
            "size": attachment.size,
            "sha256": attachment.sha256,
            "content_id": attachment.content_id,
            "inline": attachment.is_inline,
        }
        for attachment in message.attachments
    ]


def people(addresses: tuple[Address, ...]) -> list[dict[str, str]]:
    """Addresses as the recipients column keeps them."""
    return [{"name": one.name, "address": one.address} for one in addresses]
