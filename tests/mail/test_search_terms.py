"""The search box: filters are understood, anything else is words, nothing raises."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from convergio.core import sql
from convergio.mail.search_terms import SearchTerms, parse_search

KOLKATA = ZoneInfo("Asia/Kolkata")


def test_words_are_looked_for_together_and_the_last_one_by_its_beginning() -> None:
    assert parse_search("refund order").words == "'refund' & 'order':*"


def test_a_beginning_of_two_letters_stands_for_itself() -> None:
    assert parse_search("refund to").words == "'refund' & 'to'"


def test_quotes_make_a_phrase_that_is_no_beginning() -> None:
    assert parse_search('"second order').words == "'second order'"
    assert parse_search('"second order" late').words == "'second order' & 'late':*"


def test_every_filter() -> None:
    terms = parse_search(
        'from:Ananya subject:"weekly report" tag:Support is:unread has:attachment after:2026-11-01 before:2026-12',
        timezone="Asia/Kolkata",
    )
    assert terms == SearchTerms(
        words="'Ananya':*B & 'weekly report':*A",
        senders=("ananya",),
        tag="Support",
        is_read=False,
        has_attachment=True,
        since=datetime(2026, 11, 1, tzinfo=KOLKATA),
        until=datetime(2026, 12, 1, tzinfo=KOLKATA),
    )


def test_an_address_is_looked_for_by_its_pieces() -> None:
    terms = parse_search("from:ananya.rao@lumen.example")
    assert terms.words == "'ananya rao lumen example':*B"
    assert terms.senders == ("ananya.rao@lumen.example",)


@time_machine.travel("2026-11-24T20:00:00Z", tick=False)
def test_today_is_the_day_of_the_person() -> None:
    assert parse_search("after:today", timezone="Asia/Kolkata").since == datetime(
        2026, 11, 25, tzinfo=KOLKATA
    )
    assert parse_search("before:yesterday").until == datetime(2026, 11, 23, tzinfo=ZoneInfo("UTC"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("before:soon", "'before:soon':*"),
        ("after:2026-02-30", "'after:2026-02-30':*"),
        ("after:0001-01-01", "'after:0001-01-01':*"),
        ("is:starred", "'is:starred':*"),
        ("https://lumen.example/a", "'https://lumen.example/a':*"),
        ("12:30", "'12:30':*"),
        ("O'Brien", "'O''Brien':*"),
        ("a\\b & !c | (d", "'a b' & '!c' & '(d'"),
    ],
)
def test_what_is_no_filter_is_words(text: str, words: str) -> None:
    assert parse_search(text).words == words


@pytest.mark.parametrize("text", ["from:", "is:", "tag: ", 'subject:""'])
def test_a_filter_that_is_still_being_typed_filters_nothing(text: str) -> None:
    terms = parse_search(f"refund {text}")
    assert terms == SearchTerms(words=terms.words)
    assert terms.words.startswith("'refund'")


@pytest.mark.parametrize("text", ["!!!", "( ) & |", "___", '"', ":*"])
def test_text_without_a_word_finds_nothing_and_an_empty_box_everything(text: str) -> None:
    assert parse_search(text).has_nothing_to_find
    assert not parse_search("  ").has_nothing_to_find


@given(st.text(max_size=600))
def test_anything_may_be_typed(text: str) -> None:
    parse_search(text, timezone="Asia/Kolkata")


_PIECES = ["'", "\\", ":*", "&", "|", "!", "(", ")", "<->", "a", "é", " ", '"', "%", "\u2028"]


@pytest.mark.django_db
@given(st.lists(st.sampled_from(_PIECES), max_size=12))
def test_postgresql_reads_whatever_was_typed(pieces: list[str]) -> None:
    terms = parse_search("".join(pieces))
    sql.fetch_value("SELECT numnode(to_tsquery('simple', %s))", [terms.words])
