"""Two web processes on loopback: what one writes, the other's open windows hear."""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, IncompleteRead
from typing import Any

import psycopg
import pytest

from convergio.core.crypto import token_digest
from convergio.site.live import HEARTBEAT

pytestmark = pytest.mark.usefixtures("django_db_setup")
PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Window:
    """A signed-in program: its bearer token and its session."""

    token: str
    session_id: int

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}


@pytest.fixture
def windows(database_urls: tuple[str, str]) -> Iterator[tuple[Window, Window]]:
    """Somebody, and somebody of another workspace, committed for other processes to see."""
    with psycopg.connect(database_urls[0], autocommit=True) as owner:
        yield _sign_in(owner, "olga"), _sign_in(owner, "eve")
        owner.execute("TRUNCATE users CASCADE")


def _sign_in(owner: psycopg.Connection, name: str) -> Window:
    token = f"token-of-{name}"
    (session_id,) = (
        owner.execute(
            """
            WITH u AS (INSERT INTO users (email, name, password_hash) VALUES (%(email)s, %(name)s, '!') RETURNING id),
            w AS (INSERT INTO workspaces (name, owner_id) SELECT %(name)s, id FROM u RETURNING id),
            m AS (INSERT INTO workspace_members (workspace_id, user_id, role) SELECT w.id, u.id, 'owner' FROM w, u)
            INSERT INTO user_sessions (user_id, workspace_id, kind, token_hash, token_expires_at, expires_at)
            SELECT u.id, w.id, 'api', %(digest)s, now() + interval '1 hour', now() + interval '1 day' FROM u, w
            RETURNING id
            """,
            {"email": f"{name}@live.test", "name": name, "digest": token_digest(token)},
        ).fetchone()
        or ()
    )
    return Window(token, session_id)


@dataclass(frozen=True, slots=True)
class Server:
    process: subprocess.Popen[bytes]
    port: int

    def post(self, window: Window, path: str, body: dict[str, Any]) -> Any:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.request("POST", path, json.dumps(body), window.headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        assert answer.status < 300, content
        return json.loads(content)


@contextmanager
def web_server(url: str) -> Iterator[Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = ["--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--blocking-threads", "8"]
    process = subprocess.Popen(
        [sys.executable, "-m", "granian", *arguments, "convergio.site.wsgi:application"],
        env={
            **os.environ,
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "convergio.settings",
            "CONVERGIO_PUBLIC_URL": "http://127.0.0.1",
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port)
        yield Server(process, port)
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _wait_for(port: int) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("The server did not start.")


class Stream:
    """An open event stream; a thread reads its lines into a queue, None at its end."""

    def __init__(self, server: Server, window: Window) -> None:
        self._connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
        self._connection.request("GET", "/api/events", headers=window.headers)
        self.answer = self._connection.getresponse()
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def line(self, patience: float = PATIENCE) -> str | None:
        """The next line that is not empty; None when the stream ended."""
        return self._lines.get(timeout=patience)

    def event(self) -> tuple[str | None, Any]:
        name, data = self.line(), self.line()
        assert name is not None
        assert data is not None
        return name.removeprefix("event: "), json.loads(data.removeprefix("data: "))

    def silent(self) -> bool:
        return self._lines.empty()

    def __enter__(self) -> Stream:
        assert self.answer.status == 200
        assert self.answer.headers["Content-Type"] == "text/event-stream"
        assert [self.line(), self.line()] == ["retry: 2000", ": open"]
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up; the reader must see the end before its file can be closed."""
        if self._connection.sock:
            self._connection.sock.shutdown(socket.SHUT_RDWR)
        self._reader.join(PATIENCE)
        self.answer.close()
        self._connection.close()

    def _read(self) -> None:
        with suppress(OSError, IncompleteRead):
            for line in self.answer:
                if text := line.decode().strip():
                    self._lines.put(text)
        self._lines.put(None)


def test_a_window_hears_what_another_process_writes_and_nobody_else_s(
    database_urls: tuple[str, str], windows: tuple[Window, Window]
) -> None:
    ours, theirs = windows
    url = database_urls[1]
    with (
        web_server(url) as one,
        web_server(url) as other,
        Stream(one, ours) as stream,
        Stream(one, theirs) as foreign,
    ):
        task = other.post(ours, "/api/tasks", {"title": "Call back"})
        assert stream.event() == ("task.changed", {"ids": [task["id"]]})
        elsewhere = other.post(theirs, "/api/tasks", {"title": "Not ours"})
        assert foreign.event() == ("task.changed", {"ids": [elsewhere["id"]]})
        assert stream.silent()
        assert _idle_in_transaction(database_urls[0]) == 0


def test_a_stream_outlives_its_lost_database_connection(
    database_urls: tuple[str, str], windows: tuple[Window, Window]
) -> None:
    with web_server(database_urls[1]) as server, Stream(server, windows[0]) as stream:
        with psycopg.connect(database_urls[0], autocommit=True) as owner:
            owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE query LIKE 'LISTEN %' AND datname = current_database()"
            )
        assert stream.event() == ("resync", {"ids": []})
        task = server.post(windows[0], "/api/tasks", {"title": "Call back"})
        assert stream.event() == ("task.changed", {"ids": [task["id"]]})


def test_a_stream_beats_and_ends_with_the_sign_in(
    database_urls: tuple[str, str], windows: tuple[Window, Window]
) -> None:
    revoked, kept = windows
    with (
        web_server(database_urls[1]) as server,
        Stream(server, revoked) as ending,
        Stream(server, kept) as staying,
    ):
        with psycopg.connect(database_urls[0], autocommit=True) as owner:
            owner.execute("UPDATE user_sessions SET revoked_at = now() WHERE id = %s", [revoked.session_id])
        assert ending.line(HEARTBEAT + PATIENCE) is None
        assert staying.line() == ": still here"


def test_open_streams_do_not_hold_a_server_that_is_told_to_stop(
    database_urls: tuple[str, str], windows: tuple[Window, Window]
) -> None:
    with web_server(database_urls[1]) as server, Stream(server, windows[0]) as stream:
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(3)
        assert stream.line() is None


def test_a_stream_needs_a_sign_in(database_urls: tuple[str, str], windows: tuple[Window, Window]) -> None:
    with web_server(database_urls[1]) as server:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        connection.request("GET", "/api/events")
        assert connection.getresponse().status == 401
        connection.close()


def _idle_in_transaction(url: str) -> int:
    with psycopg.connect(url) as owner:
        row = owner.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"
        ).fetchone()
    return int(row[0]) if row else 0
