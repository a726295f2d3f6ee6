"""Billing's work outside of requests."""

from __future__ import annotations

import structlog
from procrastinate.contrib.django import app

from convergio.billing import checks, ledger, notices, reconciliation, refunds, reservations, webhooks
from convergio.billing.invoicing import sales
from convergio.core.errors import AppError
from convergio.core.events import on

log = structlog.get_logger(__name__)


@app.periodic(cron="* * * * *")
@app.task(name="billing.release_reservations", queueing_lock="billing.release_reservations")
def release_reservations(timestamp: int) -> None:  # noqa: ARG001 - the queue passes it
    """Free tokens that processes held when they died."""
    if freed := reservations.release_expired():
        log.warning("billing.reservations_released", count=freed)


@app.periodic(cron="*/15 * * * *")
@app.task(name="billing.lapse_tokens", queueing_lock="billing.lapse_tokens")
def lapse_tokens(timestamp: int) -> None:  # noqa: ARG001
    """Take back tokens whose time is over, also of people who spend none."""
    ledger.lapse_due()


@app.periodic(cron="7 2 * * *")
@app.task(name="billing.check_ledger", queueing_lock="billing.check_ledger")
def check_ledger(timestamp: int) -> None:  # noqa: ARG001
    """Prove the ledger; what does not hold is an error of ours."""
    for sentence, rows in checks.broken():
        log.error("billing.invariant_broken", sentence=sentence, count=len(rows))


@on("usage.notice")
def mail_usage_notices(workspace_id: int, ids: list[int]) -> None:  # noqa: ARG001 - what every handler gets
    """Mail what the payer is told of tokens and quotas."""
    for notice_id in ids:
        notices.mail_notice(notice_id)


@app.periodic(cron="*/10 * * * *")
@app.task(name="billing.settle_payments", queueing_lock="billing.settle_payments")
def settle_payments(timestamp: int) -> None:  # noqa: ARG001
    """Purchases that nobody told us about, refunds under way, webhooks that no job got done, missing invoices."""
    if settled := reconciliation.settle_pending():
        log.warning("billing.purchases_settled_without_webhook", count=settled)
    for refund_id in refunds.pending_refunds():
        try:
            refunds.send_refund(refund_id)
        except AppError as error:
            log.warning("billing.refund_unresolved", refund_id=refund_id, code=error.code)
    webhooks.handle_left_over()
    sales.issue_missing()


@app.periodic(cron="37 2 * * *")
@app.task(name="billing.reconcile", queueing_lock="billing.reconcile")
def reconcile(timestamp: int) -> None:  # noqa: ARG001
    """Compare the gateways' books with ours."""
    reconciliation.reconcile()
