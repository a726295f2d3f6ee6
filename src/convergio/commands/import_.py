"""`convergio import`: takes mail over from files, with a progress bar; running it twice changes nothing."""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from convergio.commands.application import open_application
from convergio.commands.workplace import add_data_dir
from convergio.core.faults import PlatformFault

if TYPE_CHECKING:
    from convergio.mail.importing import ImportProgress

_PLAIN_LINE_SECONDS = 5.0
_INBOXES = """
SELECT id, email_address FROM inboxes WHERE lower(tag) = lower(%(name)s) OR email_address = lower(%(name)s) ORDER BY id
"""
_WORKSPACES = "SELECT id FROM workspaces WHERE %(name)s IN ('', id::text, name) ORDER BY id"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=run)
    add_data_dir(parser)
    parser.add_argument(
        "--inbox", required=True, metavar="TAG", help="the inbox it goes to: its tag or its address"
    )
    parser.add_argument(
        "--workspace",
        default="",
        metavar="NAME",
        help="the inbox's workspace, by name or number, where several have such an inbox",
    )
    parser.add_argument(
        "path", type=Path, metavar="PATH", help="an .eml, an mbox, a Maildir or a folder of these"
    )


def run(options: argparse.Namespace) -> int:
    with open_application(options):
        # Models need Django's settings.
        from convergio.core.tenancy import workspace_scope  # noqa: PLC0415
        from convergio.mail.importing import import_path  # noqa: PLC0415
        from convergio.mail.ingest import load_receiver  # noqa: PLC0415

        workspace_id, inbox_id = _find_inbox(options.inbox, options.workspace)
        with workspace_scope(workspace_id):
            receiver = load_receiver(inbox_id)
        with _progress() as progress:
            result = import_path(receiver, options.path, progress=progress)
    print(
        f"{result.read} read, {result.stored} stored, {result.already_there} already there, "
        f"{result.stored_with_error} stored with a parse error"
    )
    return 0


def _find_inbox(name: str, workspace: str) -> tuple[int, int]:
    """The workspace and the inbox; raises PlatformFault when there is none, or more than one."""
    from convergio.core import sql  # noqa: PLC0415
    from convergio.core.tenancy import workspace_scope  # noqa: PLC0415

    found: list[tuple[int, int, str]] = []
    for workspace_id in sql.fetch_column(_WORKSPACES, {"name": workspace}):
        with workspace_scope(workspace_id):
            rows = sql.fetch_rows(_INBOXES, {"name": name})
        found += [(workspace_id, inbox_id, address) for inbox_id, address in rows]
    if not found:
        place = f"the workspace {workspace}" if workspace else "any workspace"
        raise PlatformFault(f"There is no inbox {name} in {place}: see Settings, Inboxes for their tags.")
    if len(found) > 1:
        places = ", ".join(f"{address} in workspace {workspace_id}" for workspace_id, _, address in found)
        raise PlatformFault(
            f"Several inboxes are meant by {name} ({places}): name its address, or --workspace."
        )
    workspace_id, inbox_id, _ = found[0]
    return workspace_id, inbox_id


@contextmanager
def _progress() -> Iterator[Callable[["ImportProgress"], None]]:
    """A bar on a terminal, else a line every few seconds; on standard error both."""
    if not sys.stderr.isatty():
        yield _PlainLines()
        return
    from rich.console import Console  # noqa: PLC0415 - only a person waits for it
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None)
        yield lambda now: bar.update(
            task,
            total=now.bytes_total,
            completed=now.bytes_done,
            description=f"{now.read:,} messages, {now.messages_per_second:,.0f}/s",
        )


class _PlainLines:
    def __init__(self) -> None:
        self._next = time.monotonic() + _PLAIN_LINE_SECONDS

    def __call__(self, now: "ImportProgress") -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _PLAIN_LINE_SECONDS
        left = "" if now.seconds_left is None else f", {now.seconds_left:.0f} s left"
        print(f"{now.read:,} messages, {now.messages_per_second:,.0f}/s{left}", file=sys.stderr, flush=True)
