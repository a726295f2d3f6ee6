"""A chart of stacked columns, drawn by the server: no script, no style attributes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

HEIGHT = 100
# A column's share of the width; the drawing is stretched, so that the unit is of no matter.
COLUMN, BAR = 40, 26


class Bar(NamedTuple):
    """A piece of a column, in the chart's units."""

    colour: str
    x: int
    y: float
    height: float


class Bars(NamedTuple):
    """The bars, what the full height stands for, and the numbers that they are drawn from.

    `series` are name, colour and a number for each day; `marks` the days that have a label below.
    """

    days: list[date]
    marks: list[date | None]
    series: list[tuple[str, str, list[int]]]
    bars: list[Bar]
    top: int
    width: int


def bars_of(
    columns: Sequence[tuple[date, Mapping[str, int]]], *, names: Mapping[str, tuple[str, str]]
) -> Bars:
    """Columns of days, each with a number for every key of `names`, which are drawn in that order from below."""
    top = _round(max((sum(values.values()) for _, values in columns), default=0))
    bars = []
    for place, (_, values) in enumerate(columns):
        y = float(HEIGHT)
        for key, (_, colour) in names.items():
            height = round(values[key] * HEIGHT / top, 2)
            if height:
                y = round(y - height, 2)
                bars.append(Bar(colour, place * COLUMN + (COLUMN - BAR) // 2, y, height))
    days = [day for day, _ in columns]
    series = [(name, colour, [values[key] for _, values in columns]) for key, (name, colour) in names.items()]
    return Bars(days, _marks(days), series, bars, top, len(columns) * COLUMN)


def _round(most: int) -> int:
    """The next number that reads well, and whose half does: 2, 4, 6, 10, 20, 40, 60, 100 ..."""
    step = 1
    while True:
        for first in (2, 4, 6, 10):
            if first * step >= most:
                return first * step
        step *= 10


def _marks(days: Sequence[date]) -> list[date | None]:
    """Seven labels or so, whatever the length."""
    every = max(1, -(-len(days) // 7))
    return [day if place % every == 0 else None for place, day in enumerate(days)]
