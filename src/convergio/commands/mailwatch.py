"""`convergio mailwatch`: watches the mailboxes and takes new mail up."""

import argparse
import os
import signal

from convergio.commands.workplace import add_data_dir, open_workplace


def configure(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=run)
    add_data_dir(parser)


def run(options: argparse.Namespace) -> int:
    with open_workplace(options) as workplace:
        os.environ["DATABASE_URL"] = workplace.direct_url
        _watch()
    return 0


def _watch() -> None:
    import django  # noqa: PLC0415 - reads the environment

    django.setup()
    from convergio.mail.mailwatch import MailWatch  # noqa: PLC0415 - needs Django's settings

    watch = MailWatch()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: watch.stop())
    watch.run()
