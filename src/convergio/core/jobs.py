"""Jobs: ids in, one action, safe to run twice. Queued with the data's own transaction, run in `convergio worker`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import procrastinate
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.manager import JobManager

RETRIES = procrastinate.RetryStrategy(max_attempts=8, exponential_wait=3)
# Inside the worker a task's own defer() would use the worker's connection, and a job could start before its data
# is committed, or without it.
_manager = JobManager(DjangoConnector())


def enqueue(task: Any, *, at: datetime | None = None, **arguments: Any) -> None:
    """Queue a job with the current transaction; `at` is the earliest moment it may start."""
    enqueue_all(task, [arguments], at=at)


def enqueue_all(task: Any, every: Sequence[dict[str, Any]], *, at: datetime | None = None) -> None:
    """Queue one job for each set of arguments, in one statement."""
    if every:
        blank = task.configure(schedule_at=at).job
        _manager.batch_defer_jobs([blank.evolve(task_kwargs=arguments) for arguments in every])


@app.periodic(cron="* * * * *")
@app.task(name="core.rescue_stalled_jobs", queueing_lock="core.rescue_stalled_jobs", pass_context=True)
async def rescue_stalled_jobs(context: procrastinate.JobContext, timestamp: int) -> None:  # noqa: ARG001
    """Put jobs of workers that died back in the queue; the queue does not do that by itself."""
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=30):
        await manager.retry_job(job)
