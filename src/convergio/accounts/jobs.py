"""Accounts' work outside of requests."""

from __future__ import annotations

from django.db import transaction
from procrastinate.contrib.django import app

from convergio.accounts import password_reset, steps, throttles
from convergio.accounts.operator_notices import What, mail_notice
from convergio.core.jobs import RETRIES


@app.task(name="accounts.mail_reset_link", queue="default", retry=RETRIES)
def mail_reset_link(attempt_id: int) -> None:
    """Mail the link that a recorded reset request asked for."""
    with transaction.atomic():
        password_reset.mail_link(attempt_id)


@app.task(name="accounts.mail_operator_notice", queue="default", retry=RETRIES)
def mail_operator_notice(user_id: int, what: What) -> None:
    """Tell a person what the operator did to their account."""
    mail_notice(user_id, what)


@app.periodic(cron="17 3 * * *")
@app.task(name="accounts.sweep_throttles", queueing_lock="accounts.sweep_throttles")
def sweep_throttles(timestamp: int) -> None:  # noqa: ARG001 - the queue passes it
    """Forget counters that a day went by without."""
    throttles.sweep()


@app.periodic(cron="27 3 * * *")
@app.task(name="accounts.sweep_steps", queueing_lock="accounts.sweep_steps")
def sweep_steps(timestamp: int) -> None:  # noqa: ARG001 - the queue passes it
    """Forget what was begun and not finished."""
    steps.sweep_steps()
