"""The in-process request limit and its headers."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine
from django.test import Client

from tests.cast import Person

pytestmark = pytest.mark.django_db


def test_every_api_answer_tells_what_is_left_and_the_limit_holds_per_caller(
    owner: Person, teammate: Person, settings: Any
) -> None:
    settings.RATE_LIMIT = 2
    client = owner.program()
    with time_machine.travel("2026-11-24T10:00:15Z", tick=False) as clock:
        client.get("/api/health")
        first, second, third = (client.get("/api/auth/me") for _ in range(3))
        assert [answer.status_code for answer in (first, second, third)] == [200, 200, 429]
        assert [first[f"X-RateLimit-{name}"] for name in ("Limit", "Remaining", "Reset")] == ["2", "1", "45"]
        assert (third["Retry-After"], third.json()["code"]) == ("45", "too_many_requests")
        clock.shift(46)
        assert client.get("/api/auth/me").status_code == 200


def test_strangers_are_counted_by_address(client: Client, settings: Any) -> None:
    settings.RATE_LIMIT = 1
    answers = [client.get("/api/auth/me", headers={"Authorization": f"Bearer {n}"}) for n in range(2)]
    assert [answer.status_code for answer in answers] == [401, 429]
    assert client.get("/api/auth/me", REMOTE_ADDR="192.0.2.9").status_code == 401


def test_pages_are_not_counted(client: Client, settings: Any) -> None:
    settings.RATE_LIMIT = 1
    assert [client.get("/login").status_code for _ in range(3)] == [200] * 3
