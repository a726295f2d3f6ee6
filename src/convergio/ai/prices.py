"""What models cost the operator, by day: for the cost beside each call. Tokens are what people pay with.

A price is in paise for a million tokens. Vendors list dollars; the table has them at the rate that stands beside them.
Anthropic's are its list prices (https://docs.anthropic.com/en/docs/about-claude/pricing) as they were published in
March 2026. A new price is a new line with its first day; lines stay, because calls of the past keep theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple

import structlog

log = structlog.get_logger(__name__)

MILLION = 1_000_000
PAISE_PER_DOLLAR = 8_800  # set when the table was made; the vendor's invoice has its own


class Price(NamedTuple):
    """Paise for a million tokens from a day (UTC) on. `cached` are input tokens that the vendor's cache answered."""

    model: str
    since: date
    input: int
    cached: int
    output: int


def _dollars(model: str, since: date, *, cents: tuple[int, int, int]) -> Price:
    return Price(model, since, *(amount * PAISE_PER_DOLLAR // 100 for amount in cents))


PRICES: Sequence[Price] = (
    _dollars("claude-opus-4-5", date(2025, 11, 24), cents=(500, 50, 2_500)),
    _dollars("claude-opus-4-6", date(2026, 3, 21), cents=(500, 50, 2_500)),
    _dollars("claude-sonnet-4-5", date(2025, 9, 29), cents=(300, 30, 1_500)),
    _dollars("claude-sonnet-4-6", date(2026, 3, 21), cents=(300, 30, 1_500)),
    _dollars("claude-haiku-4-5", date(2025, 10, 15), cents=(100, 10, 500)),
)


def price_of(model: str, day: date, *, prices: Sequence[Price] = PRICES) -> Price | None:
    """The model's price on a day: its newest line up to then. None where there is none."""
    lines = [price for price in prices if price.model == model and price.since <= day]
    return max(lines, key=lambda price: price.since, default=None)


def cost_of(
    model: str,
    *,
    input_tokens: int,
    output_tokens: int,
    cached_tokens: int = 0,
    at: datetime,
    prices: Sequence[Price] = PRICES,
) -> int:
    """Paise, rounded half up. A model without a price costs 0, and the log says so."""
    price = price_of(model, at.astimezone(UTC).date(), prices=prices)
    if price is None:
        log.warning("ai.price_unknown", model=model)
        return 0
    parts = (
        (input_tokens - cached_tokens) * price.input,
        cached_tokens * price.cached,
        output_tokens * price.output,
    )
    return (2 * sum(parts) + MILLION) // (2 * MILLION)
