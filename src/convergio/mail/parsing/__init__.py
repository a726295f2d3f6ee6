"""Turning raw mail into values: messages, addresses, files, delivery reports, mbox files.

Pure functions over bytes. Knows no database, no inbox and no framework, and never raises on a message: what is
wrong with it is part of the result.
"""

from convergio.mail.parsing.mbox import MboxEntry, iter_entries, iter_mbox
from convergio.mail.parsing.message import key_and_hash, parse_message, unparsed
from convergio.mail.parsing.types import (
    DEFAULT,
    Address,
    DeliveryReport,
    Limits,
    ParsedAttachment,
    ParsedMessage,
    RecipientReport,
)

__all__ = [
    "DEFAULT",
    "Address",
    "DeliveryReport",
    "Limits",
    "MboxEntry",
    "ParsedAttachment",
    "ParsedMessage",
    "RecipientReport",
    "iter_entries",
    "iter_mbox",
    "key_and_hash",
    "parse_message",
    "unparsed",
]
