"""The demo's week of mail: raw messages whose times count back from now, so that it is always this week's."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from importlib.resources import files
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import yaml

from convergio.site.demo.files import csv_file, invitation_file, pdf_file, png_file

DOMAIN = "convergio.test"
ZONE = ZoneInfo("Asia/Kolkata")
Entry = dict[str, Any]


class DemoMessage(NamedTuple):
    """A message as a server would hand it over; `inbox_tag` is in lower case, `raw` has CRLF line ends.

    `is_sent`: it lies in the inbox's Sent folder. `is_read` and `task` (status, and the assignee's name before the @)
    tell what the agency has done with it since.
    """

    inbox_tag: str
    received_at: datetime
    raw: bytes
    is_sent: bool
    is_read: bool
    task: dict[str, str]


def demo_messages(now: datetime) -> Iterator[DemoMessage]:
    """Yield the week before `now` (aware), oldest first; the same moment gives the same bytes."""
    week = [
        (inbox_tag, _moment(entry["when"], now), entry)
        for inbox_tag, entries in _tables()
        for entry in entries
    ]
    week.sort(key=lambda item: item[1])
    ids = {entry["id"]: _message_id(entry, moment) for _, moment, entry in week}
    chains: dict[str, list[str]] = {}
    for inbox_tag, moment, entry in week:
        parent = entry.get("reply_to")
        chain = chains[entry["id"]] = [*chains[parent], ids[parent]] if parent else []
        yield DemoMessage(
            inbox_tag=inbox_tag,
            received_at=moment,
            raw=_raw(inbox_tag, moment, entry, ids[entry["id"]], chain),
            is_sent="to" in entry,
            is_read=entry.get("is_read", False),
            task=entry.get("task", {}),
        )


def _tables() -> Iterator[tuple[str, list[Entry]]]:
    """One table of messages for each inbox, as messages/*.yaml hold them."""
    for file in sorted((files(__package__) / "messages").iterdir(), key=lambda item: item.name):
        yield file.name.removesuffix(".yaml"), yaml.safe_load(file.read_text(encoding="utf-8"))


def _moment(when: str, now: datetime) -> datetime:
    """Read "40m" (minutes ago) or "5d 09:14" (that many days ago, at that time in India)."""
    if when.endswith("m"):
        return (now - timedelta(minutes=int(when[:-1]))).astimezone(ZONE).replace(microsecond=0)
    days, clock = when.split("d ")
    hour, minute = clock.split(":")
    day = now.astimezone(ZONE) - timedelta(days=int(days))
    return day.replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)


def _message_id(entry: Entry, moment: datetime) -> str:
    domain = parseaddr(entry["from"])[1].partition("@")[2]
    return f"<{entry['id']}.{moment:%Y%m%d%H%M}@{domain}>"


def _raw(inbox_tag: str, moment: datetime, entry: Entry, message_id: str, ancestors: list[str]) -> bytes:
    fields = _head(inbox_tag, moment, entry)
    if entry.get("message_id") != "none":
        fields["Message-ID"] = message_id
    if ancestors:
        fields |= {"In-Reply-To": ancestors[-1], "References": "\r\n ".join(ancestors)}
    fields |= entry.get("headers", {})
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return head.encode("ascii") + _body(entry, moment).as_bytes(policy=SMTP)


def _head(inbox_tag: str, moment: datetime, entry: Entry) -> dict[str, str]:
    """Header lines in the order of a real message. Encoded here, because the policy would turn all into UTF-8."""
    charset = entry.get("charset", "utf-8")
    name, address = parseaddr(entry["from"])
    relay = f"mx.{address.partition('@')[2]}"
    head = {
        "Return-Path": f"<{address}>",
        "Received": f"from {relay} ({relay} [192.0.2.25])\r\n by mail.{DOMAIN} with ESMTPS; {format_datetime(moment)}",
        "Date": format_datetime(moment - timedelta(seconds=20)),
        "From": f"{_encoded(name, charset)} <{address}>",
        "To": entry.get("to", f"{inbox_tag}@{DOMAIN}"),
        "Subject": _encoded(entry["subject"], charset),
    }
    if "cc" in entry:
        head["Cc"] = entry["cc"]
    return head


def _encoded(text: str, charset: str) -> str:
    """The text of a header, as encoded words where it is not ASCII (RFC 2047)."""
    return text if text.isascii() else Header(text, charset, maxlinelen=70).encode(linesep="\r\n")


def _body(entry: Entry, moment: datetime) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    charset = entry.get("charset", "utf-8")
    if "text" in entry:
        # ISO-2022-JP was made for seven bits and travels unencoded (RFC 1468).
        message.set_content(entry["text"], charset=charset, cte="7bit" if charset == "iso-2022-jp" else None)
        if "html" in entry:
            message.add_alternative(entry["html"], subtype="html")
    else:
        message.set_content(entry["html"], subtype="html")
    for file in entry.get("inline", ()):
        content, *kind = _attached(file, moment)
        message.add_related(
            content, *kind, filename=file["name"], disposition="inline", cid=f"<{file['cid']}>"
        )
    for file in entry.get("attach", ()):
        content, *kind = _attached(file, moment)
        message.add_attachment(content, *kind, filename=file["name"])
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        digest = hashlib.sha256(f"{entry['id']} {number}".encode()).hexdigest()
        part.set_boundary(f"part-{digest[:24]}")
    return message


_FILES: dict[str, tuple[str, str, Callable[[Entry], bytes]]] = {
    "csv": ("text", "csv", lambda file: csv_file(file["rows"])),
    "ics": ("text", "calendar", invitation_file),
    "pdf": ("application", "pdf", lambda file: pdf_file(file["lines"])),
    "png": ("image", "png", lambda file: png_file(file["colour"], file["size"])),
}


def _attached(file: Entry, moment: datetime) -> tuple[bytes, str, str]:
    """Content, main and sub type, by the ending of the name."""
    main, sub, make = _FILES[file["name"].rpartition(".")[2]]
    return make({**file, "sent_at": moment}), main, sub
