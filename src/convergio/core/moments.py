"""Days and moments as clients and forms write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from convergio.core.errors import InvalidInput


def aware(moment: datetime | None) -> datetime | None:
    """A moment without an offset is UTC."""
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


def read_bound(text: str, *, zone: str, field: Literal["from", "to"]) -> datetime | None:
    """One end of a span, "to" not included: a day is a whole day of the zone. None for ''. Raises InvalidInput."""
    value = text.strip()
    if not value:
        return None
    try:
        if len(value) <= len("2026-11-24"):
            day = date.fromisoformat(value) + timedelta(days=1 if field == "to" else 0)
            return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
        return aware(datetime.fromisoformat(value))
    except (ValueError, OverflowError):
        raise InvalidInput("invalid_date", f"{field} takes a date like 2026-11-24.", field=field) from None
