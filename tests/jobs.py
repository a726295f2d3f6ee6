"""Running queued jobs inside a test's own transaction, the way the worker would."""

from __future__ import annotations

from procrastinate.contrib.django import app

from convergio.core import sql

_NEXT = """
UPDATE procrastinate_jobs SET status = 'doing' WHERE id = (
  SELECT id FROM procrastinate_jobs WHERE status = 'todo' AND (%s OR scheduled_at IS NULL OR scheduled_at <= now())
  ORDER BY id LIMIT 1
) RETURNING task_name, args
"""


def run_jobs(*, also_scheduled: bool = False) -> list[str]:
    """Run what is queued, and what that queues, until nothing is left; the answer is the tasks' names in order."""
    done: list[str] = []
    while row := sql.run(_NEXT, [also_scheduled]).fetchone():
        name, arguments = row
        app.tasks[name].func(**arguments)
        done.append(name)
    return done
