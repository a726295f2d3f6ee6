"""What a person types into the search box, as terms. Anything may be typed; what is no filter is looked for as words.

refund "second order" from:ananya subject:invoice tag:support is:unread has:attachment after:2026-11-01 before:today
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from convergio.core import clock

MOST_CHARACTERS = 500
MOST_TERMS = 32
# Shorter beginnings of words stand for thousands of words.
SHORTEST_PREFIX = 3
_TERM = re.compile(r'(?:(?P<key>[a-z]+):)?(?:"(?P<phrase>[^"]*)"?|(?P<word>\S+))', re.IGNORECASE)
_DATE = re.compile(r"(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2}))?)?")
# Weights of the search vector: subject A, people B.
_SUBJECT, _PEOPLE = "A", "B"
_PUNCTUATION = str.maketrans(dict.fromkeys("@.-_+", " "))


class SearchTerms(msgspec.Struct, frozen=True, kw_only=True):
    """`words` is text for to_tsquery('simple', ...). `since` is included, `until` is not. None and '' do not filter.

    `has_nothing_to_find`: something was typed, and no word or filter was in it.
    """

    words: str = ""
    senders: tuple[str, ...] = ()
    tag: str = ""
    is_read: bool | None = None
    has_attachment: bool | None = None
    since: datetime | None = None
    until: datetime | None = None
    has_nothing_to_find: bool = False


def parse_search(text: str, *, timezone: str = "UTC") -> SearchTerms:
    """Read the search box. Never raises; days are days of `timezone`."""
    reader = _Reader(ZoneInfo(timezone))
    matches = list(_TERM.finditer(text.replace("\0", " ")[:MOST_CHARACTERS]))[:MOST_TERMS]
    for position, match in enumerate(matches):
        reader.read(match, is_last=position == len(matches) - 1)
    return reader.terms(has_text=bool(text.strip()))


class _Reader:
    """Collects terms; a key has a method here, which tells whether its value made sense."""

    def __init__(self, timezone: ZoneInfo) -> None:
        self.timezone = timezone
        self.words: list[str] = []
        self.senders: list[str] = []
        self.filters: dict[str, object] = {}
        self.keys: dict[str, Callable[[str], bool]] = {
            "from": self._from,
            "subject": self._subject,
            "tag": self._tag,
            "in": self._tag,
            "is": self._is,
            "has": self._has,
            "before": self._before,
            "after": self._after,
        }

    def read(self, match: re.Match[str], *, is_last: bool) -> None:
        key, phrase = (match["key"] or "").lower(), match["phrase"]
        value = match["word"] if phrase is None else phrase
        known = self.keys.get(key)
        if known and (not value.strip() or known(value.strip())):
            return
        if phrase is None:
            self._add(match[0], is_prefix=is_last)
        else:
            self._add(f"{key} {phrase}".strip())

    def terms(self, *, has_text: bool) -> SearchTerms:
        found = SearchTerms(words=" & ".join(self.words), senders=tuple(self.senders), **self.filters)  # type: ignore[arg-type]
        return msgspec.structs.replace(found, has_nothing_to_find=has_text and found == SearchTerms())

    def _add(self, value: str, *, weight: str = "", is_prefix: bool = False) -> None:
        """Several words in one pair of quotes are a phrase to to_tsquery."""
        if not re.search(r"\w", value.replace("_", "")):
            return
        is_prefix = is_prefix and len(value) >= SHORTEST_PREFIX
        flags = ("*" if is_prefix else "") + weight
        quoted = value.replace("\\", " ").replace("'", "''")
        self.words.append(f"'{quoted}'" + (f":{flags}" if flags else ""))

    def _from(self, value: str) -> bool:
        self._add(value.translate(_PUNCTUATION).strip(), weight=_PEOPLE, is_prefix=True)
        self.senders.append(value.lower())
        return True

    def _subject(self, value: str) -> bool:
        self._add(value, weight=_SUBJECT, is_prefix=True)
        return True

    def _tag(self, value: str) -> bool:
        self.filters["tag"] = value
        return True

    def _is(self, value: str) -> bool:
        if value.lower() not in {"read", "unread"}:
            return False
        self.filters["is_read"] = value.lower() == "read"
        return True

    def _has(self, value: str) -> bool:
        if value.lower() not in {"attachment", "attachments", "file"}:
            return False
        self.filters["has_attachment"] = True
        return True

    def _before(self, value: str) -> bool:
        return self._note_day("until", value)

    def _after(self, value: str) -> bool:
        return self._note_day("since", value)

    def _note_day(self, name: str, value: str) -> bool:
        day = self._day(value.lower())
        if day is not None:
            self.filters[name] = datetime.combine(day, time(), self.timezone)
        return day is not None

    def _day(self, value: str) -> date | None:
        today = clock.now().astimezone(self.timezone).date()
        named = {"today": today, "yesterday": today - timedelta(days=1)}
        match = _DATE.fullmatch(value)
        if value in named or match is None:
            return named.get(value)
        try:
            # A moment of the first and last years has no UTC counterpart.
            day = date(int(match[1]), int(match[2] or 1), int(match[3] or 1))
            return day if 1 < day.year < 9999 else None
        except ValueError:
            return None
