"""The whole product as its users run it: two web processes, worker and mailwatch over a database of their own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import Any

from convergio.core.processes import death_signal

EMAIL, PASSWORD = "owner@convergio.test", "correct horse battery"
UNDO_SECONDS = 3
_CONVERGIO = (sys.executable, "-m", "convergio")
_PATIENCE = 30.0


def wait_for(found: Callable[[], Any], what: str, seconds: float = _PATIENCE) -> Any:
    """The first true answer of `found`; fails with `what` when there is none in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := found():
            return answer
        time.sleep(0.1)
    raise AssertionError(f"Waited {seconds:g} s in vain for {what}.")


@dataclass
class Service:
    """Addresses of the running product, and the folders that mail comes from and goes to."""

    data_dir: Path
    urls: list[str]
    environment: dict[str, str]
    token: str = ""
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def deliver(self, raw: bytes, *, tag: str = "support") -> None:
        """Move a message into the inbox's maildir, as a mail server would."""
        folder = self.data_dir / "mail" / tag
        name = f"{time.time_ns()}.test"
        (folder / "tmp" / name).write_bytes(raw)
        (folder / "tmp" / name).rename(folder / "new" / name)

    def sent(self) -> list[EmailMessage]:
        """What has left so far."""
        files = sorted((self.data_dir / "outbox").glob("*.eml"))
        return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]

    def sent_about(self, subject: str) -> list[EmailMessage]:
        """What has left so far with these words in its subject."""
        return [message for message in self.sent() if subject in message["Subject"]]

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the REST API; the answer is what it says as JSON."""
        request = urllib.request.Request(
            self.urls[0] + path,
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"},
        )
        with urllib.request.urlopen(request) as response:
            return json.load(response)

    def start(self, *command: str, **environment: str) -> None:
        with (self.data_dir / f"{len(self.processes)}-{command[0]}.log").open("wb") as log:
            process = subprocess.Popen(
                [*_CONVERGIO, *command],
                env={**self.environment, **environment},
                stdout=log,
                stderr=log,
                preexec_fn=death_signal(signal.SIGTERM),  # noqa: PLW1509 - a prctl call, no lock
            )
        self.processes.append(process)

    def stop(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def running_service(data_dir: Path, *, admin_url: str, app_url: str) -> Iterator[Service]:
    """Migrate, start everything, register the owner with the inboxes Support and Hello, stop everything."""
    ports = free_ports(2)
    environment = {
        **os.environ,
        "DATABASE_URL": app_url,
        "DATABASE_ADMIN_URL": admin_url,
        "DATABASE_DIRECT_URL": app_url,
        "CONVERGIO_DATA_DIR": str(data_dir),
        "CONVERGIO_SECRET_KEY": "browser-test-key-browser-test-key",
        "CONVERGIO_UNDO_SECONDS": str(UNDO_SECONDS),
        "CONVERGIO_RATE_LIMIT": "0",
        "CONVERGIO_FAKE_GATEWAY": "1",
        "CONVERGIO_SELLER_NAME": "Lotus Software Private Limited",
        "CONVERGIO_SELLER_ADDRESS": "4th Floor, Lotus Court; Pune 411016",
        "CONVERGIO_SELLER_GSTIN": "27AACCL1234F1ZX",
        "CONVERGIO_ALLOW_PRIVATE_HOSTS": "1",  # the mail servers of the tests listen on loopback
        "DJANGO_SETTINGS_MODULE": "convergio.settings",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    environment.pop("CONVERGIO_PUBLIC_URL", None)
    subprocess.run([*_CONVERGIO, "migrate"], env=environment, check=True)
    service = Service(data_dir, [f"http://127.0.0.1:{port}" for port in ports], environment)
    try:
        for port in ports:
            service.start("web", "--port", str(port), "--workers", "1")
        service.start("worker")
        service.start("mailwatch")
        for url in service.urls:
            wait_for(partial(answers, f"{url}/api/health"), f"{url} to answer")
        _furnish(service)
        yield service
    finally:
        service.stop()


def _furnish(service: Service) -> None:
    account = {"email": EMAIL, "password": PASSWORD, "name": "Priya Nair"}
    service.token = service.call("POST", "/api/auth/register", account)["token"]
    for tag in ("Support", "Hello"):
        inbox = {"name": tag, "tag": tag, "kind": "maildir", "email_address": f"{tag.lower()}@convergio.test"}
        service.call("POST", "/api/inboxes", {**inbox, "reply_mode": "draft"})
    refunds = "## How long a refund takes\n\nA refund reaches your account within seven days of the parcel's return.\n"
    service.call("POST", "/api/knowledge", {"title": "Refunds", "body": refunds})


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on now; all are held until all are found, so that they differ."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [int(one.getsockname()[1]) for one in held]
    finally:
        for one in held:
            one.close()
