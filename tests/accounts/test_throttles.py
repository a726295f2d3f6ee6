"""Tries are counted per account and per address, exactly."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from convergio.accounts import throttles
from convergio.accounts.models import LoginHistory, LoginThrottle
from convergio.core.errors import TooMany
from tests.cast import PASSWORD, Person


def log_in(email: str, password: str, ip: str = "192.0.2.1") -> Any:
    body = {"email": email, "password": password}
    return Client().post("/api/auth/login", body, content_type="application/json", REMOTE_ADDR=ip)


def let_time_pass(seconds: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE login_throttles SET updated_at = updated_at - make_interval(secs => %s), "
            "blocked_until = blocked_until - make_interval(secs => %s)",
            [seconds, seconds],
        )


@pytest.mark.django_db
def test_five_failures_are_free_then_the_wait_grows(owner: Person) -> None:
    email = owner.user.email
    assert [log_in(email, "wrong", f"192.0.2.{n}").status_code for n in range(6)] == [401] * 6
    refused = log_in(email, PASSWORD, "192.0.2.50")
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
    assert 1 <= int(refused["Retry-After"]) <= 5
    let_time_pass(6)
    assert log_in(email, "wrong", "192.0.2.51").status_code == 401
    assert 6 <= int(log_in(email, PASSWORD, "192.0.2.52")["Retry-After"]) <= 10
    assert LoginHistory.objects.filter(reason="throttled").count() == 2


@pytest.mark.django_db
def test_a_success_sets_the_account_back_to_nothing(owner: Person) -> None:
    for _ in range(3):
        for n in range(5):
            assert log_in(owner.user.email, "wrong", f"192.0.2.{n}").status_code == 401
        assert log_in(owner.user.email, PASSWORD, "192.0.2.60").status_code == 200


@pytest.mark.django_db
def test_an_address_that_tries_many_accounts_waits_and_cannot_lock_them(owner: Person) -> None:
    for n in range(6):
        assert log_in(f"user{n}@convergio.test", "wrong").status_code == 401
    for _ in range(10):
        assert log_in(owner.user.email, "wrong").status_code == 429
    assert log_in(owner.user.email, PASSWORD, "198.51.100.1").status_code == 200


@pytest.mark.django_db
def test_ones_own_success_does_not_wash_an_address_clean(owner: Person) -> None:
    for n in range(5):
        log_in(f"user{n}@convergio.test", "wrong")
    assert log_in(owner.user.email, PASSWORD).status_code == 200
    assert log_in("user6@convergio.test", "wrong").status_code == 401
    assert log_in("user7@convergio.test", "wrong").status_code == 429


@pytest.mark.django_db
def test_a_quiet_quarter_of_an_hour_is_forgotten(owner: Person) -> None:
    for n in range(6):
        log_in(owner.user.email, "wrong", f"192.0.2.{n}")
    let_time_pass(6 + 15 * 60)
    for n in range(5):
        assert log_in(owner.user.email, "wrong", f"192.0.2.{n}").status_code == 401
    assert LoginThrottle.objects.filter(key__contains=":account:").get().failures == 5


@pytest.mark.django_db
def test_one_customer_of_an_ipv6_network_is_one_address() -> None:
    for n in range(6):
        throttles.count_try("login", email=None, ip=f"2001:db8:1:2::{n}")
    with pytest.raises(TooMany):
        throttles.count_try("login", email=None, ip="2001:db8:1:2:ffff::1")
    throttles.count_try("login", email=None, ip="2001:db8:1:3::1")


@pytest.mark.django_db
def test_the_table_holds_no_address_of_a_person(owner: Person) -> None:
    log_in(owner.user.email, "wrong")
    assert not LoginThrottle.objects.filter(key__contains="convergio.test").exists()


@pytest.mark.django_db
def test_registration_tells_of_accounts_only_so_often(owner: Person) -> None:
    body = {"email": owner.user.email, "password": "a long enough one"}
    statuses = [
        Client().post("/api/auth/register", body, content_type="application/json").status_code
        for _ in range(7)
    ]
    assert statuses == [409] * 6 + [429]


def _try(_: int) -> bool:
    try:
        throttles.count_try("login", email="race@convergio.test", ip=None)
    except TooMany:
        return False
    finally:
        connection.close()
    return True


def test_parallel_tries_are_counted_one_by_one(committed: None) -> None:
    with ThreadPoolExecutor(16) as pool:
        allowed = sum(pool.map(_try, range(48)))
    assert allowed == throttles.FREE + 1
