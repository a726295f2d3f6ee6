"""GET /api/stats: numbers of several domains in one answer."""

from __future__ import annotations

from django.http import HttpResponse
from ninja import Router, Schema

from convergio.accounts.requests import SignedInHttpRequest
from convergio.core.rest import json_answer
from convergio.mail.queries.counts import email_totals
from convergio.work.queries import count_tasks_by_status

router = Router(tags=["stats"])


class Stats(Schema):
    """All mail, tasks of every status, and mail by the tag of the first inbox that got it."""

    totalEmails: int  # noqa: N815 - existing clients read these names
    tasksByStatus: dict[str, int]  # noqa: N815
    emailsByTag: dict[str, int]  # noqa: N815


@router.get("/stats", response=Stats, summary="How much mail and how many tasks there are")
def get_stats(request: SignedInHttpRequest) -> HttpResponse:
    emails = email_totals(request.actor)
    tasks = count_tasks_by_status(request.actor)
    return json_answer({"totalEmails": emails.total, "tasksByStatus": tasks, "emailsByTag": emails.by_tag})
