"""The state machine by itself, and what a change within a period costs. No database."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convergio.billing.errors import NotNow
from convergio.billing.subscriptions import machine
from convergio.billing.subscriptions.events import (
    Abandoned,
    Allow,
    Cancelled,
    ChangeDropped,
    ChangeRefused,
    ChangeScheduled,
    Charged,
    ChargeFailed,
    Ended,
    Event,
    GivenUp,
    GrantTrial,
    Noticed,
    Pay,
    PeriodEnded,
    Resumed,
    RetryFailed,
    State,
    Subscribed,
    TrialStarted,
    Upgraded,
    Version,
)
from convergio.billing.subscriptions.machine import advance, look_at
from convergio.billing.subscriptions.periods import Period, period_at
from convergio.billing.subscriptions.proration import prorate, rest_of_period
from convergio.core.money import split

START = datetime(2099, 1, 30, 18, 30, tzinfo=UTC)
DAY = timedelta(days=1)
FREE = Version(1, 1, "free", "Free", 0, "INR", 1_000)
PRO = Version(2, 2, "pro", "Pro", 1_999_00, "INR", 50_000)
BIG = Version(3, 3, "enterprise", "Enterprise", 9_999_00, "INR", 500_000)
MONTH = period_at(START, START)
NEXT = period_at(START, MONTH.end)

_FREE = State("free", FREE, FREE, START, reference="c1")
_with = msgspec.structs.replace
_PAID = {
    "version": PRO,
    "anchor": START,
    "period_start": MONTH.start,
    "period_end": MONTH.end,
    "gateway": "fake",
}
STATES: dict[str, State] = {
    "free": _FREE,
    "pending": _with(_FREE, status="pending", next_version=PRO, changed_at=START),
    "trialing": _with(_FREE, status="trialing", **{**_PAID, "anchor": None}),
    "active": _with(_FREE, status="active", **_PAID),
    "past_due": _with(_FREE, status="past_due", **_PAID, past_due_since=MONTH.end, reminders=1),
    "cancelling": _with(_FREE, status="cancelling", **_PAID),
}
EVENTS: list[Event] = [
    Subscribed(PRO, "fake", "c1", "k"),
    TrialStarted(START, START + 15 * DAY),
    Charged("p2", PRO.price, "INR", PRO, NEXT.start, NEXT.end),
    Upgraded("p3", 4_000_00, "INR", BIG, 225_000, START + 14 * DAY, MONTH.end),
    ChargeFailed("no"),
    RetryFailed(3),
    GivenUp(),
    Abandoned(),
    Ended(),
    PeriodEnded(),
    ChangeScheduled(BIG),
    ChangeDropped(),
    ChangeRefused(PRO),
    Cancelled(),
    Resumed(),
    Noticed(),
]
# Within the paid period, and after it.
DURING = {
    ("free", "subscribed"): "pending",
    ("free", "charged"): "cancelling",
    ("pending", "trial_started"): "trialing",
    ("pending", "charged"): "active",
    ("pending", "abandoned"): "free",
    ("trialing", "charged"): "active",
    ("trialing", "ended"): "cancelling",
    ("trialing", "cancelled"): "cancelling",
    ("trialing", "change_scheduled"): "trialing",
    ("trialing", "change_dropped"): "trialing",
    ("trialing", "change_refused"): "trialing",
    ("trialing", "noticed"): "trialing",
    ("active", "charged"): "active",
    ("active", "upgraded"): "active",
    ("active", "ended"): "cancelling",
    ("active", "cancelled"): "cancelling",
    ("active", "change_scheduled"): "active",
    ("active", "change_dropped"): "active",
    ("active", "change_refused"): "active",
    ("active", "noticed"): "active",
    ("past_due", "charged"): "active",
    ("past_due", "retry_failed"): "past_due",
    ("past_due", "ended"): "cancelling",
    ("past_due", "cancelled"): "cancelling",
    ("cancelling", "charged"): "cancelling",
    ("cancelling", "upgraded"): "cancelling",
    ("cancelling", "change_refused"): "cancelling",
    ("cancelling", "resumed"): "active",
}
AFTER = {
    **DURING,
    ("trialing", "charge_failed"): "past_due",
    ("trialing", "ended"): "free",
    ("trialing", "cancelled"): "free",
    ("active", "charge_failed"): "past_due",
    ("active", "ended"): "free",
    ("active", "cancelled"): "free",
    ("past_due", "given_up"): "free",
    ("past_due", "ended"): "free",
    ("past_due", "cancelled"): "free",
    ("cancelling", "period_ended"): "free",
}


@pytest.mark.parametrize(
    ("moment", "expected"), [(MONTH.end - DAY, DURING), (MONTH.end + DAY, AFTER)], ids=["during", "after"]
)
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
@pytest.mark.parametrize("status", STATES)
def test_every_event_in_every_state(
    status: str, event: Event, moment: datetime, expected: dict[tuple[str, str], str]
) -> None:
    if status == "past_due" and moment < MONTH.end:
        moment = MONTH.end  # nothing is past due before its period is over
        expected = AFTER
    wanted = expected.get((status, event.name))
    if wanted is None:
        with pytest.raises(NotNow) as refusal:
            advance(STATES[status], event, moment)
        assert refusal.value.message.endswith(".")
        return
    after, effects = advance(STATES[status], event, moment)
    assert after.status == wanted
    assert look_at(after, moment) > moment
    if after.status == "free":
        assert Allow() in effects
        assert (after.version, after.period_end, after.next_version) == (FREE, None, None)
        assert after.reference == "c1"
    assert sum(isinstance(effect, Pay) for effect in effects) == isinstance(event, Charged | Upgraded)


def test_all_rules_are_in_the_table() -> None:
    known = {(status, event.name) for status, event in machine._RULES}
    assert known == set(AFTER)


def test_a_trial_grants_its_share_of_the_month_and_never_more() -> None:
    for days, tokens in ((15, 25_000), (1, 1_667), (30, 50_000), (90, 50_000)):
        _, effects = advance(STATES["pending"], TrialStarted(START, START + days * DAY), START)
        assert effects[0] == GrantTrial(tokens, START + days * DAY)


def test_a_planned_change_holds_from_the_charge_for_it() -> None:
    planned, _ = advance(STATES["active"], ChangeScheduled(BIG), START)
    charged = Charged("p2", BIG.price, "INR", BIG, NEXT.start, NEXT.end)
    after, _ = advance(planned, charged, NEXT.start)
    assert (after.version, after.next_version) == (BIG, None)
    still = Charged("p2", PRO.price, "INR", PRO, NEXT.start, NEXT.end)
    after, _ = advance(planned, still, NEXT.start)
    assert (after.version, after.next_version) == (PRO, BIG)


def test_a_period_known_late_does_not_move_the_present_one() -> None:
    before = Charged("p0", PRO.price, "INR", PRO, START - 31 * DAY, START)
    after, effects = advance(STATES["active"], before, START + DAY)
    assert after == STATES["active"]
    assert isinstance(effects[0], Pay)


def test_it_is_looked_at_when_the_next_thing_is_due() -> None:
    active, past_due, end = STATES["active"], STATES["past_due"], MONTH.end
    assert look_at(active, START) == end - 3 * DAY
    assert look_at(_with(active, gateway="manual"), START) == end - 7 * DAY
    assert look_at(_with(active, noticed_end=end), START) == end
    assert look_at(active, end) == end + timedelta(hours=1)
    assert look_at(STATES["cancelling"], START) == end - 2 * DAY
    assert look_at(STATES["free"], START) == end
    assert look_at(past_due, end) == end + DAY
    assert look_at(past_due, end + 2.5 * DAY) == end + 3 * DAY
    assert look_at(_with(past_due, reminders=4), end + 13.5 * DAY) == end + 14 * DAY


_PRICES = st.integers(0, 10**9)
_SECONDS = st.integers(0, 31 * 86_400)


@given(old=_PRICES, new=_PRICES, after=_SECONDS)
def test_an_upgrade_costs_the_rest_of_the_difference_and_never_more(old: int, new: int, after: int) -> None:
    moment = MONTH.start + timedelta(seconds=after)
    amount = prorate(new - old, MONTH, moment)
    assert 0 <= amount <= max(new - old, 0)
    gone = max(new - old, 0) - amount
    second = timedelta(seconds=1)
    whole, left = (MONTH.end - MONTH.start) // second, max((MONTH.end - moment) // second, 0)
    assert abs(amount * whole - max(new - old, 0) * left) * 2 <= whole  # to the nearest paisa
    assert gone >= 0
    if moment >= MONTH.end:
        assert amount == 0
    if moment == MONTH.start:
        assert amount == max(new - old, 0)


@given(prices=st.lists(_PRICES, min_size=2, max_size=6).map(sorted), data=st.data())
def test_many_upgrades_cost_together_what_their_segments_are_worth(
    prices: list[int], data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(_SECONDS, min_size=len(prices) - 1, max_size=len(prices) - 1)))
    moments = [MONTH.start + min(timedelta(seconds=cut), MONTH.end - MONTH.start) for cut in cuts]
    paid = prices[0] + sum(
        prorate(new - old, MONTH, moment)
        for old, new, moment in zip(prices, prices[1:], moments, strict=False)
    )
    edges = [MONTH.start, *moments, MONTH.end]
    second = timedelta(seconds=1)
    lengths = [(end - start) // second for start, end in itertools.pairwise(edges)]
    worth = sum(price * length for price, length in zip(prices, lengths, strict=True))
    assert abs(paid * sum(lengths) - worth) * 2 <= sum(lengths) * (len(prices) - 1)
    assert prices[0] <= paid <= prices[-1]
    assert sum(split(prices[0], lengths)) == prices[0]


@given(after=_SECONDS)
def test_tokens_follow_the_money(after: int) -> None:
    rest = rest_of_period(PRO, BIG, period=MONTH, moment=MONTH.start + timedelta(seconds=after))
    assert 0 <= rest.tokens <= BIG.tokens - PRO.tokens
    assert 0 <= rest.amount <= BIG.price - PRO.price
    assert rest_of_period(BIG, PRO, period=Period(*MONTH), moment=START) == (0, 0)
