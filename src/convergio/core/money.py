"""Money as it is written, said and divided. Amounts are integers in the currency's minor unit; no floats anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Currency(NamedTuple):
    """How a currency of a hundred parts is written and said."""

    symbol: str
    name: str
    parts: str


CURRENCIES = {
    "INR": Currency("₹", "Rupees", "paise"),
    "USD": Currency("$", "US dollars", "cents"),
    "EUR": Currency("€", "Euros", "cents"),
    "GBP": Currency("£", "Pounds", "pence"),
}
# A hundredth of a percent; rates of tax are counted in them.
BASIS_POINTS = 10_000

_SMALL = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SCALES = ((10_000_000, "crore"), (100_000, "lakh"), (1_000, "thousand"), (100, "hundred"))


def indian(number: int) -> str:
    """Return a whole number in Indian groups: 4,50,000."""
    sign, digits = ("-", str(-number)) if number < 0 else ("", str(number))
    head, tail = digits[:-3], digits[-3:]
    groups = [head[max(0, end - 2) : end] for end in range(len(head), 0, -2)][::-1]
    return sign + ",".join([*groups, tail])


def plain_amount(amount: int, currency: str = "INR") -> str:
    """The digits without the sign of the currency: 4,50,000.00, for columns of a table."""
    whole, rest = divmod(abs(amount), 100)
    grouped = indian(whole) if currency == "INR" else f"{whole:,}"
    return f"{'-' if amount < 0 else ''}{grouped}.{rest:02d}"


def format_amount(amount: int, currency: str = "INR") -> str:
    """With the currency's sign and always two decimals: ₹4,50,000.00. Raises KeyError for a currency not known."""
    sign = "-" if amount < 0 else ""
    return f"{sign}{CURRENCIES[currency].symbol}{plain_amount(abs(amount), currency)}"


def number_in_words(number: int) -> str:
    """A whole number in Indian English: four lakh fifty thousand. Raises ValueError below zero."""
    if number < 0:
        raise ValueError("Only numbers from zero have words.")
    for scale, name in _SCALES:
        if number >= scale:
            head, rest = divmod(number, scale)
            tail = f" {number_in_words(rest)}" if rest else ""
            return f"{number_in_words(head)} {name}{tail}"
    if number < 20:
        return _SMALL[number]
    tens, ones = divmod(number, 10)
    return _TENS[tens - 2] + (f"-{_SMALL[ones]}" if ones else "")


def amount_in_words(amount: int, currency: str = "INR") -> str:
    """As invoices say it: Rupees four lakh fifty thousand and five paise only."""
    whole, rest = divmod(amount, 100)
    known = CURRENCIES[currency]
    parts = f" and {number_in_words(rest)} {known.parts}" if rest else ""
    return f"{known.name} {number_in_words(whole)}{parts} only"


def share(amount: int, part: int, whole: int) -> int:
    """`amount` times part by whole, rounded half up. Raises ValueError for what is negative or divided by nothing."""
    if amount < 0 or part < 0 or whole <= 0:
        raise ValueError("Shares are taken of amounts from zero.")
    return (2 * amount * part + whole) // (2 * whole)


def split(amount: int, weights: Sequence[int]) -> list[int]:
    """Divide an amount by weights so that the parts sum to it exactly, by the largest remainder.

    No part differs from its exact share by a whole unit; while the amount is no more than the sum of the weights, no
    part is more than its weight. Raises ValueError when there is an amount and nothing to weigh it by.
    """
    total = sum(weights)
    if amount < 0 or any(weight < 0 for weight in weights) or (amount and not total):
        raise ValueError("An amount from zero is divided by weights from zero, of which one is more.")
    if not amount:
        return [0] * len(weights)
    parts = [amount * weight // total for weight in weights]
    # Equal remainders: whoever comes first, so that the answer is always the same.
    order = sorted(range(len(weights)), key=lambda index: -(amount * weights[index] % total))
    for index in order[: amount - sum(parts)]:
        parts[index] += 1
    return parts
