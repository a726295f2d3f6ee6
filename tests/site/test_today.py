"""Today and the menu: figures that are counted, and nothing that is not."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from convergio.core import clock, sql
from convergio.core.tenancy import workspace_scope
from convergio.mail.ingest import store_messages
from convergio.site.queries import DAYS, InboxDays, load_nav
from convergio.site.today import mail_chart
from convergio.work.actions import create_task
from tests.cast import Person
from tests.mail.messages import arrival, make_inbox, raw_message, receiver_of


def page_of(person: Person, path: str = "/dashboard") -> str:
    response = person.browser().get(path)
    assert response.status_code == 200
    return response.content.decode()


def stat(page: str, label: str) -> str:
    """The number that stands under this label."""
    return page.partition(f"{label}</span>")[2].partition('cv-stat__value">')[2].partition("<")[0]


def test_an_empty_workspace_is_shown_its_first_steps_and_no_numbers_but_zero(owner: Person) -> None:
    page = page_of(owner)
    assert "First steps" in page
    assert "0 of 4" in page
    assert [stat(page, label) for label in ("Waiting for a reply", "Drafts to approve", "Failures")] == [
        "0",
        "0",
        "0",
    ]
    assert "Nothing waits for you" in page
    assert "cv-chart" not in page.partition("</head>")[2]


def test_today_counts_what_waits_what_is_late_and_what_failed(owner: Person) -> None:
    inbox = make_inbox(owner.workspace, state="sign_in_failed", last_error="The password was refused.")
    store_messages(receiver_of(inbox), [arrival(raw_message(), clock.now())])
    with workspace_scope(owner.workspace.id):
        create_task(owner.actor, {"title": "Send the invoice", "due_at": clock.now() - timedelta(hours=1)})
    page = page_of(owner)
    assert stat(page, "Waiting for a reply") == "1"
    assert stat(page, "Tasks due") == "1"
    assert stat(page, "Failures") == "1"
    assert "1 late" in page
    assert "Support inbox is not syncing" in page
    assert "The password was refused." in page
    assert "Send the invoice" in page


def test_nothing_of_another_workspace_is_counted(owner: Person, outsider: Person) -> None:
    inbox = make_inbox(outsider.workspace, state="unreachable")
    store_messages(receiver_of(inbox), [arrival(raw_message(), clock.now())])
    page = page_of(owner)
    assert stat(page, "Waiting for a reply") == "0"
    assert stat(page, "Failures") == "0"
    with workspace_scope(owner.workspace.id):
        assert load_nav(owner.actor).inboxes == ()


def test_the_menu_is_one_statement(owner: Person, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    make_inbox(owner.workspace)
    with workspace_scope(owner.workspace.id), django_assert_num_queries(1):
        nav = load_nav(owner.actor)
    assert (nav.user_name, nav.workspace_name, [box.tag for box in nav.inboxes]) == (
        "Owner",
        "Owner's workspace",
        ["Support"],
    )


def test_the_menu_alone_marks_where_one_is(owner: Person) -> None:
    make_inbox(owner.workspace)
    response = owner.browser().get(
        "/dashboard/nav?section=commboost&inbox=support", headers={"HX-Request": "true"}
    )
    part = response.content.decode()
    assert "<html" not in part
    assert part.count("aria-current") == 2


def test_counts_past_a_hundred_are_not_counted_further(owner: Person) -> None:
    with workspace_scope(owner.workspace.id):
        sql.execute(
            "INSERT INTO tasks (workspace_id, title) SELECT %s, 'Task' FROM generate_series(1, 130)",
            [owner.workspace.id],
        )
        assert load_nav(owner.actor).open_tasks == 100
    assert "99+" in page_of(owner)


@pytest.mark.parametrize("counts", [[0] * DAYS, [3, *[0] * (DAYS - 1)]])
def test_the_tallest_column_fills_the_chart_and_empty_days_have_no_bar(counts: list[int]) -> None:
    box = InboxDays("Support", "orange", "", True, "ok", "", None, 0, counts)
    chart = mail_chart([box, box], date(2026, 11, 11))
    assert sum(bar.height for bar in chart.bars) == (100 if any(counts) else 0)
    assert (chart.days[0], chart.days[-1]) == (date(2026, 11, 11), date(2026, 11, 24))


def test_half_of_the_chart_s_scale_is_a_whole_number() -> None:
    box = InboxDays("Support", "orange", "", True, "ok", "", None, 0, [3, *[0] * (DAYS - 1)])
    chart = mail_chart([box], date(2026, 11, 11))
    assert chart.top == 4
    assert [bar.height for bar in chart.bars] == [75.0]
