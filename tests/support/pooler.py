"""Debian's PgBouncer in front of a database server."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from convergio.core.embedded_pg import EmbeddedPostgres
from tests.support.commands import clean_environment, free_port, wait_until

PGBOUNCER = Path("/usr/sbin/pgbouncer")
needs_pgbouncer = pytest.mark.skipif(not PGBOUNCER.exists(), reason="pgbouncer is not installed")


@contextmanager
def pooler(server: EmbeddedPostgres, folder: Path, mode: str) -> Iterator[str]:
    """PgBouncer in front of the server; the address to connect to."""
    port = free_port()
    socket_folder = server.app_url.partition("host=")[2]
    # It does not run as root; the server takes root and its own user.
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    (folder / "users.txt").write_text('"convergio_app" ""\n"convergio" ""\n', encoding="ascii")
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\nconvergio = host={socket_folder} dbname=convergio\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {folder / 'users.txt'}\n"
        f"pool_mode = {mode}\nignore_startup_parameters = extra_float_digits\n",
        encoding="ascii",
    )
    process = subprocess.Popen(
        [PGBOUNCER, "-q", *user, folder / "pgbouncer.ini"],
        env=clean_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: listens(port), seconds=10)
        yield f"postgresql://convergio_app@127.0.0.1:{port}/convergio"
    finally:
        process.terminate()
        process.wait(timeout=10)


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
