"""A small HTTP server on the loopback; a subclass answers what its gateway would."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

Answer = tuple[int, Any]


@dataclass
class Fault:
    """The next request that fits goes wrong: nothing happens ("down"), or it happens and the answer is lost."""

    method: str
    path: str
    kind: Literal["down", "answer_lost", "garbage", "busy"]


class LoopbackServer:
    """Answers one request at a time through `answer`; `requests` holds what came."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(
        self, method: str, path: str, query: list[tuple[str, str]], body: bytes, headers: dict[str, str]
    ) -> Answer:
        """Status and JSON."""
        raise NotImplementedError

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        thread.start()
        try:
            yield
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def _fault(self, method: str, path: str) -> str:
        for fault in self.faults:
            if fault.method == method and re.fullmatch(fault.path, path):
                self.faults.remove(fault)
                return fault.kind
        return ""

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do(self) -> None:
                parts = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                with server.lock:
                    server.requests.append((self.command, parts.path, headers))
                    fault = server._fault(self.command, parts.path)
                    if fault == "down":
                        return self.close()
                    if fault == "garbage":
                        return self.send(502, b"<html>Bad gateway</html>")
                    if fault == "busy":
                        return self.send(429, b'{"error": {"description": "Slow down"}}', retry_after="7")
                    status, found = server.answer(
                        self.command, parts.path, parse_qsl(parts.query), body, headers
                    )
                if fault == "answer_lost":
                    return self.close()
                self.send(status, json.dumps(found).encode())
                return None

            do_GET = do_POST = do_PATCH = do_DELETE = do  # noqa: N815

            def close(self) -> None:
                self.close_connection = True

            def send(self, status: int, content: bytes, *, retry_after: str = "") -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                if retry_after:
                    self.send_header("Retry-After", retry_after)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args: object) -> None:
                pass

        return Handler
