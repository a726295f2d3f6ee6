"""Money as it is written, said and divided."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convergio.core import money


@pytest.mark.parametrize(
    ("amount", "currency", "read"),
    [
        (0, "INR", "₹0.00"),
        (5, "INR", "₹0.05"),
        (4_50_000_00, "INR", "₹4,50,000.00"),
        (12_34_56_789_01, "INR", "₹12,34,56,789.01"),
        (-1_999_00, "INR", "-₹1,999.00"),
        (450_000_00, "USD", "$450,000.00"),
    ],
)
def test_amounts_are_written_in_the_groups_of_their_currency(amount: int, currency: str, read: str) -> None:
    assert money.format_amount(amount, currency) == read


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (0, "Rupees zero only"),
        (1, "Rupees zero and one paise only"),
        (1_999_00, "Rupees one thousand nine hundred ninety-nine only"),
        (4_50_000_05, "Rupees four lakh fifty thousand and five paise only"),
        (10_00_00_000_00, "Rupees ten crore only"),
        (1_00_000_00_00_000_00, "Rupees one lakh crore only"),
        (
            21_13_40_017_60,
            "Rupees twenty-one crore thirteen lakh forty thousand seventeen and sixty paise only",
        ),
    ],
)
def test_amounts_are_said_in_lakh_and_crore(amount: int, said: str) -> None:
    assert money.amount_in_words(amount) == said


def test_other_currencies_are_said_by_their_name() -> None:
    assert money.amount_in_words(20_50, "USD") == "US dollars twenty and fifty cents only"


def test_what_is_not_known_is_not_guessed() -> None:
    with pytest.raises(KeyError):
        money.format_amount(1, "JPY")
    with pytest.raises(ValueError, match="from zero"):
        money.amount_in_words(-100)


@given(st.integers(0, 10**15), st.integers(0, 10_000), st.integers(1, 20_000))
def test_a_share_is_the_nearest_whole_paisa(amount: int, part: int, whole: int) -> None:
    exact = Fraction(amount * part, whole)
    assert abs(money.share(amount, part, whole) - exact) <= Fraction(1, 2)


def test_half_a_paisa_is_rounded_up() -> None:
    assert [money.share(amount, 1, 2) for amount in (1, 2, 3)] == [1, 1, 2]


@given(st.integers(0, 10**13), st.lists(st.integers(0, 10**12), min_size=1, max_size=30))
def test_nothing_is_lost_when_an_amount_is_divided(amount: int, weights: list[int]) -> None:
    total = sum(weights)
    if amount and not total:
        with pytest.raises(ValueError, match="of which one is more"):
            money.split(amount, weights)
        return
    parts = money.split(amount, weights)
    assert sum(parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert part >= 0
        assert not total or abs(part - Fraction(amount * weight, total)) < 1
        assert amount > total or part <= weight


@pytest.mark.parametrize(("amount", "weights"), [(-1, [1]), (1, [-1, 2]), (1, []), (1, [0, 0])])
def test_only_amounts_from_zero_are_divided(amount: int, weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights from zero"):
        money.split(amount, weights)


@pytest.mark.parametrize(("amount", "part", "whole"), [(-1, 1, 1), (1, -1, 1), (1, 1, 0)])
def test_only_shares_of_something_are_taken(amount: int, part: int, whole: int) -> None:
    with pytest.raises(ValueError, match="Shares"):
        money.share(amount, part, whole)
