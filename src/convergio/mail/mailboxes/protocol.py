"""What the rest of the product knows about a mailbox, whatever kind it is.

Implementations raise ProviderError ("retry", "permanent" or "auth") and, from `send` only, UncertainDelivery.
A mailbox connects when it is first used and again after a failure; it belongs to one thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from threading import Event
from typing import Literal, Protocol

ErrorKind = Literal["retry", "permanent", "auth"]
Security = Literal["tls", "starttls", "plain"]

SEEN = "\\Seen"
BATCH_MESSAGES = 100
BATCH_BYTES = 8 * 1024 * 1024


class FolderRole(StrEnum):
    """RFC 6154 special uses, plus the inbox itself."""

    INBOX = "inbox"
    SENT = "sent"
    DRAFTS = "drafts"
    JUNK = "junk"
    TRASH = "trash"
    ARCHIVE = "archive"
    ALL = "all"
    FLAGGED = "flagged"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Folder:
    name: str
    role: FolderRole


@dataclass(frozen=True, slots=True)
class FolderStatus:
    """RFC 3501 folder state. `uidnext` is None where the folder is a queue that `confirm` empties."""

    uidvalidity: int
    uidnext: int | None
    highestmodseq: int | None
    exists: int


@dataclass(frozen=True, slots=True)
class FetchedMessage:
    """`uid` identifies the message inside its folder and UIDVALIDITY; `size` is in bytes."""

    uid: int
    flags: frozenset[str]
    internal_date: datetime
    raw: bytes
    size: int

    @property
    def is_seen(self) -> bool:
        return SEEN in self.flags


@dataclass(frozen=True, slots=True)
class FlagChanges:
    """Flags by UID, and the UIDs that the server no longer has."""

    flags: Mapping[int, frozenset[str]]
    vanished: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class ConnectionReport:
    """One half of a connection test. `error` is a sentence for a person and never holds a secret."""

    success: bool
    error: str = ""
    kind: ErrorKind | None = None


@dataclass(frozen=True, slots=True)
class MailboxReport:
    """Both halves of a connection test: fetching (IMAP) and sending (SMTP)."""

    incoming: ConnectionReport
    outgoing: ConnectionReport


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one recipient was refused: the SMTP code, the server's words, and whether trying again can help."""

    code: int
    message: str
    kind: ErrorKind


@dataclass(frozen=True, slots=True)
class SendResult:
    """The message was accepted for everybody who is not in `refused` (by address).

    `envelope_from` is the sender that the server accepted: the inbox's address where it refused an empty one.
    """

    refused: Mapping[str, Refusal] = field(default_factory=dict)
    envelope_from: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxSettings:
    """Everything a mailbox needs, independent of where it is stored."""

    kind: str
    email_address: str
    imap_host: str = ""
    imap_port: int = 993
    imap_security: Security = "tls"
    imap_username: str = ""
    imap_password: str = field(default="", repr=False)
    smtp_host: str = ""
    smtp_port: int = 465
    smtp_security: Security = "tls"
    smtp_username: str = ""
    smtp_password: str = field(default="", repr=False)
    maildir_path: Path | None = None
    outbox_path: Path | None = None
    allow_private_hosts: bool = False
    timeout: float = 30.0
    # RFC 2177 says 29 minutes; NAT boxes and several providers forget a silent connection after ten.
    idle_seconds: float = 9 * 60
    # RFC 5321 4.5.3.2.6: a server may take ten minutes to confirm the final dot.
    confirmation_timeout: float = 600.0


class Mailbox(Protocol):
    """Reading one account and sending as it.

    `sent_is_complete`: everything that left is found in the Sent folder, so what is not there was not sent.
    """

    sent_is_complete: bool

    def check(self) -> MailboxReport:
        """Sign in on both sides and report each; never raises for a failing server."""

    def folders(self) -> list[Folder]:
        """Every folder that can be opened; its role by RFC 6154, then by name. At most one folder a role."""

    def status(self, folder: str) -> FolderStatus:
        """The state of the folder now. UIDs given by the other methods hold under this UIDVALIDITY."""

    def fetch_since(
        self, folder: str, after_uid: int, *, messages: int = BATCH_MESSAGES, size: int = BATCH_BYTES
    ) -> Iterator[list[FetchedMessage]]:
        r"""Messages with a UID above `after_uid`, ascending, without setting \Seen.

        A batch holds at most `messages` of them and at most `size` bytes, or one single larger message.
        """

    def confirm(self, folder: str, uids: Sequence[int]) -> None:
        """These messages are stored for good: a queue lets go of them, an IMAP folder keeps everything."""

    def fetch_uids(self, folder: str) -> Iterator[Sequence[int]]:
        """All UIDs of the folder, ascending, in bounded portions."""

    def changed_flags(self, folder: str, since_modseq: int) -> Iterator[FlagChanges]:
        """What changed after a HIGHESTMODSEQ (RFC 7162); vanished UIDs where the server tells."""

    def flags_between(self, folder: str, first_uid: int, last_uid: int) -> Mapping[int, frozenset[str]]:
        """Flags of every message in that range, both ends included: a UID missing in the answer is gone."""

    def set_seen(self, folder: str, uids: Iterable[int], seen: bool) -> None:
        r"""Set or clear \Seen; does nothing in a folder that may only be read."""

    def wait(self, folder: str, timeout: float, stop: Event) -> bool:
        """Block until the folder may have changed (True), or until `timeout` seconds or `stop` (False)."""

    def find_by_message_id(self, folder: str, message_id: str) -> list[int]:
        """UIDs of the messages with exactly this Message-ID (without angle brackets)."""

    def append_sent(self, raw: bytes, message_id: str) -> bool:
        """File a sent message unless it is there or the provider files it itself; True when it was filed."""

    def send(
        self, envelope_from: str, recipients: Sequence[str], raw: bytes, before_commit: Callable[[], None]
    ) -> SendResult:
        """Hand the message over, once.

        `before_commit` runs when all of it but the final dot is written: what it notes durably divides
        "certainly not sent" (ProviderError) from "may have been delivered" (UncertainDelivery). An empty
        `envelope_from` asks for the null sender (RFC 5321 4.5.5). All recipients refused is a ProviderError.
        """

    def close(self) -> None:
        """Let go of every connection; never raises."""
