"""Jobs: ids in, one action, safe to run twice. They enqueue with the data's own transaction and run in `convergio worker`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import procrastinate
from procrastinate.contrib.django import app

from convergio.core.tenancy import workspace_scope

RETRIES = procrastinate.RetryStrategy(max_attempts=8, exponential_wait=3)


def workspace_job(*, queue: str = "default", retry: Any = RETRIES) -> Callable[[Callable[..., None]], Any]:
    """Register `function(workspace_id, ...)` as a job that runs in one transaction inside that workspace's scope."""

    def register(function: Callable[..., None]) -> Any:
        @app.task(name=f"{function.__module__}.{function.__name__}", queue=queue, retry=retry)
        def job(workspace_id: int, **arguments: Any) -> None:
            with workspace_scope(workspace_id):
                function(workspace_id, **arguments)

        return job

    return register


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="core.rescue_stalled_jobs", pass_context=True)
async def rescue_stalled_jobs(context: procrastinate.JobContext, timestamp: int) -> None:
    """Put jobs of workers that died back in the queue; the queue does not do that by itself."""
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=30):
        await manager.retry_job(job)
