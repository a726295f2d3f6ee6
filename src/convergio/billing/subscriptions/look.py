"""What time alone brings: allowances, renewals, notices, reminders, ends. One user at a time, whenever they are due."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction

from convergio.accounts.models import User
from convergio.billing import gateways
from convergio.billing.subscriptions.events import (
    Abandoned,
    ChargeFailed,
    Event,
    GivenUp,
    Noticed,
    PeriodEnded,
    RetryFailed,
    State,
)
from convergio.billing.subscriptions.machine import (
    GIVE_UP,
    LAST_WORD,
    can_happen,
    look_at,
    notice_at,
    reminders_due,
)
from convergio.billing.subscriptions.orders import OrderRow, expire_orders, open_order, place_order
from convergio.billing.subscriptions.periods import period_at
from convergio.billing.subscriptions.plans import gross
from convergio.billing.subscriptions.rows import get_state, look_again
from convergio.billing.subscriptions.steps import allow, step_from
from convergio.billing.subscriptions.sync import sync
from convergio.core.clock import now

# A checkout nobody finished, and a first transfer that never came.
_PATIENCE = timedelta(days=3)
_TRANSFER_PATIENCE = timedelta(days=14)


def look(user_id: int) -> State:
    """Do what is due and come back when the next thing is. Raises ProviderError; look again then."""
    moment = now()
    _LOOKS[get_state(user_id).status](user_id, moment)
    with transaction.atomic():
        state = get_state(user_id, lock=True)
        look_again(user_id, at=look_at(state, moment))
        return state


def end_contract(user_id: int, event: Event, moment: datetime) -> State:
    """Stop it at the gateway for good, take in what was paid to the last, and let the event happen if it still can."""
    state = get_state(user_id)
    expire_orders(user_id, kind="period")
    if state.gateway_id:
        seller = gateways.find(state.gateway)
        if seller.fetch_subscription(state.gateway_id).status != "cancelled":
            seller.cancel_subscription(state.gateway_id, when="now")
    after = sync(user_id, ended_by=event)
    return after if after.status != state.status else _step_if_possible(user_id, event, moment)


def tell_of_cancellation(state: State, moment: datetime) -> None:
    """Tell the gateway in time that it must not charge again: at once where it takes that back, else at the last.

    A trial that cannot be taken back is ended there outright, because no period of it is charged. Raises ProviderError.
    """
    assert state.period_end is not None
    seller = gateways.find(state.gateway)
    if not seller.takes_back_cancellation and moment < state.period_end - LAST_WORD:
        return
    theirs = seller.fetch_subscription(state.gateway_id)
    if theirs.status != "cancelled" and not theirs.cancel_at_period_end:
        is_free_trial = state.anchor is None and not seller.takes_back_cancellation
        seller.cancel_subscription(state.gateway_id, when="now" if is_free_trial else "period_end")


def grant_allowance(user_id: int) -> bool:
    """On Free: the month's tokens, if they did not come yet; the answer is whether they came now."""
    with transaction.atomic():
        state = get_state(user_id, lock=True)
        return state.is_on_free and allow(user_id, state, now())


def _look_at_free(user_id: int, moment: datetime) -> None:  # noqa: ARG001
    grant_allowance(user_id)


def _look_at_pending(user_id: int, moment: datetime) -> None:
    grant_allowance(user_id)
    state = sync(user_id)
    patience = _TRANSFER_PATIENCE if state.gateway == "manual" else _PATIENCE
    if state.status == "pending" and state.changed_at and state.changed_at + patience <= moment:
        end_contract(user_id, Abandoned(), moment)


def _look_at_paid(user_id: int, moment: datetime) -> None:
    state = sync(user_id)
    if state.status not in ("trialing", "active"):
        return
    if state.is_over(moment):
        if state.gateway == "manual":
            _step_if_possible(user_id, ChargeFailed("No transfer has arrived."), moment)
    elif moment >= notice_at(state) and state.noticed_end != state.period_end:
        _announce(user_id, state, moment)


def _announce(user_id: int, state: State, moment: datetime) -> None:
    """Once for each period. A transfer is asked for with an order of its own."""
    with transaction.atomic():
        locked = get_state(user_id, lock=True)
        if locked.period_end != state.period_end or locked.noticed_end == locked.period_end:
            return
        order = _next_transfer(user_id, locked) if locked.gateway == "manual" else None
        step_from(locked, user_id, Noticed(), moment=moment)
    if order is not None:
        place_order(order, email=User.objects.get(id=user_id).email)


def _next_transfer(user_id: int, state: State) -> OrderRow:
    assert state.anchor is not None
    assert state.period_end is not None
    version = state.next_version or state.version
    period = period_at(state.anchor, state.period_end)
    amount = gross(user_id, version.name, version.price)
    return open_order(
        user_id, state, kind="period", version=version, amount=amount, tokens=version.tokens, period=period
    )


def _look_at_past_due(user_id: int, moment: datetime) -> None:
    state = sync(user_id)
    if state.status != "past_due" or state.past_due_since is None:
        return
    if moment - state.past_due_since >= GIVE_UP:
        end_contract(user_id, GivenUp(), moment)
    elif reminders_due(state, moment) > state.reminders:
        _remind(user_id, moment)


def _remind(user_id: int, moment: datetime) -> None:
    with transaction.atomic():
        state = get_state(user_id, lock=True)
        if state.past_due_since and reminders_due(state, moment) > state.reminders:
            step_from(state, user_id, RetryFailed((moment - state.past_due_since).days), moment=moment)


def _look_at_cancelling(user_id: int, moment: datetime) -> None:
    """The gateway is told before it charges again; after the period's end it must have nothing left to charge."""
    state = sync(user_id)
    if state.status != "cancelling":
        return
    if state.is_over(moment):
        end_contract(user_id, PeriodEnded(), moment)
    elif state.gateway_id:
        tell_of_cancellation(state, moment)


def _step_if_possible(user_id: int, event: Event, moment: datetime) -> State:
    """Somebody else may have gone on meanwhile."""
    with transaction.atomic():
        state = get_state(user_id, lock=True)
        possible = can_happen(state, event, moment)
        return step_from(state, user_id, event, moment=moment) if possible else state


_LOOKS: dict[str, Callable[[int, datetime], None]] = {
    "free": _look_at_free,
    "pending": _look_at_pending,
    "trialing": _look_at_paid,
    "active": _look_at_paid,
    "past_due": _look_at_past_due,
    "cancelling": _look_at_cancelling,
}
