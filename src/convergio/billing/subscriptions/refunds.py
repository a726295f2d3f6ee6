"""Sending money of a subscription's payment back, by staff. The plan goes on; ending it is another step.

As with purchases, the tokens go first as far as they are unspent, and come back until their period's end if the
gateway refuses for good. After a time-out the refund stays pending and is asked for again under the same reference,
which no gateway pays twice. What is left of a payment is what is left of its invoice: the credit note counts.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
from django.db import transaction

from convergio.billing import gateways
from convergio.billing.gateways.protocol import Refund
from convergio.billing.invoicing.credit_notes import issue_credit_note
from convergio.billing.invoicing.sales import MISSING
from convergio.billing.ledger import credit, take_back
from convergio.billing.purchases import report
from convergio.billing.refunds import UNDER_WAY, require_reason, send_now, within
from convergio.core import sql
from convergio.core.clock import now
from convergio.core.errors import AppError, NotFound, ProviderError

# By a statement of its own: one that waited for the lock would join what was there before it waited.
_LOCK = "SELECT FROM subscription_payments WHERE id = %s FOR UPDATE"
_PAYMENT = """
SELECT p.id, p.user_id, p.gateway::text, p.gateway_id::text, p.amount, p.tokens, p.period_end, p.invoice_id,
  i.total - i.credited - COALESCE(sum(r.amount) FILTER (WHERE r.status = 'pending'), 0)::bigint AS left,
  COALESCE(sum(r.amount) FILTER (WHERE r.status <> 'failed'), 0)::bigint AS asked
FROM subscription_payments p JOIN invoices i ON i.id = p.invoice_id
LEFT JOIN subscription_refunds r ON r.payment_id = p.id
WHERE p.id = %s GROUP BY p.id, i.id
"""
_FIND = "SELECT id FROM subscription_payments WHERE gateway = %s AND gateway_id = %s"
_ADD = """
INSERT INTO subscription_refunds (payment_id, reference, amount, status, reason, member_id, created_at)
VALUES (%(payment)s, COALESCE(%(reference)s, replace(gen_random_uuid()::text, '-', '')), %(amount)s, 'pending',
  %(reason)s, %(member)s, %(now)s) RETURNING id
"""
_GET = """
SELECT id, payment_id, reference::text, amount, tokens, status::text, reason::text
FROM subscription_refunds WHERE id = %s
"""
_SET = "UPDATE subscription_refunds SET status = %s, gateway_id = %s WHERE id = %s"
_SET_TAKEN = "UPDATE subscription_refunds SET tokens = %s WHERE id = %s"
_RESOLVE = (
    "UPDATE gateway_differences SET resolved_at = %s WHERE kind = %s AND subject = %s AND resolved_at IS NULL"
)
_PENDING = "SELECT id FROM subscription_refunds WHERE status = 'pending' AND created_at <= %s ORDER BY id"


class _Payment(msgspec.Struct):
    """Of `amount`, `left` can still go back; refunds of `asked` have been begun and not refused."""

    id: int
    user_id: int
    gateway: str
    gateway_id: str
    amount: int
    tokens: int
    period_end: datetime
    invoice_id: int
    left: int
    asked: int


class _Row(msgspec.Struct):
    id: int
    payment_id: int
    reference: str
    amount: int
    tokens: int
    status: str
    reason: str

    @property
    def cause(self) -> str:
        """What its ledger entries and its credit note name."""
        return f"subscription_refunds:{self.id}"


def refund_payment(staff_id: int, *, payment_id: int, reason: str, amount: int | None = None) -> str:
    """Refund all that is left, or `amount` minor units of it; the answer is pending, done or failed.

    The caller has made sure that this is staff. Raises NotFound, NothingToRefund, ProviderError(permanent|auth).
    """
    require_reason(reason)
    with transaction.atomic():
        payment = _get_payment(payment_id, lock=True)
        wanted = within(payment.left, amount)
        row = _add(payment, amount=wanted, reason=reason.strip()[:255], member_id=staff_id)
    return send_now(send_refund, row.id)


def send_refund(refund_id: int) -> str:
    """Ask the gateway for a pending refund; again is safe. Raises ProviderError, NotInvoiceable."""
    row = _get(refund_id)
    if row.status != "pending":
        return row.status
    payment = _get_payment(row.payment_id)
    seller = gateways.find(payment.gateway)
    try:
        charge = seller.fetch_charge(payment.gateway_id)
        made = seller.refund(charge, amount=row.amount, reference=row.reference)
    except ProviderError as error:
        if error.kind == "permanent":
            _give_up(refund_id, error.message)
        raise
    return _conclude(refund_id, made)


def follow_refunds(payment_id: int) -> None:
    """Refunds that were made at the gateway, past us, take tokens back as ours do. Raises ProviderError."""
    payment = _get_payment(payment_id)
    charge = gateways.find(payment.gateway).fetch_charge(payment.gateway_id)
    with transaction.atomic():
        payment = _get_payment(payment_id, lock=True)
        extra = min(charge.refunded, payment.amount) - (payment.amount - payment.left)
        if extra > 0:
            reference = f"gateway:{payment_id}:{charge.refunded}"
            row = _add(payment, amount=extra, reason="Refunded at the gateway", reference=reference)
            sql.execute(_SET, ["done", "", row.id])
            _write_note(payment, row)


def pending_refunds() -> list[int]:
    """Refunds that the gateway has not concluded, and that nobody is asking for right now."""
    return sql.fetch_column(_PENDING, [now() - UNDER_WAY])


def find_payment(gateway: str, *, gateway_id: str) -> int | None:
    """The payment of a subscription that a gateway names."""
    found: int | None = sql.fetch_value(_FIND, [gateway, gateway_id])
    return found


def _get_payment(payment_id: int, *, lock: bool = False) -> _Payment:
    if lock:
        sql.execute(_LOCK, [payment_id])
    payment = sql.fetch_one(_Payment, _PAYMENT, [payment_id])
    if payment is None:
        raise NotFound("payment")
    return payment


def _get(refund_id: int) -> _Row:
    row = sql.fetch_one(_Row, _GET, [refund_id])
    assert row is not None  # refunds are never removed
    return row


def _add(
    payment: _Payment, *, amount: int, reason: str, member_id: int | None = None, reference: str | None = None
) -> _Row:
    """With its share of the tokens, as far as they are there. Refunds in parts take exactly what one takes."""
    values = {"payment": payment.id, "reference": reference, "amount": amount, "reason": reason}
    row = _get(sql.fetch_value(_ADD, {**values, "member": member_id, "now": now()}))
    before, after = payment.asked, payment.asked + amount
    taken = take_back(
        payment.user_id,
        brought_by=f"subscription_payments:{payment.id}",
        tokens=payment.tokens * after // payment.amount - payment.tokens * before // payment.amount,
        cause=row.cause,
        reason=f"Refund: {reason}"[:255],
        member_id=member_id,
    )
    sql.execute(_SET_TAKEN, [taken, row.id])
    return row


def _conclude(refund_id: int, made: Refund) -> str:
    if made.status == "failed":
        _give_up(refund_id, "The gateway could not send the money back.")
        return "failed"
    try:
        _note(refund_id, made)
    except AppError as error:  # undone with its document, it stays pending and is concluded by a later try
        _report(refund_id, MISSING, f"Refunded without its credit note; it is tried again. {error.message}")
        raise
    return made.status


def _note(refund_id: int, made: Refund) -> None:
    with transaction.atomic():
        payment = _get_payment(_get(refund_id).payment_id, lock=True)
        row = _get(refund_id)
        if row.status == "pending":
            sql.execute(_SET, [made.status, made.id, refund_id])
            if made.status == "done":
                _write_note(payment, row)


def _write_note(payment: _Payment, row: _Row) -> None:
    issue_credit_note(
        payment.invoice_id,
        reason=row.reason,
        amount=row.amount,
        gateway=payment.gateway,
        gateway_id=row.cause,
    )
    sql.execute(_RESOLVE, [now(), MISSING, row.cause])


def _give_up(refund_id: int, why: str) -> None:
    """The tokens come back; staff see it."""
    with transaction.atomic():
        payment = _get_payment(_get(refund_id).payment_id, lock=True)
        row = _get(refund_id)
        if row.status != "pending":
            return
        sql.execute(_SET, ["failed", "", refund_id])
        if row.tokens:
            credit(
                payment.user_id,
                "refund",
                tokens=row.tokens,
                cause=row.cause,
                expires_at=payment.period_end,
            )
        _report(refund_id, "refund_failed", why)


def _report(refund_id: int, kind: str, detail: str) -> None:
    row = _get(refund_id)
    report(kind, gateway=_get_payment(row.payment_id).gateway, subject=row.cause, detail=detail)
