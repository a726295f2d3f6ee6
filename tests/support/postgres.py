"""A PostgreSQL for the test session: the embedded one, or another installation's programs.

CONVERGIO_TEST_PG_BIN names the folder of another installation (Debian: /usr/lib/postgresql/15/bin).
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from convergio.core.embedded_pg import EmbeddedPostgres, throwaway_postgres
from convergio.core.pg_binaries import PostgresBinaries


def chosen_binaries() -> PostgresBinaries | None:
    """The installation that this run is to use, None for the embedded one."""
    folder = os.environ.get("CONVERGIO_TEST_PG_BIN")
    return PostgresBinaries(Path(folder)) if folder else None


@contextmanager
def reachable_folder() -> Iterator[Path]:
    """A temporary folder that the server's user may pass through, as pytest's own (0700) is not."""
    folder = Path(tempfile.mkdtemp(prefix="convergio-test-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def session_postgres() -> Iterator[EmbeddedPostgres]:
    """One throw-away server, about a second to start."""
    with (
        reachable_folder() as folder,
        throwaway_postgres(folder / "data", binaries=chosen_binaries()) as server,
    ):
        yield server
