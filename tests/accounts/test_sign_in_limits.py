"""What answers to sign-in say about the tries that are left, and the counter of codes."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.accounts.test_throttles import let_time_pass
from tests.accounts.two_step import answered, last_lines, log_in, log_in_by_page, switch_on
from tests.cast import PASSWORD, Person

pytestmark = pytest.mark.django_db


def limits(answer: Any) -> tuple[str, str]:
    assert int(answer["X-RateLimit-Reset"]) > 0
    return answer["X-RateLimit-Limit"], answer["X-RateLimit-Remaining"]


def test_each_answer_tells_how_many_tries_are_left(owner: Person) -> None:
    assert [limits(log_in(owner, "wrong")) for _ in range(6)] == [
        ("6", str(left)) for left in range(5, -1, -1)
    ]
    refused = log_in(owner)
    assert (refused.status_code, limits(refused)) == (429, ("6", "0"))
    assert refused["Retry-After"] == refused["X-RateLimit-Reset"]
    assert log_in(owner, ip="192.0.2.1").status_code == 429


def test_a_success_tells_it_too(owner: Person) -> None:
    log_in(owner, "wrong")
    answer = log_in(owner)
    assert (answer.status_code, limits(answer)) == (200, ("6", "5"))  # the address keeps its one failure


def test_the_page_tells_it_as_well(owner: Person) -> None:
    answer = log_in_by_page(Client(), owner, password="wrong")
    assert (answer.status_code, limits(answer)) == (401, ("6", "5"))
    assert limits(log_in_by_page(Client(), owner)) == ("6", "5")


def test_the_sign_in_limit_is_told_before_the_requests_one(owner: Person, settings: Any) -> None:
    settings.RATE_LIMIT = 600
    assert limits(log_in(owner, "wrong")) == ("6", "5")
    assert owner.program().get("/api/auth/me")["X-RateLimit-Limit"] == "600"


def test_a_known_password_does_not_try_codes_without_limit(owner: Person) -> None:
    switch_on(owner)
    tries = [log_in(owner, code="000000", ip=f"192.0.2.{number}") for number in range(6)]
    assert [answered(one) for one in tries] == [(401, "invalid_code")] * 6
    assert [limits(one)[1] for one in tries] == ["5", "4", "3", "2", "1", "0"]
    refused = log_in(owner, code="000000", ip="192.0.2.50")
    assert answered(refused) == (429, "too_many_requests")
    assert last_lines() == [("two_factor", "failure", "throttled")]
    # The right password in between takes nothing back.
    assert answered(log_in(owner, ip="192.0.2.51")) == (401, "two_factor_required")
    assert log_in(owner, code="000000", ip="192.0.2.52").status_code == 429


def test_a_quiet_quarter_of_an_hour_does_not_forget_wrong_codes(owner: Person) -> None:
    app = switch_on(owner)
    for number in range(6):
        log_in(owner, code="000000", ip=f"192.0.2.{number}")
    let_time_pass(16 * 60)
    assert log_in(owner, code="000000", ip="192.0.2.60").status_code == 401
    assert 6 <= int(log_in(owner, code="000000", ip="192.0.2.61")["Retry-After"]) <= 10
    let_time_pass(24 * 3600 + 60)
    assert limits(log_in(owner, code="000000", ip="192.0.2.62")) == ("6", "5")
    with app.code() as code:
        assert log_in(owner, code=code, ip="192.0.2.63").status_code == 200


def test_an_account_with_two_steps_tells_a_wrong_password_like_any_other(
    owner: Person, outsider: Person
) -> None:
    switch_on(owner)
    one, two = log_in(owner, "wrong"), log_in(outsider, "wrong")
    assert (one.status_code, one.content) == (two.status_code, two.content)
    assert PASSWORD not in one.content.decode()
