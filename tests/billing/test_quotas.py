"""Monthly quotas: counted as things happen, told of at 80 and 100 %, and then models are no longer asked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from django.db import connection

from convergio.billing import checks, reservations
from convergio.billing.errors import OutOfTokens, QuotaUsedUp
from convergio.billing.models import PlanVersion, UsageCounter, UsageNotice, UserSubscription
from convergio.billing.quotas import count_emails, read_quotas
from convergio.billing.reservations import Purpose, Usage, release, reserve, settle
from convergio.billing.stops import list_stops
from convergio.billing.subscriptions.queries import current_terms
from convergio.core import clock, sql
from tests.billing.tokens import give_tokens
from tests.cast import Person, make_person


def allow(*, emails: int | None = None, replies: int | None = None) -> None:
    """What everybody's plan has for a month."""
    first = PlanVersion.objects.get(plan__slug="free", number=1)
    version = PlanVersion.objects.create(
        plan=first.plan,
        number=2,
        name="Free",
        price=0,
        monthly_tokens=first.monthly_tokens,
        monthly_emails=emails,
        monthly_ai_replies=replies,
    )
    UserSubscription.objects.update(version=version)


def write(person: Person, feature: str = "auto_reply") -> None:
    held = reserve(Purpose(person.workspace.id, feature, "emails:1"), tokens=10)
    settle(held, Usage("scripted", 6, 4))


def used(person: Person) -> tuple[int, int]:
    quotas = read_quotas(person.user.id, current_terms(person.user.id))
    return quotas["emails"].used, quotas["ai_replies"].used


def notices(person: Person) -> list[str]:
    return list(UsageNotice.objects.filter(user=person.user).order_by("id").values_list("subject", flat=True))


@pytest.fixture
def payer(owner: Person) -> Person:
    give_tokens(owner.user.id)
    return owner


def test_replies_stop_at_the_quota_and_other_features_go_on(payer: Person) -> None:
    allow(replies=3)
    for feature in ("auto_reply", "draft", "auto_reply"):
        write(payer, feature)
    with pytest.raises(
        QuotaUsedUp, match="All 3 AI replies that the plan Free has for this month are used"
    ) as no:
        write(payer)
    assert no.value.facts["limit"] == "ai_replies"
    assert no.value.facts["resets_at"] == current_terms(payer.user.id).period_end
    write(payer, "caption")
    assert used(payer) == (0, 3)
    assert list(checks.broken()) == []


def test_a_quota_of_nothing_lets_no_reply_through(payer: Person) -> None:
    allow(replies=0)
    with pytest.raises(QuotaUsedUp):
        write(payer)
    assert used(payer) == (0, 0)


def test_without_a_quota_replies_are_counted_and_never_stopped(payer: Person) -> None:
    allow()
    for _ in range(5):
        write(payer)
    assert used(payer) == (0, 5)
    assert notices(payer) == []


def test_more_mail_than_the_plan_has_stops_every_feature_and_is_counted_on(payer: Person) -> None:
    allow(emails=10)
    count_emails(payer.workspace.id, 10)
    write(payer)
    count_emails(payer.workspace.id, 1)
    for feature in ("auto_reply", "caption"):
        with pytest.raises(QuotaUsedUp) as no:
            write(payer, feature)
        assert (no.value.facts["limit"], no.value.facts["used"], no.value.facts["quota"]) == (
            "emails",
            11,
            10,
        )
    count_emails(payer.workspace.id, 5)
    assert used(payer) == (16, 1)


def test_the_payer_is_told_once_at_80_and_once_at_100_percent(payer: Person) -> None:
    allow(emails=10)
    for _ in range(12):
        count_emails(payer.workspace.id, 1)
    assert notices(payer) == ["80 % of this month's emails are used", "This month's emails are used up"]


def test_one_batch_past_both_thresholds_is_one_notice(payer: Person) -> None:
    allow(emails=10)
    count_emails(payer.workspace.id, 40)
    assert notices(payer) == ["This month's emails are used up"]


def test_a_new_period_counts_from_nothing_and_tells_again(payer: Person) -> None:
    allow(replies=1)
    write(payer)
    ends = current_terms(payer.user.id).period_end
    with time_machine.travel(ends + timedelta(minutes=1), tick=False):
        write(payer)
        assert used(payer) == (0, 1)
    assert UsageCounter.objects.count() == 2
    assert notices(payer) == ["This month's AI replies are used up"] * 2


def test_a_call_that_failed_or_whose_process_died_is_no_reply(payer: Person) -> None:
    allow(replies=1)
    held = reserve(Purpose(payer.workspace.id, "draft", "emails:1"), tokens=10)
    with pytest.raises(QuotaUsedUp):
        write(payer)
    assert release(held)
    assert not release(held)
    reserve(Purpose(payer.workspace.id, "draft", "emails:1"), tokens=10)
    with time_machine.travel(clock.now() + reservations.HOLD, tick=False):
        assert reservations.release_expired() == 1
    assert list(checks.broken()) == []
    write(payer)
    assert used(payer) == (0, 1)


def test_a_call_that_the_balance_does_not_hold_is_no_reply(owner: Person) -> None:
    give_tokens(owner.user.id, 5)
    with pytest.raises(OutOfTokens):
        write(owner)
    assert used(owner) == (0, 0)
    assert list(checks.broken()) == []


def test_what_stopped_a_model_is_one_line_an_hour(owner: Person) -> None:
    give_tokens(owner.user.id, 5)
    began = clock.now()
    for number in range(3):
        with pytest.raises(OutOfTokens):
            reserve(Purpose(owner.workspace.id, "draft", f"emails:{number}", inbox_id=7), tokens=10 + number)
    with time_machine.travel(began + timedelta(hours=1), tick=False), pytest.raises(OutOfTokens):
        reserve(Purpose(owner.workspace.id, "draft", "emails:9"), tokens=10)
    late, early = list_stops(owner.user.id, since=began - timedelta(days=1))
    assert (early.reason, early.feature, early.times, early.cause, early.inbox_id) == (
        "tokens",
        "draft",
        3,
        "emails:2",
        7,
    )
    assert (early.needed, early.available, late.times) == (12, 5, 1)
    assert (
        list_stops(owner.user.id, since=began - timedelta(days=1), workspace_id=owner.workspace.id + 1) == []
    )


def test_of_many_replies_at_once_only_as_many_are_written_as_the_quota_has(committed: None) -> None:
    person = make_person("owner")
    give_tokens(person.user.id)
    most = current_terms(person.user.id).monthly_ai_replies
    assert most

    def call(_: int) -> bool:
        try:
            write(person)
            return True
        except QuotaUsedUp:
            return False
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(call, range(most + 12))) == most
    assert list(checks.broken()) == []
    assert sql.fetch_value("SELECT sum(times) FROM ai_stops") == 12
    assert notices(person) == [
        "80 % of this month's AI replies are used",
        "This month's AI replies are used up",
    ]
