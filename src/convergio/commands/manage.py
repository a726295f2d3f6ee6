"""`convergio manage ...`: Django's own commands, with the database of this installation."""

import argparse

from convergio.commands.workplace import add_data_dir, open_workplace


def configure(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=run)
    add_data_dir(parser)
    parser.add_argument(
        "--owner", action="store_true", help="connect as the database's owner, as migrations do"
    )
    parser.add_argument(
        "arguments", nargs=argparse.REMAINDER, metavar="...", help="the command and its arguments"
    )


def run(options: argparse.Namespace) -> int:
    with open_workplace(options) as workplace:
        if options.owner:
            workplace.become_owner()
        from django.core.management import execute_from_command_line  # noqa: PLC0415 - reads the environment

        execute_from_command_line(["convergio manage", *options.arguments])
    return 0
