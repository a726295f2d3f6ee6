"""`convergio worker`: runs the queued jobs."""

import argparse
import asyncio
import os
from typing import TYPE_CHECKING

from convergio.commands.workplace import add_data_dir, open_workplace

if TYPE_CHECKING:
    from procrastinate import App

# A job that is not done by then is stopped, and is run again by whoever finds it stalled.
_GRACE_SECONDS = 2.0


def configure(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=run)
    add_data_dir(parser)
    parser.add_argument(
        "--concurrency", type=int, default=2, metavar="N", help="jobs to run at a time (default: %(default)s)"
    )


def run(options: argparse.Namespace) -> int:
    with open_workplace(options) as workplace:
        os.environ["DATABASE_URL"] = workplace.direct_url
        _work(options.concurrency)
    return 0


def _work(concurrency: int) -> None:
    import django  # noqa: PLC0415 - reads the environment

    django.setup()
    from procrastinate.contrib.django import app  # noqa: PLC0415
    from procrastinate.contrib.django.django_connector import DjangoConnector  # noqa: PLC0415

    # Django's own connection cannot LISTEN; the queue brings one that can.
    with app.replace_connector(DjangoConnector().get_worker_connector()) as worker:
        asyncio.run(_run(worker, concurrency))


async def _run(worker: "App", concurrency: int) -> None:
    async with worker.open_async():
        await worker.run_worker_async(
            concurrency=concurrency, shutdown_graceful_timeout=_GRACE_SECONDS, delete_jobs="successful"
        )
