"""Statements are prepared once per connection, but never where a pooler would lose them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from convergio.core.embedded_pg import EmbeddedPostgres
from tests.support.commands import clean_environment
from tests.support.pooler import needs_pgbouncer, pooler
from tests.support.postgres import reachable_folder

# Several transactions at once, so that a pooler in between hands out several servers' connections in turn.
ASK = """
import django; django.setup()
from concurrent.futures import ThreadPoolExecutor
from django.db import transaction
from convergio.core import sql

def ask(first):
    for number in range(first, first + 40):
        with transaction.atomic():
            assert sql.fetch_value("SELECT %s::bigint", [number]) == number
    return sql.fetch_value("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT $1::bigint'")

with ThreadPoolExecutor(4) as threads:
    print(max(threads.map(ask, (1000, 2000, 3000, 4000))))
"""


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    with reachable_folder() as folder, EmbeddedPostgres(folder / "data", durable=False) as server:
        yield server


def prepared(**environment: str) -> int:
    """How often the statement stands prepared on a connection after many uses."""
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        env=clean_environment(
            DJANGO_SETTINGS_MODULE="convergio.settings", CONVERGIO_SECRET_KEY="k" * 40, **environment
        ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_a_statement_that_runs_often_is_prepared(server: EmbeddedPostgres) -> None:
    assert prepared(DATABASE_URL=server.admin_url) == 1


def test_an_operator_may_turn_it_off(server: EmbeddedPostgres) -> None:
    assert prepared(DATABASE_URL=server.admin_url, CONVERGIO_PREPARED_STATEMENTS="false") == 0


@needs_pgbouncer
def test_behind_a_transaction_pooler_nothing_is_prepared(server: EmbeddedPostgres) -> None:
    with reachable_folder() as folder, pooler(server, folder, "transaction") as url:
        assert prepared(DATABASE_URL=url, DATABASE_DIRECT_URL=server.app_url) == 0
