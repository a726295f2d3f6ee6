"""Taking mail over from files. Nothing of it is answered by a machine (rule 13); running it twice changes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from convergio.core.errors import InvalidInput
from convergio.core.tenancy import workspace_scope
from convergio.mail.ingest import Arrival, Receiver, Stored, already_delivered, store_batch
from convergio.mail.mail_files import FoundMessage, MailFile, find_mail, read_messages
from convergio.mail.mailboxes.protocol import BATCH_BYTES, BATCH_MESSAGES, FolderRole


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """How far an import is. Bytes are of the files; `seconds` since it began."""

    read: int
    stored: int
    bytes_done: int
    bytes_total: int
    seconds: float

    @property
    def messages_per_second(self) -> float:
        return self.read / self.seconds if self.seconds else 0.0

    @property
    def seconds_left(self) -> float | None:
        """None until there is something to reckon from."""
        if not self.bytes_done:
            return None
        return self.seconds * (self.bytes_total - self.bytes_done) / self.bytes_done


@dataclass(frozen=True, slots=True)
class ImportResult:
    """Messages by what became of them; `read` = `stored` + `already_there`. `stored_with_error` is part of `stored`."""

    read: int
    stored: int
    already_there: int
    stored_with_error: int


class NothingToImport(InvalidInput):
    """The path does not exist, cannot be read, or holds no mail."""

    def __init__(self, message: str) -> None:
        super().__init__("nothing_to_import", message)


Progress = Callable[[ImportProgress], None]


@dataclass(slots=True)
class _Count:
    progress: Progress
    bytes_total: int
    read: int = 0
    stored: int = 0
    with_error: int = 0
    bytes_done: int = 0
    began: float = field(default_factory=time.monotonic)

    def add(self, messages: int, stored: list[Stored], bytes_done: int) -> None:
        self.read += messages
        self.stored += sum(one.is_new for one in stored)
        self.with_error += sum(one.is_new and one.parse_error is not None for one in stored)
        self.bytes_done = bytes_done
        seconds = time.monotonic() - self.began
        self.progress(ImportProgress(self.read, self.stored, bytes_done, self.bytes_total, seconds))

    def result(self) -> ImportResult:
        return ImportResult(self.read, self.stored, self.read - self.stored, self.with_error)


def import_path(receiver: Receiver, path: Path, *, progress: Progress = lambda _: None) -> ImportResult:
    """Store every message of an .eml, an mbox, a Maildir or a folder of these in the receiving inbox.

    One batch of at most 100 messages is in memory at a time, and one transaction; `progress` is called after each. An
    import that broke off goes on when it is run again: what is there is passed over by its headers. Raises
    NothingToImport, and OSError for a file that cannot be read.
    """
    count = _Count(progress, _total_bytes(path))
    for batch, bytes_done in _batches(path):
        with workspace_scope(receiver.workspace_id):
            here = already_delivered(receiver.inbox_id, [arrival.raw for arrival in batch])
        left = [arrival for arrival, is_here in zip(batch, here, strict=True) if not is_here]
        stored = store_batch(receiver, left, backfill=True) if left else []
        count.add(len(batch), stored, bytes_done)
    return count.result()


def _total_bytes(path: Path) -> int:
    if not path.exists():
        raise NothingToImport(f"There is no file or folder {path}; check the path.")
    if not path.is_file() and not path.is_dir():
        # A pipe can be read once only, and is read twice here: to know how much there is, and to take it.
        raise NothingToImport(
            f"{path} is neither a file nor a folder; write what comes from it to a file first."
        )
    sizes = [file.size for file in find_mail(path)]
    if not sizes:
        raise NothingToImport(
            f"There is no mail in {path}; name an .eml, an mbox, a Maildir or a folder of these."
        )
    return sum(sizes)


def _batches(path: Path) -> Iterator[tuple[list[Arrival], int]]:
    """Arrivals with the bytes of all files read up to there."""
    batch: list[Arrival] = []
    held = done = end = 0
    for file in find_mail(path):
        for message in read_messages(file):
            if batch and (len(batch) >= BATCH_MESSAGES or held + len(message.raw) > BATCH_BYTES):
                yield batch, end
                batch, held = [], 0
            batch.append(_arrival(file, message))
            held += len(message.raw)
            end = done + message.end
        done += file.size
    if batch:
        yield batch, done


def _arrival(file: MailFile, message: FoundMessage) -> Arrival:
    return Arrival(
        raw=message.raw,
        envelope_date=message.envelope_date,
        is_seen=message.is_seen,
        is_junk=file.role is FolderRole.JUNK,
        in_sent_folder=file.role is FolderRole.SENT,
    )
