"""This installation's name in Message-IDs, and the key that signs them (rules 28 and 30)."""

from __future__ import annotations

import hashlib

from convergio.core.crypto import derive_key
from convergio.mail import message_ids


def instance_id() -> str:
    """A short public name, different for every CONVERGIO_SECRET_KEY."""
    return hashlib.sha256(derive_key("mail.instance")).hexdigest()[:12]


def fresh_message_id(address: str) -> str:
    """An unguessable, signed id in the sending address's domain, without angle brackets."""
    domain = address.rpartition("@")[2]
    return message_ids.new_message_id(instance_id(), derive_key("mail.message-id"), domain=domain)


def is_ours(message_id: str) -> bool:
    """Whether this installation made the id."""
    return message_ids.is_our_message_id(message_id, instance_id(), derive_key("mail.message-id"))
