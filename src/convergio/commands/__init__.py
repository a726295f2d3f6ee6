"""The sub-commands of `convergio`, one module each.

A command's module has `configure(parser)`, which adds its options and sets the default `run` to the function that
takes the parsed options and returns the exit code. Adding a command is a module plus a line below. A module's own
imports stay light: Django and the web server are imported where they are needed, once the environment that they read
is complete.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol


class Command(Protocol):
    """What a command's module offers."""

    configure: Callable[[argparse.ArgumentParser], None]


class _Commands:
    """Name of each command to its module's name and its line in `convergio --help` (None: not listed)."""

    _LINES: Mapping[str, tuple[str, str | None]] = {
        "demo": ("demo", "Start everything with a believable week of data, in a folder of its own."),
        "up": (
            "up",
            "Start everything: web, worker and mailwatch, with DATABASE_URL or the embedded database.",
        ),
        "web": ("web", "Serve the website and the API alone."),
        "worker": ("worker", "Run the queued jobs alone."),
        "mailwatch": ("mailwatch", "Watch the mailboxes alone."),
        "migrate": ("migrate", "Bring the database's tables up to date."),
        "check": ("check", "Look for what is wrong with this installation, and say what to do."),
        "db": ("db", "The database: its address, its schema, backup and restore."),
        "import": ("import_", "Store mail from an .eml, an mbox, a Maildir or a folder of them."),
        "user": ("user", "Make accounts."),
        "apikey": ("apikey", "Make API keys."),
        "manage": ("manage", "Run a command of Django."),
        "seed-demo": ("seed_demo", None),
    }

    def module(self, name: str) -> str:
        return f"convergio.commands.{self._LINES[name][0]}"

    def items(self) -> Iterator[tuple[str, str | None]]:
        return ((name, summary) for name, (_, summary) in self._LINES.items())


COMMANDS = _Commands()
