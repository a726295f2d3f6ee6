"""What everybody has: Free in months from sign-up, plans in versions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convergio.accounts.models import User
from convergio.billing.models import SubscriptionPlan, UserSubscription
from convergio.billing.subscriptions.periods import months_after, period_at
from convergio.billing.subscriptions.queries import current_terms, find_plan, list_plans
from convergio.core import sql
from convergio.core.errors import NotFound
from tests.cast import Person, make_user

pytestmark = pytest.mark.django_db
# Midnight of 31 January in India, on which the day in UTC is still the 30th.
NEW_YEARS_MONTH = datetime(2099, 1, 30, 18, 30, tzinfo=UTC)


def india(month: int, day: int, year: int = 2099) -> datetime:
    """Midnight in India."""
    return datetime(year, month, day, tzinfo=UTC) - timedelta(hours=5, minutes=30)


def test_whoever_has_no_row_is_on_free(owner: Person) -> None:
    UserSubscription.objects.all().delete()
    with_row, without = (current_terms(user.id) for user in (owner.user, make_user("teammate")))
    for terms in (with_row, without):
        assert (terms.plan_slug, terms.plan_name, terms.price, terms.currency) == ("free", "Free", 0, "INR")
        assert (terms.monthly_tokens, terms.monthly_emails, terms.monthly_ai_replies) == (1_000, 100, 50)
        assert (terms.status, terms.cancel_at_period_end, terms.next_plan_slug) == ("free", False, "")
    with pytest.raises(NotFound):
        current_terms(0)


def test_terms_are_one_statement(owner: Person, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        current_terms(owner.user.id)


@pytest.mark.parametrize(
    ("moment", "start", "end"),
    [
        (india(1, 31), india(1, 31), india(2, 28)),
        (india(2, 28) - timedelta(microseconds=1), india(1, 31), india(2, 28)),
        (india(2, 28), india(2, 28), india(3, 31)),
        (india(3, 30), india(2, 28), india(3, 31)),
        (india(3, 31), india(3, 31), india(4, 30)),
        (india(2, 29, 2104), india(2, 29, 2104), india(3, 31, 2104)),
        (india(2, 28, 2104), india(1, 31, 2104), india(2, 29, 2104)),
    ],
)
def test_months_from_the_31st_of_january_do_not_drift(
    owner: Person, moment: datetime, start: datetime, end: datetime
) -> None:
    User.objects.filter(id=owner.user.id).update(created_at=NEW_YEARS_MONTH)
    with time_machine.travel(moment, tick=False):
        terms = current_terms(owner.user.id)
    assert (terms.period_start, terms.period_end) == (start, end)
    assert period_at(NEW_YEARS_MONTH, moment) == (start, end)


_SECONDS = st.integers(0, 10 * 365 * 86_400)
_MOMENTS = _SECONDS.map(lambda seconds: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))


@given(anchor=_MOMENTS, after=st.timedeltas(timedelta(0), timedelta(days=2_000)))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_months_follow_each_other_without_gap_in_sql_as_in_python(
    owner: Person, anchor: datetime, after: timedelta
) -> None:
    moment = anchor + after
    User.objects.filter(id=owner.user.id).update(created_at=anchor)
    with time_machine.travel(moment, tick=False):
        terms = current_terms(owner.user.id)
    assert period_at(anchor, moment) == (terms.period_start, terms.period_end)
    assert terms.period_start <= moment < terms.period_end
    assert period_at(anchor, terms.period_end).start == terms.period_end
    assert months_after(anchor, 0) == anchor


def test_an_edit_of_a_plan_is_a_version_that_only_new_customers_get(owner: Person) -> None:
    assert [(plan.slug, plan.price) for plan in list_plans()] == [
        ("free", 0),
        ("pro", 1_999_00),
        ("enterprise", 9_999_00),
    ]
    before = find_plan("pro")
    UserSubscription.objects.filter(user=owner.user).update(
        plan=SubscriptionPlan.objects.get(slug="pro"),
        version_id=before.version_id,
        status="active",
        period_start=NEW_YEARS_MONTH,
        period_end=india(2, 28),
    )
    SubscriptionPlan.objects.filter(slug="pro").update(price=2_499_00, monthly_tokens=60_000)
    after = find_plan("pro")
    assert (after.price, after.monthly_tokens) == (2_499_00, 60_000)
    assert after.version_id != before.version_id
    terms = current_terms(owner.user.id)
    assert (terms.plan_slug, terms.price, terms.monthly_tokens) == ("pro", 1_999_00, 50_000)
    SubscriptionPlan.objects.filter(slug="pro").update(is_active=False)
    assert [plan.slug for plan in list_plans()] == ["free", "enterprise"]
    with pytest.raises(NotFound):
        find_plan("pro")
    assert find_plan("free").price == 0
    assert sql.fetch_value("SELECT count(*) FROM subscription_plan_versions") == 4


def test_what_was_sold_cannot_be_changed() -> None:
    for attempt in (
        "UPDATE subscription_plan_versions SET price = 1",
        "DELETE FROM subscription_plan_versions",
    ):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            sql.execute(attempt)
