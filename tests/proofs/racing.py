"""Many requests at once on two web processes, of which one may win."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPMessage, HTTPResponse
from pathlib import Path
from threading import Barrier
from urllib.parse import urlsplit

import pytest

from tests.e2e.service import Service, running_service

REQUESTS = 50
Sent = tuple[int, HTTPMessage, str]


@pytest.fixture
def service(committed: None, database_urls: tuple[str, str], tmp_path: Path) -> Iterator[Service]:
    """Two web processes, worker and mailwatch over the test's database."""
    owner, application = database_urls
    with running_service(tmp_path / "data", admin_url=owner, app_url=application) as started:
        yield started


def send(url: str, path: str, *, body: str | None = None, **headers: str) -> Sent:
    """One request on a connection of its own; redirects are not followed."""
    link = HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        link.request("POST" if body is not None else "GET", path, body, named)
        answer: HTTPResponse = link.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        link.close()


def at_once(service: Service, ask: Callable[[str], Sent]) -> Counter[int]:
    """Ask REQUESTS times at once, half of each process; how often each status came."""
    start = Barrier(REQUESTS)

    def one(number: int) -> int:
        start.wait()
        return ask(service.urls[number % 2])[0]

    with ThreadPoolExecutor(REQUESTS) as pool:
        return Counter(pool.map(one, range(REQUESTS)))
