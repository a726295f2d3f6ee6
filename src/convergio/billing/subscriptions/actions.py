"""What an owner does with their plan. Amounts are ours; what was paid is the gateway's word.

Providers are called outside of transactions. A request that comes here must therefore stand in
site.access.without_transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from django.db import transaction

from convergio.accounts.actor import Actor
from convergio.accounts.permissions import require
from convergio.billing import gateways
from convergio.billing.errors import KeyUsedForAnother, NotNow
from convergio.billing.gateways.protocol import Gateway, Order, Subscription, SubscriptionRequest
from convergio.billing.methods import customer_of
from convergio.billing.payers import Payer, payer_of
from convergio.billing.payments import check_key
from convergio.billing.subscriptions.changes import Preview, preview
from convergio.billing.subscriptions.events import (
    Abandoned,
    Cancelled,
    ChangeDropped,
    ChangeScheduled,
    Resumed,
    State,
    Subscribed,
    Version,
)
from convergio.billing.subscriptions.look import end_contract, tell_of_cancellation
from convergio.billing.subscriptions.machine import LAST_WORD
from convergio.billing.subscriptions.orders import (
    expire_orders,
    find_order,
    open_order,
    place_order,
)
from convergio.billing.subscriptions.periods import Period
from convergio.billing.subscriptions.plans import gross, plan_at
from convergio.billing.subscriptions.queries import Terms, current_terms, find_plan
from convergio.billing.subscriptions.rows import find_subscriber, get_state, get_version, set_contract
from convergio.billing.subscriptions.steps import step, step_from
from convergio.billing.subscriptions.sync import sync
from convergio.core import sql
from convergio.core.clock import now
from convergio.core.errors import NotFound, ProviderError

# One trial each, and none after a month that was paid.
_HAD_TRIAL = """
SELECT EXISTS (SELECT FROM subscription_events WHERE user_id = %s AND event IN ('trial_started', 'charged'))
"""


@dataclass(frozen=True, slots=True)
class SubscriptionCheckout:
    """What has to be agreed to or paid now: a subscription at its `url`, or an order as for a purchase.

    Both are None when nothing is left to do.
    """

    terms: Terms
    gateway: str
    subscription: Subscription | None = None
    order: Order | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What a change of plan came to; an upgrade waits until its order is paid."""

    preview: Preview
    terms: Terms
    gateway: str
    order: Order | None = None


def subscribe(actor: Actor, *, plan: str, gateway: str, idempotency_key: str) -> SubscriptionCheckout:
    """Begin a paid plan, or go on with the checkout of the same plan that is open: two tabs make one subscription.

    Raises NotFound, UnknownGateway, InvalidInput, NotNow, KeyUsedForAnother, NotInvoiceable, ProviderError; after a
    ProviderError that says retry the checkout waits, and the same call goes on with it.
    """
    require(actor, "billing.edit")
    check_key(idempotency_key)
    seller, wanted, payer = gateways.find(gateway), find_plan(plan), payer_of(actor)
    if not wanted.price:
        raise NotNow("Free needs no subscription; cancel the paid plan instead.")
    gross(
        payer.id, wanted.name, wanted.price
    )  # refuses before money is taken, and before anything is written
    state = _begin(payer.id, get_version(wanted.version_id), gateway=gateway, key=idempotency_key)
    if state.status != "pending" or state.next_version is None:  # this key's checkout was finished before
        return SubscriptionCheckout(current_terms(payer.id), gateway)
    # Of the checkout's own version: the plan may have been edited since it was opened.
    amount = gross(payer.id, state.next_version.name, state.next_version.price)
    try:
        if seller.is_recurring:
            begun = _contract(
                actor, seller, payer, state, version=state.next_version, amount=amount, days=wanted.trial_days
            )
            return SubscriptionCheckout(current_terms(payer.id), gateway, subscription=begun)
        order = _transfer(payer, state, version=state.next_version, amount=amount)
        return SubscriptionCheckout(current_terms(payer.id), gateway, order=order)
    except ProviderError as error:
        if error.kind != "retry" and not get_state(payer.id).gateway_id:
            step(payer.id, Abandoned(), moment=now())
        raise


def preview_change(actor: Actor, *, plan: str) -> Preview:
    """What changing to that plan would cost and bring now. Raises NotFound, NotNow."""
    require(actor, "billing.edit")
    user_id = payer_of(actor).id
    return preview(user_id, get_state(user_id), get_version(find_plan(plan).version_id), moment=now())


def change_plan(actor: Actor, *, plan: str) -> Change:
    """To a larger plan now, for the rest of the period's price; to a smaller one from the next period on.

    Raises NotFound, NotNow, ProviderError; a mandate that cannot be moved refuses a smaller plan.
    """
    require(actor, "billing.edit")
    payer, wanted = payer_of(actor), get_version(find_plan(plan).version_id)
    state = get_state(payer.id)
    planned = preview(payer.id, state, wanted, moment=now())
    order = None
    if planned.kind == "cancel":
        cancel(actor)
    elif planned.kind == "upgrade":
        order = _upgrade_order(payer, wanted, planned)
    else:
        _schedule(payer.id, state, wanted)
    return Change(planned, current_terms(payer.id), state.gateway, order)


def cancel(actor: Actor) -> Terms:
    """At the period's end; at once where nothing was paid for. Raises NotNow, ProviderError."""
    require(actor, "billing.edit")
    user_id, moment = payer_of(actor).id, now()
    state = get_state(user_id)
    if state.status == "pending":
        end_contract(user_id, Abandoned(), moment)
    elif state.status == "past_due":
        end_contract(user_id, Cancelled(), moment)
    else:
        if state.status in ("trialing", "active") and state.gateway_id:
            tell_of_cancellation(state, moment)
        step(user_id, Cancelled(), moment=moment)
        expire_orders(user_id, kind="period")
    return current_terms(user_id)


def resume(actor: Actor) -> Terms:
    """Take a cancellation back before the period's end. Raises NotNow, ProviderError."""
    require(actor, "billing.edit")
    user_id, moment = payer_of(actor).id, now()
    state = get_state(user_id)
    if state.status == "cancelling" and state.gateway_id:
        _resume_there(gateways.find(state.gateway), state, moment)
    if state.status == "cancelling" and state.is_over(moment):
        raise NotNow("The plan's period is over; subscribe anew.")
    step(user_id, Resumed(), moment=moment)
    return current_terms(user_id)


def finish_subscription_checkout(actor: Actor, *, gateway: str, fields: Mapping[str, str]) -> Terms:
    """The buyer is back from checkout with what the gateway signed. Raises ForgedMessage, NotFound.

    Where the gateway does not answer, nothing has changed yet: a webhook or the next look brings the plan.
    """
    require(actor, "billing.edit")
    named = gateways.find(gateway).verify_checkout(fields)
    user_id = payer_of(actor).id
    order = find_order(gateway, order_id=named)
    owner = order.user_id if order else find_subscriber(gateway, gateway_id=named)
    if owner != user_id:
        raise NotFound("checkout")
    return refresh(actor)


def refresh(actor: Actor) -> Terms:
    """Ask the gateway now, as when the buyer comes back from a page that signs nothing."""
    require(actor, "billing.edit")
    user_id = payer_of(actor).id
    try:
        sync(user_id)
    except ProviderError as error:
        if error.kind != "retry":
            raise
    return current_terms(user_id)


def _begin(user_id: int, version: Version, *, gateway: str, key: str) -> State:
    """One checkout at a time: the row's lock lets the second tab see the first one's."""
    with transaction.atomic():
        state = get_state(user_id, lock=True)
        wanted = state.next_version
        is_open = state.status == "pending" and wanted is not None
        is_same = is_open and wanted is not None and (wanted.slug, state.gateway) == (version.slug, gateway)
        if state.idempotency_key == key and state.status != "free" and not is_same:
            holds = state.version if wanted is None else wanted
            if is_open or (holds.slug, state.gateway) != (version.slug, gateway):
                raise KeyUsedForAnother
            return state
        if is_same:
            return state
        event = Subscribed(version, gateway, uuid4().hex, key)
        return step_from(state, user_id, event, moment=now())


def _contract(
    actor: Actor, seller: Gateway, payer: Payer, state: State, *, version: Version, amount: int, days: int
) -> Subscription:
    """The subscription at the gateway under the checkout's reference: made now, or by a call whose answer was lost."""
    if state.gateway_id:
        return seller.fetch_subscription(state.gateway_id)
    trial = 0 if sql.fetch_value(_HAD_TRIAL, [payer.id]) else days
    customer = customer_of(actor, gateway=seller.name)
    plan_id = plan_at(seller, version, amount=amount)
    begun = seller.create_subscription(SubscriptionRequest(state.reference, customer, plan_id, trial))
    set_contract(payer.id, reference=state.reference, gateway_id=begun.id)
    return begun


def _transfer(payer: Payer, state: State, *, version: Version, amount: int) -> Order:
    """The first period by bank transfer; it begins when the money is there."""
    with transaction.atomic():
        state = get_state(payer.id, lock=True)
        row = open_order(
            payer.id, state, kind="period", version=version, amount=amount, tokens=version.tokens, period=None
        )
    return place_order(row, email=payer.email)


def _upgrade_order(payer: Payer, wanted: Version, planned: Preview) -> Order:
    """Priced now; asked again for the same plan within the period it is the same order at the same price."""
    with transaction.atomic():
        state = get_state(payer.id, lock=True)
        assert state.period_end is not None
        row = open_order(
            payer.id,
            state,
            kind="upgrade",
            version=wanted,
            amount=planned.amount,
            tokens=planned.tokens,
            period=Period(planned.effective_at, state.period_end),
        )
    return place_order(row, email=payer.email)


def _schedule(user_id: int, state: State, wanted: Version) -> None:
    """The gateway first, so that nothing is promised here which it refuses."""
    is_same = wanted.slug == state.version.slug
    kept = state.version if is_same else wanted
    if state.gateway_id:
        seller = gateways.find(state.gateway)
        plan_id = plan_at(seller, kept, amount=gross(user_id, kept.name, kept.price))
        seller.change_subscription(state.gateway_id, plan_id=plan_id, when="period_end")
    step(user_id, ChangeDropped() if is_same else ChangeScheduled(wanted), moment=now())


def _resume_there(seller: Gateway, state: State, moment: datetime) -> None:
    assert state.period_end is not None
    theirs = seller.fetch_subscription(state.gateway_id)
    is_told = theirs.cancel_at_period_end or moment >= state.period_end - LAST_WORD
    if theirs.status == "cancelled" or (is_told and not seller.takes_back_cancellation):
        raise NotNow(
            "The cancellation has gone to the payment provider; subscribe anew when the period is over."
        )
    if theirs.cancel_at_period_end:
        seller.resume_subscription(state.gateway_id)
