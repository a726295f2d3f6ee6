"""One step of a subscription in one transaction: the state, its row of history, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import transaction

from convergio.accounts.models import User
from convergio.billing.invoicing.actions import issue_invoice
from convergio.billing.invoicing.gst import INDIA
from convergio.billing.invoicing.taxes import Item
from convergio.billing.ledger import credit
from convergio.billing.purchases import report
from convergio.billing.subscriptions.events import (
    Allow,
    Effect,
    Event,
    GrantTrial,
    Mail,
    MoveAtGateway,
    Pay,
    State,
)
from convergio.billing.subscriptions.machine import advance
from convergio.billing.subscriptions.notices import mail_notice
from convergio.billing.subscriptions.periods import period_at
from convergio.billing.subscriptions.rows import get_state, log_event, look_again, save_state
from convergio.core import sql
from convergio.core.jobs import enqueue

_PAID = """
INSERT INTO subscription_payments (user_id, contract, kind, version_id, gateway, gateway_id, amount, currency, tokens,
  period_start, period_end, invoice_id, paid_at)
VALUES (%(user)s, %(contract)s, %(kind)s, %(version)s, %(gateway)s, %(payment)s, %(amount)s, %(currency)s, %(tokens)s,
  %(start)s, %(end)s, %(invoice)s, %(now)s) RETURNING id
"""


def step(user_id: int, event: Event, *, moment: datetime) -> State:
    """Lock the subscription and take it one step on. Raises NotNow."""
    with transaction.atomic():
        return step_from(get_state(user_id, lock=True), user_id, event, moment=moment)


def step_from(before: State, user_id: int, event: Event, *, moment: datetime) -> State:
    """The same for a caller who holds the lock."""
    after, effects = advance(before, event, moment)
    save_state(user_id, after, moment)
    event_id = log_event(user_id, before=before, after=after, event=event, moment=moment)
    for effect in effects:
        _DO[type(effect)](effect, user_id, event_id, after, moment)
    return after


def allow(user_id: int, state: State, moment: datetime) -> bool:
    """The month's tokens of Free, once for each month; the answer is whether they came now."""
    period = period_at(state.signed_up, moment)
    if not state.version.tokens:
        return False
    cause = f"allowance:{period.start.astimezone(INDIA):%Y-%m-%d}"
    return credit(user_id, "grant", tokens=state.version.tokens, cause=cause, expires_at=period.end)


def _pay(effect: Pay, user_id: int, event_id: int, state: State, moment: datetime) -> None:  # noqa: ARG001
    payment, user = effect.payment, User.objects.get(id=user_id)
    invoice = issue_invoice(
        user,
        lines=[Item(_description(effect), payment.amount)],
        paid_at=moment,
        gateway=state.gateway,
        gateway_id=payment.payment_id,
        currency=payment.currency,
        prices_include_tax=True,
    )
    values = {
        "user": user_id,
        "contract": state.reference,
        "kind": effect.kind,
        "version": payment.version.id,
        "gateway": state.gateway,
        "payment": payment.payment_id,
        "amount": payment.amount,
        "currency": payment.currency,
        "tokens": effect.tokens,
        "start": payment.period_start,
        "end": payment.period_end,
        "invoice": invoice.id,
        "now": moment,
    }
    cause = f"subscription_payments:{sql.fetch_value(_PAID, values)}"
    if effect.tokens:
        credit(user_id, "grant", tokens=effect.tokens, cause=cause, expires_at=payment.period_end)
    if not user.is_active:
        detail = "The subscriber's account is deactivated; refund the payment and cancel, or reactivate it."
        report("payer_deactivated", gateway=state.gateway, subject=payment.payment_id, detail=detail)


def _description(effect: Pay) -> str:
    start, end = (
        moment.astimezone(INDIA) for moment in (effect.payment.period_start, effect.payment.period_end)
    )
    name = effect.payment.version.name
    what = f"{name} plan" if effect.kind == "period" else f"Upgrade to the {name} plan"
    return f"{what}, {start.day} {start:%b %Y} to {end.day} {end:%b %Y}"


def _grant_trial(effect: GrantTrial, user_id: int, event_id: int, state: State, moment: datetime) -> None:  # noqa: ARG001
    if effect.tokens:
        cause = f"subscription_events:{event_id}"
        credit(user_id, "grant", tokens=effect.tokens, cause=cause, expires_at=effect.expires_at)


def _allow(effect: Allow, user_id: int, event_id: int, state: State, moment: datetime) -> None:  # noqa: ARG001
    allow(user_id, state, moment)


def _mail(effect: Mail, user_id: int, event_id: int, state: State, moment: datetime) -> None:  # noqa: ARG001
    enqueue(mail_notice, event_id=event_id)


def _move(effect: MoveAtGateway, user_id: int, event_id: int, state: State, moment: datetime) -> None:  # noqa: ARG001
    look_again(user_id, at=moment)


_DO: dict[type[Effect], Callable[[Any, int, int, State, datetime], None]] = {
    Pay: _pay,
    GrantTrial: _grant_trial,
    Allow: _allow,
    Mail: _mail,
    MoveAtGateway: _move,
}
