"""What may stand in an account's fields; each `clean_` answers the value as it is stored or raises InvalidField."""

from __future__ import annotations

import unicodedata
from functools import cache
from zoneinfo import available_timezones

from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from convergio.accounts.errors import InvalidField

SHORTEST_PASSWORD, LONGEST_PASSWORD = 10, 256
_OWN_LENGTH = 6  # characters that are neither the person's name nor the product's
_LONGEST_EMAIL = 255
_AVATAR_BYTES = 2 * 1024 * 1024


def clean_password(password: str, *, field: str = "password", words: tuple[str, ...] = ()) -> str:
    """NFC, so that it is the same from every keyboard; 10 to 256 characters of any kind.

    Not one of the most used ones (the list comes with Django), and more than the person's own `words` and ours.
    """
    if len(password) > 4 * LONGEST_PASSWORD:  # normalising megabytes would take long
        raise InvalidField(field, f"Use {LONGEST_PASSWORD} characters or fewer. You have {len(password)}.")
    password = unicodedata.normalize("NFC", password)
    length = len(password)
    if length < SHORTEST_PASSWORD:
        raise InvalidField(field, f"Use {SHORTEST_PASSWORD} characters or more. You have {length}.")
    if length > LONGEST_PASSWORD:
        raise InvalidField(field, f"Use {LONGEST_PASSWORD} characters or fewer. You have {length}.")
    if password.lower() in _most_used_passwords():
        raise InvalidField(field, "This is one of the most used passwords; choose another.")
    if len(_without(password, (*words, "convergio"))) < _OWN_LENGTH:
        raise InvalidField(field, "This is little more than your name or ours; choose another.")
    return password


@cache
def _most_used_passwords() -> frozenset[str]:
    return frozenset(CommonPasswordValidator().passwords)


def _without(password: str, words: tuple[str, ...]) -> str:
    """What is left of the password without these words and the parts of the names among them."""
    left = password.lower()
    parts = {part for word in words for part in (word.lower(), *word.lower().split()) if len(part) > 2}
    for part in sorted(parts, key=len, reverse=True):
        left = left.replace(part, "")
    return left


def fold_email(typed: str) -> str:
    """What somebody typed, folded for comparing (NFC, lower case); it may be no address at all."""
    return unicodedata.normalize("NFC", typed).replace("\0", "").strip().lower()


def clean_email(typed: str) -> str:
    """An address, folded."""
    email = fold_email(typed)
    try:
        validate_email(email)
    except ValidationError:
        raise InvalidField("email", "Enter an address like name@example.com.") from None
    if len(email) > _LONGEST_EMAIL:
        raise InvalidField("email", f"This address is longer than {_LONGEST_EMAIL} characters.")
    return email


def clean_line(field: str, value: str, *, longest: int, required: bool = False) -> str:
    """One line of text without control characters."""
    value = unicodedata.normalize("NFC", value).strip()
    if required and not value:
        raise InvalidField(field, f"Fill in the {field}.")
    if len(value) > longest:
        raise InvalidField(field, f"Use {longest} characters or fewer for the {field}.")
    if any(unicodedata.category(character) == "Cc" for character in value):
        raise InvalidField(field, f"The {field} is one line without control characters.")
    return value


def clean_timezone(value: str) -> str:
    """A name of the IANA time zone database."""
    if value not in timezones():
        raise InvalidField("timezone", "Choose a time zone like Asia/Kolkata or Europe/Berlin.")
    return value


@cache
def timezones() -> tuple[str, ...]:
    """The zones a person can choose, in alphabetical order."""
    return tuple(sorted(name for name in available_timezones() if "/" in name or name == "UTC"))


def image_type(content: bytes) -> str | None:
    """The media type of a PNG, JPEG, GIF or WebP by its first bytes, None for anything else."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content[:6] in {b"GIF87a", b"GIF89a"}:
        return "image/gif"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return None


def clean_avatar(content: bytes) -> bytes:
    """A PNG, JPEG, GIF or WebP of at most 2 MB. SVG is not taken: it can carry script."""
    if len(content) > _AVATAR_BYTES:
        raise InvalidField("avatar", "The picture is larger than 2 MB; take a smaller one.")
    if image_type(content) is None:
        raise InvalidField("avatar", "Take a PNG, JPEG, GIF or WebP picture.")
    return content
