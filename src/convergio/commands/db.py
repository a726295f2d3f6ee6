"""`convergio db ...`: what a person does with the database itself."""

import argparse

from convergio.commands.workplace import add_data_dir, open_workplace


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    url = actions.add_parser(
        "url", help="Print its address", description="Print the address of the database."
    )
    add_data_dir(url)
    url.add_argument(
        "--role",
        choices=("admin", "app"),
        default="admin",
        help="admin sees every row, app only what row-level security shows it (default: %(default)s)",
    )
    url.set_defaults(run=print_url)


def print_url(options: argparse.Namespace) -> int:
    with open_workplace(options) as workplace:
        print(workplace.admin_url if options.role == "admin" else workplace.app_url)
    return 0
