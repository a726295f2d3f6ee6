"""REST of the activity log."""

from __future__ import annotations

from django.http import HttpResponse, StreamingHttpResponse
from ninja import Field, Query, Router, Schema

from convergio.accounts import activity_queries
from convergio.accounts.activity_queries import ActivityFilter, ActivityRow
from convergio.accounts.activity_words import actor_name, sentence
from convergio.accounts.actor import Actor
from convergio.accounts.requests import SignedInHttpRequest
from convergio.core.csv_export import csv_answer
from convergio.core.moments import read_bound
from convergio.core.paging import DEFAULT_LIMIT, Page
from convergio.core.rest import list_answer, schema_of

router = Router(tags=["activity"])
ActivityOut = schema_of(ActivityRow)
_HEADER = ("id", "at", "who", "what", "action", "subject", "api_key", "address", "facts")


class ActivityQuery(Schema):
    """Filters of the log."""

    action: str = Field(
        "", max_length=100, description="One action like mail.sent, or a kind of them like mail"
    )
    user: int | None = Field(None, ge=1, lt=2**63, description="Of this user only")
    since: str = Field("", alias="from", description="ISO 8601 date or moment, included")
    until: str = Field(
        "", alias="to", description="ISO 8601 date (that day included) or moment (not included)"
    )

    def wanted(self, actor: Actor) -> ActivityFilter:
        """The filters, with days of the actor."""
        return wanted_lines(actor, action=self.action, user=self.user, bounds=(self.since, self.until))


class ActivityListQuery(ActivityQuery):
    """Filters of the log, and its page."""

    limit: int = DEFAULT_LIMIT
    cursor: int | None = Field(None, ge=1, lt=2**63, description="X-Next-Cursor of the page before")


def wanted_lines(actor: Actor, *, action: str, user: int | None, bounds: tuple[str, str]) -> ActivityFilter:
    """The filter as a client or a form wrote it. Raises InvalidInput, NotFound (the user)."""
    activity_queries.require_known(actor, user)
    since, until = bounds
    return ActivityFilter(
        action=action.strip(),
        user=user,
        since=read_bound(since, zone=actor.timezone, field="from"),
        until=read_bound(until, zone=actor.timezone, field="to"),
    )


@router.get(
    "/activity",
    response=list[ActivityOut],  # type: ignore[valid-type]
    summary="Who did what, newest first; members see their own",
)
def list_activity(request: SignedInHttpRequest, query: Query[ActivityListQuery]) -> HttpResponse:
    page = Page.of(limit=query.limit, cursor=query.cursor)
    found = activity_queries.list_activity(request.actor, query.wanted(request.actor), page)
    return list_answer(found.rows, total=None, next_cursor=found.next_cursor)


@router.get("/activity/csv", summary="The same as a CSV file, whole")
def download_activity(request: SignedInHttpRequest, query: Query[ActivityQuery]) -> StreamingHttpResponse:
    return activity_file(request.actor, query.wanted(request.actor))


def activity_file(actor: Actor, wanted: ActivityFilter) -> StreamingHttpResponse:
    """Every line that the filter finds, as a CSV file."""
    lines = (
        (
            row.id,
            row.created_at.isoformat(),
            actor_name(row),
            sentence(row),
            row.action,
            row.subject,
            row.api_key,
            row.ip,
            row.facts,
        )
        for row in activity_queries.stream_activity(actor, wanted)
    )
    return csv_answer("activity.csv", _HEADER, lines)
