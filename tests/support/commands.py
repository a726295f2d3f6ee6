"""The `convergio` command as people run it: another process, its output and its exit code."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convergio.core.processes import is_running

COMMAND = (sys.executable, "-m", "convergio")


def clean_environment(**added: str) -> dict[str, str]:
    """The shell's, without anything that steers this product."""
    ours = ("CONVERGIO_", "DATABASE_", "DJANGO_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | added


def convergio(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        env=clean_environment(**environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )


def free_port() -> int:
    """A port that nobody listens on right now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def wait_until(condition: Callable[[], bool], *, seconds: float = 30.0) -> float:
    """Wait for the condition; the answer is the seconds that it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"it did not happen within {seconds:g} s"
        time.sleep(0.02)
    return time.monotonic() - began


@dataclass
class Demo:
    """A running `convergio demo`."""

    process: subprocess.Popen[bytes]
    data_dir: Path
    log: Path

    @property
    def note(self) -> dict[str, str]:
        """What demo.json says."""
        found: dict[str, str] = json.loads((self.data_dir / "demo.json").read_text(encoding="utf-8"))
        return found

    def get(self, path: str) -> Any:
        """The answer of the REST API."""
        return self._ask(urllib.request.Request(self.note["url"] + path))

    def post(self, path: str, **body: str) -> Any:
        """The answer to a JSON body, without a key."""
        return self._ask(self._request(path, body))

    def act_as(self, token: str, path: str, **body: str) -> Any:
        """The answer to a JSON body, with the token of a sign-in."""
        request = self._request(path, body)
        request.add_header("Authorization", f"Bearer {token}")
        return self._ask(request)

    def act(self, path: str, **body: str) -> Any:
        """The answer to a JSON body, with the key."""
        request = self._request(path, body)
        request.add_header("X-API-Key", self.note["api_key"])
        return self._ask(request)

    def _request(self, path: str, body: dict[str, str]) -> urllib.request.Request:
        request = urllib.request.Request(self.note["url"] + path, data=json.dumps(body).encode())
        request.add_header("Content-Type", "application/json")
        return request

    def _ask(self, request: urllib.request.Request) -> Any:
        if request.data is None:
            request.add_header("Authorization", f"Bearer {self.note['api_key']}")
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    @contextmanager
    def stream(self) -> Iterator[None]:
        """An open stream of events, as a browser window holds one."""
        request = urllib.request.Request(self.note["url"] + "/api/events")
        request.add_header("Authorization", f"Bearer {self.note['api_key']}")
        with urllib.request.urlopen(request, timeout=20) as events:
            assert events.status == 200
            yield

    def wait_until_ready(self, seconds: float = 90.0) -> None:
        """Wait for the announcement on the terminal."""

        def ready() -> bool:
            assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
            return "Convergio is at " in self.log.read_text(encoding="utf-8")

        wait_until(ready, seconds=seconds)

    def processes(self) -> list[int]:
        """Everything that runs below the supervisor, PostgreSQL and the web's workers too."""
        return list(_below(self.process.pid))

    def stop(self, signum: signal.Signals = signal.SIGINT) -> tuple[int, float]:
        """Send the signal; the exit code, and the seconds until all processes were gone."""
        below = self.processes()
        began = time.monotonic()
        self.process.send_signal(signum)
        code = self.process.wait(timeout=30)
        wait_until(lambda: not any(is_running(pid) for pid in below), seconds=20)
        return code, time.monotonic() - began


def _below(pid: int) -> Iterator[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    for child in map(int, children.read_text(encoding="ascii").split() if children.exists() else ()):
        yield child
        yield from _below(child)


@contextmanager
def running_demo(
    data_dir: Path, *more: str, port: int | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[Demo]:
    """Start the demo in this folder, wait until it is ready, and stop it in the end."""
    log = data_dir.with_name(f"{data_dir.name}-{time.monotonic_ns()}.log")
    arguments = [
        "demo",
        "--no-browser",
        "--data-dir",
        str(data_dir),
        "--port",
        str(port or free_port()),
        *more,
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*COMMAND, *arguments],
            env=clean_environment(**(environment or {})),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    demo = Demo(process, data_dir, log)
    try:
        demo.wait_until_ready()
        yield demo
    finally:
        if process.poll() is None:
            demo.stop()
