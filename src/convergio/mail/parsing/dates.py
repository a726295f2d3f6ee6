"""Dates of mail headers (RFC 5322, section 3.3) as aware datetimes; None where there is no sensible one."""

from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_tz

_LAST_YEAR = 9998  # PostgreSQL and datetime both still convert it between time zones


def parse_date(value: str) -> datetime | None:
    """Read a Date value; a missing or absurd zone counts as UTC, a year before 1970 as no date."""
    try:
        parts = parsedate_tz(value[:200])
        if parts is None or not 1970 <= parts[0] <= _LAST_YEAR:
            return None
        return datetime(*parts[:5], min(parts[5], 59), tzinfo=_zone(parts[9]))
    except Exception:  # noqa: BLE001  # the library raises IndexError, TypeError and OverflowError besides ValueError
        return None


def _zone(seconds: int | None) -> timezone:
    if not seconds or abs(seconds) >= 24 * 3600:
        return UTC
    return timezone(timedelta(seconds=seconds))


def parse_received_date(value: str) -> datetime | None:
    """The time stamp after the last semicolon of a Received header."""
    return parse_date(value.rpartition(";")[2])
