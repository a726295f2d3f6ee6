"""CPU of one request inside one process: prints milliseconds for the path given as the first argument."""

from __future__ import annotations

import io
import sys
import time
from typing import Any

from benchmarks.world import COOKIES

WARM_UP = 50
COUNTED = 400


def measure(path: str) -> float:
    """Median CPU milliseconds (user and system, all threads) of a request, in portions of 20."""
    from convergio.site.wsgi import application  # noqa: PLC0415 - reads the environment

    for _ in range(WARM_UP):
        _ask(application, path)
    portions = []
    for _ in range(COUNTED // 20):
        began = time.process_time()
        for _ in range(20):
            _ask(application, path)
        portions.append((time.process_time() - began) / 20 * 1000)
    return sorted(portions)[len(portions) // 2]


def _ask(application: Any, path: str) -> None:
    route, _, query = path.partition("?")
    answered: list[str] = []
    body = application(
        {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": route,
            "QUERY_STRING": query,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "3001",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "127.0.0.1:3001",
            "HTTP_COOKIE": COOKIES,
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": sys.stderr,
        },
        lambda status, _headers: answered.append(status),
    )
    size = sum(map(len, body))
    body.close()
    if not answered[0].startswith("200") or size < 1000:
        raise SystemExit(f"{path} answered {answered[0]} with {size} bytes.")


if __name__ == "__main__":
    print(measure(sys.argv[1]))
