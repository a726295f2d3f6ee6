"""Message ids, the keys they are stored under, and the hash that tells two deliveries from two messages."""

import hashlib
import re
from collections.abc import Iterable

from convergio.mail.parsing.headers import unfold

MAX_KEY = 500
_FOLDED_SPACE = re.compile(r"[\r\n]+[ \t]*")
_BRACKETED = re.compile(r"<([^<>]+)>")
_END_OF_HEADERS = re.compile(rb"\r?\n[ \t]*\r?\n|\r\r")
_TRACED = ("from", "date", "subject")


def parse_ids(raw: str) -> tuple[str, ...]:
    """All ids between < and > of one raw header value, unaltered; a value of one bare word counts as an id."""
    value = unfold(_FOLDED_SPACE.sub("", raw))
    found = tuple(text for text in (match.strip() for match in _BRACKETED.findall(value)) if text)
    if found:
        return found
    bare = value.strip("<> \t")
    return (bare,) if bare and "@" in bare and not re.search(r"\s", bare) else ()


def parse_message_id(raw: str) -> str | None:
    """The id of a Message-ID header, or None when it is empty. Without brackets the whole value is the id."""
    found = parse_ids(raw)
    return found[0] if found else (unfold(_FOLDED_SPACE.sub("", raw)).strip("<> \t") or None)


def id_key(message_id: str) -> str:
    """The key an id is stored and looked up under: itself, or its SHA-256 above 500 characters."""
    if len(message_id) <= MAX_KEY:
        return message_id
    return "sha256:" + hashlib.sha256(message_id.encode("utf-8", "replace")).hexdigest()


def raw_key(raw: bytes) -> str:
    """The key of a message without an id (rule 23)."""
    return "sha256:" + hashlib.sha256(raw).hexdigest()


def reference_keys(values: Iterable[str], limit: int) -> tuple[str, ...]:
    """Ids of several header values without repeats, oldest first; beyond `limit` the oldest go."""
    keys = dict.fromkeys(id_key(found) for value in values for found in parse_ids(value))
    return tuple(keys)[-limit:]


def split_message(raw: bytes) -> tuple[bytes, bytes]:
    """(header block, body) of a raw message; leading blank lines belong to neither."""
    start = len(raw) - len(raw.lstrip(b"\r\n"))
    match = _END_OF_HEADERS.search(raw, start)
    return (raw[start:], b"") if match is None else (raw[start : match.start()], raw[match.end() :])


def content_hash(raw: bytes, fields: Iterable[tuple[str, str]]) -> bytes:
    """SHA-256 over From, Date, Subject and the body, indifferent to trace headers, folding and line ends.

    Two deliveries of one message agree in it; one Message-ID with two hashes is two messages (rule 22).
    """
    digest = hashlib.sha256()
    traced: dict[str, list[str]] = {name: [] for name in _TRACED}
    for name, value in fields:
        if name in traced:
            traced[name].append(" ".join(value.split()))
    for name, values in traced.items():
        for value in values:
            digest.update(f"{name}:{value}\n".encode("utf-8", "surrogateescape"))
    body = split_message(raw)[1]
    if b"\r" in body:
        body = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    digest.update(b"\n" + body.rstrip(b"\n"))
    return digest.digest()
