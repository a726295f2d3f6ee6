"""Servers that the mail tests talk to."""

from __future__ import annotations

from tests.mail.servers import account, mail_servers

__all__ = ["account", "mail_servers"]
