"""What a larger plan costs and brings for the rest of a period. The same for every gateway, because it is ours.

Of the difference between two months the part of the remaining time is due, rounded half up to the paisa; what is
already gone is the rest of the difference, so that both sum to it exactly.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from convergio.billing.subscriptions.events import Version
from convergio.billing.subscriptions.periods import Period
from convergio.core.money import share


class Rest(NamedTuple):
    """For the remaining time: the amount in minor units before tax that is on top, and the tokens."""

    amount: int
    tokens: int


def prorate(difference: int, period: Period, moment: datetime) -> int:
    """The remaining time's share of a month's difference; nothing outside of the period or below nothing."""
    whole = (period.end - period.start) // timedelta(microseconds=1)
    left = (period.end - max(moment, period.start)) // timedelta(microseconds=1)
    return share(max(difference, 0), max(left, 0), whole)


def rest_of_period(old: Version, new: Version, *, period: Period, moment: datetime) -> Rest:
    """What moving from one plan to another costs and brings at that moment."""
    return Rest(
        prorate(new.price - old.price, period, moment), prorate(new.tokens - old.tokens, period, moment)
    )
