"""Accounts' work outside of requests."""

from __future__ import annotations

from django.db import transaction
from procrastinate.contrib.django import app

from convergio.accounts import invitations, password_reset, steps, throttles
from convergio.core.jobs import RETRIES


@app.task(name="accounts.mail_reset_link", queue="default", retry=RETRIES)
def mail_reset_link(attempt_id: int) -> None:
    """Mail the link that a recorded reset request asked for."""
    with transaction.atomic():
        password_reset.mail_link(attempt_id)


@app.task(name="accounts.mail_invitation", queue="default", retry=RETRIES)
def mail_invitation(invitation_id: int) -> None:
    """Mail the link of an invitation."""
    with transaction.atomic():
        invitations.mail_link(invitation_id)


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
