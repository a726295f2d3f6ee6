"""`convergio db ...`: what a person does with the database itself."""

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import TypeAlias

import psycopg

from convergio.commands.migrate import migrate
from convergio.commands.schema_domains import domain_of_tables
from convergio.commands.workplace import Workplace, add_data_dir, open_workplace
from convergio.core.backups import restore_backup, write_backup
from convergio.core.embedded_pg import throwaway_postgres
from convergio.core.faults import PlatformFault
from convergio.core.pg_tools import dump_schema
from convergio.core.roles import grant_application_role
from convergio.core.schema_docs import differing_files, split_schema, write_schema

_MOVED_FOLDERS = """
UPDATE inboxes SET
  maildir_path = CASE WHEN starts_with(maildir_path, %(before)s)
    THEN %(now)s || substr(maildir_path, length(%(before)s) + 1) ELSE maildir_path END,
  outbox_path = CASE WHEN starts_with(outbox_path, %(before)s)
    THEN %(now)s || substr(outbox_path, length(%(before)s) + 1) ELSE outbox_path END
WHERE kind = 'maildir'
"""
# argparse has no public name for what add_subparsers returns.
Actions: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    _configure_url(_add(actions, "url", "Print the database's address."))
    _configure_schema(
        _add(actions, "schema", "Print the tables of this release as SQL, or write them to a folder.")
    )
    backup = _add(
        actions, "backup", "Write the database, the stored files and the key of its secrets to one file."
    )
    add_data_dir(backup)
    backup.add_argument(
        "file", type=Path, metavar="FILE", help="the file to write, a tar that only you can read"
    )
    backup.set_defaults(run=back_up)
    restore = _add(actions, "restore", "Fill an empty database and data folder from a backup.")
    add_data_dir(restore)
    restore.add_argument("file", type=Path, metavar="FILE", help="what `convergio db backup` wrote")
    restore.set_defaults(run=restore_from)


def _add(actions: Actions, name: str, summary: str) -> argparse.ArgumentParser:
    return actions.add_parser(name, help=summary, description=summary)


def _configure_url(parser: argparse.ArgumentParser) -> None:
    add_data_dir(parser)
    parser.add_argument(
        "--role",
        choices=("admin", "app"),
        default="admin",
        help="admin sees every row, app only what row-level security shows it (default: %(default)s)",
    )
    parser.set_defaults(run=print_url)


def _configure_schema(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="write one file per domain into this folder"
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail when the folder of --output is out of date"
    )
    parser.set_defaults(run=show_schema, complain=parser.error)


def print_url(options: argparse.Namespace) -> int:
    with open_workplace(options) as workplace:
        print(workplace.admin_url if options.role == "admin" else workplace.app_url)
    return 0


def show_schema(options: argparse.Namespace) -> int:
    """Migrate a database of its own, so that what is shown is the release's and not this installation's."""
    if options.check and options.output is None:
        options.complain("--check compares with the folder of --output, which is missing")
    with tempfile.TemporaryDirectory(prefix="convergio-schema-") as folder:
        Path(folder).chmod(0o711)
        with throwaway_postgres(Path(folder) / "data") as postgres:
            os.environ.update(
                DATABASE_URL=postgres.app_url,
                DATABASE_ADMIN_URL=postgres.admin_url,
                CONVERGIO_SECRET_KEY="-" * 32,
                DJANGO_SETTINGS_MODULE="convergio.settings",
            )
            migrate(Workplace(postgres.data_dir, postgres))
            files = split_schema(
                dump_schema(postgres.admin_url, binaries=postgres.binaries), domain_of_tables()
            )
    if options.output is None:
        print("\n".join(files.values()))
    elif options.check:
        return _report(differing_files(options.output, files))
    else:
        write_schema(options.output, files)
    return 0


def _report(differing: list[str]) -> int:
    if differing:
        print(
            f"Out of date: {', '.join(differing)}. Run `make schema` and commit what it wrote.",
            file=sys.stderr,
        )
    return 1 if differing else 0


def back_up(options: argparse.Namespace) -> int:
    with open_workplace(options) as workplace:
        write_backup(
            workplace.admin_url,
            workplace.data_dir,
            options.file.absolute(),
            waiting=["mail"],
            binaries=workplace.binaries,
        )
    print(f"Everything is in {options.file}. It holds secrets: keep it as you keep passwords.")
    return 0


def restore_from(options: argparse.Namespace) -> int:
    if not options.file.is_file():
        raise PlatformFault(f"There is no file {options.file}: name what `convergio db backup` wrote.")
    with open_workplace(options) as workplace:
        before = restore_backup(
            workplace.admin_url, workplace.data_dir, options.file, binaries=workplace.binaries
        )
        grant_application_role(workplace.admin_url, workplace.app_role)
        with psycopg.connect(workplace.admin_url) as owner:
            # Folders of inboxes lie where the data folder is now; those elsewhere on the machine stay.
            owner.execute(_MOVED_FOLDERS, {"before": f"{before}/", "now": f"{workplace.data_dir}/"})
    print(f"{options.file} is restored into {workplace.data_dir}.")
    return 0
