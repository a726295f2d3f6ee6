"""One challenge, many answers at once, over connections of their own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connections
from django.test import Client

from tests.accounts.ceremonies import ORIGIN, begin, post, registered
from tests.cast import make_person


def test_of_one_answer_posted_many_times_at_once_one_gets_in(committed: None, settings: Any) -> None:
    settings.PUBLIC_URL = ORIGIN
    owner = make_person("owner")
    made_by = registered(owner)
    began = begin(Client(), "/login/passkey")
    body = {"ceremony": began["ceremony"], "answer": made_by.get(began["options"])}

    def once(_: int) -> int:
        try:
            return int(post(Client(REMOTE_ADDR=""), "/login/passkey", body).status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(once, range(16)))
    assert sorted(statuses) == [200] + [400] * 15
