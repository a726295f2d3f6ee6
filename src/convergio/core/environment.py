"""Typed reading of environment variables; a wrong value is one sentence that names the variable."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit


class SettingError(Exception):
    """An environment variable holds something unusable; the message says which, and what it takes."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Reads variables by name; secrets may come from a file named by NAME_FILE instead."""

    values: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    def text(self, name: str, default: str = "") -> str:
        return self.values.get(name, "").strip() or default

    def secret(self, name: str, default: str = "") -> str:
        path = self.values.get(f"{name}_FILE", "").strip()
        if not path:
            return self.text(name, default)
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SettingError(
                f"{name}_FILE points to {path}, which cannot be read: {error.strerror}."
            ) from None

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.text(name).lower()
        if value in {"1", "true", "yes", "on"}:
            return True
        if value in {"0", "false", "no", "off"}:
            return False
        if value:
            raise SettingError(f"{name} is “{value}”; use true or false.")
        return default

    def number(self, name: str, default: int, *, least: int = 0) -> int:
        value = self.text(name)
        if not value:
            return default
        if not value.isdigit() or int(value) < least:
            raise SettingError(f"{name} is “{value}”; use a whole number of at least {least}.")
        return int(value)

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        value = self.text(name, default).lower()
        if value not in allowed:
            raise SettingError(f"{name} is “{value}”; use one of {', '.join(allowed)}.")
        return value

    def words(self, name: str) -> list[str]:
        return [word.strip() for word in self.text(name).split(",") if word.strip()]

    def networks(self, name: str) -> list[IPv4Network | IPv6Network]:
        try:
            return [ip_network(word, strict=False) for word in self.words(name)]
        except ValueError as error:
            raise SettingError(f"{name}: {error}; use addresses or networks like 10.0.0.0/8.") from None


def database_from_url(url: str, *, name: str = "DATABASE_URL") -> dict[str, Any]:
    """Django's DATABASES entry for a postgresql:// address; a socket folder goes in `?host=`."""
    parts = urlsplit(url)
    database = unquote(parts.path.lstrip("/"))
    if parts.scheme not in {"postgres", "postgresql"} or not database:
        raise SettingError(f"{name} must look like postgresql://user:password@host:5432/database.")
    options = dict(parse_qsl(parts.query))
    try:
        port = str(parts.port or options.pop("port", "") or "")
    except ValueError:
        raise SettingError(f"{name} has a port that is not a number.") from None
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": database,
        "USER": unquote(parts.username or options.pop("user", "")),
        "PASSWORD": unquote(parts.password or options.pop("password", "")),
        "HOST": unquote(parts.hostname or "") or options.pop("host", ""),
        "PORT": port,
        "OPTIONS": options,
    }
