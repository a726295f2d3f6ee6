"""Room and rights in the data folder."""

import os
import shutil
from collections.abc import Iterator

from convergio.commands.doctor.finding import Finding, Level
from convergio.commands.workplace import Workplace

_SUBJECT = "disk"
_LEAST_FREE = 1024**3


def check_disk(workplace: Workplace) -> Iterator[Finding]:
    """Whether the data folder takes files, and for how long."""
    folder = workplace.data_dir
    if not os.access(folder, os.W_OK | os.X_OK):
        yield Finding(
            _SUBJECT, Level.PROBLEM, f"{folder} cannot be written to.", "Make it writable for this user."
        )
        return
    free = shutil.disk_usage(folder).free
    gigabytes = f"{free / 1024**3:.1f} GB"
    if free < _LEAST_FREE:
        yield Finding(_SUBJECT, Level.PROBLEM, f"Only {gigabytes} are free for {folder}.", "Free some space.")
    else:
        yield Finding(_SUBJECT, Level.OK, f"{gigabytes} are free for {folder}.")
