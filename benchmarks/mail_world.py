"""A real Dovecot with believable mail, and a migrated database with one inbox that reads it."""

from __future__ import annotations

import base64
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.world import SECRET
from convergio.core.embedded_pg import EmbeddedPostgres
from convergio.core.roles import grant_application_role
from tests.mail.servers import Account, MailServers, running_dovecot

_BEGAN = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
_WORDS = [
    "order",
    "refund",
    "hoodie",
    "shipping",
    "invoice",
    "please",
    "could",
    "you",
    "tell",
    "me",
    "when",
    "the",
    "parcel",
    "arrives",
    "because",
    "customer",
    "care",
    "wrote",
    "last",
    "week",
    "that",
    "it",
    "left",
    "and",
    "since",
    "then",
    "nothing",
    "happened",
    "kind",
    "regards",
    "from",
    "all",
    "of",
    "us",
    "at",
    "lumen",
    "thanks",
]


@dataclass(frozen=True, slots=True)
class MailWorld:
    """Servers and the environment for programs that use them."""

    postgres: EmbeddedPostgres
    servers: MailServers
    environment: dict[str, str]

    def account(self, messages: int) -> Account:
        """A new mailbox that holds that many messages."""
        account = self.servers.account()
        new = account.maildir / "new"
        for name in ("new", "cur", "tmp"):
            (account.maildir / name).mkdir()
        for number in range(messages):
            (new / f"{1_700_000_000 + number}.{number:06}.bench").write_bytes(
                message(number, account.address)
            )
        owner = account.maildir.stat()
        for path in (account.maildir, *account.maildir.rglob("*")):
            os.chown(path, owner.st_uid, owner.st_gid)
        return account

    def run(self, module: str, *arguments: str) -> list[str]:
        """Run a module of this package in a process of its own; the answer is the words it printed."""
        command = [sys.executable, "-m", module, *arguments]
        done = subprocess.run(command, env=self.environment, check=True, stdout=subprocess.PIPE, text=True)
        return done.stdout.split()


@contextmanager
def mail_world() -> Iterator[MailWorld]:
    """An empty database and a Dovecot, both thrown away in the end."""
    with TemporaryDirectory(prefix="convergio-bench-") as folder, running_dovecot() as servers:
        Path(folder).chmod(0o711)
        with _durable_postgres(Path(folder) / "data") as postgres:
            environment = os.environ | {
                "DJANGO_SETTINGS_MODULE": "convergio.settings",
                "CONVERGIO_SECRET_KEY": SECRET,
                "CONVERGIO_ALLOW_PRIVATE_HOSTS": "true",
                "CONVERGIO_DATA_DIR": str(Path(folder) / "files"),
                "CONVERGIO_LOG_LEVEL": "error",
                "DATABASE_URL": postgres.admin_url,
                "DATABASE_ADMIN_URL": postgres.admin_url,
            }
            migrate = [sys.executable, "-m", "django", "migrate", "--skip-checks", "-v", "0"]
            subprocess.run(migrate, env=environment, check=True)
            grant_application_role(postgres.admin_url, "convergio_app")
            yield MailWorld(postgres, servers, environment | {"DATABASE_URL": postgres.app_url})
        shutil.rmtree(Path(folder) / "files", ignore_errors=True)


@contextmanager
def _durable_postgres(data_dir: Path) -> Iterator[EmbeddedPostgres]:
    """With the settings of real use: a commit waits for the disk."""
    postgres = EmbeddedPostgres(data_dir)
    postgres.start()
    try:
        yield postgres
    finally:
        postgres.stop()
        postgres.remove()


def message(number: int, to: str) -> bytes:
    """Message `number` of a mailbox: 30 % answer an earlier one, 30 % have HTML, 5 % a file.

    The same number always gives the same bytes; 1 to 30 KB, 5 KB on average.
    """
    chance = random.Random(number)  # noqa: S311  # wants to be the same every time
    text = "\r\n".join(" ".join(chance.choices(_WORDS, k=12)) for _ in range(chance.randint(5, 45)))
    parent = chance.randrange(number) if number > 10 and chance.random() < 0.3 else None
    subject = f"Question {number}" if parent is None else f"Re: Question {parent}"
    headers = [
        f"Return-Path: <person{number % 400}@client.example>",
        f"Received: from mx.client.example (mx.client.example [192.0.2.1]) by mx.mail.test; {_date(number)}",
        f"From: Person {number % 400} <person{number % 400}@client.example>",
        f"To: Support <{to}>",
        f"Subject: {subject} about an order",
        f"Date: {_date(number)}",
        f"Message-ID: <{number}.bench@client.example>",
        "MIME-Version: 1.0",
    ]
    if parent is not None:
        headers += [
            f"In-Reply-To: <{parent}.bench@client.example>",
            f"References: <{parent}.bench@client.example>",
        ]
    return "\r\n".join([*headers, *_body(number, text, chance)]).encode()


def _date(number: int) -> str:
    return format_datetime(_BEGAN + timedelta(minutes=number))


def _body(number: int, text: str, chance: random.Random) -> list[str]:
    plain = ["Content-Type: text/plain; charset=utf-8", "", text, ""]
    if number % 20 == 7:
        content = base64.encodebytes(chance.randbytes(15_000)).decode().replace("\n", "\r\n")
        file = ["Content-Type: application/pdf; name=invoice.pdf", "Content-Transfer-Encoding: base64"]
        return _multipart(
            "mixed", plain, [*file, "Content-Disposition: attachment; filename=invoice.pdf", "", content]
        )
    if number % 10 < 3:
        html = "".join(f"<p style='margin:0 0 1em'>{line}</p>\r\n" for line in text.split("\r\n"))
        return _multipart(
            "alternative",
            plain,
            ["Content-Type: text/html; charset=utf-8", "", f"<html><body>{html}</body></html>"],
        )
    return plain


def _multipart(kind: str, *parts: list[str]) -> list[str]:
    lines = [f'Content-Type: multipart/{kind}; boundary="=_part"', ""]
    for part in parts:
        lines += ["--=_part", *part]
    return [*lines, "--=_part--", ""]
