"""What is paid by itself: moving to a larger plan within a period, and periods by bank transfer.

An order is asked for once, paid at its gateway, and applied when the gateway's API says that exactly it was paid. A
period that is paid before it begins waits until it does. What comes too late to be applied is staff's to send back.
"""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

import msgspec
from django.conf import settings
from django.db import transaction

from convergio.billing import gateways
from convergio.billing.gateways.protocol import Order, OrderRequest, Payment
from convergio.billing.purchases import report
from convergio.billing.subscriptions.events import Charged, State, Upgraded, Version
from convergio.billing.subscriptions.periods import Period, period_at
from convergio.billing.subscriptions.rows import get_state, get_version
from convergio.billing.subscriptions.steps import step_from
from convergio.core import sql
from convergio.core.clock import now
from convergio.core.errors import NotFound

RETURN_PATH = "/dashboard/settings/billing"

_COLUMNS = """
SELECT id, user_id, contract::text, reference::text, kind::text, version_id, amount, currency::text, tokens,
  period_start, period_end, gateway::text, gateway_id::text, status::text, created_at
FROM subscription_orders
"""
_ADD = """
INSERT INTO subscription_orders (user_id, contract, reference, kind, version_id, amount, currency, tokens,
  period_start, period_end, gateway, created_at)
VALUES (%(user)s, %(contract)s, %(reference)s, %(kind)s, %(version)s, %(amount)s, %(currency)s, %(tokens)s,
  %(start)s, %(end)s, %(gateway)s, %(now)s) RETURNING id
"""
_OPEN = f"{_COLUMNS} WHERE user_id = %s AND status IN ('pending', 'received') ORDER BY id"
_FIND = f"{_COLUMNS} WHERE gateway = %s AND (gateway_id <> '' AND gateway_id = %s OR reference = %s)"
_WAITING = f"""
{_COLUMNS} WHERE status = 'pending' AND gateway_id <> '' AND created_at >= %s ORDER BY id LIMIT 500
"""
_SET_ORDER = "UPDATE subscription_orders SET gateway_id = %s WHERE id = %s AND gateway_id = ''"
_SET = "UPDATE subscription_orders SET status = %s, problem = %s WHERE id = %s"
_EXPIRE = "UPDATE subscription_orders SET status = 'expired' WHERE user_id = %s AND kind = %s AND status = 'pending'"
_IS_PAYMENT = "SELECT EXISTS (SELECT FROM subscription_payments WHERE gateway = %s AND gateway_id = %s)"


class OrderRow(msgspec.Struct, frozen=True):
    """An order as it is stored; amounts in minor units."""

    id: int
    user_id: int
    contract: str
    reference: str
    kind: str
    version_id: int
    amount: int
    currency: str
    tokens: int
    period_start: datetime | None
    period_end: datetime | None
    gateway: str
    gateway_id: str
    status: str
    created_at: datetime


def open_order(
    user_id: int,
    state: State,
    *,
    kind: str,
    version: Version,
    amount: int,
    tokens: int,
    period: Period | None,
) -> OrderRow:
    """The open order for exactly this, or a new one in place of another. The caller holds the subscription's lock."""
    for row in open_orders(user_id):
        same = (row.contract, row.version_id, row.period_end) == (
            state.reference,
            version.id,
            period.end if period else None,
        )
        if row.kind == kind and same:
            return row
    expire_orders(user_id, kind=kind)
    values = {
        "user": user_id,
        "contract": state.reference,
        "reference": uuid4().hex,
        "kind": kind,
        "version": version.id,
        "amount": amount,
        "currency": version.currency,
        "tokens": tokens,
        "start": period.start if period else None,
        "end": period.end if period else None,
        "gateway": state.gateway,
        "now": now(),
    }
    return get_order(sql.fetch_value(_ADD, values))


def place_order(row: OrderRow, *, email: str) -> Order:
    """The order at the gateway; again is safe. Raises ProviderError."""
    version = get_version(row.version_id)
    what = f"{version.name} plan" if row.kind == "period" else f"Upgrade to the {version.name} plan"
    request = OrderRequest(
        reference=row.reference,
        amount=row.amount,
        currency=row.currency,
        description=what,
        email=email,
        return_url=f"{settings.PUBLIC_URL}{RETURN_PATH}",
    )
    order = gateways.find(row.gateway).create_order(request)
    sql.execute(_SET_ORDER, [order.id, row.id])
    return order


def settle_order(order_id: int) -> str:
    """Ask the gateway what became of it and act on its answer; the order's status. Raises ProviderError."""
    row = get_order(order_id)
    if not row.gateway_id or row.status in ("paid", "mismatch"):
        return row.status
    seller = gateways.find(row.gateway)
    payment = seller.fetch_payment(row.gateway_id)
    if payment.status == "authorized" and not _mismatch(row, payment):
        payment = seller.capture(payment)
    with transaction.atomic():
        state = get_state(row.user_id, lock=True)
        row = get_order(order_id)
        if row.status not in ("paid", "mismatch") and payment.status in ("paid", "authorized"):
            _settle(row, state, payment)
    return get_order(order_id).status


def get_order(order_id: int) -> OrderRow:
    """Raises NotFound."""
    row = sql.fetch_one(OrderRow, f"{_COLUMNS} WHERE id = %s", [order_id])
    if row is None:
        raise NotFound("order")
    return row


def open_orders(user_id: int) -> list[OrderRow]:
    """Not paid yet, or paid for a period that has not begun."""
    return sql.fetch_all(OrderRow, _OPEN, [user_id])


def find_order(gateway: str, *, order_id: str, reference: str = "") -> OrderRow | None:
    """The order behind what a gateway names."""
    return sql.fetch_one(OrderRow, _FIND, [gateway, order_id, reference])


def waiting_orders(since: datetime) -> list[OrderRow]:
    """Orders that somebody may have paid without us being told."""
    return sql.fetch_all(OrderRow, _WAITING, [since])


def expire_orders(user_id: int, *, kind: str) -> None:
    """Nobody is asked for it any more."""
    sql.execute(_EXPIRE, [user_id, kind])


def is_of_subscriptions(gateway: str, payment: Payment) -> bool:
    """Whether a gateway's order is one of these, or the charge of a subscription."""
    if find_order(gateway, order_id=payment.order_id, reference=payment.reference):
        return True
    return bool(payment.id and sql.fetch_value(_IS_PAYMENT, [gateway, payment.id]))


def _mismatch(row: OrderRow, payment: Payment) -> str:
    if payment.reference != row.reference:
        return "The gateway holds this order under another reference."
    if (payment.amount, payment.currency) != (row.amount, row.currency):
        paid = f"{payment.amount} {payment.currency}"
        return f"Paid {paid} instead of {row.amount} {row.currency} (minor units)."
    return ""


def _settle(row: OrderRow, state: State, payment: Payment) -> None:
    problem = _mismatch(row, payment)
    moment = now()
    if not problem and row.kind == "period" and row.period_start and row.period_start > moment:
        sql.execute(_SET, ["received", "", row.id])
        return
    event = None if problem else _event(row, state, payment, moment)
    if event is None:
        problem = problem or "It came too late to be applied; send it back."
        sql.execute(_SET, ["mismatch", problem, row.id])
        report("subscription_order", gateway=row.gateway, subject=row.gateway_id, detail=problem)
        return
    step_from(state, row.user_id, event, moment=moment)
    sql.execute(_SET, ["paid", "", row.id])


def _event(row: OrderRow, state: State, payment: Payment, moment: datetime) -> Charged | Upgraded | None:
    """What the payment does; None when the contract has gone on or ended since the order was made."""
    version = get_version(row.version_id)
    if state.reference != row.contract or state.status == "free":
        return None
    if row.kind == "period":
        period = Period(row.period_start, row.period_end) if row.period_start and row.period_end else None
        period = period or period_at(moment, moment)
        return Charged(payment.id, payment.amount, payment.currency, version, period.start, period.end)
    if state.status not in ("active", "cancelling") or state.period_end != row.period_end:
        return None
    if version.price <= state.version.price or row.period_start is None or row.period_end is None:
        return None
    return Upgraded(
        payment.id,
        payment.amount,
        payment.currency,
        version,
        row.tokens,
        row.period_start,
        row.period_end,
    )
