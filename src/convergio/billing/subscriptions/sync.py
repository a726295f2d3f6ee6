"""Following a gateway: its own API is asked, and what it says becomes events. Safe at any time and any number of times.

Webhooks, the buyer who comes back, the periodic job and reconciliation all come here.
"""

from __future__ import annotations

from datetime import datetime

import structlog
from django.db import transaction

from convergio.billing import gateways
from convergio.billing.gateways.protocol import Gateway, Subscription, SubscriptionPayment
from convergio.billing.purchases import report
from convergio.billing.subscriptions.events import (
    Abandoned,
    ChangeRefused,
    Charged,
    ChargeFailed,
    Ended,
    Event,
    State,
    TrialStarted,
)
from convergio.billing.subscriptions.machine import can_happen
from convergio.billing.subscriptions.orders import open_orders, settle_order
from convergio.billing.subscriptions.plans import gross, is_plan_of, plan_at, version_charged, version_of
from convergio.billing.subscriptions.rows import get_state, set_contract
from convergio.billing.subscriptions.steps import step, step_from
from convergio.core import sql
from convergio.core.clock import now
from convergio.core.errors import ProviderError

log = structlog.get_logger(__name__)

_KNOWN = (
    "SELECT gateway_id::text FROM subscription_payments WHERE gateway = %s AND gateway_id = ANY(%s::text[])"
)


def sync(user_id: int, *, ended_by: Event | None = None) -> State:
    """Bring the subscription to what its gateway says; `ended_by` is what ended the contract, if the caller did.

    Raises ProviderError, after which nothing is half done.
    """
    for order in open_orders(user_id):
        settle_order(order.id)
    state = get_state(user_id)
    if not state.gateway_id:
        return state
    seller = gateways.find(state.gateway)
    theirs = seller.fetch_subscription(state.gateway_id)
    payments = seller.subscription_payments(state.gateway_id)
    state = follow(user_id, theirs, payments, moment=now(), ended_by=ended_by)
    if state.status in ("trialing", "active") and theirs.status != "cancelled" and not theirs.is_changing:
        _keep_plan(user_id, state, seller, theirs)
    return state


def follow(
    user_id: int,
    theirs: Subscription,
    payments: list[SubscriptionPayment],
    *,
    moment: datetime,
    ended_by: Event | None = None,
) -> State:
    """Apply an answer that was asked for outside of the transaction; answers that came out of order do no harm."""
    with transaction.atomic():
        state = get_state(user_id, lock=True)
        if state.gateway_id != theirs.id:
            return state
        for payment in _new(state, payments):
            state = _charged(user_id, state, payment, moment)
        if theirs.status == "cancelled":
            event: Event | None = _end(state, ended_by, moment)
        else:
            event = _of_status(state, theirs, payments, moment)
        return step_from(state, user_id, event, moment=moment) if event else state


def _new(state: State, payments: list[SubscriptionPayment]) -> list[SubscriptionPayment]:
    paid = [payment for payment in payments if payment.status == "paid"]
    known = sql.fetch_column(_KNOWN, [state.gateway, [payment.id for payment in paid]]) if paid else []
    return sorted((one for one in paid if one.id not in known), key=lambda one: one.period_start)


def _charged(user_id: int, state: State, payment: SubscriptionPayment, moment: datetime) -> State:
    version = version_charged(state, payment)
    if version is None:
        detail = f"Charged {payment.amount} {payment.currency} (minor units), which is the price of no plan of theirs."
        report("mismatch", gateway=state.gateway, subject=payment.id, detail=detail)
        return state
    if state.status == "cancelling":
        detail = (
            "Charged after the subscriber cancelled; the period was granted. Refund it if it is not wanted."
        )
        report("charged_after_cancel", gateway=state.gateway, subject=payment.id, detail=detail)
    event = Charged(
        payment.id, payment.amount, payment.currency, version, payment.period_start, payment.period_end
    )
    return step_from(state, user_id, event, moment=moment)


def _end(state: State, ended_by: Event | None, moment: datetime) -> Event | None:
    """What the caller meant, unless a payment that came meanwhile has made it impossible."""
    events = (ended_by, Abandoned() if state.status == "pending" else Ended())
    return next((event for event in events if event and can_happen(state, event, moment)), None)


def _of_status(
    state: State, theirs: Subscription, payments: list[SubscriptionPayment], moment: datetime
) -> Event | None:
    """A failed charge counts when the paid period is over: an older answer than the payment's says nothing then."""
    if theirs.status == "trialing" and state.status == "pending":
        start, end = theirs.period_start, theirs.period_end
        return TrialStarted(start, end) if start and end else None
    is_refused = theirs.status == "past_due" and state.status in ("trialing", "active")
    if is_refused and state.is_over(moment):
        failed = [payment.reason for payment in payments if payment.status == "failed" and payment.reason]
        return ChargeFailed(failed[-1] if failed else "")
    return None


def _keep_plan(user_id: int, state: State, seller: Gateway, theirs: Subscription) -> None:
    """The next charge shall be for the plan that holds then. A mandate that cannot be moved decides itself."""
    wanted = state.next_version or state.version
    if is_plan_of(wanted, gateway=seller.name, plan_id=theirs.plan_id):
        return
    try:
        amount = gross(user_id, wanted.name, wanted.price)
        plan_id = plan_at(seller, wanted, amount=amount)
        seller.change_subscription(theirs.id, plan_id=plan_id, when="period_end")
    except ProviderError as error:
        kept = version_of(seller.name, theirs.plan_id)
        if error.kind != "permanent" or kept is None:
            raise
        step(user_id, ChangeRefused(kept), moment=now())


def adopt_contract(user_id: int, *, gateway: str, subscription_id: str) -> None:
    """A contract whose answer was lost names its checkout; believed when the gateway's API says the same."""
    state = get_state(user_id)
    if state.gateway_id or not subscription_id:
        return
    if gateways.find(gateway).fetch_subscription(subscription_id).reference == state.reference:
        set_contract(user_id, reference=state.reference, gateway_id=subscription_id)
