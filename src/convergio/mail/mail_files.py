"""Finding mail in files: an .eml, an mbox, a Maildir, or a folder of any of these, told by what is in them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from convergio.mail.mailboxes.folders import role_of_name
from convergio.mail.mailboxes.protocol import FolderRole
from convergio.mail.parsing import iter_entries
from convergio.mail.parsing.mbox import is_separator

FileKind = Literal["message", "mbox", "other"]
_HEAD = 4096
_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")
_STATUS = re.compile(rb"^(?:x-)?status:[ \t]*([a-z]+)", re.IGNORECASE | re.MULTILINE)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MAILDIR = {"cur", "new"}


@dataclass(frozen=True, slots=True)
class MailFile:
    """One file that holds mail; `size` in bytes. `role` is told by the folder's (or mbox's) name, as on a server."""

    path: Path
    kind: FileKind
    size: int
    role: FolderRole | None
    is_seen: bool = False


@dataclass(frozen=True, slots=True)
class FoundMessage:
    """One message of a file. `end` is the file's offset after it, in bytes."""

    raw: bytes
    end: int
    envelope_date: datetime | None
    is_seen: bool


def find_mail(path: Path) -> Iterator[MailFile]:
    """The files at or below `path` that hold mail, in order of their names. Links and what is no mail are passed over.

    A file in a Maildir is a message whatever its first bytes are. Raises OSError.
    """
    if not path.is_dir():
        yield from _single_file(path)
        return
    in_maildir = is_maildir(path)
    for entry in _in_order(path):
        if in_maildir and entry.name in (*_MAILDIR, "tmp"):
            yield from _maildir_files(path, entry)
        elif entry.is_dir(follow_symlinks=False):
            yield from find_mail(Path(entry.path))
        elif entry.is_file(follow_symlinks=False) and not in_maildir:
            yield from _single_file(Path(entry.path))


def _in_order(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)


def _single_file(path: Path) -> Iterator[MailFile]:
    kind = kind_of(path)
    if kind != "other":
        role = role_of_name(path.stem) or role_of_name(path.parent.name)
        yield MailFile(path, kind, path.stat().st_size, role)


def is_maildir(folder: Path) -> bool:
    """Whether a folder is a Maildir: it has new/ and cur/."""
    return all((folder / name).is_dir() for name in _MAILDIR)


def kind_of(path: Path) -> FileKind:
    """What a file holds, by its first bytes. A damaged message is still known by the name .eml. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(_HEAD).lstrip(b"\r\n")
    if is_separator(head.partition(b"\n")[0]):
        return "mbox"
    if _FIELD.match(head.removeprefix(_BYTE_ORDER_MARK)) or head.startswith((b"From ", b">From ")):
        return "message"
    return "message" if path.suffix.lower() == ".eml" else "other"


def read_messages(file: MailFile) -> Iterator[FoundMessage]:
    """The messages of a file, one in memory at a time. Raises OSError."""
    with file.path.open("rb") as opened:
        if file.kind == "message":
            yield FoundMessage(opened.read(), file.size, None, file.is_seen)
            return
        for entry in iter_entries(opened):
            yield FoundMessage(entry.raw, opened.tell(), entry.envelope_date, _was_read(entry.raw))


def _maildir_files(maildir: Path, entry: os.DirEntry[str]) -> Iterator[MailFile]:
    """Messages of new/ and cur/; what is in tmp/ is not delivered yet."""
    if entry.name not in _MAILDIR:
        return
    # Maildir++ names subfolders `.Parent.Name`.
    role = role_of_name(maildir.name.rpartition(".")[2])
    for message in _in_order(Path(entry.path)):
        if message.is_file(follow_symlinks=False) and not message.name.startswith("."):
            seen = "S" in message.name.partition(":2,")[2]
            yield MailFile(Path(message.path), "message", message.stat().st_size, role, seen)


def _was_read(raw: bytes) -> bool:
    """Mail programs note R in Status for a message of an mbox that was read."""
    head = raw[:_HEAD].partition(b"\n\n")[0]
    return any(b"R" in letters.upper() for letters in _STATUS.findall(head))
