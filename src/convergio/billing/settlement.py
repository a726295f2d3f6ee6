"""What a gateway's own word on an order does to our purchase, in one transaction and any number of times.

    pending, failed, expired, mismatch --paid in full--> paid --all sent back--> refunded
    pending --declined--> failed        pending --another amount or currency--> mismatch

Only a payment that a gateway's API answered comes here: never a webhook's body, never what a browser says.
"""

from __future__ import annotations

from django.db import transaction

from convergio.accounts import activity
from convergio.accounts.actor import system
from convergio.billing import paid
from convergio.billing.gateways.protocol import Payment
from convergio.billing.ledger import credit, take_back
from convergio.billing.purchases import Purchase, get_purchase, report
from convergio.core import events, sql
from convergio.core.clock import now
from convergio.core.money import format_amount, indian

_PAID = """
UPDATE token_purchases SET status = 'paid', payment_id = %s, paid_at = %s, problem = '', updated_at = %s WHERE id = %s
"""
_NOT_PAID = "UPDATE token_purchases SET status = %s, problem = %s, updated_at = %s WHERE id = %s"
_IS_ACTIVE = "SELECT is_active FROM users WHERE id = %s"
_KNOWN_REFUNDS = (
    "SELECT COALESCE(sum(amount), 0)::bigint FROM token_refunds WHERE purchase_id = %s AND status <> 'failed'"
)
_ADD_REFUND = """
INSERT INTO token_refunds (purchase_id, reference, amount, status, reason) VALUES (%s, %s, %s, 'done', %s) RETURNING id
"""
_SET_TAKEN = "UPDATE token_refunds SET tokens = %s WHERE id = %s"
_SUM_REFUNDS = """
UPDATE token_purchases AS purchase SET refunded = done.amount, updated_at = %(now)s,
  status = CASE WHEN done.amount = purchase.amount THEN 'refunded' ELSE 'paid' END
FROM (
  SELECT COALESCE(sum(amount), 0)::bigint AS amount FROM token_refunds WHERE purchase_id = %(id)s AND status = 'done'
) AS done
WHERE purchase.id = %(id)s AND purchase.status IN ('paid', 'refunded')
"""
_AT_GATEWAY = "Refunded at the gateway"


def settle(purchase_id: int, payment: Payment) -> str:
    """Bring the purchase to what the gateway says; the answer is its status."""
    with transaction.atomic():
        purchase = get_purchase(purchase_id, lock=True)
        _settle(purchase, payment)
        if get_purchase(purchase_id).is_credited:
            _follow_refunds(purchase, payment)
        return get_purchase(purchase_id).status


def mismatch(purchase: Purchase, payment: Payment) -> str:
    """A sentence when the payment is not what was asked for."""
    if payment.reference != purchase.reference:
        return "The gateway holds this order under another reference."
    if payment.currency != purchase.currency:
        return f"Paid in {payment.currency} instead of {purchase.currency}."
    if payment.amount != purchase.amount:
        return f"Paid {payment.amount} instead of {purchase.amount} (minor units of {purchase.currency})."
    return ""


def take_tokens(
    purchase: Purchase, *, refund_id: int, amount: int, reason: str, member_id: int | None
) -> None:
    """Take back the refund's share of the tokens, as far as they are unspent and not held for calls under way.

    Shares are counted from all refunds so far, so that refunds in parts take exactly what one refund takes.
    """
    before = sql.fetch_value(_KNOWN_REFUNDS, [purchase.id]) - amount
    bought = purchase.tokens + purchase.bonus_tokens
    share = bought * (before + amount) // purchase.amount - bought * before // purchase.amount
    cause = f"token_refunds:{refund_id}"
    taken = take_back(
        purchase.user_id,
        brought_by=purchase.cause,
        tokens=share,
        cause=cause,
        reason=reason,
        member_id=member_id,
    )
    sql.execute(_SET_TAKEN, [taken, refund_id])


def refund_done(purchase: Purchase, *, refund_id: int, amount: int) -> None:
    """The money went back: sum it up, and tell who writes credit notes."""
    sql.execute(_SUM_REFUNDS, {"id": purchase.id, "now": now()})
    paid.purchase_refunded(
        paid.RefundedPurchase(refund_id, purchase.id, purchase.user_id, amount, purchase.currency)
    )
    _write_down(purchase, "billing.purchase_refunded", amount)


def _settle(purchase: Purchase, payment: Payment) -> None:
    if payment.surplus:
        detail = (
            f"Paid {payment.surplus} more than once (minor units of {payment.currency}); refund it there."
        )
        _report(purchase, "paid_twice", detail)
    if payment.status in ("paid", "authorized") and (problem := mismatch(purchase, payment)):
        if not purchase.is_credited:
            sql.execute(_NOT_PAID, ["mismatch", problem, now(), purchase.id])
        _report(purchase, "mismatch", problem)
    elif payment.status == "paid" and not purchase.is_credited:
        _credit(purchase, payment)
    elif payment.status == "failed" and purchase.status == "pending":
        sql.execute(_NOT_PAID, ["failed", _declined(payment), now(), purchase.id])


def _credit(purchase: Purchase, payment: Payment) -> None:
    """Once: the purchase is locked, and the ledger takes each cause once."""
    moment = now()
    sql.execute(_PAID, [payment.id, moment, moment, purchase.id])
    credit(purchase.user_id, "purchase", tokens=purchase.tokens, cause=purchase.cause)
    if purchase.bonus_tokens:
        credit(purchase.user_id, "bonus", tokens=purchase.bonus_tokens, cause=purchase.cause)
    paid.purchase_paid(
        paid.PaidPurchase(
            purchase_id=purchase.id,
            user_id=purchase.user_id,
            amount=purchase.amount,
            currency=purchase.currency,
            gateway=purchase.gateway,
            payment_id=payment.id,
            paid_at=moment,
        )
    )
    if purchase.workspace_id is not None:
        events.announce("tokens.purchased", workspace_id=purchase.workspace_id, ids=[purchase.id])
    _write_down(purchase, "billing.purchase_paid", purchase.amount)
    if not sql.fetch_value(_IS_ACTIVE, [purchase.user_id]):
        _report(purchase, "payer_deactivated", "The buyer's account is deactivated; refund it or reactivate.")


def _follow_refunds(purchase: Purchase, payment: Payment) -> None:
    """Refunds that were made at the gateway, past us, take tokens back as ours do."""
    extra = min(payment.refunded, purchase.amount) - sql.fetch_value(_KNOWN_REFUNDS, [purchase.id])
    if extra <= 0:
        return
    reference = f"gateway:{purchase.reference}:{payment.refunded}"
    refund_id = sql.fetch_value(_ADD_REFUND, [purchase.id, reference, extra, _AT_GATEWAY])
    take_tokens(purchase, refund_id=refund_id, amount=extra, reason=_AT_GATEWAY, member_id=None)
    refund_done(purchase, refund_id=refund_id, amount=extra)


def _write_down(purchase: Purchase, action: str, amount: int) -> None:
    """In the workspace's log, where the purchase still has a workspace."""
    if purchase.workspace_id is not None:
        activity.record_apart(
            system(purchase.workspace_id),
            action,
            subject=purchase.cause,
            amount=format_amount(amount, purchase.currency),
            tokens=indian(purchase.tokens + purchase.bonus_tokens),
            gateway=purchase.gateway,
        )


def _declined(payment: Payment) -> str:
    reason = payment.reason.strip().rstrip(".")[:200]
    return f"The payment was declined: {reason}." if reason else "The payment was declined."


def _report(purchase: Purchase, kind: str, detail: str) -> None:
    report(
        kind, gateway=purchase.gateway, subject=purchase.gateway_id, purchase_id=purchase.id, detail=detail
    )
