"""`convergio check --deploy`: what is fine on one's own machine and not where people work."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from convergio.commands.doctor.finding import Finding, Level
from convergio.commands.workplace import Workplace
from convergio.core.backups import last_backup

_SUBJECT = "deploy"
# The OWASP Password Storage Cheat Sheet's least settings of argon2id with one lane: (KiB of memory, passes).
_LEAST_ARGON2 = ((47104, 1), (19456, 2), (12288, 3), (9216, 4), (7168, 5))
_BACKUP_AGE = timedelta(days=7)
_FEWEST_CHARACTERS = 12
_PLACEHOLDERS = ("change", "secret", "default", "example", "password", "convergio")


def check_deploy(workplace: Workplace) -> Iterator[Finding]:
    """What an operator should change before others rely on this installation."""
    found = False
    for check in (_check_address, _check_debug, _check_key, _check_mail, _check_policy, _check_hashing):
        for sentence, remedy in check():
            found = True
            yield Finding(_SUBJECT, Level.PROBLEM, sentence, remedy)
    for finding in _check_backups(workplace):
        found = True
        yield finding
    if not found:
        yield Finding(_SUBJECT, Level.OK, "The settings are those of a production installation.")


Findings = Iterator[tuple[str, str]]
Check = Callable[[], Findings]


def _check_address() -> Findings:
    from django.conf import settings  # noqa: PLC0415 - reads the environment

    if not settings.HTTPS:
        yield (
            f"People open {settings.PUBLIC_URL}, so passwords and cookies travel in the clear.",
            "Put a proxy with a certificate in front and set CONVERGIO_PUBLIC_URL to its https address.",
        )
    elif not settings.TRUSTED_PROXIES:
        # The web server itself speaks no TLS, so under https there is a proxy.
        yield (
            "The proxy that ends https is not trusted: every visitor seems to come from its address.",
            "Set CONVERGIO_TRUSTED_PROXIES to the proxy's address, like 127.0.0.1 or 10.0.0.0/8.",
        )


def _check_debug() -> Findings:
    from django.conf import settings  # noqa: PLC0415 - reads the environment

    if settings.DEBUG:
        yield (
            "CONVERGIO_DEBUG is on: faults show the program's inside, and nothing is kept in memory.",
            "Remove CONVERGIO_DEBUG.",
        )


def _check_key() -> Findings:
    from django.conf import settings  # noqa: PLC0415 - reads the environment

    key = settings.SECRET_KEY
    if len(key) < 32 or len(set(key)) < _FEWEST_CHARACTERS or any(w in key.lower() for w in _PLACEHOLDERS):
        yield (
            "CONVERGIO_SECRET_KEY is short or can be guessed.",
            (
                "Make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'. Keep the old one in "
                "CONVERGIO_SECRET_KEY_OLD until the stored secrets were entered again."
            ),
        )
    if _lies_beside_data(settings.DATA_DIR):
        yield (
            "The secret key lies in the data folder, beside the secrets that it opens.",
            "Move it out of the folder and name its place in CONVERGIO_SECRET_KEY_FILE.",
        )
    if settings.SECRET_KEY_FALLBACKS:
        yield (
            f"{len(settings.SECRET_KEY_FALLBACKS)} old secret keys are still accepted.",
            "Remove CONVERGIO_SECRET_KEY_OLD once the stored secrets were entered again under the new key.",
        )


def _lies_beside_data(data_dir: Path) -> bool:
    named = os.environ.get("CONVERGIO_SECRET_KEY_FILE", "").strip()
    return bool(named) and Path(named).resolve().is_relative_to(data_dir.resolve())


def _check_mail() -> Findings:
    from django.conf import settings  # noqa: PLC0415 - reads the environment

    if not settings.SYSTEM_SMTP_URL:
        yield (
            "Notices have no mail server: links to reset a password stay in the data folder's outbox.",
            "Set CONVERGIO_SMTP_URL, like smtps://user:password@mail.example.com.",
        )
        return
    server = urlsplit(settings.SYSTEM_SMTP_URL)
    if server.scheme == "smtp" and server.hostname not in {"127.0.0.1", "::1", "localhost"}:
        yield (
            f"Notices travel to {server.hostname} in the clear, with the links that reset passwords.",
            "Begin CONVERGIO_SMTP_URL with smtps:// or smtp+starttls://.",
        )


def _check_policy() -> Findings:
    from django.conf import settings  # noqa: PLC0415 - reads the environment

    if settings.SIGNUP == "open":
        yield (
            "Anybody who finds the address may make an account.",
            "Set CONVERGIO_SIGNUP to invite or closed, unless this is a public service.",
        )
    if not settings.RATE_LIMIT:
        yield (
            "Programs may send any number of requests.",
            "Remove CONVERGIO_RATE_LIMIT=0, or set it to the requests that one caller may send in a minute.",
        )
    if settings.ALLOW_PRIVATE_HOSTS:
        yield (
            "People may have the server connect to hosts of its own network.",
            "Remove CONVERGIO_ALLOW_PRIVATE_HOSTS, unless your mail servers are in that network.",
        )


def _check_hashing() -> Findings:
    from django.conf import settings  # noqa: PLC0415 - reads the environment

    memory, passes = settings.ARGON2_MEMORY_KIB, settings.ARGON2_TIME_COST
    if not any(memory >= least and passes >= times for least, times in _LEAST_ARGON2):
        yield (
            f"Passwords are hashed with {memory} KiB and {passes} passes, less than OWASP asks for.",
            "Remove CONVERGIO_ARGON2_MEMORY_KIB and CONVERGIO_ARGON2_TIME_COST.",
        )


def _check_backups(workplace: Workplace) -> Iterator[Finding]:
    """Of an embedded database only `convergio db backup` makes backups; another's may have its own."""
    made = last_backup(workplace.data_dir)
    if made is not None and datetime.now(UTC) - made < _BACKUP_AGE:
        return
    when = f"is from {made:%d %B %Y}" if made else "was never made"
    own = workplace.postgres is not None
    yield Finding(
        _SUBJECT,
        Level.PROBLEM if own else Level.NOTE,
        f"The last backup by convergio db backup {when}.",
        "Run convergio db backup every day, and keep the file on another machine."
        if own
        else "Run it every day, or see that the database's own backups hold the data folder's files, too.",
    )
