"""How times, sizes, money and names read."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine
from django.utils import timezone

from convergio.site import formats

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _tuesday_noon() -> Iterator[None]:
    with time_machine.travel(NOON, tick=False), timezone.override("UTC"):
        yield


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (datetime(2026, 11, 24, 10, 42, tzinfo=UTC), "10:42"),
        (datetime(2026, 11, 23, 23, 59, tzinfo=UTC), "Mon"),
        (datetime(2026, 11, 17, 9, 0, tzinfo=UTC), "17 Nov"),
        (datetime(2025, 11, 26, 9, 0, tzinfo=UTC), "26 Nov 2025"),
    ],
)
def test_a_row_shows_the_shortest_unambiguous_time(value: datetime, read: str) -> None:
    assert formats.when(value) == read


def test_days_near_today_have_names_and_others_a_date() -> None:
    assert formats.day_heading(datetime(2026, 11, 24, 1, tzinfo=UTC)) == "Today"
    assert formats.day_heading(datetime(2026, 11, 23, 1, tzinfo=UTC)) == "Yesterday"
    assert formats.day_heading(datetime(2026, 11, 26, 1, tzinfo=UTC)) == "Thu 26 Nov"


def test_the_day_is_that_of_the_reader() -> None:
    late = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
    with timezone.override("Asia/Kolkata"):
        assert formats.day_heading(late) == "Today"
        assert formats.clock(late) == "01:30"


@pytest.mark.parametrize(
    ("seconds", "read"), [(5, "Now"), (150, "2 min ago"), (7200, "2 h ago"), (90_000, "Yesterday 11:00")]
)
def test_past_moments_are_told_in_one_unit(seconds: int, read: str) -> None:
    assert formats.ago(datetime.fromtimestamp(NOON.timestamp() - seconds, UTC)) == read


def test_inside_a_sentence_this_minute_is_just_now() -> None:
    assert formats.ago_within(datetime.fromtimestamp(NOON.timestamp() - 5, UTC)) == "just now"
    assert formats.ago_within(datetime.fromtimestamp(NOON.timestamp() - 90_000, UTC)) == "yesterday 11:00"


@pytest.mark.parametrize(
    ("number", "read"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1,000"),
        (450000, "4,50,000"),
        (12345678, "1,23,45,678"),
        (-100000, "-1,00,000"),
    ],
)
def test_numbers_are_grouped_the_indian_way(number: int, read: str) -> None:
    assert formats.indian(number) == read


def test_paise_are_written_only_when_there_are_any() -> None:
    assert formats.rupees(45000000) == "₹4,50,000"
    assert formats.rupees(3820) == "₹38.20"
    assert formats.rupees(-5) == "-₹0.05"


@pytest.mark.parametrize(
    ("size", "read"),
    [(1, "1 byte"), (980, "980 bytes"), (1234567, "1.2 MB"), (999_999, "1.0 MB"), (25_600_000, "26 MB")],
)
def test_file_sizes_use_powers_of_a_thousand(size: int, read: str) -> None:
    assert formats.file_size(size) == read


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Ananya Rao", "AR"), ("neo", "N"), ("priya.nair@saffron.example", "PN"), ("", "?"), ("“Q” fan", "F")],
)
def test_initials_come_from_names_and_addresses(name: str, letters: str) -> None:
    assert formats.initials(name) == letters


def test_a_query_drops_empty_parameters_and_encodes_the_rest() -> None:
    assert formats.query({"q": "a b", "state": "unread"}, state=None, tag="Hello") == "?q=a+b&tag=Hello"
    assert formats.query({}) == "?"
