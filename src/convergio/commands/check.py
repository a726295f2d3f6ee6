"""`convergio check`: looks for what is wrong with an installation, says it, and says what to do."""

import argparse
from collections.abc import Iterator
from itertools import chain

from convergio.commands.doctor.database import check_database
from convergio.commands.doctor.deploy import check_deploy
from convergio.commands.doctor.disk import check_disk
from convergio.commands.doctor.finding import Finding, Level
from convergio.commands.doctor.keys import check_keys
from convergio.commands.doctor.mail import check_mail
from convergio.commands.doctor.migrations import check_migrations
from convergio.commands.doctor.money import check_money
from convergio.commands.doctor.queue import check_queue
from convergio.commands.workplace import Workplace, add_data_dir, open_workplace


def configure(parser: argparse.ArgumentParser) -> None:
    # Whatever keeps it from looking is a failure like any that it finds.
    parser.set_defaults(run=run, fault_code=1)
    add_data_dir(parser)
    parser.add_argument(
        "--deploy", action="store_true", help="also list what is not fit for production, like a http address"
    )


def run(options: argparse.Namespace) -> int:
    problems = 0
    with open_workplace(options) as workplace:
        import django  # noqa: PLC0415 - reads the environment

        django.setup()
        for finding in chain(findings(workplace), check_deploy(workplace) if options.deploy else ()):
            problems += finding.level is Level.PROBLEM
            print(f"{finding.level.value:<8} {finding.subject + ':':<12} {finding.sentence}", flush=True)
            if finding.remedy:
                print(f"{'':<21} {finding.remedy}", flush=True)
    return 1 if problems else 0


def findings(workplace: Workplace) -> Iterator[Finding]:
    """All that there is to say; what rests on tables is asked only once they are those of this release."""
    yield from check_disk(workplace)
    yield from check_database(workplace)
    migrations = list(check_migrations(workplace))
    yield from migrations
    if all(finding.level is Level.OK for finding in migrations):
        for check in (check_queue, check_mail, check_money, check_keys):
            yield from check(workplace)
