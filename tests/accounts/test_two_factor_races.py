"""Codes used and guessed in parallel, over connections of their own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from django.db import connection

from convergio.accounts.models import LoginHistory, LoginThrottle, UserTwoFactor
from tests.accounts.two_step import log_in, switch_on
from tests.cast import Person, make_person


def _attempt(arguments: tuple[Person, dict[str, str], int]) -> int:
    person, codes, number = arguments
    try:
        return int(log_in(person, ip=f"192.0.2.{number}", **codes).status_code)
    finally:
        connection.close()


def _race(person: Person, codes: dict[str, str], count: int = 50) -> list[int]:
    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(_attempt, [(person, codes, number) for number in range(count)]))


def test_of_fifty_parallel_uses_of_a_backup_code_exactly_one_wins(committed: None) -> None:
    person = make_person("owner")
    code = switch_on(person).backup_codes[0]
    statuses = _race(person, {"backup_code": code})
    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 401, 429}
    assert LoginHistory.objects.filter(method="backup_code", outcome="success").count() == 1
    assert len(UserTwoFactor.objects.get().backup_codes) == 9
    LoginThrottle.objects.all().delete()
    assert log_in(person, backup_code=code).status_code == 401


def test_of_parallel_uses_of_an_apps_code_exactly_one_wins(committed: None) -> None:
    person = make_person("owner")
    app = switch_on(person)
    with app.code() as code:
        statuses = _race(person, {"code": code}, 20)
    assert statuses.count(200) == 1
    assert LoginHistory.objects.filter(method="two_factor", outcome="success").count() == 1


def test_parallel_guesses_are_counted_one_by_one(committed: None) -> None:
    person = make_person("owner")
    switch_on(person)
    statuses = _race(person, {"code": "000000"}, 30)
    assert (statuses.count(401), statuses.count(429)) == (6, 24)
