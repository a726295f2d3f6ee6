"""Contracts side by side with their gateways, every day: what is safe is followed, the rest is shown to staff."""

from __future__ import annotations

from datetime import timedelta

import structlog

from convergio.billing import gateways
from convergio.billing.purchases import report
from convergio.billing.subscriptions.refunds import follow_refunds
from convergio.billing.subscriptions.rows import get_state
from convergio.billing.subscriptions.sync import sync
from convergio.core import sql
from convergio.core.clock import now
from convergio.core.errors import AppError

log = structlog.get_logger(__name__)

# A contract that ended is asked about while its gateway may still have charged for it.
_CONTRACTS = """
SELECT user_id FROM user_subscriptions
WHERE gateway_id <> '' AND gateway = ANY(%s) AND (status <> 'free' OR updated_at > now() - interval '40 days')
ORDER BY user_id
"""
_OURS = """
SELECT gateway_id::text FROM subscription_payments WHERE user_id = %s AND contract = %s AND kind = 'period'
"""
_RECENT = "SELECT id FROM subscription_payments WHERE gateway = ANY(%s) AND paid_at > %s ORDER BY id"
# Older payments are not asked for one by one; what is refunded of them at the gateway is told by its webhook.
_REFUNDABLE = timedelta(days=40)


def reconcile_contracts() -> None:
    """Every contract of a gateway that is on; one that cannot be asked for does not hold up the others."""
    names = [gateway.name for gateway in gateways.enabled()]
    for user_id in sql.fetch_column(_CONTRACTS, [names]):
        try:
            reconcile_contract(user_id)
        except AppError as error:
            log.error("billing.contract_unreconciled", user_id=user_id, code=error.code)


def reconcile_contract(user_id: int) -> None:
    """Both directions: what was charged there is granted here, and what is paid here must be paid there."""
    before = _paid_here(user_id)
    sync(user_id)
    state = get_state(user_id)
    theirs = gateways.find(state.gateway).subscription_payments(state.gateway_id)
    charged = {payment.id for payment in theirs if payment.status == "paid"}
    for payment_id in _paid_here(user_id) - charged:
        detail = "A period is paid here, but the gateway does not say so."
        report("paid_here_only", gateway=state.gateway, subject=payment_id, detail=detail)
    for payment_id in _paid_here(user_id) - before:
        detail = (
            "A period was charged at the gateway and not known here; granted now. Did its webhooks arrive?"
        )
        report("credited_late", gateway=state.gateway, subject=payment_id, detail=detail)


def reconcile_refunds() -> None:
    """What was sent back at the gateways, past us, of payments of the last weeks."""
    names = [gateway.name for gateway in gateways.enabled()]
    for payment_id in sql.fetch_column(_RECENT, [names, now() - _REFUNDABLE]):
        try:
            follow_refunds(payment_id)
        except AppError as error:
            log.error("billing.refunds_unreconciled", payment_id=payment_id, code=error.code)


def _paid_here(user_id: int) -> set[str]:
    return set(sql.fetch_column(_OURS, [user_id, get_state(user_id).reference]))
