"""Months counted from an anchor: 31 January, 28 February, 31 March. The anchor's day never drifts.

Days are those of India, as on invoices; India has no summer time, so that a day is always 24 hours.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime
from typing import NamedTuple

from convergio.billing.invoicing.gst import INDIA


class Period(NamedTuple):
    """From its start up to its end, which is the next one's start."""

    start: datetime
    end: datetime


def months_after(anchor: datetime, months: int) -> datetime:
    """The anchor so many months later, in a shorter month on its last day."""
    local = anchor.astimezone(INDIA)
    year, month = divmod(local.year * 12 + local.month - 1 + months, 12)
    day = min(local.day, monthrange(year, month + 1)[1])
    return local.replace(year=year, month=month + 1, day=day).astimezone(UTC)


def period_at(anchor: datetime, moment: datetime) -> Period:
    """The month of the anchor's count that the moment is in."""
    first, local = anchor.astimezone(INDIA), moment.astimezone(INDIA)
    months = (local.year - first.year) * 12 + local.month - first.month
    if months_after(anchor, months) > moment:
        months -= 1
    return Period(months_after(anchor, months), months_after(anchor, months + 1))
