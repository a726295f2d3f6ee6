"""The web server as it is run: a body that is too large is refused before it has arrived."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.support.commands import COMMAND, clean_environment, free_port, wait_until

GIGABYTE = 1024**3


@contextmanager
def web(urls: tuple[str, str], data_dir: Path) -> Iterator[int]:
    """One web process; its port."""
    admin, application = urls
    port = free_port()
    environment = clean_environment(
        DATABASE_URL=application,
        DATABASE_ADMIN_URL=admin,
        CONVERGIO_DATA_DIR=str(data_dir),
        CONVERGIO_SECRET_KEY="k" * 40,
    )
    process = subprocess.Popen([*COMMAND, "web", "--port", str(port), "--workers", "1"], env=environment)
    try:
        wait_until(lambda: b" 200 " in ask(port, b"GET /api/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"))
        yield port
    finally:
        process.terminate()
        process.wait(timeout=20)


def ask(port: int, request: bytes) -> bytes:
    """What the server says within 10 seconds; nothing while it does not listen."""
    try:
        with closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as client:
            client.sendall(request)
            return client.recv(65536)
    except ConnectionError:
        return b""


@pytest.mark.usefixtures("django_db_setup")
def test_a_gigabyte_is_refused_when_only_its_length_has_arrived(
    database_urls: tuple[str, str], tmp_path: Path
) -> None:
    with web(database_urls, tmp_path) as port:
        for path in (b"/api/auth/login", b"/login", b"/api/upload-attachment", b"/api/emails"):
            request = b"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n" % path
            answer = ask(port, request + b"Content-Length: %d\r\n\r\n{" % GIGABYTE)
            assert answer.startswith(b"HTTP/1.1 413 "), path
        # Without a length nothing is read: what arrives in chunks is no body at all.
        chunked = b"POST /api/auth/login HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        answer = ask(port, chunked + b"2\r\n{}\r\n0\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 4"), answer
