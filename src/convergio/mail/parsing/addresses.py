"""Address lists (RFC 5322, section 3.4), read leniently and in linear time.

The standard library's parser recurses on nested comments and gives up on names with a bare comma.
"""

import re
from collections.abc import Iterator

from convergio.mail.parsing.headers import header_text, unfold
from convergio.mail.parsing.types import Address

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"?|<[^<>]*>?|\[[^\]]*\]?|[(),;:\\]|[^\s"<>(),;:\[\\]+|\s+|.', re.DOTALL)
_BARE = re.compile(r'((?:"(?:[^"\\]|\\.)*"|[^\s"<>()]{1,320})@[^\s"<>()]{1,320})')
# List archives write `name at host` so that harvesters do not find it.
_ARCHIVED = re.compile(r"^([\w.+\-=]+) at ([\w\-]+(?:\.[\w\-]+)+)(?=$| \()")
_QUOTED_PAIR = re.compile(r"\\(.)")


def parse_addresses(raw: str, limit: int) -> tuple[Address, ...]:
    """Up to `limit` mailboxes of one header value, groups flattened, in their order."""
    found: list[Address] = []
    prefix = ""  # `Doe, John <j@x>` without quotes arrives as two chunks
    for chunk, angle in _chunks(unfold(raw)):
        words = _ARCHIVED.sub(r"\1@\2", chunk) if angle is None else chunk
        if angle is None and "@" not in words and "=?" not in words:
            prefix = f"{prefix}, {words}" if prefix else words
            continue
        found.extend(_bare_names(prefix) if angle is None else ())
        address = _mailbox(f"{prefix}, {words}" if prefix and angle is not None else words, angle)
        prefix = ""
        if address is not None:
            found.append(address)
        if len(found) >= limit:
            break
    return (*found, *_bare_names(prefix))[:limit]


def _chunks(text: str) -> Iterator[tuple[str, str | None]]:
    """Yield (words, content of the angle brackets) for each part between commas; comments come as words only
    where nothing else names the person."""
    words, comments, angle, depth = "", "", None, 0
    for piece in [*_TOKEN.findall(text), ","]:
        if depth or piece == "(":
            depth += (piece == "(") - (piece == ")")
            comments += piece
        elif piece in ",;":
            if words.strip() or angle is not None:
                yield _named(words, comments), angle
            words, comments, angle = "", "", None
        elif piece == ":" and "@" not in words:
            words = ""  # the name of a group
        elif piece.startswith("<"):
            angle = piece.strip("<>")
        else:
            words += piece
    if depth and (words.strip() or angle is not None):
        yield _named(words, comments), angle


def _named(words: str, comments: str) -> str:
    stripped = words.strip()
    is_bare = '"' not in stripped and (" " not in stripped or _ARCHIVED.match(stripped) is not None)
    return f"{stripped} {comments}".strip() if comments and is_bare else stripped


def _mailbox(words: str, angle: str | None) -> Address | None:
    if angle is not None and "@" in angle:
        return Address(_name(words), _clean_address(angle))
    match = _BARE.search(words) or _BARE.search(header_text(words).replace("<", " ").replace(">", " "))
    if match:
        rest = words.replace(match[1], " ", 1) if match[1] in words else header_text(words).split("<")[0]
        return Address(_name(rest), _clean_address(match[1]))
    if angle:
        return Address(_name(words), _clean_address(angle))
    return next(iter(_bare_names(words)), None)


def _bare_names(prefix: str) -> tuple[Address, ...]:
    """Local names without a domain, such as `root`; phrases are not addresses."""
    names = (name.strip() for name in prefix.split(","))
    return tuple(Address("", _clean_address(name)) for name in names if name and " " not in name)


def _name(words: str) -> str:
    text = words.strip()
    if text.startswith("(") and text.endswith(")"):
        text = text[1:-1]
    if '"' in text:
        text = _QUOTED_PAIR.sub(r"\1", text.replace('\\"', "\0").replace('"', "").replace("\0", '"'))
    return " ".join(header_text(text).split()).strip("'")


def _clean_address(text: str) -> str:
    address = "".join(header_text(text).split()) if '"' not in text else header_text(text)
    return address.removeprefix("mailto:").strip(".,;'")[:998]
