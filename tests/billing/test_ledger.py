"""Tokens come in, are held, spent and lapse; nothing is lost, nothing goes below nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convergio.billing import checks, ledger, reservations
from convergio.billing.errors import OutOfTokens
from convergio.billing.ledger import credit, debit_adjustment
from convergio.billing.models import TokenBalance, TokenLedgerEntry, TokenUsage
from convergio.billing.reservations import Purpose, Usage, release, reserve, reserved, settle
from convergio.core import sql
from tests.cast import Person, make_person

MONTH = timedelta(days=30)
START = datetime(2099, 11, 1, 9, 0, tzinfo=UTC)  # after the real now, which the invariants look at


def purpose(person: Person, cause: str = "emails:1") -> Purpose:
    return Purpose(person.workspace.id, "auto_reply", cause)


def usage(tokens: int) -> Usage:
    return Usage("scripted", input_tokens=tokens, output_tokens=0, cost=1)


def state(person: Person) -> tuple[int, int]:
    assert list(checks.broken()) == []
    balance = TokenBalance.objects.get(user=person.user)
    return balance.tokens, balance.reserved


def spend(person: Person, tokens: int) -> None:
    settle(reserve(purpose(person), tokens=tokens), usage(tokens))


def entries(person: Person) -> list[tuple[str, int]]:
    rows = TokenLedgerEntry.objects.filter(user=person.user).order_by("id")
    return [(row.kind, row.tokens) for row in rows]


@pytest.mark.django_db
def test_a_cause_is_credited_once(owner: Person) -> None:
    assert credit(owner.user.id, "purchase", tokens=500, cause="token_purchases:1")
    assert not credit(owner.user.id, "purchase", tokens=500, cause="token_purchases:1")
    assert credit(owner.user.id, "bonus", tokens=50, cause="token_purchases:1")
    assert state(owner) == (550, 0)


@pytest.mark.django_db
def test_what_lapses_first_is_spent_first(owner: Person) -> None:
    with time_machine.travel(START, tick=False):
        credit(owner.user.id, "purchase", tokens=100, cause="token_purchases:1")
        credit(owner.user.id, "grant", tokens=100, cause="period:2", expires_at=START + 2 * MONTH)
        credit(owner.user.id, "grant", tokens=100, cause="period:1", expires_at=START + MONTH)
        spend(owner, 150)
        assert sql.fetch_column("SELECT remaining FROM token_lots ORDER BY entry_id") == [100, 50, 0]
        assert state(owner) == (150, 0)


@pytest.mark.django_db
def test_a_call_holds_its_most_and_is_charged_what_it_took(owner: Person) -> None:
    credit(owner.user.id, "purchase", tokens=1_000, cause="token_purchases:1")
    held = reserve(purpose(owner, "emails:7"), tokens=400)
    assert state(owner) == (1_000, 400)
    row = TokenUsage.objects.get(id=settle(held, Usage("scripted", 90, 10, cached_tokens=30, cost=7)))
    assert state(owner) == (900, 0)
    assert (row.feature, row.cause, row.charged_tokens, row.cached_tokens, row.cost) == (
        "auto_reply",
        "emails:7",
        100,
        30,
        7,
    )
    assert settle(held, usage(100)) == 0  # once only
    assert state(owner) == (900, 0)


@pytest.mark.django_db
def test_a_call_that_cannot_fit_is_refused_before_it_is_made(owner: Person) -> None:
    credit(owner.user.id, "grant", tokens=1_000, cause="period:1", expires_at=START + timedelta(days=99_999))
    reserve(purpose(owner), tokens=700)
    with pytest.raises(OutOfTokens, match=r"up to 301 AI tokens and 300 are left"):
        reserve(purpose(owner), tokens=301)
    assert state(owner) == (1_000, 700)


@pytest.mark.django_db
def test_without_a_balance_nothing_can_be_held(owner: Person) -> None:
    with pytest.raises(OutOfTokens) as refused:
        reserve(purpose(owner), tokens=1)
    assert refused.value.facts["balance"] == 0
    assert state(owner) == (0, 0)


@pytest.mark.django_db
def test_a_failed_call_costs_nothing(owner: Person) -> None:
    credit(owner.user.id, "purchase", tokens=100, cause="token_purchases:1")
    with pytest.raises(ZeroDivisionError), reserved(purpose(owner), tokens=60):
        raise ZeroDivisionError
    assert state(owner) == (100, 0)
    assert entries(owner) == [("purchase", 100)]


@pytest.mark.django_db
def test_what_a_dead_process_held_is_freed_when_its_time_is_over(owner: Person) -> None:
    with time_machine.travel(START, tick=False) as clock:
        credit(owner.user.id, "purchase", tokens=100, cause="token_purchases:1")
        held = reserve(purpose(owner), tokens=60)
        assert reservations.release_expired() == 0
        clock.shift(reservations.HOLD)
        assert reservations.release_expired() == 1
        assert state(owner) == (100, 0)
        assert settle(held, usage(60)) == 0  # a call that took too long is free
        assert state(owner) == (100, 0)
        release(held)
        assert state(owner) == (100, 0)


@pytest.mark.django_db
def test_an_allowance_lapses_and_bought_tokens_stay(owner: Person) -> None:
    with time_machine.travel(START, tick=False) as clock:
        credit(owner.user.id, "grant", tokens=100, cause="period:1", expires_at=START + MONTH)
        credit(owner.user.id, "purchase", tokens=30, cause="token_purchases:1")
        spend(owner, 20)
        clock.shift(MONTH)
        with pytest.raises(OutOfTokens, match="30 are left"):
            reserve(purpose(owner), tokens=31)
        assert entries(owner)[-1] == ("expiry", -80)
        assert state(owner) == (30, 0)


@pytest.mark.django_db
def test_tokens_held_for_a_call_under_way_do_not_lapse_under_it(owner: Person) -> None:
    with time_machine.travel(START, tick=False) as clock:
        credit(owner.user.id, "grant", tokens=100, cause="period:1", expires_at=START + MONTH)
        credit(owner.user.id, "purchase", tokens=50, cause="token_purchases:1")
        held = reserve(purpose(owner), tokens=80, hold=2 * MONTH)
        clock.shift(MONTH)
        spend(owner, 50)  # only the 20 that nobody holds are gone
        assert TokenBalance.objects.get(user=owner.user).tokens == 80
        settle(held, usage(70))
        ledger.lapse_due()
        assert state(owner) == (10, 0)
        assert [tokens for kind, tokens in entries(owner) if kind == "expiry"] == [-20]


@pytest.mark.django_db
def test_a_call_that_took_more_than_it_held_never_goes_below_nothing(owner: Person) -> None:
    credit(owner.user.id, "purchase", tokens=100, cause="token_purchases:1")
    row = TokenUsage.objects.get(id=settle(reserve(purpose(owner), tokens=50), usage(130)))
    assert (row.charged_tokens, row.input_tokens) == (100, 130)
    assert state(owner) == (0, 0)


@pytest.mark.django_db
def test_an_adjustment_takes_only_what_is_free(owner: Person) -> None:
    credit(owner.user.id, "adjustment", tokens=100, cause="", reason="goodwill", member_id=owner.user.id)
    reserve(purpose(owner), tokens=60)
    with pytest.raises(OutOfTokens):
        debit_adjustment(owner.user.id, tokens=41, reason="mistake", member_id=owner.user.id)
    debit_adjustment(owner.user.id, tokens=40, reason="mistake", member_id=owner.user.id)
    assert state(owner) == (60, 60)


@pytest.mark.django_db
@pytest.mark.parametrize("tokens", [0, -1])
def test_nothing_and_less_cannot_come_in(owner: Person, tokens: int) -> None:
    with pytest.raises(ValueError, match="more than none"):
        credit(owner.user.id, "purchase", tokens=tokens, cause="x")


@pytest.mark.django_db
def test_the_ledger_cannot_be_changed(owner: Person) -> None:
    credit(owner.user.id, "purchase", tokens=100, cause="token_purchases:1")
    for attempt in ("UPDATE token_ledger SET tokens = 1", "DELETE FROM token_ledger"):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            sql.execute(attempt)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE token_balances SET tokens = tokens + 1",
        "UPDATE token_balances SET reserved = reserved + 1",
        "UPDATE token_lots SET remaining = remaining - 1 WHERE remaining > 0",
        "UPDATE token_usage SET charged_tokens = charged_tokens + 1",
        "UPDATE token_balances SET next_expiry_at = now()",
        "DELETE FROM token_lots WHERE remaining = 0",
        "INSERT INTO token_reservations (user_id, tokens) SELECT user_id, 5 FROM token_balances",
        "UPDATE usage_counters SET ai_replies = ai_replies + 1",
        "UPDATE token_usage SET period_start = NULL",
        "DELETE FROM usage_counters",
        "UPDATE usage_alerts SET armed = false",
        "UPDATE ai_stops SET available = needed",
    ],
)
def test_every_damage_breaks_an_invariant(owner: Person, damage: str) -> None:
    credit(owner.user.id, "purchase", tokens=100, cause="token_purchases:1")
    credit(owner.user.id, "purchase", tokens=100, cause="token_purchases:2")
    spend(owner, 100)
    with pytest.raises(OutOfTokens):
        reserve(purpose(owner), tokens=101)
    sql.execute("UPDATE usage_alerts SET armed = true, last_fired_at = NULL")
    assert list(checks.broken()) == []
    assert len(checks.invariants()) == 34
    assert sql.execute(damage)
    assert list(checks.broken()) != []


def test_of_many_calls_at_once_only_as_many_are_made_as_fit(committed: None) -> None:
    person = make_person("owner")
    credit(person.user.id, "purchase", tokens=37 * 100, cause="token_purchases:1")

    def call(number: int) -> bool:
        try:
            with reserved(purpose(person, f"emails:{number}"), tokens=100) as held:
                settle(held, usage(100))
            return True
        except OutOfTokens:
            return False
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as pool:
        made = sum(pool.map(call, range(60)))
    assert made == 37
    assert state(person) == (0, 0)


# (what, tokens, days): a model of the ledger in a few lines, held against the real one.
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["grant", "purchase", "hold", "settle", "release", "wait", "lapse"]),
        st.integers(1, 200),
        st.integers(0, 40),
    ),
    max_size=25,
)


@pytest.mark.django_db
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_STEPS)
def test_whatever_happens_the_invariants_hold(owner: Person, steps: Any) -> None:
    with transaction.atomic(), time_machine.travel(START, tick=False) as clock:
        held: list[int] = []
        for number, (what, tokens, days) in enumerate(steps):
            if what == "grant":
                ends = START + timedelta(days=days * 3 + 1)
                credit(owner.user.id, "grant", tokens=tokens, cause=f"period:{number}", expires_at=ends)
            elif what == "purchase":
                credit(owner.user.id, "purchase", tokens=tokens, cause=f"token_purchases:{number}")
            elif what == "hold":
                with suppress(OutOfTokens):
                    held.append(reserve(purpose(owner), tokens=tokens, hold=timedelta(days=365)))
            elif what == "settle" and held:
                settle(held.pop(), usage(tokens))
            elif what == "release" and held:
                release(held.pop())
            elif what == "wait":
                clock.shift(timedelta(days=days))
            else:
                ledger.lapse_due()
            assert list(checks.broken()) == []
        transaction.set_rollback(True)
