"""Reading mbox files one message at a time.

`mailbox.mbox` of the standard library scans the whole file for offsets before it gives the first message, takes
every line that begins with "From " for a new one, and leaves the quoting in. This reader holds one message at a
time, wants a date on the separating line, and undoes the quoting (mboxrd; mboxo is the same for one `>`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from convergio.mail.parsing.dates import parse_date

# `From <sender> <weekday> <month> <day> <time> ... <year>`; archives write the sender as "name at host".
_SEPARATOR = re.compile(
    rb"From .*\b(?:mon|tue|wed|thu|fri|sat|sun),?\s+.*\d{1,2}:\d\d(?::\d\d)?\b.*\b\d{4}\b", re.IGNORECASE
)
_QUOTED = re.compile(rb">+From ")
_MAX_LINE = 1024 * 1024
_DATE = re.compile(
    rb"(\w{3}),?\s+(\w{3})\s+(\d{1,2})\s+(\d{1,2}:\d\d(?::\d\d)?)\s+(?:\S+\s+)?(\d{4})(?:\s+([+-]\d{4}))?"
)


@dataclass(frozen=True, slots=True)
class MboxEntry:
    """One message of an mbox: its bytes and the time of its separating line (UTC when that names no zone)."""

    raw: bytes
    envelope_date: datetime | None


def is_separator(line: bytes) -> bool:
    """Whether a line begins a new message."""
    return line.startswith(b"From ") and _SEPARATOR.match(line[:500]) is not None


def iter_mbox(file: BinaryIO) -> Iterator[bytes]:
    """The raw messages of an mbox, in their order, one in memory at a time."""
    for entry in iter_entries(file):
        yield entry.raw


def iter_entries(file: BinaryIO) -> Iterator[MboxEntry]:
    """Like iter_mbox, with the date of each separating line. Bytes before the first one are skipped."""
    lines: list[bytes] | None = None
    date: datetime | None = None
    after_blank = at_line_start = True
    while line := file.readline(_MAX_LINE):
        if at_line_start and after_blank and is_separator(line):
            if lines is not None:
                yield MboxEntry(_joined(lines), date)
            lines, date = [], _separator_date(line)
        elif lines is not None:
            lines.append(line[1:] if at_line_start and _QUOTED.match(line) else line)
        after_blank = at_line_start and line in (b"\n", b"\r\n")
        at_line_start = line.endswith(b"\n")
    if lines is not None:
        yield MboxEntry(_joined(lines), date)


def _joined(lines: list[bytes]) -> bytes:
    """The message without the one blank line that separates it from the next."""
    if lines and lines[-1] in (b"\n", b"\r\n"):
        lines.pop()
    return b"".join(lines)


def _separator_date(line: bytes) -> datetime | None:
    match = _DATE.search(line[:500])
    if match is None:
        return None
    weekday, month, day, clock, year, zone = (
        part.decode("ascii", "replace") if part else "" for part in match.groups()
    )
    return parse_date(f"{weekday}, {day} {month} {year} {clock} {zone}")
