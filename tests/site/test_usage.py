"""Settings, AI use: page, REST and CSV over the same numbers, of who may see them."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from convergio.accounts.api_keys import issue_api_key
from convergio.billing import usage
from convergio.billing.errors import OutOfTokens
from convergio.billing.models import TokenUsage, UsageAlert, UsageNotice
from convergio.billing.reservations import Purpose, Usage, reserve, settle
from convergio.core import clock, sql
from convergio.core.tenancy import workspace_scope
from tests.billing.tokens import give_tokens
from tests.cast import Person, make_workspace
from tests.mail.api import receive
from tests.mail.messages import make_inbox
from tests.site.url_map import content_of

PAGE = "/dashboard/settings/tokens/usage"
API = "/api/settings/tokens"


def take(person: Person, tokens: int, *, workspace_id: int = 0, days_ago: int = 0, **more: Any) -> None:
    """A call that took so many tokens, and cost as many paise."""
    purpose = Purpose(workspace_id or person.workspace.id, more.pop("feature", "draft"), "emails:1", **more)
    with time_machine.travel(clock.now() - timedelta(days=days_ago), tick=False):
        usage_id = settle(reserve(purpose, tokens=tokens), Usage("scripted", tokens - 10, 10, cost=tokens))
    TokenUsage.objects.filter(id=usage_id).update(created_at=clock.now() - timedelta(days=days_ago))


@pytest.fixture
def payer(owner: Person) -> Person:
    give_tokens(owner.user.id, 100_000)
    return owner


def page_of(person: Person, query: str = "") -> str:
    answer = person.browser().get(f"{PAGE}{query}")
    assert answer.status_code == 200, answer.content
    text: str = answer.content.decode()
    return text


def test_the_report_sums_by_day_feature_member_and_inbox(payer: Person, teammate: Person) -> None:
    take(payer, 100, member_id=payer.user.id, inbox_id=7)
    take(payer, 300, member_id=teammate.user.id, feature="caption")
    take(payer, 50, feature="auto_reply", inbox_id=7, days_ago=3)
    take(payer, 1_000, days_ago=40)
    report = payer.program().get(f"{API}/usage?period=7d").json()
    assert report["total"] == {
        "calls": 3,
        "input_tokens": 420,
        "output_tokens": 30,
        "cached_tokens": 0,
        "tokens": 450,
        "cost": 450,
    }
    assert [(one["feature"], one["tokens"]) for one in report["days"]] == [
        ("auto_reply", 50),
        ("caption", 300),
        ("draft", 100),
    ]
    assert [(one["name"], one["tokens"]) for one in report["by_feature"]] == [
        ("caption", 300),
        ("draft", 100),
        ("auto_reply", 50),
    ]
    assert [(one["name"], one["tokens"]) for one in report["by_member"]] == [
        ("Teammate", 300),
        ("Owner", 100),
        ("", 50),
    ]
    assert [(one["inbox_id"], one["tokens"]) for one in report["by_inbox"]] == [(7, 150)]
    whole = payer.program().get(f"{API}/usage?period=90d").json()
    assert whole["total"]["tokens"] == 1_450
    [model] = payer.program().get(f"{API}/usage/by-model").json()
    assert (model["name"], model["calls"], model["tokens"]) == ("scripted", 3, 450)


def test_a_period_that_there_is_not_is_refused(payer: Person) -> None:
    assert payer.program().get(f"{API}/usage?period=8d").status_code == 422


def test_days_are_those_of_the_reader(payer: Person) -> None:
    payer.user.timezone = "Pacific/Kiritimati"  # 14 hours ahead
    payer.user.save()
    take(payer, 100)
    noon = clock.now().replace(hour=12)
    TokenUsage.objects.update(created_at=noon)
    report = payer.program().get(f"{API}/usage?period=7d").json()
    assert [one["day"] for one in report["days"]] == [str(noon.date() + timedelta(days=1))]


def test_the_owner_sees_all_their_workspaces_and_others_only_the_one_they_are_in(
    payer: Person, teammate: Person, outsider: Person
) -> None:
    other = make_workspace(payer.user)
    take(payer, 100, member_id=payer.user.id)
    take(payer, 900, workspace_id=other.id)
    assert payer.program().get(f"{API}/usage").json()["total"]["tokens"] == 1_000
    theirs = teammate.program().get(f"{API}/usage").json()
    assert (theirs["total"]["tokens"], theirs["by_member"]) == (100, [])
    assert outsider.program().get(f"{API}/usage").json()["total"]["tokens"] == 0
    _, key = issue_api_key(user_id=payer.user.id, workspace_id=payer.workspace.id, name="numbers")
    by_key = teammate.browser().get(f"{API}/usage", headers={"X-API-Key": key, "Cookie": ""})
    assert by_key.json()["total"]["tokens"] == 100
    assert teammate.program().get(f"{API}/usage/csv").status_code == 403
    assert teammate.program().get(f"{API}/history").status_code == 403


def test_the_csv_has_every_call(payer: Person) -> None:
    for number in range(5):
        take(payer, 100 + number, member_id=payer.user.id)
    for client, path in ((payer.program(), f"{API}/usage/csv"), (payer.browser(), f"{PAGE}/csv")):
        answer = client.get(path)
        lines = list(csv.DictReader(io.StringIO(content_of(answer).decode())))
        assert [line["tokens"] for line in lines] == ["104", "103", "102", "101", "100"]
        assert {(line["member"], line["cause"], line["model"]) for line in lines} == {
            ("Owner", "emails:1", "scripted")
        }


def test_the_balance_tells_what_is_left_until_when_and_how_long_it_lasts(payer: Person) -> None:
    balance = payer.program().get(f"{API}/balance").json()
    assert (balance["balance"], balance["monthly_tokens"], balance["forecast"]) == (100_000, 1_000, None)
    take(payer, 2_000, days_ago=9)
    reserve(Purpose(payer.workspace.id, "draft", "emails:1"), tokens=500)
    balance = payer.program().get(f"{API}/balance").json()
    assert (balance["balance"], balance["tokens"], balance["reserved"]) == (97_500, 98_000, 500)
    assert balance["ai_replies"] == {"used": 1, "quota": 50}
    # 2,000 in ten days
    assert balance["forecast"]["tokens_per_day"] == 200
    assert balance["forecast"]["lasts_until"] == str((clock.now() + timedelta(days=490)).date())


def test_old_use_is_no_forecast_and_a_large_balance_has_no_day(payer: Person) -> None:
    take(payer, 2_000, days_ago=15)
    assert payer.program().get(f"{API}/balance").json()["forecast"] is None
    give_tokens(payer.user.id, 10**12)
    take(payer, 20)
    forecast = payer.program().get(f"{API}/balance").json()["forecast"]
    assert forecast == {"tokens_per_day": 20, "lasts_until": None}


def test_the_history_is_the_ledger_page_by_page(payer: Person) -> None:
    for number in range(3):
        take(payer, 100 + number)
    first = payer.program().get(f"{API}/history?limit=2")
    assert [(one["kind"], one["tokens"], one["feature"]) for one in first.json()] == [
        ("usage", -102, "draft"),
        ("usage", -101, "draft"),
    ]
    rest = payer.program().get(f"{API}/history?limit=2&cursor={first.headers['X-Next-Cursor']}")
    assert [(one["kind"], one["tokens"]) for one in rest.json()] == [("usage", -100), ("purchase", 100_000)]
    assert "X-Next-Cursor" not in rest.headers


def call(client: Any, verb: str, path: str, body: Any = None) -> Any:
    return client.generic(verb, f"{API}{path}", sql.to_json(body), content_type="application/json")


def test_alerts_are_set_up_changed_and_deleted_by_the_owner(payer: Person, teammate: Person) -> None:
    client = payer.program()
    added = call(client, "POST", "/alerts", {"threshold": 500, "unit": "tokens", "channel": "app"})
    assert added.status_code == 201
    alert = added.json()
    assert (alert["threshold"], alert["unit"], alert["channel"], alert["armed"]) == (
        500,
        "tokens",
        "app",
        True,
    )
    assert (
        call(client, "POST", "/alerts", {"threshold": 500, "unit": "tokens"}).json()["code"] == "alert_exists"
    )
    changed = call(client, "PATCH", f"/alerts/{alert['id']}", {"threshold": 50, "unit": "percent"})
    assert (changed.json()["threshold"], changed.json()["unit"], changed.json()["channel"]) == (
        50,
        "percent",
        "app",
    )
    taken = call(client, "PATCH", f"/alerts/{alert['id']}", {"threshold": 20})
    assert (taken.status_code, taken.json()["code"]) == (409, "alert_exists")
    assert len(client.get(f"{API}/alerts").json()) == 3
    assert call(client, "DELETE", f"/alerts/{alert['id']}").status_code == 204
    assert len(client.get(f"{API}/alerts").json()) == 2
    assert teammate.program().get(f"{API}/alerts").status_code == 403


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"threshold": 101, "unit": "percent"}, 400),
        ({"threshold": -1}, 422),
        ({"threshold": 10**12 + 1, "unit": "tokens"}, 422),
        ({"threshold": 1, "unit": "rupees"}, 422),
        ({"threshold": 1, "channel": "pigeon"}, 422),
        ({}, 422),
    ],
)
def test_an_alert_that_cannot_be_is_refused(payer: Person, body: dict[str, Any], status: int) -> None:
    assert call(payer.program(), "POST", "/alerts", body).status_code == status
    assert UsageAlert.objects.filter(user=payer.user).count() == 2


def test_there_can_be_twenty_alerts(payer: Person) -> None:
    for number in range(18):
        assert call(payer.program(), "POST", "/alerts", {"threshold": number + 1}).status_code == 201
    refused = call(payer.program(), "POST", "/alerts", {"threshold": 90})
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_alerts")


def test_an_alert_with_a_new_threshold_waits_for_it_anew(payer: Person) -> None:
    [alert] = UsageAlert.objects.filter(user=payer.user, unit="percent")
    UsageAlert.objects.filter(id=alert.id).update(armed=False, last_fired_at=clock.now())
    call(payer.program(), "PATCH", f"/alerts/{alert.id}", {"channel": "app"})
    alert.refresh_from_db()
    assert not alert.armed
    call(payer.program(), "PATCH", f"/alerts/{alert.id}", {"threshold": 10})
    alert.refresh_from_db()
    assert alert.armed


def test_the_page_draws_the_use_and_names_inboxes_of_every_workspace(payer: Person) -> None:
    other = make_workspace(payer.user)
    with workspace_scope(payer.workspace.id):
        here = make_inbox(payer.workspace, "support@convergio.test")
    with workspace_scope(other.id):
        there = make_inbox(other, "info@convergio.test", tag="Info")
    take(payer, 100, inbox_id=here.id)
    take(payer, 200, inbox_id=there.id, workspace_id=other.id, days_ago=2)
    take(payer, 300, inbox_id=999_999, feature="sorting")
    page = page_of(payer)
    for words in ("600 tokens in 3 calls", "Support", "Info", "Deleted inbox 999999", "Sorting", "₹6"):
        assert words in page, words
    assert page.count("<rect class=") == 3
    assert "style=" not in page.partition("<main")[2]


def test_the_page_says_what_was_stopped_and_what_is_left(owner: Person, teammate: Person) -> None:
    give_tokens(owner.user.id, 900)
    with pytest.raises(OutOfTokens):
        reserve(Purpose(owner.workspace.id, "draft", "emails:1", member_id=owner.user.id), tokens=5_000)
    page = page_of(owner)
    assert "AI has stopped: a call takes up to 5,000 tokens and 900 are left." in page
    assert "up to 5,000" in page
    assert "Nothing was used in the last 14 days." in page
    assert "AI has stopped: too few tokens" in page  # the notice
    assert 'id="alerts"' not in page_of(teammate)
    give_tokens(owner.user.id, 10_000)
    page = page_of(owner)
    assert "AI has stopped: a call" not in page
    assert "up to 5,000" in page


def test_the_bell_counts_notices_until_the_payer_reads_them(owner: Person, teammate: Person) -> None:
    give_tokens(owner.user.id, 1_000)
    settle(reserve(Purpose(owner.workspace.id, "copilot", ""), tokens=1_000), Usage("scripted", 1_000, 0))
    toast = owner.browser().get(f"{PAGE}/latest")
    assert (toast.status_code, "No AI tokens are left" in toast.headers["HX-Trigger"]) == (204, True)
    assert "HX-Trigger" not in teammate.browser().get(f"{PAGE}/latest").headers
    assert "<b>1<span" in owner.browser().get("/dashboard").content.decode()
    assert "<b>1<span" not in teammate.browser().get("/dashboard").content.decode()
    page_of(teammate)
    assert UsageNotice.objects.filter(seen_at=None).count() == 1
    page_of(owner)
    assert UsageNotice.objects.filter(seen_at=None).count() == 0
    assert "HX-Trigger" not in owner.browser().get(f"{PAGE}/latest").headers


def test_an_alert_is_added_and_deleted_on_the_page(payer: Person) -> None:
    form = {"threshold": "2,500", "unit": "tokens", "channel": "email"}
    assert payer.browser().post("/dashboard/settings/tokens/alerts", form).status_code == 302
    page = page_of(payer)
    assert "2,500 tokens" in page
    alert = UsageAlert.objects.get(threshold=2_500)
    payer.browser().post(f"/dashboard/settings/tokens/alerts/{alert.id}/delete")
    assert "2,500 tokens" not in page_of(payer)


@pytest.mark.parametrize(
    "changes",
    [{"threshold": "-5"}, {"threshold": "a few"}, {"threshold": "9" * 30}, {"threshold": "²"}, {"unit": "x"}],
)
def test_a_form_that_cannot_be_read_is_answered_with_a_sentence(
    payer: Person, changes: dict[str, str]
) -> None:
    form = {"threshold": "5", "unit": "percent", "channel": "email", **changes}
    answer = payer.browser().post("/dashboard/settings/tokens/alerts", form)
    assert answer.status_code == 422
    assert "invalid-feedback" in answer.content.decode()


def test_a_report_takes_the_same_statements_however_much_was_used(
    payer: Person, django_assert_num_queries: Any
) -> None:
    for number in range(3):
        take(payer, 100, days_ago=number)
    window = usage.window_of(payer.actor, "30d")
    for query in (usage.used_by_day, usage.used_by_model, usage.used_by_member, usage.used_by_inbox):
        with django_assert_num_queries(1):
            query(window)
    sql.execute("SET LOCAL enable_seqscan = off")
    plan = "\n".join(sql.fetch_column(f"EXPLAIN {usage._BY_DAY}", window.values))
    assert "token_usage_newest" in plan


def test_the_plans_period_tells_what_is_used_of_it(payer: Person, teammate: Person) -> None:
    take(payer, 300)
    take(payer, 50, feature="caption")
    used = payer.program().get("/api/settings/billing/usage").json()
    assert (used["plan"], used["tokens"], used["monthly_tokens"]) == ("Free", 350, 1_000)
    assert (used["emails"], used["ai_replies"]) == ({"used": 0, "quota": 100}, {"used": 1, "quota": 50})
    assert used["period_start"] < used["period_end"]
    assert teammate.program().get("/api/settings/billing/usage").status_code == 403


def test_the_page_lists_the_latest_calls_with_the_mail_that_each_was_for(
    payer: Person, teammate: Person, outsider: Person
) -> None:
    with workspace_scope(payer.workspace.id):
        stored = receive(make_inbox(payer.workspace, "support@convergio.test"))
    purpose = Purpose(payer.workspace.id, "draft", f"emails:{stored.email_id}", member_id=payer.user.id)
    settle(reserve(purpose, tokens=90), Usage("scripted", 80, 10, cost=250))
    page = page_of(payer)
    assert "Latest calls" in page
    assert f'Drafts asked for, <a href="/dashboard/commboost/threads/{stored.thread_id}">the mail</a>' in page
    assert "₹2.50" in page
    assert "Latest calls" not in page_of(teammate)
    assert "Latest calls" not in page_of(outsider)
