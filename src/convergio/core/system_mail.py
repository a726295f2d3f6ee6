"""The product's own notices (a password reset): by the operator's SMTP server, or as files when none is set.

People's mail never goes this way; that is mail/'s, with its outbox.
"""

from __future__ import annotations

import os
import smtplib
import tempfile
from collections.abc import Sequence
from contextlib import closing, suppress
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from django.conf import settings

from convergio.core.clock import now
from convergio.core.errors import ProviderError

_TIMEOUT = 20  # seconds, for each step of the SMTP conversation
_PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}


class Attachment(NamedTuple):
    """A file that goes with a notice; `media_type` is like application/pdf."""

    name: str
    media_type: str
    content: bytes


def send_notice(*, to: str, subject: str, text: str, attachments: Sequence[Attachment] = ()) -> None:
    """Send one plain-text notice, perhaps with files. Raises ProviderError, whose kind says if trying again helps."""
    message = _compose(to, subject, text)
    for name, media_type, content in attachments:
        kind, _, subtype = media_type.partition("/")
        message.add_attachment(content, maintype=kind, subtype=subtype, filename=name)
    if settings.SYSTEM_SMTP_URL:
        _deliver(message, settings.SYSTEM_SMTP_URL)
    else:
        _write(message, settings.DATA_DIR / "outbox")


def _compose(to: str, subject: str, text: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = settings.MAIL_FROM
    message["To"] = to
    message["Subject"] = subject
    message["Date"] = format_datetime(now())
    message["Message-ID"] = make_msgid(domain=urlsplit(settings.PUBLIC_URL).hostname)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation replies to this
    message.set_content(text)
    return message


def _deliver(message: EmailMessage, url: str) -> None:
    """`url` is smtp://, smtp+starttls:// or smtps:// with user:password@host:port, percent-encoded."""
    parts = urlsplit(url)
    connect = smtplib.SMTP_SSL if parts.scheme == "smtps" else smtplib.SMTP
    try:
        port = parts.port or _PORTS[parts.scheme]
        with closing(connect(parts.hostname or "", port, timeout=_TIMEOUT)) as server:
            if parts.scheme == "smtp+starttls":
                server.starttls()
            if parts.username:
                server.login(unquote(parts.username), unquote(parts.password or ""))
            server.send_message(message)
            with suppress(OSError, smtplib.SMTPException):  # it was taken; how the talk ends changes nothing
                server.quit()
    except smtplib.SMTPAuthenticationError:
        raise ProviderError(
            "auth", "The server in CONVERGIO_SMTP_URL refused its user or password."
        ) from None
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        final = all(code >= 500 for code in codes)
        raise ProviderError(
            "permanent" if final else "retry", "The mail server refused the recipient."
        ) from None
    except (OSError, smtplib.SMTPException) as error:
        message_text = f"The server in CONVERGIO_SMTP_URL did not take the mail: {type(error).__name__}."
        raise ProviderError("retry", message_text) from error


def _write(message: EmailMessage, folder: Path) -> None:
    """One .eml file, complete as soon as it has its name."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = message["Message-ID"].strip("<>").partition("@")[0]
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".", delete=False) as file:
        file.write(message.as_bytes())
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).rename(folder / f"notice-{name}.eml")
