"""`convergio seed-demo`: what `convergio demo` runs once in a process of its own; prints the login as JSON."""

import argparse
import dataclasses
import json

from convergio.commands.workplace import add_data_dir, open_workplace


def configure(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=run)
    add_data_dir(parser)


def run(options: argparse.Namespace) -> int:
    with open_workplace(options, always_embedded=True) as workplace:
        import django  # noqa: PLC0415 - reads the environment

        django.setup()
        from convergio.site.demo.seed import seed_demo  # noqa: PLC0415 - models need Django's settings

        print(json.dumps(dataclasses.asdict(seed_demo(workplace.data_dir))))
    return 0
