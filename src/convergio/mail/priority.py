"""How urgent a message's task is."""

from __future__ import annotations

import re

from convergio.mail.parsing import ParsedMessage
from convergio.mail.verdict import Verdict

# Verdicts that say "do not answer by machine" of mail that a person may well have written.
_NOT_AUTOMATIC = frozenset({"ok", "not_addressed", "own_address", "own_message", "no_sender", "damaged"})
_URGENT_WORDS = re.compile(r"\b(urgent|asap|emergency)\b", re.IGNORECASE)


def priority_of(message: ParsedMessage, verdict: Verdict) -> str:
    """low for automatic mail, urgent or high where the sender says so, medium otherwise.

    Importance is RFC 4021 2.1.54; X-Priority 1 and 2 are what mail programs write for "high".
    """
    if verdict.reason not in _NOT_AUTOMATIC:
        return "low"
    if _URGENT_WORDS.search(message.subject):
        return "urgent"
    importance = " ".join(message.headers.get("importance", ())).strip().lower()
    x_priority = " ".join(message.headers.get("x-priority", ())).strip()[:1]
    return "high" if importance == "high" or x_priority in {"1", "2"} else "medium"
