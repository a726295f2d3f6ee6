"""REST of the balance, its use, its ledger and its alerts."""

from __future__ import annotations

from typing import Any

import msgspec
from django.http import HttpResponse, StreamingHttpResponse
from ninja import Field, Query, Router, Schema

from convergio.accounts.actor import Actor
from convergio.accounts.permissions import require
from convergio.accounts.requests import SignedInHttpRequest
from convergio.billing import alert_actions, usage
from convergio.billing.alert_actions import MOST_TOKENS, Alert, Channel, Unit
from convergio.billing.payers import payer_id_of
from convergio.billing.standing import PeriodUse, Standing, read_period_use, read_standing
from convergio.billing.usage import Period
from convergio.core.csv_export import csv_answer
from convergio.core.paging import DEFAULT_LIMIT, Page
from convergio.core.rest import json_answer, list_answer, schema_of

router = Router(tags=["tokens"])
StandingOut: Any = schema_of(Standing)
PeriodUseOut: Any = schema_of(PeriodUse)
AlertOut: Any = schema_of(Alert)
UsedByOut: Any = schema_of(usage.UsedBy)
EntryOut: Any = schema_of(usage.LedgerEntry)
CSV_HEADER = (
    "id",
    "at",
    "workspace",
    "member",
    "feature",
    "model",
    "cause",
    "inbox",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "tokens",
    "cost_paise",
)


class UsageReport(msgspec.Struct, frozen=True):
    """The use of a period: all of it, by day and feature, by feature, member and inbox."""

    period: str
    total: usage.Used
    days: list[usage.UsedOnDay]
    by_feature: list[usage.UsedBy]
    by_member: list[usage.UsedByMember]
    by_inbox: list[usage.UsedByInbox]


ReportOut: Any = schema_of(UsageReport)


class UsageQuery(Schema):
    """How far back."""

    period: Period = Field("30d", description="The last 7, 30 or 90 days, today included")


class HistoryQuery(Schema):
    """Which page of the ledger."""

    limit: int = DEFAULT_LIMIT
    offset: int = 0
    cursor: int | None = Field(None, ge=1, lt=2**63, description="X-Next-Cursor of the page before")


class NewAlert(Schema):
    """Tell when the balance falls to `threshold`: tokens, or percent (0 to 100) of the plan's monthly tokens."""

    threshold: int = Field(ge=0, le=MOST_TOKENS)
    unit: Unit = "percent"
    channel: Channel = "both"


class AlertChanges(Schema):
    """Fields that are absent keep their value."""

    threshold: int = Field(0, ge=0, le=MOST_TOKENS)
    unit: Unit = "percent"
    channel: Channel = "both"


@router.get("/settings/tokens/balance", response=StandingOut, summary="What is left, and until when")
def get_balance(request: SignedInHttpRequest) -> HttpResponse:
    return json_answer(read_standing(payer_id_of(request.actor.workspace_id)))


@router.get("/settings/billing/usage", response=PeriodUseOut, summary="What is used of the plan's period")
def get_period_use(request: SignedInHttpRequest) -> HttpResponse:
    require(request.actor, "billing.view")
    return json_answer(read_period_use(payer_id_of(request.actor.workspace_id)))


@router.get("/settings/tokens/usage", response=ReportOut, summary="The use of a period")
def get_usage(request: SignedInHttpRequest, query: Query[UsageQuery]) -> HttpResponse:
    """The owner sees all workspaces that they pay for; members and API keys see their own."""
    window = usage.window_of(request.actor, query.period)
    days = usage.used_by_day(window)
    return json_answer(
        UsageReport(
            query.period,
            usage.total_of(days),
            days,
            usage.used_by_feature(window),
            usage.used_by_member(window),
            usage.used_by_inbox(window),
        )
    )


@router.get("/settings/tokens/usage/by-model", response=list[UsedByOut], summary="The same by model")
def get_usage_by_model(request: SignedInHttpRequest, query: Query[UsageQuery]) -> HttpResponse:
    return json_answer(usage.used_by_model(usage.window_of(request.actor, query.period)))


@router.get("/settings/tokens/usage/csv", summary="Every call of a period as a CSV file")
def download_usage(request: SignedInHttpRequest, query: Query[UsageQuery]) -> StreamingHttpResponse:
    return usage_file(request.actor, query.period)


@router.get("/settings/tokens/history", response=list[EntryOut], summary="The ledger, newest first")
def list_history(request: SignedInHttpRequest, query: Query[HistoryQuery]) -> HttpResponse:
    """For the owner: every movement of tokens, over all their workspaces."""
    page = Page.of(limit=query.limit, offset=query.offset, cursor=query.cursor)
    rows, next_cursor = usage.list_entries(request.actor, page)
    return list_answer(rows, total=None, next_cursor=next_cursor)


@router.get("/settings/tokens/alerts", response=list[AlertOut], summary="Alerts of the balance")
def list_alerts(request: SignedInHttpRequest) -> HttpResponse:
    return json_answer(alert_actions.list_alerts(request.actor))


@router.post("/settings/tokens/alerts", response={201: AlertOut}, summary="Set an alert up")
def add_alert(request: SignedInHttpRequest, body: NewAlert) -> HttpResponse:
    alert_id = alert_actions.add_alert(request.actor, **body.model_dump())
    return json_answer(alert_actions.get_alert(request.actor, alert_id), status=201)


@router.patch("/settings/tokens/alerts/{int:alert_id}", response=AlertOut, summary="Change an alert")
def change_alert(request: SignedInHttpRequest, alert_id: int, body: AlertChanges) -> HttpResponse:
    alert_actions.change_alert(request.actor, alert_id, **body.model_dump(exclude_unset=True))
    return json_answer(alert_actions.get_alert(request.actor, alert_id))


@router.delete("/settings/tokens/alerts/{int:alert_id}", response={204: None}, summary="Delete an alert")
def delete_alert(request: SignedInHttpRequest, alert_id: int) -> HttpResponse:
    alert_actions.delete_alert(request.actor, alert_id)
    return HttpResponse(status=204)


def usage_file(actor: Actor, period: Period) -> StreamingHttpResponse:
    """Every call of the period as a CSV file. Raises NotAllowed."""
    require(actor, "billing.view")
    window = usage.window_of(actor, period)
    lines = (
        (
            call.id,
            call.created_at.isoformat(),
            call.workspace_id,
            call.member,
            call.feature,
            call.model,
            call.cause,
            call.inbox_id,
            call.input_tokens,
            call.output_tokens,
            call.cached_tokens,
            call.tokens,
            call.cost,
        )
        for call in usage.stream_calls(window)
    )
    return csv_answer("ai-usage.csv", CSV_HEADER, lines)
