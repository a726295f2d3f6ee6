"""The mailbox kind `maildir`: a folder {new,cur,tmp} to take mail from, and a folder to send into.

The path is the operator's word: whoever may set it reads any file of this machine in a `new` folder.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import structlog

from convergio.core import clock
from convergio.core.errors import ProviderError
from convergio.mail.mailboxes.protocol import (
    BATCH_BYTES,
    BATCH_MESSAGES,
    SEEN,
    ConnectionReport,
    FetchedMessage,
    FlagChanges,
    Folder,
    FolderRole,
    FolderStatus,
    MailboxReport,
    MailboxSettings,
    SendResult,
)

log = structlog.get_logger(__name__)

INBOX = "INBOX"
SENT = "Sent"
SCAN_SECONDS = 1.0
# An empty file this young is one that somebody has only begun to copy.
EMPTY_FILE_SECONDS = 1.5
_FLAG_LETTERS = {"D": "\\Draft", "F": "\\Flagged", "R": "\\Answered", "S": SEEN, "T": "\\Deleted"}
_UNSAFE = re.compile(r"[^A-Za-z0-9._@+-]+")


class MaildirMailbox:
    """INBOX is the queue `new/`; Sent is the outbox folder, which holds nothing but our own messages."""

    sent_is_complete = True

    def __init__(self, settings: MailboxSettings) -> None:
        if settings.maildir_path is None or settings.outbox_path is None:
            raise ProviderError(
                "permanent", "An inbox of kind maildir needs a mail folder and an outbox folder."
            )
        self._path = settings.maildir_path
        self._outbox = settings.outbox_path
        self._unreadable: set[str] = set()

    def check(self) -> MailboxReport:
        return MailboxReport(
            _report([self._path / name for name in ("new", "cur", "tmp")], "mail"),
            _report([self._outbox], "outbox"),
        )

    def folders(self) -> list[Folder]:
        return [Folder(INBOX, FolderRole.INBOX), Folder(SENT, FolderRole.SENT)]

    def status(self, folder: str) -> FolderStatus:
        """UIDs are derived from file names, so they hold for ever; there is no next one to tell."""
        return FolderStatus(
            uidvalidity=1, uidnext=None, highestmodseq=None, exists=len(self._waiting(folder))
        )

    def fetch_since(
        self, folder: str, after_uid: int, *, messages: int = BATCH_MESSAGES, size: int = BATCH_BYTES
    ) -> Iterator[list[FetchedMessage]]:
        """What waits in `new/`, in order of modification time and name; `after_uid` has no meaning here."""
        batch: list[FetchedMessage] = []
        total = 0
        for path in self._waiting(folder):
            message = _read(path)
            if message is None:
                self._unreadable.add(path.name)
                continue
            if batch and (len(batch) >= messages or total + message.size > size):
                yield batch
                batch, total = [], 0
            batch.append(message)
            total += message.size
        if batch:
            yield batch

    def confirm(self, folder: str, uids: Sequence[int]) -> None:
        """Move stored messages from new/ to cur/, with the flags they came with."""
        if folder != INBOX:
            return
        stored = set(uids)
        with _translated("mail"):
            for path in self._waiting(folder):
                if _uid(path.name) in stored:
                    name = path.name if ":2," in path.name else f"{path.name}:2,"
                    path.rename(self._path / "cur" / name)
            _sync_folder(self._path / "cur")

    def fetch_uids(self, folder: str) -> Iterator[Sequence[int]]:
        yield sorted(self._kept(folder))

    def changed_flags(self, folder: str, since_modseq: int) -> Iterator[FlagChanges]:
        """A maildir keeps no modification sequence: everything is told."""
        yield FlagChanges({uid: _flags(path.name) for uid, path in self._kept(folder).items()})

    def flags_between(self, folder: str, first_uid: int, last_uid: int) -> Mapping[int, frozenset[str]]:
        kept = self._kept(folder)
        return {uid: _flags(path.name) for uid, path in kept.items() if first_uid <= uid <= last_uid}

    def set_seen(self, folder: str, uids: Iterable[int], seen: bool) -> None:
        kept = self._kept(folder)
        with _translated("mail"):
            for uid in uids:
                if uid in kept and ((SEEN in _flags(kept[uid].name)) != seen):
                    _set_letter(kept[uid], "S", seen)

    def wait(self, folder: str, timeout: float, stop: Event) -> bool:
        deadline = time.monotonic() + timeout
        while not stop.is_set():
            if any(path.name not in self._unreadable for path in self._waiting(folder)):
                return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            stop.wait(min(left, SCAN_SECONDS))
            self._unreadable.clear()
        return False

    def find_by_message_id(self, folder: str, message_id: str) -> list[int]:
        if folder == SENT:
            path = self._outbox / outbox_name(message_id)
            return [_uid(path.name)] if path.exists() else []
        wanted = f"<{message_id}>".encode()
        return sorted(uid for uid, path in self._kept(folder).items() if _message_id(path) == wanted)

    def append_sent(self, raw: bytes, message_id: str) -> bool:
        """The outbox folder is the Sent folder: what was sent is there."""
        return False

    def send(
        self, envelope_from: str, recipients: Sequence[str], raw: bytes, before_commit: Callable[[], None]
    ) -> SendResult:
        """Write one .eml file, named after the Message-ID, so that a second time changes nothing."""
        message_id = _header_message_id(raw)
        if not message_id:
            raise ProviderError("permanent", "A message without Message-ID cannot be written to the outbox.")
        target = self._outbox / outbox_name(message_id.decode("utf-8", "surrogateescape").strip("<>"))
        temporary = target.with_name(f".{target.name}.tmp")
        with _translated("outbox"):
            with temporary.open("wb") as file:
                file.write(raw)
                file.flush()
                os.fsync(file.fileno())
            before_commit()
            temporary.replace(target)
            _sync_folder(self._outbox)
        return SendResult(envelope_from=envelope_from)

    def close(self) -> None:
        """Nothing is held open."""

    def _waiting(self, folder: str) -> list[Path]:
        if folder != INBOX:
            return []
        found: list[tuple[int, str]] = []
        with _translated("mail"):
            for entry in os.scandir(self._path / "new"):
                modified = _modified_ns(entry)
                if modified is not None:
                    found.append((modified, entry.name))
        return [self._path / "new" / name for _, name in sorted(found)]

    def _kept(self, folder: str) -> dict[int, Path]:
        """Messages by UID: those in cur/, or those in the outbox."""
        place = self._path / "cur" if folder == INBOX else self._outbox
        with _translated("mail"):
            names = [entry.name for entry in os.scandir(place) if _modified_ns(entry) is not None]
        return {_uid(name): place / name for name in names}


def outbox_name(message_id: str) -> str:
    """A file name that is readable and different for different ids."""
    digest = hashlib.sha256(message_id.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    readable = _UNSAFE.sub("_", message_id).strip(".")[:80]
    return f"{readable}-{digest}.eml"


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """OSError as ProviderError: a folder that is missing, read-only or full can be mended, so "retry"."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or "it failed").lower()
        raise ProviderError("retry", f"The {what} folder cannot be used: {reason}.") from error


def _report(folders: Sequence[Path], what: str) -> ConnectionReport:
    for folder in folders:
        if not folder.is_dir():
            return ConnectionReport(False, f"The {what} folder lacks {folder.name}/; create it.", "permanent")
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            return ConnectionReport(
                False, f"The {what} folder {folder.name}/ cannot be written to.", "permanent"
            )
    return ConnectionReport(True)


def _modified_ns(entry: os.DirEntry[str]) -> int | None:
    """Modification time of a regular, visible file; a link could name a file that nobody meant to import."""
    if entry.name.startswith(".") or not entry.is_file(follow_symlinks=False):
        return None
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    if status.st_size == 0 and time.time() - status.st_mtime < EMPTY_FILE_SECONDS:
        return None
    return status.st_mtime_ns


def _read(path: Path) -> FetchedMessage | None:
    """The message, or None while somebody still writes it or where it cannot be read: the others go on."""
    try:
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            raw = file.read()
            after = os.fstat(file.fileno())
    except OSError as error:
        log.warning("mail.maildir.unreadable", errno=error.errno)
        return None
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        return None
    return FetchedMessage(_uid(path.name), _flags(path.name), clock.now(), raw, len(raw))


def _uid(name: str) -> int:
    """63 bits of the hash of the unique part of a Maildir name, which stays the same when flags change."""
    unique = name.split(":2,")[0].encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.sha256(unique).digest()[:8], "big") >> 1


def _flags(name: str) -> frozenset[str]:
    letters = name.partition(":2,")[2]
    return frozenset(_FLAG_LETTERS[letter] for letter in letters if letter in _FLAG_LETTERS)


def _set_letter(path: Path, letter: str, wanted: bool) -> None:
    unique, _, letters = path.name.partition(":2,")
    chosen = set(letters) | {letter} if wanted else set(letters) - {letter}
    path.rename(path.with_name(f"{unique}:2,{''.join(sorted(chosen))}"))


def _message_id(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return _header_message_id(file.read(256 * 1024))
    except OSError:
        return b""


def _header_message_id(raw: bytes) -> bytes:
    header = re.split(rb"\r?\n\r?\n", raw, maxsplit=1)[0]
    found = re.search(rb"^message-id:\s*(<[^>]*>)", header, re.IGNORECASE | re.MULTILINE)
    return found[1] if found else b""


def _sync_folder(folder: Path) -> None:
    """Make renames in the folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
