"""What several processes do with one API key at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from convergio.accounts import key_expiry
from convergio.accounts.actor import Actor
from convergio.accounts.api_keys import issue_api_key
from convergio.accounts.credentials import note_use
from convergio.accounts.models import ApiKey
from convergio.core.clock import now
from convergio.core.models import Activity
from convergio.core.tenancy import workspace_scope
from tests.cast import make_user, make_workspace

WORKERS = 8


def ending_key() -> ApiKey:
    user = make_user("olga")
    ends = now() + timedelta(days=1)
    workspace = make_workspace(user)
    return issue_api_key(user_id=user.id, workspace_id=workspace.id, name="invoices", expires_at=ends)[0]


def at_once(work: Any) -> list[Any]:
    def run(_: int) -> Any:
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(run, range(WORKERS)))


@pytest.mark.usefixtures("committed")
def test_many_workers_tell_of_a_keys_end_once(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR, settings.SYSTEM_SMTP_URL = tmp_path, ""
    key = ending_key()
    told = at_once(lambda: key_expiry.tell_of_end(key.id))
    assert sorted(told) == [False] * (WORKERS - 1) + [True]
    assert len(list(tmp_path.glob("outbox/*.eml"))) == 1


@pytest.mark.usefixtures("committed")
def test_many_requests_of_a_key_are_one_line_of_the_day() -> None:
    key = ending_key()
    actor = Actor(key.workspace_id, key.user_id, "owner", via="api_key", api_key_id=key.id)
    at_once(lambda: note_use(actor, "192.0.2.1"))
    with workspace_scope(key.workspace_id):
        assert Activity.objects.filter(action="api_key.used").count() == 1
