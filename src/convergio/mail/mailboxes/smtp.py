"""Submission by SMTP (RFC 5321, RFC 6409), with the moment after which a message may have been delivered."""

from __future__ import annotations

import base64
import re
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from convergio.core.errors import ProviderError
from convergio.core.net import Endpoint
from convergio.mail.errors import UncertainDelivery
from convergio.mail.mailboxes.connecting import connection_error, endpoint_for, tls_context
from convergio.mail.mailboxes.protocol import (
    ConnectionReport,
    ErrorKind,
    MailboxSettings,
    Refusal,
    SendResult,
)

_LINE_END = re.compile(rb"\r\n|\r|\n")
_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)
_CHUNK = 64 * 1024


class SmtpSender:
    """Sends for one account; opens a connection for each message."""

    def __init__(self, settings: MailboxSettings) -> None:
        self._settings = settings

    def check(self) -> ConnectionReport:
        """Connect, sign in and leave."""
        try:
            with self._session() as smtp:
                _quit(smtp)
        except ProviderError as error:
            return ConnectionReport(False, error.message, error.kind)
        return ConnectionReport(True)

    def send(
        self, envelope_from: str, recipients: Sequence[str], raw: bytes, before_commit: Callable[[], None]
    ) -> SendResult:
        """See Mailbox.send."""
        payload = _dot_stuffed(raw)
        with self._session() as smtp:
            _refuse_oversize(smtp, len(payload))
            result = self._envelope(smtp, envelope_from, recipients)
            _write_payload(smtp, payload)
            # An error here leaves without the final dot: the server forgets it all (RFC 5321 4.1.1.4).
            before_commit()
            self._finish(smtp)
            _quit(smtp)
        return result

    @contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        host = self._settings.smtp_host
        smtp: smtplib.SMTP | None = None
        with _translated(host):
            try:
                smtp = self._connect()
                yield smtp
            finally:
                if smtp is not None:
                    smtp.close()

    def _connect(self) -> smtplib.SMTP:
        settings = self._settings
        endpoint = endpoint_for(
            settings.smtp_host,
            settings.smtp_port,
            settings.smtp_security,
            allow_private_hosts=settings.allow_private_hosts,
        )
        context = tls_context() if settings.smtp_security == "tls" else None
        smtp = _PinnedSMTP(endpoint, context, settings.timeout)
        try:
            smtp.ehlo_or_helo_if_needed()
            if settings.smtp_security == "starttls":
                smtp.starttls(context=tls_context())
                smtp.ehlo()
            if settings.smtp_username:
                _sign_in(smtp, settings.smtp_username, settings.smtp_password)
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _envelope(self, smtp: smtplib.SMTP, envelope_from: str, recipients: Sequence[str]) -> SendResult:
        """MAIL and RCPT. A server that takes no null sender gets the inbox's own address (rule 39)."""
        try:
            return _address(smtp, envelope_from, recipients)
        except ProviderError as error:
            if envelope_from or error.kind != "permanent":
                raise
        smtp.rset()
        return _address(smtp, self._settings.email_address, recipients)

    def _finish(self, smtp: smtplib.SMTP) -> None:
        """The final dot and its answer: silence, or anything that is no answer, is uncertain (rule 43)."""
        try:
            assert smtp.sock is not None
            smtp.sock.settimeout(self._settings.confirmation_timeout)
            smtp.sock.sendall(b".\r\n")
            code, answer = smtp.getreply()
        except (smtplib.SMTPException, OSError) as error:
            raise UncertainDelivery from error
        if 200 <= code < 300:
            return
        if not 400 <= code < 600:
            raise UncertainDelivery
        raise _refusal_error(_refusal(code, answer), "message")


class _PinnedSMTP(smtplib.SMTP):
    """Connects to the addresses that were checked, inside TLS where a context is given."""

    def __init__(self, endpoint: Endpoint, context: ssl.SSLContext | None, timeout: float) -> None:
        self._endpoint = endpoint
        self._context = context
        # An address literal: a look-up of this machine's own name can hang for the resolver's whole timeout.
        super().__init__(endpoint.host, endpoint.port, local_hostname="[127.0.0.1]", timeout=timeout)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # noqa: ARG002  # smtplib's hook
        connection = self._endpoint.connect(timeout)
        if self._context is None:
            return connection
        return self._context.wrap_socket(connection, server_hostname=self._endpoint.host)


def _sign_in(smtp: smtplib.SMTP, username: str, password: str) -> None:
    if (username + password).isascii() or "PLAIN" not in smtp.esmtp_features.get("auth", "").upper().split():
        smtp.login(username, password)
        return
    # smtplib encodes logins as ASCII; SASL PLAIN is UTF-8 (RFC 4616).
    initial = base64.b64encode(f"\0{username}\0{password}".encode()).decode("ascii")
    code, answer = smtp.docmd("AUTH", f"PLAIN {initial}")
    if code != 235:
        raise smtplib.SMTPAuthenticationError(code, answer)


def _address(smtp: smtplib.SMTP, sender: str, recipients: Sequence[str]) -> SendResult:
    """MAIL and RCPT; raises when nobody is left to send to, "retry" if that may change."""
    international = not all(address.isascii() for address in (sender, *recipients))
    code, answer = smtp.mail(sender, ["SMTPUTF8"] if international else [])
    if code != 250:
        raise _refusal_error(_refusal(code, answer), "sender")
    refused: dict[str, Refusal] = {}
    for recipient in recipients:
        code, answer = smtp.rcpt(recipient)
        if code not in (250, 251):
            refused[recipient] = _refusal(code, answer)
    if len(refused) == len(set(recipients)):
        final = next((refusal for refusal in refused.values() if refusal.kind == "retry"), None)
        raise _refusal_error(final or next(iter(refused.values())), "recipients")
    return SendResult(refused, sender)


def _write_payload(smtp: smtplib.SMTP, payload: bytes) -> None:
    """DATA and everything up to the final dot."""
    code, answer = smtp.docmd("DATA")
    if code != 354:
        raise _refusal_error(_refusal(code, answer), "message")
    view = memoryview(payload)
    # In pieces: the timeout of one sendall() counts for the whole of what it is given.
    for start in range(0, len(payload), _CHUNK):
        assert smtp.sock is not None
        smtp.sock.sendall(view[start : start + _CHUNK])


def _dot_stuffed(raw: bytes) -> bytes:
    """RFC 5321 4.5.2, with CRLF line ends and without the terminating dot."""
    lines = _LINE_END.sub(b"\r\n", raw)
    if not lines.endswith(b"\r\n"):
        lines += b"\r\n"
    return _LEADING_DOT.sub(b"..", lines)


def _refuse_oversize(smtp: smtplib.SMTP, size: int) -> None:
    limit = smtp.esmtp_features.get("size", "")
    if limit.isdigit() and 0 < int(limit) < size:
        raise ProviderError(
            "permanent",
            f"The message has {size // 1024} KB and the mail server takes {int(limit) // 1024} KB; "
            "send fewer or smaller attachments.",
        )


def _refusal(code: int, answer: bytes | str) -> Refusal:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return Refusal(code, " ".join(text.split())[:300], _kind(code))


def _kind(code: int) -> ErrorKind:
    if code in (530, 534, 535, 538):
        return "auth"
    return "permanent" if code >= 500 else "retry"


def _refusal_error(refusal: Refusal, what: str) -> ProviderError:
    return ProviderError(
        refusal.kind,
        f"The mail server refused the {what} ({refusal.code}): {refusal.message or 'no reason given'}",
    )


@contextmanager
def _translated(host: str) -> Iterator[None]:
    """What smtplib and sockets raise before the final dot: certainly not sent."""
    try:
        yield
    except smtplib.SMTPAuthenticationError as error:
        # The server's own words are not passed on: some repeat the command, and with it the password.
        if _kind(error.smtp_code) == "retry":
            raise ProviderError(
                "retry", f"The mail server {host} cannot sign anybody in just now; it is tried again."
            ) from error
        raise ProviderError(
            "auth", f"The mail server {host} did not accept the user name or password; sign in again."
        ) from error
    except smtplib.SMTPResponseException as error:
        raise _refusal_error(_refusal(error.smtp_code, error.smtp_error), "connection") from error
    except smtplib.SMTPNotSupportedError as error:
        raise ProviderError("permanent", f"The mail server {host} lacks what is needed: {error}") from error
    except smtplib.SMTPServerDisconnected as error:
        raise connection_error(host, error) from error
    except smtplib.SMTPException as error:
        raise ProviderError("permanent", f"The mail server {host} cannot be used: {error}") from error
    except OSError as error:
        raise connection_error(host, error) from error


def _quit(smtp: smtplib.SMTP) -> None:
    """Say goodbye; an error here changes nothing about what was answered before (rule 44)."""
    with suppress(smtplib.SMTPException, OSError):
        smtp.quit()
