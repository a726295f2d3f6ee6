"""The job queue: whether somebody works on it, and what was given up."""

from collections.abc import Iterator

import psycopg

from convergio.commands.doctor.finding import Finding, Level, counted
from convergio.commands.workplace import Workplace

_SUBJECT = "queue"
_WAITING = """
SELECT count(*), coalesce(extract(epoch FROM now() - min(coalesce(j.scheduled_at, e.at))), 0)::bigint / 60
FROM procrastinate_jobs j
LEFT JOIN procrastinate_events e ON e.job_id = j.id AND e.type = 'deferred'
WHERE j.status = 'todo' AND coalesce(j.scheduled_at, e.at) < now() - interval '5 minutes'
"""
_WORKERS = "SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - interval '1 minute'"
_FAILED = (
    "SELECT task_name, count(*) FROM procrastinate_jobs WHERE status = 'failed' GROUP BY 1 ORDER BY 2 DESC, 1"
)


def check_queue(workplace: Workplace) -> Iterator[Finding]:
    """Workers that live, jobs that wait too long, jobs that were given up."""
    with psycopg.connect(workplace.admin_url) as connection:
        (workers,) = connection.execute(_WORKERS).fetchone() or (0,)
        waiting, minutes = connection.execute(_WAITING).fetchone() or (0, 0)
        failed = connection.execute(_FAILED).fetchall()
    if waiting:
        yield Finding(
            _SUBJECT,
            Level.PROBLEM,
            f"{counted(waiting, 'job is', 'jobs are')} due, the oldest for {counted(minutes, 'minute', 'minutes')}, "
            f"with {counted(workers, 'worker', 'workers')} running.",
            "Start convergio worker, or more of them.",
        )
    elif workers:
        running = counted(workers, "worker is", "workers are")
        yield Finding(_SUBJECT, Level.OK, f"{running} running and no job waits.")
    else:
        yield Finding(
            _SUBJECT, Level.NOTE, "No worker is running, and no job waits.", "Start convergio up or worker."
        )
    for task, count in failed:
        yield Finding(
            _SUBJECT,
            Level.PROBLEM,
            f"{counted(count, 'job', 'jobs')} of {task} failed for good.",
            "Their reason is in the worker's log. List them with convergio manage procrastinate shell list_jobs "
            "status=failed, and run one again with convergio manage procrastinate shell retry and its number.",
        )
