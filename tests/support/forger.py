"""An OpenID provider on loopback that answers whatever a test wants: the wrong answers that a real one never gives."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

Answer = tuple[int, dict[str, str], bytes]


def as_json(value: Any, status: int = 200) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(value).encode()


@dataclass
class Forger:
    """Its answers by path, which tests replace, and the requests that it got."""

    issuer: str
    client_id: str
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def publish(self) -> None:
        """The document and the key, as they should be."""
        self.answers["/.well-known/openid-configuration"] = as_json(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/auth",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks",
            }
        )
        self.answers["/jwks"] = as_json({"keys": [self.key.as_dict(private=False)]})

    def give(self, id_token: str, **more: Any) -> None:
        """Answer the next exchange with this token."""
        self.answers["/token"] = as_json(
            {"access_token": "a", "token_type": "Bearer", "id_token": id_token, **more}
        )

    def signed(
        self,
        claims: dict[str, Any],
        *,
        key: RSAKey | OctKey | None = None,
        header: dict[str, Any] | None = None,
    ) -> str:
        """An ID token of these claims, by the forger's own key unless told otherwise."""
        header = header or {"alg": "RS256", "kid": "one"}
        return jwt.encode(header, claims, key or self.key, algorithms=[header["alg"]])

    def honest_claims(self, nonce: str) -> dict[str, Any]:
        """What an honest provider would say."""
        now = int(time.time())
        return {
            "iss": self.issuer,
            "aud": self.client_id,
            "sub": "42",
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            "email": "nia@lumen.example",
            "email_verified": True,
            "name": "Nia",
        }


@contextmanager
def running_forger(client_id: str) -> Iterator[Forger]:
    """Listen on a port of its own until the test ends."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            forger.asked.append(self.path)
            status, headers, body = forger.answers.get(self.path, (404, {}, b""))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _answer  # noqa: N815 - named by http.server

        def log_message(self, format: str, *_: Any) -> None:  # noqa: A002 - http.server's signature
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    forger = Forger(f"http://127.0.0.1:{server.server_address[1]}", client_id)
    forger.publish()
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield forger
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
