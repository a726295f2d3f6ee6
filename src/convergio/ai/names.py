"""Greeting people by a name that a stranger's mail program sent."""

from __future__ import annotations

import re
import unicodedata

MOST = 40
_person = re.compile(r"[^\W\d_][\w.'’ -]*")
_honorific = re.compile(r"(?i)(?:dr|prof|mr|mrs|ms|mx|smt|shri|sri)\.?")
# Words of mailboxes and companies rather than of people; compared in lower case.
_MAILBOX_WORDS = (
    "accounts admin agency alert alerts billing bot care club college company contact customer daemon desk digest "
    "foundation gmbh group hello help helpdesk hr inc info jobs labs limited llc llp ltd mailer marketing media "
    "newsletter news noreply notification notifications office orders partners partnerships postmaster press pvt reply "
    "sales school service services shop store studio support system systems team unknown university updates via web "
    "webmaster"
)
_NOT_PEOPLE = frozenset(_MAILBOX_WORDS.split())


def greeting_name(sender_name: str) -> str:
    """Return how to address the sender: a first name, "Dr. Rao", a whole name where order is unclear, or nothing.

    Nothing is the answer for everything that is not plausibly a person's name: addresses, companies, mailboxes,
    links, markup, long texts.
    """
    name = _in_order(unicodedata.normalize("NFC", sender_name).strip(" \"'“”"))
    if not _is_plausible(name):
        return ""
    words = name.split()
    if _honorific.fullmatch(words[0]):
        return f"{words[0]} {words[-1]}" if len(words) > 1 else ""
    if _has_no_given_first(name) or len(words[0].rstrip(".")) == 1:
        return name
    return words[0].capitalize() if words[0].isupper() or words[0].islower() else words[0]


def _in_order(name: str) -> str:
    """Turn "Rao, Meera" round."""
    family, comma, given = name.partition(",")
    return f"{given.strip()} {family.strip()}" if comma and given.strip() else name


def _is_plausible(name: str) -> bool:
    letters = "".join(char for char in name if unicodedata.category(char)[0] != "M")
    words = name.split()
    return (
        0 < len(name) <= MOST
        and len(words) <= 4
        and all(char == " " or not char.isspace() for char in name)
        and _person.fullmatch(letters) is not None
        and not any(char.isdigit() or char == "_" for char in letters)
        and "." not in letters.replace(". ", " ").rstrip(".")
        and not {word.strip(".-'").lower() for word in re.split(r"[ -]", name)} & _NOT_PEOPLE
    )


def _has_no_given_first(name: str) -> bool:
    """Chinese, Japanese and Korean names may have the family name first."""
    return any(unicodedata.east_asian_width(char) == "W" for char in name)
