"""Sending money of a purchase back, by staff.

The tokens go first, as far as they are unspent, so that they cannot be spent while the money travels. If the gateway
refuses for good, they come back as a refund of the ledger. After a time-out the refund stays pending and is asked for
again under the same reference, which no gateway pays twice.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import msgspec
from django.db import transaction

from convergio.billing import gateways
from convergio.billing.errors import NothingToRefund
from convergio.billing.gateways.protocol import Refund
from convergio.billing.ledger import credit
from convergio.billing.purchases import get_purchase, report
from convergio.billing.settlement import refund_done, take_tokens
from convergio.core import sql
from convergio.core.clock import now
from convergio.core.errors import InvalidInput, ProviderError

_ASKED = (
    "SELECT COALESCE(sum(amount), 0)::bigint FROM token_refunds WHERE purchase_id = %s AND status <> 'failed'"
)
_ADD = """
INSERT INTO token_refunds (purchase_id, reference, amount, status, reason, member_id, created_at)
VALUES (%s, replace(gen_random_uuid()::text, '-', ''), %s, 'pending', %s, %s, %s) RETURNING id
"""
_GET = "SELECT id, purchase_id, reference, amount, tokens, status FROM token_refunds WHERE id = %s"
_SET = "UPDATE token_refunds SET status = %s, gateway_id = %s WHERE id = %s"
_PENDING = "SELECT id FROM token_refunds WHERE status = 'pending' AND created_at <= %s ORDER BY id"
# The first call may still be under way; no answer takes that long.
UNDER_WAY = timedelta(minutes=2)


class _Row(msgspec.Struct):
    id: int
    purchase_id: int
    reference: str
    amount: int
    tokens: int
    status: str


def refund_purchase(staff_id: int, *, purchase_id: int, reason: str, amount: int | None = None) -> str:
    """Refund all that is left, or `amount` minor units of it; the answer is pending or done.

    The caller has made sure that this is staff. Raises NothingToRefund, ProviderError(permanent|auth).
    """
    require_reason(reason)
    with transaction.atomic():
        purchase = get_purchase(purchase_id, lock=True)
        left = purchase.amount - sql.fetch_value(_ASKED, [purchase_id]) if purchase.is_credited else 0
        wanted = within(left, amount)
        refund_id = sql.fetch_value(_ADD, [purchase_id, wanted, reason[:255], staff_id, now()])
        take_tokens(
            purchase, refund_id=refund_id, amount=wanted, reason=f"Refund: {reason}"[:255], member_id=staff_id
        )
    return send_now(send_refund, refund_id)


def require_reason(reason: str) -> None:
    """Raises InvalidInput without one."""
    if not reason.strip():
        raise InvalidInput("reason_missing", "Say why the money goes back.", field="reason")


def within(left: int, amount: int | None) -> int:
    """The amount, or all that is left. Raises NothingToRefund where that is nothing or too much."""
    wanted = left if amount is None else amount
    if not 0 < wanted <= left:
        raise NothingToRefund(left)
    return wanted


def send_now(send: Callable[[int], str], refund_id: int) -> str:
    """Where the gateway does not answer, the refund is pending and a job sends it again."""
    try:
        return send(refund_id)
    except ProviderError as error:
        if error.kind != "retry":
            raise
        return "pending"


def send_refund(refund_id: int) -> str:
    """Ask the gateway for a pending refund; again is safe. Raises ProviderError."""
    row = _get(refund_id)
    purchase = get_purchase(row.purchase_id)
    if row.status != "pending":
        return row.status
    seller = gateways.find(purchase.gateway)
    try:
        payment = seller.fetch_payment(purchase.gateway_id)
        made = seller.refund(payment, amount=row.amount, reference=row.reference)
    except ProviderError as error:
        if error.kind == "permanent":
            _give_up(refund_id, error.message)
        raise
    return _conclude(refund_id, made)


def pending_refunds() -> list[int]:
    """Refunds that the gateway has not concluded, and that nobody is asking for right now."""
    return sql.fetch_column(_PENDING, [now() - UNDER_WAY])


def _get(refund_id: int) -> _Row:
    row = sql.fetch_one(_Row, _GET, [refund_id])
    assert row is not None  # refunds are never removed
    return row


def _conclude(refund_id: int, made: Refund) -> str:
    if made.status == "failed":
        _give_up(refund_id, "The gateway could not send the money back.")
        return "failed"
    with transaction.atomic():
        purchase = get_purchase(_get(refund_id).purchase_id, lock=True)
        row = _get(refund_id)
        if row.status == "pending":
            sql.execute(_SET, [made.status, made.id, refund_id])
            if made.status == "done":
                refund_done(purchase, refund_id=refund_id, amount=row.amount)
    return made.status


def _give_up(refund_id: int, why: str) -> None:
    """The tokens come back; staff see it."""
    with transaction.atomic():
        purchase = get_purchase(_get(refund_id).purchase_id, lock=True)
        row = _get(refund_id)
        if row.status != "pending":
            return
        sql.execute(_SET, ["failed", "", refund_id])
        if row.tokens:
            credit(purchase.user_id, "refund", tokens=row.tokens, cause=f"token_refunds:{refund_id}")
        report(
            "refund_failed",
            gateway=purchase.gateway,
            subject=f"{purchase.gateway_id}:{refund_id}",
            purchase_id=purchase.id,
            detail=why,
        )
