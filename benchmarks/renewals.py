"""The measured part of billing.py. Arguments: subscribers, further users. Prints what billing.py reads.

Subscribers begin at the fake gateway; then a month passes, and each is looked at alone.
"""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from statistics import mean, median
from typing import Any

import django
import time_machine

# What one renewal leaves behind. Rows that it changes are left out: the limit stays a limit.
_LEFT = {
    "invoices": "SELECT * FROM invoices WHERE id > %s ORDER BY id",
    "subscription_payments": "SELECT * FROM subscription_payments WHERE id > %s ORDER BY id",
    "token_ledger": "SELECT * FROM token_ledger WHERE id > %s ORDER BY id",
    "token_lots": "SELECT * FROM token_lots WHERE entry_id > %s ORDER BY entry_id",
    "subscription_events": "SELECT * FROM subscription_events WHERE id > %s ORDER BY id",
    "procrastinate_jobs": "SELECT * FROM procrastinate_jobs WHERE id > %s ORDER BY id",
}
_KEYS = {"token_lots": "entry_id"}
IDLE_ROUNDS = 51


def measure(subscribers: int, more: int) -> list[float]:
    """Milliseconds and statements of a renewal, the most, the limit's milliseconds and rows, the idle job's twice."""
    from django.db import connection  # noqa: PLC0415 - needs Django's settings

    from convergio.billing.subscriptions.look import look  # noqa: PLC0415
    from convergio.core import sql  # noqa: PLC0415

    users = [_subscriber(number) for number in range(subscribers)]
    marks = {
        name: sql.fetch_value(f"SELECT COALESCE(max({_KEYS.get(name, 'id')}), 0) FROM {name}")
        for name in _LEFT
    }
    seconds, counts = [], []
    with time_machine.travel(time.time() + timedelta(days=32).total_seconds()):
        for user_id in users:
            connection.force_debug_cursor = True
            connection.queries_log.clear()
            began = time.perf_counter_ns()
            look(user_id)
            seconds.append((time.perf_counter_ns() - began) / 1e9)
            counts.append(len(connection.queries_log))
            connection.force_debug_cursor = False
        floor, rows = _floor(marks, subscribers)
        idle = _idle()
        _crowd(more)
        return [
            median(seconds) * 1000,
            mean(counts),
            max(counts),
            floor * 1000,
            rows,
            idle * 1000,
            _idle() * 1000,
        ]


def _subscriber(number: int) -> int:
    from convergio.billing import gateways  # noqa: PLC0415
    from convergio.billing.subscriptions.sync import sync  # noqa: PLC0415
    from tests.billing.subscribing import begin  # noqa: PLC0415
    from tests.cast import make_person  # noqa: PLC0415

    person = make_person(f"customer{number}")
    checkout = begin(person)
    fake: Any = gateways.find("fake")
    assert checkout.subscription is not None
    fake.agree(checkout.subscription.id)
    assert sync(person.user.id).status == "active"
    return person.user.id


def _floor(marks: dict[str, int], renewals: int) -> tuple[float, float]:
    """Seconds of one transaction that INSERTs the same rows into tables like theirs, and how many rows."""
    from django.db import connection, transaction  # noqa: PLC0415
    from psycopg.types.json import Jsonb  # noqa: PLC0415

    from convergio.core import sql  # noqa: PLC0415

    parts: dict[str, list[tuple[Any, ...]]] = {}
    for name, statement in _LEFT.items():
        sql.execute(f"CREATE TEMPORARY TABLE floor_{name} (LIKE {name} INCLUDING DEFAULTS INCLUDING INDEXES)")
        found = sql.fetch_rows(statement, [marks[name]])
        parts[name] = [
            tuple(Jsonb(value) if isinstance(value, dict | list) else value for value in row) for row in found
        ]
    inserts = {
        name: f"INSERT INTO floor_{name} VALUES ({', '.join(['%s'] * len(rows[0]))})"
        for name, rows in parts.items()
    }
    seconds = []
    for index in range(renewals):
        each = {name: _part(rows, index, renewals) for name, rows in parts.items()}
        began = time.perf_counter_ns()
        with transaction.atomic():
            for name, rows in each.items():
                for row in rows:
                    sql.execute(inserts[name], row)
        seconds.append((time.perf_counter_ns() - began) / 1e9)
    connection.close()
    return median(seconds), sum(len(rows) for rows in parts.values()) / renewals


def _part(rows: list[tuple[Any, ...]], index: int, parts: int) -> list[tuple[Any, ...]]:
    return rows[index * len(rows) // parts : (index + 1) * len(rows) // parts]


def _crowd(more: int) -> None:
    from convergio.core import sql  # noqa: PLC0415

    sql.execute(
        """INSERT INTO users (email, password_hash)
           SELECT 'more' || n || '@convergio.test', '!' FROM generate_series(1, %s) n""",
        [more],
    )
    sql.execute(
        """INSERT INTO user_subscriptions (user_id, plan_id, version_id, look_at)
           SELECT u.id, v.plan_id, v.id, now() + interval '300 days' FROM users u, subscription_plan_versions v
           JOIN subscription_plans p ON p.id = v.plan_id
           WHERE u.email LIKE 'more%%' AND p.slug = 'free' AND v.number = 1""",
        [],
    )
    sql.execute("ANALYZE user_subscriptions")


def _idle() -> float:
    from convergio.billing.subscriptions.rows import claim_due  # noqa: PLC0415

    while claim_due():
        pass
    seconds = []
    for _ in range(IDLE_ROUNDS):
        began = time.perf_counter_ns()
        assert claim_due() == []
        seconds.append((time.perf_counter_ns() - began) / 1e9)
    return median(seconds)


if __name__ == "__main__":
    django.setup()
    print(*measure(int(sys.argv[1]), int(sys.argv[2])))
