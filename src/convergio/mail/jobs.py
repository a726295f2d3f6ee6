"""Jobs of the mail domain: ids in, one action."""

from __future__ import annotations

from datetime import datetime, timedelta

from procrastinate.contrib.django import app

from convergio.accounts.workspaces import workspace_ids
from convergio.core import sql
from convergio.core.events import on
from convergio.core.jobs import RETRIES, enqueue, enqueue_all
from convergio.mail.delivery import deliver_email
from convergio.mail.drafting import draft_reply
from convergio.mail.interrupted import lost_emails, recover_interrupted, resolve_uncertain

# A queued mail whose own job has not taken it by then gets another one.
LOST_AFTER = timedelta(minutes=2)


@app.task(name="mail.draft_reply", queue="default", retry=RETRIES)
def draft_reply_job(workspace_id: int, email_id: int) -> None:
    """Draft a reply; opens its own transactions around the model's call."""
    draft_reply(workspace_id, email_id)


@app.task(name="mail.deliver_email", queue="send", retry=RETRIES)
def deliver_email_job(workspace_id: int, email_id: int) -> None:
    """Hand one mail over; opens its own transactions around the server's answer."""
    deliver_email(workspace_id, email_id)


@app.task(name="mail.resolve_uncertain", queue="send", retry=RETRIES)
def resolve_uncertain_job(workspace_id: int, email_id: int) -> None:
    """Look for an uncertain mail in the Sent folder."""
    resolve_uncertain(workspace_id, email_id)


@on("email.received")
def draft_replies(workspace_id: int, ids: list[int]) -> None:
    """Each new message gets its drafting job."""
    enqueue_all(draft_reply_job, [{"workspace_id": workspace_id, "email_id": email_id} for email_id in ids])


@on("email.queued", queue="send")
def deliver_when_due(workspace_id: int, ids: list[int]) -> None:
    """Each queued mail gets its delivery job at the end of its undo window or wait."""
    for email_id in ids:
        due: datetime | None = sql.fetch_value("SELECT send_after FROM emails WHERE id = %s", [email_id])
        enqueue(deliver_email_job, at=due, workspace_id=workspace_id, email_id=email_id)


@on("email.uncertain", queue="send")
def look_for_uncertain(workspace_id: int, ids: list[int]) -> None:
    """What may have been sent is looked for in Sent."""
    enqueue_all(
        resolve_uncertain_job, [{"workspace_id": workspace_id, "email_id": email_id} for email_id in ids]
    )


@app.periodic(cron="* * * * *")
@app.task(name="mail.sweep_outbox", queueing_lock="mail.sweep_outbox", queue="send")
def sweep_outbox(timestamp: int) -> None:  # noqa: ARG001 - the queue passes it
    """Pick up what a killed worker left behind, workspace by workspace."""
    for workspace_id in workspace_ids():
        recover_interrupted(workspace_id)
        lost = lost_emails(workspace_id, overdue=LOST_AFTER)
        enqueue_all(
            deliver_email_job, [{"workspace_id": workspace_id, "email_id": email_id} for email_id in lost]
        )
