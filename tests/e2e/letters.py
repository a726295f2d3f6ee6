"""Raw messages for the browser tests."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from itertools import count

_numbers = count(1)


def letter(
    subject: str,
    text: str = "How long does a refund take?",
    *,
    sender: str = "Meera Iyer <meera@customer.example>",
    to: str = "support@convergio.test",
    answers: str = "",
    html: str = "",
    attach: bytes = b"",
) -> bytes:
    """A mail from outside with a Message-ID of its own; `answers` is the Message-ID of an earlier one."""
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = sender, to, subject
    if answers:
        message["In-Reply-To"] = message["References"] = answers
    message["Message-ID"] = f"<browser-{next(_numbers)}@customer.example>"
    message["Date"] = format_datetime(datetime.now(UTC))
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    if attach:
        message.add_attachment(attach, maintype="text", subtype="plain", filename="notes.txt")
    return message.as_bytes()
