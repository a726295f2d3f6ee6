"""Somebody with two-step sign-in, and the codes that their app shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pyotp
import time_machine
from django.test import Client

from convergio.accounts.models import LoginHistory, UserTwoFactor
from tests.cast import PASSWORD, Person

SECURITY = "/api/settings/security"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
SAFARI = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Safari/605.1.15"
)


@dataclass
class App:
    """An authenticator app, and the backup codes that came with it. Each code it gives was not used before."""

    secret: str
    backup_codes: list[str]
    used: int = 0

    @contextmanager
    def code(self) -> Iterator[str]:
        """A code that is valid inside the block, where the time is the next step that none was used of."""
        self.used += 1
        with later(30 * self.used):
            yield self.now()

    def now(self, *, ahead: int = 0) -> str:
        """What the app shows, with its clock so many seconds ahead."""
        return pyotp.TOTP(self.secret).at(datetime.now(UTC) + timedelta(seconds=ahead))


@contextmanager
def later(seconds: float) -> Iterator[None]:
    """The process's clock stands still, so many seconds ahead of the real one."""
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=seconds), tick=False):
        yield


def post(client: Client, path: str, body: dict[str, Any] | None = None, **extra: Any) -> Any:
    return client.post(path, body or {}, content_type="application/json", **extra)


def bearer(token: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {token}"})


def switch_on(person: Person) -> App:
    """Set an app up over REST."""
    client = person.program()
    app = App(post(client, f"{SECURITY}/2fa/setup").json()["secret"], [])
    answer = post(client, f"{SECURITY}/2fa/verify", {"code": app.now()})
    assert answer.status_code == 200, answer.content
    app.backup_codes = answer.json()["backup_codes"]
    return app


def log_in(person: Person, password: str = PASSWORD, *, ip: str = "127.0.0.1", **codes: str) -> Any:
    body = {"email": person.user.email, "password": password, **codes}
    return post(Client(), "/api/auth/login", body, REMOTE_ADDR=ip)


def log_in_by_page(client: Client, person: Person, **fields: str) -> Any:
    """The first step, as the form sends it."""
    return client.post("/login", {"email": person.user.email, "password": PASSWORD, **fields})


def answered(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


def last_lines(count: int = 1) -> list[tuple[str, str, str]]:
    """The newest lines of the login history, the newest last."""
    rows = LoginHistory.objects.order_by("-id").values_list("method", "outcome", "reason")[:count]
    return list(rows)[::-1]


def stored(person: Person) -> UserTwoFactor | None:
    return UserTwoFactor.objects.filter(user=person.user).first()


def mails(outbox: Path) -> list[EmailMessage]:
    """The product's own notices, the oldest first."""
    files = sorted(outbox.glob("*.eml"), key=lambda path: path.stat().st_mtime_ns)
    return [message_from_bytes(path.read_bytes(), policy=policy.default) for path in files]
