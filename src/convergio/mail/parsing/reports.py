"""Delivery reports: RFC 3464 from its machine-readable part, older and home-made ones from their prose."""

import re
from collections.abc import Mapping, Sequence
from email.message import Message
from email.parser import HeaderParser

from convergio.mail.parsing.bounces import read_prose
from convergio.mail.parsing.headers import header_text
from convergio.mail.parsing.identifiers import parse_message_id
from convergio.mail.parsing.types import Address, DeliveryReport, ParsedAttachment, RecipientReport

_ACTIONS = {"failed", "delayed", "delivered", "relayed", "expanded"}
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_ORIGINAL_ID = re.compile(rb"^message-id:[ \t]*(?:\r?\n[ \t]+)?(<[^>\r\n]+>)", re.IGNORECASE | re.MULTILINE)
_ONCE_PER_RECIPIENT = {"original-recipient", "final-recipient", "action"}
_MAX_GROUPS = 1_000
_HEADER_PARTS = ("message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers")


def read_report(
    content_type: str,
    attachments: Sequence[ParsedAttachment],
    *,
    sender: Address | None,
    return_path: str | None,
    headers: Mapping[str, tuple[str, ...]],
    text: str,
) -> DeliveryReport | None:
    """The delivery report a message is, or None. A read receipt or an abuse report is none."""
    for part in attachments:
        if part.content_type in {"message/delivery-status", "message/global-delivery-status"}:
            report = parse_delivery_status(part.content, _original_id(attachments, text))
            if report.recipients:
                return report
    if content_type == "multipart/report" and any(
        part.content_type in {"message/disposition-notification", "message/feedback-report"}
        for part in attachments
    ):
        return None
    recipients = read_prose(sender=sender, return_path=return_path, headers=headers, text=text)
    return DeliveryReport(recipients, _original_id(attachments, text), None, False) if recipients else None


def parse_delivery_status(content: bytes, original_message_id: str | None) -> DeliveryReport:
    """Read the groups of fields of a message/delivery-status part (RFC 3464, section 2.1).

    The first group is about the message, each further one about a recipient. Some senders leave the blank
    line out or double it, so a group counts by what it names.
    """
    reporting_mta, recipients = None, []
    text = content.decode("ascii", "surrogateescape").replace("\r\n", "\n").strip("\n")
    for block in _blocks(text):
        fields = HeaderParser().parsestr(block)
        reporting_mta = reporting_mta or _typed(fields, "reporting-mta") or None
        recipient = _recipient(fields)
        if recipient is not None:
            recipients.append(recipient)
    return DeliveryReport(tuple(recipients), original_message_id, reporting_mta, True)


def _blocks(text: str) -> list[str]:
    groups: list[list[str]] = [[]]
    seen: set[str] = set()
    for line in text.split("\n"):
        name = line.partition(":")[0].strip().lower()
        if not line.strip() or (name in _ONCE_PER_RECIPIENT and name in seen):
            groups.append([])
            seen.clear()
        seen.add(name)
        groups[-1].append(line)
    return ["\n".join(group).lstrip("\n") for group in groups if any(group)][:_MAX_GROUPS]


def _typed(fields: "Message[str, str]", name: str) -> str:
    """A field of the form `type; value` (RFC 3464, section 2.1.2) without its type."""
    value = header_text(_field(fields, name))
    kind, separator, rest = value.partition(";")
    return rest.strip() if separator and " " not in kind.strip() else value


def _field(fields: "Message[str, str]", name: str) -> str:
    return next((str(value) for key, value in fields.raw_items() if key.lower() == name), "")


def _recipient(fields: "Message[str, str]") -> RecipientReport | None:
    address = (_typed(fields, "final-recipient") or _typed(fields, "original-recipient")).strip("<> ")
    if not address:
        return None
    action = header_text(_field(fields, "action")).split("(")[0].strip().lower()
    diagnostic = _typed(fields, "diagnostic-code")
    match = _STATUS.search(header_text(_field(fields, "status"))) or _STATUS.search(diagnostic)
    status = match[1] if match else ""
    return RecipientReport(address, _settled_action(action, status), status, diagnostic)


def _settled_action(action: str, status: str) -> str:
    if action in _ACTIONS:
        return action
    return {"5": "failed", "4": "delayed", "2": "delivered"}.get(status[:1], "failed")


def _original_id(attachments: Sequence[ParsedAttachment], text: str) -> str | None:
    candidates = [part.content for part in attachments if part.content_type in _HEADER_PARTS]
    for content in [*candidates, text.encode("utf-8", "replace")]:
        match = _ORIGINAL_ID.search(content)
        if match:
            return parse_message_id(match[1].decode("ascii", "surrogateescape"))
    return None
