"""A place in a list that is ordered by time: what comes before and after it stays the same while mail arrives."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import msgspec

from convergio.core.errors import InvalidInput

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Seventeen digits of microseconds reach the year 5138.
_WRITTEN = re.compile(r"(-?)(\d{1,17})-(\d{1,18})")


class Place(msgspec.Struct, frozen=True):
    """The time and id of a row; the page lies after it (older), or before it when `backwards`."""

    at: datetime
    id: int
    backwards: bool = False

    def __str__(self) -> str:
        """As addresses carry it: microseconds and id, with a minus in front when backwards."""
        return f"{'-' if self.backwards else ''}{(self.at - _EPOCH) // timedelta(microseconds=1)}-{self.id}"


def read_place(text: str) -> Place | None:
    """What `str(place)` wrote; None for ''. Raises InvalidInput."""
    if not text:
        return None
    match = _WRITTEN.fullmatch(text)
    if match is None:
        raise InvalidInput("invalid_cursor", "This page address is damaged; open the list again.")
    at = _EPOCH + timedelta(microseconds=int(match[2]))
    return Place(at, int(match[3]), backwards=bool(match[1]))
