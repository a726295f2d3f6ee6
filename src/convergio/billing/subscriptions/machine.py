"""The one state machine of subscriptions. Pure: state, event and moment in; new state and effects out.

                           abandoned
        +------------------------------------------------+
        v                                                |
    +------+  subscribed   +---------+  trial_started  +----------+
    | free | ------------> | pending | --------------> | trialing | --+
    +------+               +---------+                 +----------+   |
     ^ ^ ^ |                    | charged                | charged    |
     | | | |                    v                        |            |
     | | | |               +--------+ <------------------+            |
     | | | |               | active |   charged (next period), upgraded, change_scheduled,
     | | | |               +--------+   change_dropped, change_refused, noticed
     | | | |   cancelled,    |  ^  | charge_failed                    | charge_failed
     | | | |   ended         |  |  +-------------> +----------+ <-----+
     | | | |                 v  | resumed          | past_due |  retry_failed (day 3, 7, 12)
     | | | |        +------------+                 +----------+
     | | | +------> | cancelling |                   |   | charged -> active
     | | | charged  +------------+                   |   |
     | | | (late)        | period_ended              |   | given_up (day 14), cancelled, ended
     | | +---------------+                           |   |
     | +---------------------------------------------+---+
     +-- ended, when nothing of the paid period is left

A trial can be cancelled and resumed as an active subscription can. What was paid is never taken away before its period
is over: a contract that ends at the gateway within a paid period is cancelling until then. On free and pending the
monthly allowance of Free is granted; in past_due nothing is, and bought tokens stay in every state.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec

from convergio.billing.errors import NotNow
from convergio.billing.subscriptions.events import (
    Abandoned,
    Allow,
    Cancelled,
    ChangeDropped,
    ChangeRefused,
    ChangeScheduled,
    Charged,
    ChargeFailed,
    Effect,
    Ended,
    Event,
    GivenUp,
    GrantTrial,
    Mail,
    MoveAtGateway,
    Noticed,
    Pay,
    PeriodEnded,
    Resumed,
    RetryFailed,
    State,
    Status,
    Subscribed,
    TrialStarted,
    Upgraded,
)
from convergio.billing.subscriptions.periods import period_at
from convergio.core.money import share

# Days after the charge failed on which the subscriber is reminded, the first at once, and when it is over.
REMINDERS = (0, 3, 7, 12)
GIVE_UP = timedelta(days=14)
NOTICE = timedelta(days=3)
# A transfer has to be made by a person, and takes its days.
TRANSFER_NOTICE = timedelta(days=7)
# Where a gateway takes no cancellation back, it is told only now; its own notice to the payer goes out a day before.
LAST_WORD = timedelta(days=2)
# A month of a trial brings a month's tokens, a part of it that part.
_TRIAL_MONTH = timedelta(days=30)


Step = tuple[State, list[Effect]]
Kind = TypeVar("Kind", bound=Event)
_Rule = Callable[[State, Any, datetime], Step]
_RULES: dict[tuple[str, type[Event]], _Rule] = {}
_with = msgspec.structs.replace


def advance(state: State, event: Event, moment: datetime) -> Step:
    """What the event makes of the state, and what has to be done for it. Raises NotNow where it cannot happen."""
    rule = _RULES.get((state.status, type(event)))
    if rule is None:
        raise NotNow(_REFUSALS.get((state.status, type(event))) or _REFUSED.get(type(event), _IMPOSSIBLE))
    return rule(state, event, moment)


def can_happen(state: State, event: Event, moment: datetime) -> bool:
    """Whether the event may follow."""
    try:
        advance(state, event, moment)
    except NotNow:
        return False
    return True


def look_at(state: State, moment: datetime) -> datetime:
    """When somebody has to look again, if nothing happens before."""
    if state.status == "free":
        return period_at(state.signed_up, moment).end
    if state.status == "pending":
        return moment + timedelta(minutes=30)
    assert state.period_end is not None
    if state.status == "past_due":
        return min(_next_reminder(state), moment + timedelta(days=1))
    steps = [state.period_end, moment + timedelta(hours=1)]
    if state.status == "cancelling":
        steps.insert(0, state.period_end - LAST_WORD)
    elif state.noticed_end != state.period_end:
        steps.insert(0, notice_at(state))
    return next(step for step in steps if step > moment)


def notice_at(state: State) -> datetime:
    """When the next charge is announced, or asked for."""
    assert state.period_end is not None
    return state.period_end - (TRANSFER_NOTICE if state.gateway == "manual" else NOTICE)


def reminders_due(state: State, moment: datetime) -> int:
    """How many reminders should have been mailed by now."""
    assert state.past_due_since is not None
    days = (moment - state.past_due_since).days
    return sum(day <= days for day in REMINDERS)


def _next_reminder(state: State) -> datetime:
    assert state.past_due_since is not None
    left = REMINDERS[state.reminders :]
    return state.past_due_since + (timedelta(days=left[0]) if left else GIVE_UP)


def _rule(event: type[Kind], *states: Status) -> Callable[[Callable[[State, Kind, datetime], Step]], _Rule]:
    def register(rule: Callable[[State, Kind, datetime], Step]) -> _Rule:
        _RULES.update({(state, event): rule for state in states})
        return rule

    return register


@_rule(Subscribed, "free")
def _subscribed(state: State, event: Subscribed, moment: datetime) -> Step:
    return State(
        "pending",
        state.version,
        state.free,
        state.signed_up,
        next_version=event.version,
        gateway=event.gateway,
        reference=event.reference,
        idempotency_key=event.idempotency_key,
        changed_at=moment,
    ), []


@_rule(TrialStarted, "pending")
def _trial_started(state: State, event: TrialStarted, moment: datetime) -> Step:
    version = state.next_version or state.version
    begun = _with(
        state,
        status="trialing",
        version=version,
        next_version=None,
        period_start=event.start,
        period_end=event.end,
        changed_at=moment,
    )
    part = min(event.end - event.start, _TRIAL_MONTH) // timedelta(seconds=1)
    tokens = share(version.tokens, part, _TRIAL_MONTH // timedelta(seconds=1))
    return begun, [GrantTrial(tokens, event.end), Mail()]


@_rule(Charged, "pending", "trialing", "active", "past_due", "cancelling", "free")
def _charged(state: State, event: Charged, moment: datetime) -> Step:
    """Money that was taken is always honoured. After a cancellation it buys its period and no more."""
    effects: list[Effect] = [Pay("period", event, event.version.tokens)]
    if state.period_end is not None and event.period_end <= state.period_end:
        return state, effects  # an earlier period, known late
    is_wanted = state.next_version is None or state.next_version.id == event.version.id
    paid = _with(
        state,
        status="cancelling" if state.status in ("cancelling", "free") else "active",
        version=event.version,
        next_version=None if is_wanted or state.status == "pending" else state.next_version,
        anchor=state.anchor or event.period_start,
        period_start=event.period_start,
        period_end=event.period_end,
        past_due_since=None,
        reminders=0,
        changed_at=moment,
    )
    return paid, [*effects, Mail()] if state.status == "past_due" else effects


@_rule(Upgraded, "active", "cancelling")
def _upgraded(state: State, event: Upgraded, moment: datetime) -> Step:
    larger = _with(state, version=event.version, next_version=None, changed_at=moment)
    return larger, [Pay("upgrade", event, event.tokens), MoveAtGateway()]


@_rule(ChargeFailed, "trialing", "active")
def _charge_failed(state: State, event: ChargeFailed, moment: datetime) -> Step:  # noqa: ARG001
    if not state.is_over(moment):
        raise NotNow("What was paid for holds until its period ends.")
    return _with(state, status="past_due", past_due_since=moment, reminders=1, changed_at=moment), [Mail()]


@_rule(RetryFailed, "past_due")
def _retry_failed(state: State, event: RetryFailed, moment: datetime) -> Step:  # noqa: ARG001
    return _with(state, reminders=reminders_due(state, moment)), [Mail()]


@_rule(Abandoned, "pending")
def _abandoned(state: State, event: Abandoned, moment: datetime) -> Step:  # noqa: ARG001
    return _back_to_free(state, moment), [Allow()]


@_rule(GivenUp, "past_due")
@_rule(PeriodEnded, "cancelling")
def _over(state: State, event: Event, moment: datetime) -> Step:  # noqa: ARG001
    if not state.is_over(moment):
        raise NotNow("What was paid for holds until its period ends.")
    return _back_to_free(state, moment), [Allow(), Mail()]


@_rule(Ended, "trialing", "active", "past_due")
@_rule(Cancelled, "trialing", "active", "past_due")
def _stopped(state: State, event: Event, moment: datetime) -> Step:  # noqa: ARG001
    if state.is_over(moment):
        return _back_to_free(state, moment), [Allow(), Mail()]
    return _with(state, status="cancelling", changed_at=moment), [Mail()]


@_rule(Resumed, "cancelling")
def _resumed(state: State, event: Resumed, moment: datetime) -> Step:  # noqa: ARG001
    return _with(state, status="active" if state.anchor else "trialing", changed_at=moment), []


@_rule(ChangeScheduled, "trialing", "active")
def _change_scheduled(state: State, event: ChangeScheduled, moment: datetime) -> Step:
    return _with(state, next_version=event.version, changed_at=moment), []


@_rule(ChangeDropped, "trialing", "active")
def _change_dropped(state: State, event: ChangeDropped, moment: datetime) -> Step:  # noqa: ARG001
    return _with(state, next_version=None, changed_at=moment), []


@_rule(ChangeRefused, "trialing", "active", "cancelling")
def _change_refused(state: State, event: ChangeRefused, moment: datetime) -> Step:
    return _with(state, next_version=event.version, changed_at=moment), [Mail()]


@_rule(Noticed, "trialing", "active")
def _noticed(state: State, event: Noticed, moment: datetime) -> Step:  # noqa: ARG001
    return _with(state, noticed_end=state.period_end), [Mail()]


def _back_to_free(state: State, moment: datetime) -> State:
    """The contract's names stay, so that a payment which is late is still known."""
    return _with(
        state,
        status="free",
        version=state.version if state.is_on_free else state.free,
        next_version=None,
        anchor=None,
        period_start=None,
        period_end=None,
        past_due_since=None,
        reminders=0,
        changed_at=moment,
    )


_IMPOSSIBLE = "The subscription is in a state in which this cannot happen."
_REFUSED: dict[type[Event], str] = {
    Subscribed: "There is a subscription already; change its plan instead.",
    Cancelled: "There is no paid plan to cancel.",
    Resumed: "No cancellation is under way that could be taken back.",
    ChangeScheduled: "There is no paid plan to change.",
    Upgraded: "There is no paid plan to move from.",
}
_REFUSALS: dict[tuple[str, type[Event]], str] = {
    ("pending", Subscribed): "A checkout is open; finish it, or give it up first.",
    ("past_due", Subscribed): "The last payment is open; pay it, or cancel the plan first.",
    (
        "cancelling",
        Subscribed,
    ): "The cancelled plan holds until its period ends; resume it, or wait for its end.",
    ("cancelling", Cancelled): "The plan is cancelled already; it holds until its period ends.",
    ("past_due", ChangeScheduled): "The last payment is open; pay it before you change the plan.",
    ("cancelling", ChangeScheduled): "The plan is cancelled; resume it before you change it.",
    ("pending", ChangeScheduled): "A checkout is open; finish it, or give it up first.",
}
