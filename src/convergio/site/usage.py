"""Settings, AI use: what models took and what stopped them, alerts and notices. Names of inboxes come from mail."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple, cast

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from convergio.accounts.permissions import allows
from convergio.accounts.requests import SignedInHttpRequest
from convergio.billing import alert_actions, notices, usage
from convergio.billing.alert_actions import MOST_TOKENS, Channel, Unit
from convergio.billing.standing import read_standing
from convergio.billing.stops import Stop, list_stops
from convergio.billing.usage import DAYS, Call, Period, UsedOnDay, Window
from convergio.billing.usage_api import usage_file
from convergio.core.errors import AppError, Conflict, InvalidInput
from convergio.core.render import render
from convergio.core.tenancy import workspace_scope
from convergio.core.toasts import add_toast
from convergio.site.bars import Bars, bars_of
from convergio.site.queries import InboxName, inbox_names, threads_of

PERIODS: tuple[tuple[Period, str], ...] = (("7d", "7 days"), ("30d", "30 days"), ("90d", "90 days"))
FEATURES = {
    "auto_reply": ("Automatic drafts", "purple"),
    "draft": ("Drafts asked for", "blue"),
    "caption": ("Captions", "orange"),
    "audit": ("Audits", "cyan"),
    "copilot": ("Copilot", "green"),
}
REASONS = {"tokens": "AI tokens", "emails": "Emails of the month", "ai_replies": "AI replies of the month"}
LATEST = 20
UNITS = (("percent", "% of the monthly tokens"), ("tokens", "tokens"))
CHANNELS = (("both", "By mail and in the app"), ("email", "By mail"), ("app", "In the app"))


class Line(NamedTuple):
    """A line of a table of use."""

    name: str
    calls: int
    tokens: int
    cost: int
    colour: str = ""


class Stopped(NamedTuple):
    """A stop in words, with the conversation that it was about, where that is in view."""

    stop: Stop
    limit: str
    feature: str
    thread_id: int | None


class Made(NamedTuple):
    """A call in words, with the conversation that it was for, where that is in view."""

    call: Call
    feature: str
    thread_id: int | None


@require_safe
def show_usage(request: SignedInHttpRequest) -> HttpResponse:
    """The page; who reads it has seen the notices."""
    return _page(request)


@require_safe
def download(request: SignedInHttpRequest) -> StreamingHttpResponse:
    return usage_file(request.actor, _period(request))


@require_POST
def add_alert(request: SignedInHttpRequest) -> HttpResponse:
    """Set an alert up: `threshold`, `unit`, `channel`."""
    try:
        alert_actions.add_alert(request.actor, **_alert_fields(request))
    except (InvalidInput, Conflict) as error:
        return _page(request, error=error)
    return redirect("/dashboard/settings/tokens/usage#alerts")


@require_POST
def delete_alert(request: SignedInHttpRequest, alert_id: int) -> HttpResponse:
    alert_actions.delete_alert(request.actor, alert_id)
    return redirect("/dashboard/settings/tokens/usage#alerts")


@require_safe
def latest_notice(request: SignedInHttpRequest) -> HttpResponse:
    """For an open window that heard of a notice: the payer's newest unread one as a toast, nothing for others."""
    answer = HttpResponse(status=204)
    unread = [one for one in notices.list_notices(request.actor.require_user()) if one.is_new]
    return add_toast(answer, unread[0].subject, seconds=10) if unread else answer


def _page(request: SignedInHttpRequest, *, error: AppError | None = None) -> HttpResponse:
    actor, period = request.actor, _period(request)
    window = usage.window_of(actor, period)
    days = usage.used_by_day(window)
    may_see_calls = allows(actor, "billing.view")
    is_payer = actor.user_id == window.user_id
    context: dict[str, Any] = {
        "standing": read_standing(window.user_id),
        "period": period,
        "periods": PERIODS,
        "total": usage.total_of(days),
        "chart": _chart(window, days, DAYS[period]),
        "tables": _tables(window),
        "stops": _stopped(list_stops(window.user_id, since=window.since, workspace_id=window.workspace_id)),
        "may_download": may_see_calls,
        "calls": _made(usage.latest_calls(window, most=LATEST)) if may_see_calls else [],
        "alerts": alert_actions.list_alerts(actor) if allows(actor, alert_actions.PERMISSION) else None,
        "notices": notices.list_notices(window.user_id) if is_payer else [],
        "units": UNITS,
        "channels": CHANNELS,
        "values": {name: request.POST.get(name, "") for name in ("threshold", "unit", "channel")},
        "error": error.message if error else "",
    }
    if is_payer:
        notices.see_notices(window.user_id)
    return render(request, "site/usage.html", context, status=422 if error else 200)


def _period(request: SignedInHttpRequest) -> Period:
    wanted = request.GET.get("period", "")
    return wanted if wanted in DAYS else "30d"


def _alert_fields(request: SignedInHttpRequest) -> dict[str, Any]:
    post = request.POST
    text = post.get("threshold", "").replace(",", "").strip()
    unit, channel = post.get("unit", ""), post.get("channel", "")
    if unit not in dict(UNITS) or channel not in dict(CHANNELS):
        raise InvalidInput("invalid_alert", "Choose what the number is of, and how you are told.")
    if not text.isascii() or not text.isdigit() or len(text) > len(str(MOST_TOKENS)):
        raise InvalidInput("invalid_threshold", "Use a whole number without signs.", field="threshold")
    return {"threshold": int(text), "unit": cast(Unit, unit), "channel": cast(Channel, channel)}


def _chart(window: Window, days: Sequence[UsedOnDay], count: int) -> Bars:
    """Columns of tokens by feature, for every day of the period."""
    first = window.since.date()
    taken = {(one.day, one.feature): one.tokens for one in days}
    columns: list[tuple[date, dict[str, int]]] = []
    for number in range(count):
        day = first + timedelta(days=number)
        columns.append((day, {name: taken.get((day, name), 0) for name in _features(days)}))
    return bars_of(columns, names={name: _feature(name) for name in _features(days)})


def _features(days: Iterable[UsedOnDay]) -> list[str]:
    """Those that were used, known ones first."""
    used = {one.feature for one in days}
    return [name for name in FEATURES if name in used] + sorted(used - FEATURES.keys())


def _feature(name: str) -> tuple[str, str]:
    return FEATURES.get(name, (name.replace("_", " ").capitalize(), "grey"))


def _tables(window: Window) -> list[tuple[str, str, list[Line]]]:
    """Title, name of the first column, lines."""
    features = [
        Line(_feature(one.name)[0], one.calls, one.tokens, one.cost, _feature(one.name)[1])
        for one in usage.used_by_feature(window)
    ]
    models = [Line(one.name, one.calls, one.tokens, one.cost) for one in usage.used_by_model(window)]
    members = [
        Line(one.name or "Automatic", one.calls, one.tokens, one.cost) for one in usage.used_by_member(window)
    ]
    return [
        ("By feature", "Feature", features),
        ("By model", "Model", models),
        ("By member", "Member", members),
        ("By inbox", "Inbox", _inbox_lines(window)),
    ]


def _inbox_lines(window: Window) -> list[Line]:
    used = usage.used_by_inbox(window)
    names: dict[int, InboxName] = {}
    for workspace_id in {one.workspace_id for one in used} - {None}:
        with workspace_scope(cast(int, workspace_id)):  # of each its own: there is no view over several
            ids = [one.inbox_id for one in used if one.workspace_id == workspace_id]
            names |= {inbox.id: inbox for inbox in inbox_names(ids)}
    lines = []
    for one in used:
        known = names.get(one.inbox_id)
        name = known.tag if known else f"Deleted inbox {one.inbox_id}"
        lines.append(Line(name, one.calls, one.tokens, one.cost, known.colour if known else "grey"))
    return lines


def _stopped(stops: list[Stop]) -> list[Stopped]:
    emails = {stop.id: _email_of(stop.cause) for stop in stops}
    threads = threads_of(list(emails.values()))
    return [
        Stopped(stop, REASONS[stop.reason], _feature(stop.feature)[0], threads.get(emails[stop.id]))
        for stop in stops
    ]


def _made(calls: list[Call]) -> list[Made]:
    emails = {call.id: _email_of(call.cause) for call in calls}
    threads = threads_of(list(emails.values()))
    return [Made(call, _feature(call.feature)[0], threads.get(emails[call.id])) for call in calls]


def _email_of(cause: str) -> int:
    """0 for what was no mail."""
    table, _, number = cause.partition(":")
    return int(number) if table == "emails" and number.isdigit() else 0
