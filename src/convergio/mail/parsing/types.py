"""What a parsed message looks like, and the limits parsing works under."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps that keep one hostile message from holding up the next one.

    Sizes are bytes for `message_bytes` and characters otherwise; `seconds` is wall time for one message.
    """

    message_bytes: int = 64 * 1024 * 1024
    header_chars: int = 64 * 1024
    headers: int = 2_000
    addresses: int = 1_000
    references: int = 200
    depth: int = 50
    parts: int = 1_000
    html_chars: int = 2_000_000
    snippet_chars: int = 200
    seconds: float = 20.0


DEFAULT = Limits()


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox: the display name ('' when there is none) and the bare address."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2].lower()

    @property
    def local_part(self) -> str:
        return self.address.rpartition("@")[0].lower() or self.address.lower()


@dataclass(frozen=True, slots=True)
class ParsedAttachment:
    """A file taken out of a message; `sha256` is lower-case hexadecimal, `size` counts decoded bytes.

    `is_inline`: the HTML shows it in its place.
    """

    filename: str
    content_type: str
    content: bytes
    content_id: str | None
    is_inline: bool
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class RecipientReport:
    """What a delivery report says about one recipient (RFC 3464, section 2.3)."""

    address: str
    action: str  # failed | delayed | delivered | relayed | expanded
    status: str  # RFC 3463, such as 5.1.1; '' when the report names none
    diagnostic: str

    @property
    def is_permanent_failure(self) -> bool:
        return self.action == "failed"


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """A bounce or delay notice, with the id of the message it is about (without angle brackets)."""

    recipients: tuple[RecipientReport, ...]
    original_message_id: str | None
    reporting_mta: str | None
    is_standard: bool  # False when read from prose because the report is not RFC 3464

    @property
    def failed_addresses(self) -> tuple[str, ...]:
        return tuple(item.address for item in self.recipients if item.is_permanent_failure)


@dataclass(frozen=True, slots=True)
class ParsedMessage:
    """A message as the product uses it. Message ids carry no angle brackets anywhere.

    `message_id` is the key to store: the id itself, `sha256:<hex of the id>` above 500 characters, or
    `sha256:<hex of the raw message>` when the message has none. `headers` has lower-case names and decoded
    values. `return_path` is '' for the null path `<>`. `parse_error` is a sentence; whatever could still be
    read is filled in beside it.
    """

    message_id: str
    message_id_header: str | None
    subject: str
    sender: Address | None
    reply_to: tuple[Address, ...]
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    return_path: str | None
    date: datetime | None
    received_date: datetime | None
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    list_id: str | None
    body_text: str
    body_html: str | None
    snippet: str
    attachments: tuple[ParsedAttachment, ...]
    headers: Mapping[str, tuple[str, ...]]
    content_hash: bytes
    delivery_report: DeliveryReport | None
    parse_error: str | None
