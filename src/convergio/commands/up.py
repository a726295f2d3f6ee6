"""`convergio up`: everything for real use, with DATABASE_URL or the embedded database of the data folder."""

import argparse
import os

from convergio.commands import stack, web
from convergio.commands.workplace import add_data_dir, open_workplace
from convergio.core.ports import require_free_port


def configure(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=run)
    add_data_dir(parser)
    web.add_address(parser)
    stack.add_reload(parser)


def run(options: argparse.Namespace) -> int:
    require_free_port(options.host, options.port)
    url = web.public_url(options)
    stack.say("Starting the database")
    with open_workplace(options) as workplace:
        os.environ["CONVERGIO_PUBLIC_URL"] = url
        stack.say("Bringing its tables up to date")
        stack.run_step("migrate")
        stack.say("Starting web, worker and mailwatch")
        return stack.run_stack(workplace, options, on_ready=lambda: stack.say(f"Convergio is at {url}"))
