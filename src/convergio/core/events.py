"""Telling other domains and open browser windows that something happened.

`announce` runs inside the transaction that made it happen: what it queues and notifies leaves with the commit, or
not at all. Other domains answer with `@on(...)`, which runs as a job; browsers get the same event by LISTEN/NOTIFY.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from procrastinate.contrib.django import app

from convergio.core import sql
from convergio.core.jobs import RETRIES, enqueue
from convergio.core.tenancy import workspace_scope

CHANNEL = "convergio"
# NOTIFY carries at most 8,000 bytes; past this many ids a listener reloads instead of patching.
MOST_IDS = 200

Handler = Callable[[int, list[int]], None]
_handlers: dict[str, list[Any]] = defaultdict(list)


def on(event: str, *, queue: str = "default") -> Callable[[Handler], Handler]:
    """Run the function as a job for each announcement: `handler(workspace_id, ids)`, in the workspace's scope."""

    def register(handler: Handler) -> Handler:
        @app.task(name=f"{event}->{handler.__module__}.{handler.__name__}", queue=queue, retry=RETRIES)
        def job(workspace_id: int, ids: list[int]) -> None:
            with workspace_scope(workspace_id):
                handler(workspace_id, ids)

        _handlers[event].append(job)
        return handler

    return register


def announce(event: str, *, workspace_id: int, ids: Sequence[int]) -> None:
    """Queue the event's handlers and notify open windows, with the current transaction."""
    for job in _handlers[event]:
        enqueue(job, workspace_id=workspace_id, ids=list(ids))
    show(event, workspace_id=workspace_id, ids=ids)


def show(event: str, *, workspace_id: int, ids: Sequence[int]) -> None:
    """Notify open windows only (a changed row, a moved card)."""
    shown = list(ids) if len(ids) <= MOST_IDS else []
    message = msgspec.json.encode({"event": event, "workspace": workspace_id, "ids": shown}).decode()
    sql.execute("SELECT pg_notify(%s, %s)", [CHANNEL, message])
