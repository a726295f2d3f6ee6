"""Accounts' work outside of requests."""

from __future__ import annotations

from django.db import transaction
from procrastinate.contrib.django import app

from convergio.accounts import email_notices, key_expiry, password_reset, steps, throttles
from convergio.accounts.workspaces import workspace_ids
from convergio.core.jobs import RETRIES, enqueue
from convergio.core.storage import storage
from convergio.core.storage_sweep import sweep


@app.task(name="accounts.mail_reset_link", queue="default", retry=RETRIES)
def mail_reset_link(attempt_id: int) -> None:
    """Mail the link that a recorded reset request asked for."""
    with transaction.atomic():
        password_reset.mail_link(attempt_id)


@app.task(name="accounts.mail_verification", queue="default", retry=RETRIES)
def mail_verification(user_id: int) -> None:
    """Mail the link by which a new account proves its address."""
    with transaction.atomic():
        email_notices.mail_verification(user_id)


@app.task(name="accounts.mail_email_change", queue="default", retry=RETRIES)
def mail_email_change(attempt_id: int) -> None:
    """Mail the two links that a recorded wish for another address asked for."""
    with transaction.atomic():
        email_notices.mail_change_links(attempt_id)


@app.task(name="accounts.mail_email_changed", queue="default", retry=RETRIES)
def mail_email_changed(attempt_id: int) -> None:
    """Tell the old address that another one signs in now."""
    email_notices.mail_changed(attempt_id)


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


@app.periodic(cron="41 5 * * *")
@app.task(name="accounts.find_ending_keys", queueing_lock="accounts.find_ending_keys")
def find_ending_keys(timestamp: int) -> None:  # noqa: ARG001 - the queue passes it
    """Queue a notice for each API key that ends within a week."""
    for key_id in key_expiry.keys_ending_soon():
        enqueue(tell_of_ending_key, key_id=key_id)


@app.task(name="accounts.tell_of_ending_key", queue="default", retry=RETRIES)
def tell_of_ending_key(key_id: int) -> None:
    """Mail the key's maker, once."""
    key_expiry.tell_of_end(key_id)


@app.periodic(cron="47 3 * * *")
@app.task(name="accounts.sweep_storage", queueing_lock="accounts.sweep_storage")
def sweep_storage(timestamp: int) -> None:  # noqa: ARG001 - the queue passes it
    """Remove files of this machine's storage folder that no workspace names."""
    sweep(storage(), workspace_ids())
