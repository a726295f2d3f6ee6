"""`convergio migrate`: bring the tables up to date as the owner, then give the application's role its rights."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from convergio.commands.workplace import Workplace, add_data_dir, open_workplace
from convergio.core.roles import grant_application_role

# Any number: it only has to be the same in every process that migrates.
_LOCK = 7_265_661


def configure(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=run)
    add_data_dir(parser)


def run(options: argparse.Namespace) -> int:
    with open_workplace(options) as workplace:
        migrate(workplace)
    return 0


def migrate(workplace: Workplace) -> None:
    """Apply what is pending. Safe on several machines at once: one does the work and the others wait."""
    role = workplace.app_role
    workplace.become_owner()
    from django import setup  # noqa: PLC0415 - reads the environment

    setup()
    from convergio.core.quick_migrations import apply_migrations  # noqa: PLC0415 - needs the settings

    with _one_at_a_time(workplace.admin_url):
        apply_migrations()
        grant_application_role(workplace.admin_url, role)


@contextmanager
def _one_at_a_time(admin_url: str) -> Iterator[None]:
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        yield
