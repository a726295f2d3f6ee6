"""The dated table of what models cost, and what a call costs by it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from convergio.ai.prices import MILLION, PRICES, Price, cost_of, price_of

TABLE = [
    Price("alpha", date(2026, 1, 1), 1_000_000, 100_000, 5_000_000),
    Price("alpha", date(2026, 6, 1), 500_000, 50_000, 2_500_000),
]
MAY, JUNE = datetime(2026, 5, 31, 23, 59, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)


def test_a_price_holds_from_its_day_until_the_next() -> None:
    assert price_of("alpha", date(2025, 12, 31), prices=TABLE) is None
    assert [price_of("alpha", day, prices=TABLE) for day in (MAY.date(), JUNE.date())] == TABLE


def test_a_call_costs_by_the_price_of_its_day() -> None:
    def cost(at: datetime) -> int:
        return cost_of("alpha", input_tokens=100, output_tokens=20, cached_tokens=40, at=at, prices=TABLE)

    # 60 new at 1, 40 cached at 0.1, 20 out at 5 paise; then half
    assert (cost(MAY), cost(JUNE)) == (164, 82)


def test_it_is_rounded_half_up_to_the_paisa() -> None:
    def cost(tokens: int) -> int:
        return cost_of("alpha", input_tokens=tokens, output_tokens=0, at=JUNE, prices=TABLE)

    assert [cost(1), cost(2), cost(3)] == [1, 1, 2]


def test_a_model_without_a_price_costs_nothing_and_the_log_says_so() -> None:
    with capture_logs() as logs:
        assert cost_of("omega", input_tokens=10**6, output_tokens=1, at=JUNE, prices=TABLE) == 0
    assert logs == [{"event": "ai.price_unknown", "log_level": "warning", "model": "omega"}]


@given(
    st.integers(0, 10**7),
    st.integers(0, 10**7),
    st.integers(0, 10**7),
)
def test_the_cost_is_within_half_a_paisa_of_the_exact_one(fresh: int, cached: int, out: int) -> None:
    cost = cost_of(
        "alpha",
        input_tokens=fresh + cached,
        output_tokens=out,
        cached_tokens=cached,
        at=JUNE,
        prices=TABLE,
    )
    exact = fresh * 500_000 + cached * 50_000 + out * 2_500_000
    assert abs(cost * MILLION - exact) * 2 <= MILLION
    assert cost >= 0


@pytest.mark.parametrize("price", PRICES, ids=lambda price: f"{price.model} {price.since}")
def test_every_line_of_the_table_can_be_a_price(price: Price) -> None:
    assert 0 < price.cached < price.input < price.output
    assert [(one.model, one.since) for one in PRICES].count((price.model, price.since)) == 1
