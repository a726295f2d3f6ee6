"""The hot lists: GET /api/emails and the inbox page, with 10,000 and with 300,000 messages in 20 workspaces.

The limit of the same run is pgbench with the whole transaction of the list (BEGIN, session and scope, list, COMMIT),
prepared, as the application's role. It needs `wrk` and `pgbench` (Debian: wrk, postgresql).
"""

from __future__ import annotations

import hashlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from urllib.parse import parse_qs, urlsplit

from benchmarks.world import COOKIE, COOKIES, World, filled

API = "/api/emails?tag=support&limit=50"
PAGE = "/dashboard/inbox/support"
SEARCHES = (
    "refund",
    "hoodie",
    "matter 77",
    '"please answer"',
    "from:p12@lumen.example",
    "order is:unread",
    "podca",
)
CONNECTIONS = (4, 16)
# The limit and the website are measured in turns, so that both see the machine in every state it goes through; each
# round's connections are new, because which web process gets how many of them is chance.
ROUNDS = 7
SECONDS = 2
WORKERS = 2


def run() -> list[str]:
    """Measure both sizes; the answer is the report's lines."""
    if shutil.which("wrk") is None or shutil.which(_pgbench_program()) is None:
        raise SystemExit("The lists are measured with wrk and pgbench: apt install wrk postgresql.")
    lines = []
    cpu: dict[tuple[str, int], float] = {}
    rates: dict[tuple[str, int, int], float] = {}
    for size in (10_000, 300_000):
        with filled(size) as world:
            for name, path in (("API list", API), ("inbox page", PAGE)):
                cpu[name, size] = float(world.python("-m", "benchmarks.one_process", path))
                lines.append(f"{name}, {size:,} messages: {cpu[name, size]:.2f} ms CPU a request in process")
            lines += _rates(world, size, rates)
    for name in ("API list", "inbox page"):
        growth = cpu[name, 300_000] / cpu[name, 10_000]
        lines.append(f"{name}, CPU growth from 10,000 to 300,000 messages: {growth:.2f}")
        for connections in CONNECTIONS:
            share = rates[name, 300_000, connections] / rates[name, 10_000, connections]
            lines.append(f"{name}, requests/s kept from 10,000 to 300,000 at {connections}: {share:.2f}")
    lines += _search()
    return lines


def _rates(world: World, size: int, rates: dict[tuple[str, int, int], float]) -> list[str]:
    lines = []
    with _website(world) as port:
        for name, path in (("API list", API), ("inbox page", PAGE)):
            for connections in CONNECTIONS:
                _wrk(port, path, connections)
                rounds = [
                    (_wrk(port, path, connections), _pgbench(world, connections)) for _ in range(ROUNDS)
                ]
                rate = rates[name, size, connections] = median(rate for rate, _ in rounds)
                lines.append(
                    f"{name}, {size:,} messages, {connections} connections: {rate:,.0f} requests/s, "
                    f"pgbench {median(limit for _, limit in rounds):,.0f}, "
                    f"share {median(rate / limit for rate, limit in rounds):.2f}"
                )
    return lines


@contextmanager
def _website(world: World) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    command = [sys.executable, "-m", "convergio", "web", "--port", str(port), "--workers", str(WORKERS)]
    process = subprocess.Popen(command, env=world.environment, stdout=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(port: int) -> None:
    for _ in range(200):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/api/health", timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("The website did not start.")


def _wrk(port: int, path: str, connections: int) -> float:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "-H", f"Cookie: {COOKIES}"]
    printed = subprocess.run(
        [*command, f"http://127.0.0.1:{port}{path}"], check=True, capture_output=True, text=True
    ).stdout
    if "Non-2xx" in printed:
        raise SystemExit(f"{path} answered with errors under load.")
    found = re.search(r"Requests/sec:\s+([\d.]+)", printed)
    return float(found[1]) if found else 0.0


def _pgbench(world: World, connections: int) -> float:
    parts = urlsplit(world.environment["DATABASE_URL"])
    query = parse_qs(parts.query)
    digest = hashlib.sha256(COOKIE.encode()).hexdigest()
    script = (
        "BEGIN;\n"
        f"SELECT * FROM convergio_open_session('\\x{digest}', 'browser');\n"
        f"{' '.join(_list_statement().split())};\nCOMMIT;\n"
    )
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        host = query.get("host", [parts.hostname or ""])[0]
        arguments = [
            "-n",
            "-M",
            "prepared",
            "-c",
            str(connections),
            "-j",
            "2",
            "-T",
            str(SECONDS),
            "-f",
            file.name,
        ]
        where = ["-h", host, "-U", parts.username or query["user"][0], parts.path.lstrip("/")]
        printed = subprocess.run(
            [_pgbench_program(), *arguments, *where], check=True, capture_output=True, text=True
        ).stdout
    found = re.search(r"tps = ([\d.]+)", printed)
    return float(found[1]) if found else 0.0


def _pgbench_program() -> str:
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"))
    return str(installed[-1]) if installed else "pgbench"


def _list_statement() -> str:
    """The very statement of the list, with its parameters written in."""
    from convergio.mail.queries import lists  # noqa: PLC0415 - needs Django's settings

    values = {"workspace": "1", "tag": "'support'", "limit": "51", "offset": "0", "reach": "51"}
    return lists._UNDER_TAG.format(where="true") % values  # noqa: SLF001


def _search() -> list[str]:
    """p95 of the API's search in a workspace of 100,000 messages, over all kinds of queries."""
    with filled(100_000, workspaces=1) as world, _website(world) as port:
        return _time_searches(port)


def _time_searches(port: int) -> list[str]:
    times = []
    for _ in range(15):
        for words in SEARCHES:
            request = urllib.request.Request(
                f"http://127.0.0.1:{port}/api/emails?limit=50&search={urllib.parse.quote(words)}",
                headers={"Cookie": COOKIES},
            )
            began = time.perf_counter()
            urllib.request.urlopen(request, timeout=30).read()  # noqa: S310 - our own address
            times.append((time.perf_counter() - began) * 1000)
    times.sort()
    return [f"search, p50 {times[len(times) // 2]:.0f} ms, p95 {times[int(len(times) * 0.95)]:.0f} ms"]


if __name__ == "__main__":
    print("\n".join(run()))
