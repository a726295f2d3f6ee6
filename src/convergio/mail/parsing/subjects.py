"""Subjects without what mail programs put before them (RFC 5256, section 2.1, with the words of other languages)."""

from __future__ import annotations

import re

# Re/Fwd in the languages whose mail programs translate them.
_PREFIX = re.compile(
    r"""^\s*(?:
        (?:re|aw|sv|vs|antw|odp|ynt|res|rif|ref|回复|回覆|答复|返信|پاسخ|תשובה|отв|ответ)
      | (?:fwd?|wg|vs|doorst|i|enc|tr|rv|转发|轉寄|転送)
    )(?:\[\d+\]|\(\d+\))?\s*[:：]\s*""",
    re.IGNORECASE | re.VERBOSE,
)
_BLOB = re.compile(r"^\s*\[[^\[\]]{1,60}\]\s*(?=\S)")
_SPACE = re.compile(r"\s+")


def base_subject(subject: str) -> str:
    """The subject without Re:, Fwd: and a list's [name], case-folded, for comparison only."""
    rest = _SPACE.sub(" ", subject).strip()
    while True:
        shorter = _PREFIX.sub("", rest, count=1)
        if shorter == rest:
            shorter = _BLOB.sub("", rest, count=1)
        if shorter == rest:
            return rest.casefold()
        rest = shorter


def is_reply_subject(subject: str) -> bool:
    """Whether the subject says that it continues a conversation."""
    return bool(_PREFIX.match(_BLOB.sub("", subject, count=1)))


def reply_subject(subject: str) -> str:
    """The subject of an answer: one Re: before it, never two."""
    return subject if is_reply_subject(subject) else f"Re: {subject}".strip()
