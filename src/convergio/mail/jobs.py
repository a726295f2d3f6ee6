"""Jobs of the mail domain: ids in, one action."""

from __future__ import annotations

from procrastinate.contrib.django import app

from convergio.core.events import on
from convergio.core.jobs import RETRIES
from convergio.mail.drafting import draft_reply


@app.task(name="mail.draft_reply", queue="default", retry=RETRIES)
def draft_reply_job(workspace_id: int, email_id: int) -> None:
    """Draft a reply; opens its own transactions around the model's call."""
    draft_reply(workspace_id, email_id)


@on("email.received")
def draft_replies(workspace_id: int, ids: list[int]) -> None:
    """Each new message gets its drafting job."""
    for email_id in ids:
        draft_reply_job.defer(workspace_id=workspace_id, email_id=email_id)
