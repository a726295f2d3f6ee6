"""A person's whole login history as a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import StreamingHttpResponse

from convergio.accounts.actor import Actor
from convergio.accounts.queries import Attempt
from convergio.core import sql
from convergio.core.csv_export import BATCH, csv_answer, in_batches

_HEADER = ("id", "at", "email", "method", "outcome", "reason", "address", "program")
_BATCH = f"""
SELECT id, email, method, outcome, reason, host(ip), user_agent, created_at FROM login_history
WHERE user_id = %(user)s AND (%(before)s::bigint IS NULL OR id < %(before)s) ORDER BY id DESC LIMIT {BATCH}
"""


def login_history_file(actor: Actor) -> StreamingHttpResponse:
    """Every attempt at the actor's account, newest first, as a CSV file."""
    return csv_answer("login-history.csv", _HEADER, _lines(actor.require_user()))


def _lines(user_id: int) -> Iterator[tuple[Any, ...]]:
    def read(before: int | None) -> list[Attempt]:
        return sql.fetch_all(Attempt, _BATCH, {"user": user_id, "before": before})

    for one in in_batches(read):
        yield (
            one.id,
            one.created_at.isoformat(),
            one.email,
            one.method,
            one.outcome,
            one.reason,
            one.ip,
            one.user_agent,
        )
