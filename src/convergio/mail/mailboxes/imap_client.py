"""IMAPClient with pinned addresses, safe IDLE and flag answers read without its general parser."""

from __future__ import annotations

import imaplib
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from threading import Event
from typing import Any

import structlog
from imapclient import IMAPClient
from imapclient.datetime_util import parse_to_datetime
from imapclient.exceptions import LoginError

from convergio.core.errors import ProviderError
from convergio.core.net import Endpoint
from convergio.mail.mailboxes.connecting import connection_error, endpoint_for, tls_context
from convergio.mail.mailboxes.protocol import FetchedMessage, FlagChanges, MailboxSettings

log = structlog.get_logger(__name__)

_UID = re.compile(rb"\bUID (\d+)")
_FLAGS = re.compile(rb"\bFLAGS \(([^)]*)\)")
_INTERNALDATE = re.compile(rb'\bINTERNALDATE "([^"]*)"')
_BODY_BEFORE_LITERAL = re.compile(rb"\bBODY\[\] \{\d+\}$")
_VANISHED = re.compile(rb"^(?:\(EARLIER\) )?([\d:,]+)$", re.IGNORECASE)
# RFC 5530 codes (and wordings in use) that say "not now" although the login failed.
_TEMPORARY_LOGIN = re.compile(
    r"\[(UNAVAILABLE|INUSE|LIMIT|SERVERBUG|CONTACTADMIN)|too many|try again|temporar", re.IGNORECASE
)
_NEWS = {b"EXISTS", b"EXPUNGE", b"FETCH"}
STOP_CHECK_SECONDS = 1.0


class ImapClient(IMAPClient):
    """One connection, to the addresses that were checked."""

    def __init__(self, endpoint: Endpoint, context: ssl.SSLContext | None, timeout: float) -> None:
        self._endpoint = endpoint
        self._seconds = timeout
        self._first_idle_read = False
        super().__init__(
            endpoint.host, endpoint.port, ssl=context is not None, ssl_context=context, timeout=timeout
        )
        self.normalise_times = False
        # IMAPClient turns imaplib's trace on, which formats every received message a second time.
        self._imap.debug = 0

    def _create_IMAP4(self) -> imaplib.IMAP4:  # noqa: N802  # IMAPClient's hook
        return _PinnedIMAP4(self._endpoint, self.ssl_context, self._seconds)

    def _poll_socket(self, sock: socket.socket, timeout: float | None = None) -> Any:
        # What arrived together with the "+ idling" line is in imaplib's buffer, where poll() cannot see it.
        if self._first_idle_read:
            self._first_idle_read = False
            return [True]
        poll: Callable[[socket.socket, float | None], Any] = super()._poll_socket
        return poll(sock, timeout)

    def idle_until_news(self, seconds: float, stop: Event) -> bool:
        """One IDLE command (RFC 2177) of at most `seconds`; True when messages came, went or changed."""
        self.idle()
        self._first_idle_read = True
        deadline = time.monotonic() + seconds
        news: list[Any] = []
        while not stop.is_set() and (left := deadline - time.monotonic()) > 0:
            buffered, started = self._first_idle_read, time.monotonic()
            wait = min(left, STOP_CHECK_SECONDS)
            news = self.idle_check(wait)
            # A readable socket without a line is a closed one (or a TLS ticket): DONE tells them apart.
            silent_wake = not news and not buffered and time.monotonic() - started < wait / 2
            if silent_wake or _is_news(news):
                break
        _, late = self.idle_done()
        return _is_news([*news, *late])

    def messages_of(self, uids: Sequence[int]) -> dict[int, FetchedMessage]:
        r"""Messages by UID, without setting \Seen; those whose answer has another than the usual form are left out.

        IMAPClient.fetch reads answers token by token, which costs as much as all the rest of fetching.
        """
        sequence = ",".join(map(str, uids))
        kind, answers = self._imap.uid("FETCH", sequence, "(UID FLAGS INTERNALDATE BODY.PEEK[])")
        self._checkok("FETCH", kind, answers)
        return _parse_messages(answers, set(uids))

    def flags_in(self, first_uid: int, last_uid: int, modifiers: str = "") -> FlagChanges:
        """Flags of a UID range, which IMAPClient.fetch cannot take, and the VANISHED answers (RFC 7162)."""
        arguments = [f"{first_uid}:{last_uid}", "(FLAGS)"] + ([f"({modifiers})"] if modifiers else [])
        kind, answers = self._imap.uid("FETCH", *arguments)
        self._checkok("FETCH", kind, answers)
        vanished = self._imap.untagged_responses.pop("VANISHED", [])
        return FlagChanges(
            _parse_flags(answers, first_uid, last_uid), _parse_vanished(vanished, first_uid, last_uid)
        )


class _PinnedIMAP4(imaplib.IMAP4):
    def __init__(self, endpoint: Endpoint, context: ssl.SSLContext | None, timeout: float) -> None:
        self._endpoint = endpoint
        self._context = context
        super().__init__(endpoint.host, endpoint.port, timeout)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        connection = self._endpoint.connect(timeout or 30.0)
        if self._context is None:
            return connection
        return self._context.wrap_socket(connection, server_hostname=self._endpoint.host)


def connect(settings: MailboxSettings) -> ImapClient:
    """A signed-in connection; ProviderError("auth") only when the server refused the login itself."""
    endpoint = endpoint_for(
        settings.imap_host,
        settings.imap_port,
        settings.imap_security,
        allow_private_hosts=settings.allow_private_hosts,
    )
    with translated(settings.imap_host):
        context = tls_context() if settings.imap_security == "tls" else None
        client = ImapClient(endpoint, context, settings.timeout)
        try:
            _sign_in(client, settings)
        except BaseException:
            drop(client)
            raise
    return client


def _sign_in(client: ImapClient, settings: MailboxSettings) -> None:
    if settings.imap_security == "starttls":
        if not client.has_capability("STARTTLS"):
            raise ProviderError(
                "permanent", f"The server {settings.imap_host} does not offer STARTTLS; choose TLS."
            )
        client.starttls(tls_context())
    # LOGIN carries ASCII only; SASL PLAIN is UTF-8 (RFC 4616).
    if client.has_capability("AUTH=PLAIN"):
        client.plain_login(settings.imap_username, settings.imap_password)
    else:
        client.login(settings.imap_username, settings.imap_password)
    extension = next((name for name in ("QRESYNC", "CONDSTORE") if client.has_capability(name)), None)
    if extension and client.has_capability("ENABLE"):
        client.enable(extension)


def drop(client: ImapClient) -> None:
    """Close the socket without a word to the server."""
    with suppress(OSError, imaplib.IMAP4.error):
        client.shutdown()


def _is_news(answers: Iterable[Any]) -> bool:
    """Whether messages came, went or changed; BYE ends the connection instead (rule 8)."""
    for answer in answers:
        if answer and answer[0] == b"BYE":
            raise imaplib.IMAP4.abort("the server said goodbye")
        if len(answer) > 1 and (answer[0] == b"VANISHED" or answer[1] in _NEWS):
            return True
    return False


@contextmanager
def translated(host: str) -> Iterator[None]:
    """Turn what imaplib, IMAPClient and sockets raise into ProviderError."""
    try:
        yield
    except LoginError as error:
        raise _login_error(host, str(error)) from error
    except (OSError, EOFError, imaplib.IMAP4.abort) as error:
        raise connection_error(host, error) from error
    except (imaplib.IMAP4.error, ValueError, AssertionError) as error:
        raise ProviderError("retry", f"The server {host} refused a command: {_one_line(error)}") from error
    except (LookupError, TypeError, AttributeError) as error:
        # IMAPClient stumbles over answers that lack what they should hold.
        log.warning("imap.odd_answer", exc_info=True)
        raise ProviderError(
            "retry", f"The server {host} gave an answer that cannot be understood; it is tried again."
        ) from error


def _login_error(host: str, answer: str) -> ProviderError:
    if _TEMPORARY_LOGIN.search(answer):
        return ProviderError(
            "retry", f"The server {host} cannot sign anybody in just now; it is tried again."
        )
    return ProviderError(
        "auth", f"The server {host} did not accept the user name or password; sign in again."
    )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _parse_messages(answers: Sequence[Any], wanted: set[int]) -> dict[int, FetchedMessage]:
    """imaplib gives each literal as (what stood before it, content) and then what stood after it."""
    found: dict[int, FetchedMessage] = {}
    for position, answer in enumerate(answers):
        if not isinstance(answer, tuple) or not _BODY_BEFORE_LITERAL.search(answer[0]):
            continue
        after = answers[position + 1] if position + 1 < len(answers) else b""
        around = answer[0] + after if isinstance(after, bytes) else b""
        uid, flags, arrived = _UID.search(around), _FLAGS.search(around), _arrival_time(around)
        if uid and flags and arrived and around.endswith(b")") and int(uid[1]) in wanted:
            found[int(uid[1])] = FetchedMessage(
                int(uid[1]), flag_names(flags[1].split()), arrived, raw=answer[1], size=len(answer[1])
            )
    return found


def _arrival_time(answer: bytes) -> datetime | None:
    match = _INTERNALDATE.search(answer)
    try:
        return parse_to_datetime(match[1], normalise=False).astimezone(UTC) if match else None
    except (ValueError, OverflowError):
        return None


def flag_names(flags: Iterable[bytes]) -> frozenset[str]:
    r"""Flags as text. \Recent says something about IMAP sessions and nothing about the message."""
    return frozenset(flag.decode("ascii", "replace") for flag in flags) - {"\\Recent"}


def _parse_flags(answers: Iterable[Any], first_uid: int, last_uid: int) -> dict[int, frozenset[str]]:
    """UID -> flags. Flag lists repeat, so equal ones share one set."""
    shared: dict[bytes, frozenset[str]] = {}
    found: dict[int, frozenset[str]] = {}
    for line in answers:
        if not isinstance(line, bytes):
            continue
        uid, flags = _UID.search(line), _FLAGS.search(line)
        if uid and flags and first_uid <= int(uid[1]) <= last_uid:
            names = flags[1]
            if names not in shared:
                shared[names] = frozenset(names.decode("ascii", "replace").split())
            found[int(uid[1])] = shared[names]
    return found


def _parse_vanished(answers: Iterable[Any], first_uid: int, last_uid: int) -> list[int]:
    """UIDs of a VANISHED answer, clipped to the range asked for: the server may name any it ever had."""
    uids: list[int] = []
    for line in answers:
        match = _VANISHED.match(line) if isinstance(line, bytes) else None
        for part in match[1].split(b",") if match else ():
            low, _, high = part.partition(b":")
            start, end = sorted((int(low), int(high or low)))
            uids.extend(range(max(start, first_uid), min(end, last_uid) + 1))
    return uids
