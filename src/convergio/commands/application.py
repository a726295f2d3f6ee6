"""Django, set up for one command, on a database whose tables are those of this release."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

from convergio.commands.doctor.finding import Level
from convergio.commands.doctor.migrations import check_migrations
from convergio.commands.stack import run_step
from convergio.commands.workplace import Workplace, open_workplace
from convergio.core.faults import ConfigurationFault


@contextmanager
def open_application(options: argparse.Namespace) -> Iterator[Workplace]:
    """As `open_workplace`, with Django's models ready.

    An embedded database is ours to migrate; another's is migrated when its operator says so.
    """
    with open_workplace(options) as workplace:
        import django  # noqa: PLC0415 - reads the environment

        django.setup()
        behind = next((f for f in check_migrations(workplace) if f.level is Level.PROBLEM), None)
        if behind is not None and workplace.postgres is None:
            raise ConfigurationFault(f"{behind.sentence} {behind.remedy}")
        if behind is not None:
            run_step("migrate", "--data-dir", str(workplace.data_dir))
        yield workplace
