"""The form of an inbox: what was typed, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from convergio.core.errors import AppError, InvalidInput
from convergio.mail.inboxes import InboxFields
from convergio.mail.queries.inboxes import InboxRow

_TEXTS = (
    "name", "email_address", "tag", "colour", "reply_mode", "signature",
    "imap_host", "imap_security", "imap_username", "smtp_host", "smtp_security", "smtp_username",
)  # fmt: skip
_NUMBERS = ("imap_port", "smtp_port")
_PASSWORDS = ("imap_password", "smtp_password")
_CHOICES = {
    "reply_mode": ("off", "draft", "auto"),
    "imap_security": ("tls", "starttls", "plain"),
    "smtp_security": ("tls", "starttls", "plain"),
    "kind": ("imap", "maildir"),
}
# What an empty form begins with.
_DEFAULTS = {
    "kind": "imap", "reply_mode": "draft", "colour": "blue", "is_active": "1",
    "imap_port": "993", "imap_security": "tls", "smtp_port": "465", "smtp_security": "tls",
}  # fmt: skip
_SERVER_FIELDS = ("imap_", "smtp_")


@dataclass
class InboxForm:
    """Values as the page shows them; passwords are never among them."""

    values: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)

    @classmethod
    def empty(cls) -> InboxForm:
        """A new inbox."""
        return cls({name: _DEFAULTS.get(name, "") for name in (*_TEXTS, *_NUMBERS, "kind", "is_active")})

    @classmethod
    def of(cls, inbox: InboxRow) -> InboxForm:
        """What is stored."""
        values = {name: str(getattr(inbox, name)) for name in (*_TEXTS, *_NUMBERS, "kind")}
        return cls({**values, "is_active": "1" if inbox.is_active else ""})

    @classmethod
    def sent(cls, data: Mapping[str, Any], *, kind: str) -> InboxForm:
        """What was typed. An absent checkbox is off; an inbox keeps its kind."""
        values = {name: str(data.get(name, "")).strip() for name in (*_TEXTS, *_NUMBERS)}
        values |= {"kind": kind, "is_active": "1" if "is_active" in data else ""}
        return cls(values, passwords={name: str(data.get(name, "")) for name in _PASSWORDS})

    def fields(self) -> InboxFields:
        """Arguments of create_inbox and update_inbox; an empty password keeps the stored one. Raises InvalidInput."""
        for name, allowed in _CHOICES.items():
            if self.values[name] not in allowed and not (
                name.startswith(_SERVER_FIELDS) and self._is_maildir
            ):
                raise InvalidInput("unknown_choice", "Choose one of the offered words.", field=name)
        names = [name for name in _TEXTS if not (name.startswith(_SERVER_FIELDS) and self._is_maildir)]
        fields: dict[str, Any] = {name: self.values[name] for name in names}
        fields |= {"kind": self.values["kind"], "is_active": bool(self.values["is_active"])}
        if not self._is_maildir:
            fields |= {name: self._port(name) for name in _NUMBERS}
            fields |= {name: value for name, value in self.passwords.items() if value}
        return cast(InboxFields, fields)

    @property
    def _is_maildir(self) -> bool:
        return self.values["kind"] == "maildir"

    def _port(self, name: str) -> int:
        typed = self.values[name]
        if not typed.isdecimal() or len(typed) > 5:
            raise InvalidInput("invalid_port", "A port is a number from 1 to 65535.", field=name)
        return int(typed)

    def refuse(self, error: AppError) -> None:
        """Keep the sentence beside the field that it is about."""
        self.errors[str(error.facts.get("field", "form"))] = error.message
