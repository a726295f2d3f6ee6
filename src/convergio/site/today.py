"""The page Today: what waits for a person, what came in, what happened by itself. Every figure is counted."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, NamedTuple

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from convergio.accounts.requests import SignedInHttpRequest
from convergio.core import clock
from convergio.core.render import render
from convergio.site import queries
from convergio.site.formats import ago, moment, when
from convergio.site.queries import Figures, InboxDays, Need

# The chart's own units: a column per day, bars grow upwards.
COLUMN, BAR, HEIGHT = 40, 22, 100


class Row(NamedTuple):
    """A line of "Needs you": what, about whom, how urgent, and where to go."""

    kind: str
    title: str
    detail: str
    meta: str
    href: str
    action: str
    colour: str


class Step(NamedTuple):
    """One of the first steps."""

    done: bool
    title: str
    text: str
    href: str


class Bar(NamedTuple):
    """A piece of a day's column, in the chart's units."""

    colour: str
    x: int
    y: float
    height: float


class Chart(NamedTuple):
    """Mail by inbox: the days, the bars, and the total that the full height stands for."""

    days: list[date]
    bars: list[Bar]
    top: int
    width: int


@require_safe
def dashboard(request: SignedInHttpRequest) -> HttpResponse:
    """Today at a glance; after an event htmx asks for the body alone."""
    actor = request.actor
    figures, inboxes = queries.load_figures(actor), queries.load_inbox_days(actor)
    context: dict[str, Any] = {
        "today": clock.now(),
        "figures": figures,
        "needs": [need_row(need) for need in queries.load_needs(actor)],
        "inboxes": inboxes,
        "chart": mail_chart(inboxes, queries.first_day(actor).date()),
        "handled": queries.load_handled(actor),
        "most_needs": queries.MOST_NEEDS,
        "checklist": first_steps(figures, inboxes),
    }
    return render(request, "site/dashboard.html", context, block="body")


def need_row(need: Need) -> Row:
    """A need in words."""
    thread, task = (
        f"{reverse('mail:commboost')}/threads/{need.id}",
        f"{reverse('work:board')}/tasks/{need.id}",
    )
    title = need.title or "(no subject)"
    if need.kind == "not_sent":
        return Row(need.kind, title, need.detail, "Not sent", thread, "Open", need.colour or "grey")
    if need.kind == "inbox":
        settings = reverse("mail:edit_inbox", args=[need.id])
        return Row(need.kind, title, need.detail, f"since {when(need.at)}", settings, "Repair", need.colour)
    if need.kind == "draft":
        detail = f"Draft for {need.detail}, {need.tag}"
        return Row(need.kind, title, detail, ago(need.at), thread, "Review", need.colour)
    late = need.kind == "late_task"
    source = f"Task {need.id}" + (f", {need.tag}" if need.tag else "")
    return Row(
        need.kind, title, source, f"Due {moment(need.at)}" if late else "Due today", task, "Open", "grey"
    )


_STEPS = (
    ("Add an inbox", "The address that people write to, and its servers.", "mail:new_inbox"),
    ("Get the first mail", "Write to the inbox; it shows within seconds.", "mail:commboost"),
    ("Add what drafts may quote", "A price list, or the answers you give most often.", "ai:knowledge"),
    ("Let drafts be written", "Each inbox decides: nothing, a draft, or an answer.", "mail:inboxes"),
)


def first_steps(figures: Figures, inboxes: list[InboxDays]) -> list[Step]:
    """What a new workspace needs; nothing once all of it is done."""
    done = (bool(inboxes), figures.has_mail, figures.has_documents, figures.has_reply_mode)
    if all(done):
        return []
    return [
        Step(is_done, title, text, reverse(route))
        for is_done, (title, text, route) in zip(done, _STEPS, strict=True)
    ]


def mail_chart(inboxes: list[InboxDays], first: date) -> Chart:
    """Columns of one bar per inbox, as tall as the day's share of the busiest day, made even so that half of it
    is a whole number on the scale."""
    totals = [sum(inbox.days[day] for inbox in inboxes) for day in range(queries.DAYS)]
    top = max([*totals, 1])
    top += top % 2
    bars = []
    for day in range(queries.DAYS):
        y = float(HEIGHT)
        for inbox in inboxes:
            height = round(inbox.days[day] * HEIGHT / top, 1)
            if height:
                y = round(y - height, 1)
                bars.append(Bar(inbox.colour, day * COLUMN + (COLUMN - BAR) // 2, y, height))
    days = [first + timedelta(days=day) for day in range(queries.DAYS)]
    return Chart(days, bars, top, queries.DAYS * COLUMN)
