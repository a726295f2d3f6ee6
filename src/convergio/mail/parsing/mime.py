"""The MIME tree: the standard library's compat32 parser with guards.

compat32 keeps header bytes as they came and never interprets them, which the newer policies do (they raise on
real mail and alter ids). Three things are taken out of its hands through its own extension points: header
interpretation (`headers.py` does it), descending into message/* (an embedded message is a file to us, byte for
byte), and the size of what it is willing to build.
"""

import re
import time
from binascii import Error as BinasciiError
from binascii import a2b_qp, a2b_uu
from collections.abc import Callable
from email import errors
from email.message import Message
from email.parser import BytesFeedParser, BytesParser
from email.policy import Compat32
from functools import cached_property
from typing import Any, cast

from convergio.mail.parsing.headers import (
    header_text,
    is_damaged_base64,
    lenient_base64,
    parse_parameters,
    unfold,
)
from convergio.mail.parsing.types import Limits

_CHUNK = 64 * 1024
_END_OF_HEADERS = re.compile(rb"\r?\n\r?\n")
_SOFT_BREAK_SPACE = re.compile(rb"=[ \t]+(?=\r?$)", re.MULTILINE)
_DEFECTS: dict[type[errors.MessageDefect], str] = {
    errors.NoBoundaryInMultipartDefect: "a multipart without a boundary",
    errors.StartBoundaryNotFoundDefect: "a multipart whose boundary never appears",
    errors.CloseBoundaryNotFoundDefect: "a multipart without its end",
    errors.FirstHeaderLineIsContinuationDefect: "a header that begins with a continuation line",
    errors.MissingHeaderBodySeparatorDefect: "a line among the headers that is no header",
}


class LimitExceeded(Exception):
    """A message is larger, deeper or slower than its limits; the text is a sentence for a person."""


class Part(Message):
    """One node of the tree."""

    depth = 0
    max_depth = 0
    _payload: Any

    def attach(self, payload: Any) -> None:
        """Called by the parser for each child before it reads the child's headers."""
        payload.depth = self.depth + 1
        if payload.depth > self.max_depth:
            raise LimitExceeded(f"The message nests more than {self.max_depth} parts deep.")
        super().attach(payload)

    @property
    def body(self) -> bytes:
        """The undecoded bytes of a leaf. get_payload() would read 8-bit text by its declared charset."""
        return self._payload.encode("utf-8", "surrogateescape") if isinstance(self._payload, str) else b""

    def take_body(self, body: bytes) -> None:
        """Be a leaf with these bytes, kept the way the parser keeps them."""
        self._payload = body.decode("ascii", "surrogateescape")

    @cached_property
    def fields(self) -> dict[str, list[str]]:
        """Raw header values by lower-case name, in their order."""
        found: dict[str, list[str]] = {}
        for name, value in self.raw_items():
            found.setdefault(name.lower(), []).append(value)
        return found

    def field(self, name: str) -> str:
        """The first raw value of a header, '' when missing."""
        return self.fields.get(name, [""])[0]

    @cached_property
    def _content_type(self) -> tuple[str, dict[str, str]]:
        media, parameters = parse_parameters(unfold(self.field("content-type")))
        if media.count("/") != 1 or media.startswith("/") or media.endswith("/"):
            media = "multipart/mixed" if media == "multipart" else self.get_default_type()
        return media, parameters

    @property
    def mime_type(self) -> str:
        return self._content_type[0]

    @property
    def parameters(self) -> dict[str, str]:
        return self._content_type[1]

    @cached_property
    def disposition(self) -> tuple[str, dict[str, str]]:
        return parse_parameters(unfold(self.field("content-disposition")))

    @property
    def filename(self) -> str:
        name = self.disposition[1].get("filename") or self.parameters.get("name") or ""
        return header_text(name)

    @property
    def content_id(self) -> str | None:
        return unfold(self.field("content-id")).strip("<> \t") or None

    # What the parser itself asks to decide how to read on.

    def get_content_type(self) -> str:
        return "application/octet-stream" if self.mime_type.startswith("message/") else self.mime_type

    def get_content_maintype(self) -> str:
        return self.get_content_type().partition("/")[0]

    def get_boundary(self, failobj: Any = None) -> Any:
        boundary = self.parameters.get("boundary", "").rstrip()
        return boundary.encode("utf-8").decode("ascii", "surrogateescape") if boundary else failobj

    @cached_property
    def decoded(self) -> tuple[bytes, str | None]:
        """(content with the transfer encoding undone, what was damaged or None)."""
        encoding = unfold(self.field("content-transfer-encoding")).partition("(")[0].strip(" ;\"'").lower()
        decode = _TRANSFER.get(encoding)
        return decode(self.body) if decode else (self.body, None)


def _from_base64(body: bytes) -> tuple[bytes, str | None]:
    return lenient_base64(body), "a part with broken base64" if is_damaged_base64(body) else None


def _from_quoted_printable(body: bytes) -> tuple[bytes, str | None]:
    return a2b_qp(_SOFT_BREAK_SPACE.sub(b"=", body)), None


def _from_uuencode(body: bytes) -> tuple[bytes, str | None]:
    out: list[bytes] = []
    inside = False
    for line in body.splitlines():
        if not inside:
            inside = line.startswith(b"begin ")
        elif line.strip() == b"end":
            return b"".join(out), None
        else:
            try:
                out.append(a2b_uu(line))
            except BinasciiError:
                return body, "a part with broken uuencoding"
    return (b"".join(out), None) if out else (body, "a part with broken uuencoding")


_TRANSFER: dict[str, Callable[[bytes], tuple[bytes, str | None]]] = {
    "base64": _from_base64,
    "quoted-printable": _from_quoted_printable,
    "x-uuencode": _from_uuencode,
    "uuencode": _from_uuencode,
    "x-uue": _from_uuencode,
}


class _CappedHeaders(Compat32):
    """compat32 that cuts a single header value, so that no later step meets a megabyte of it."""

    max_chars = 0

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[: self.max_chars]


class Deadline:
    """A point in time that long work asks about."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def check(self) -> None:
        if time.monotonic() > self._end:
            raise LimitExceeded(f"The message took longer than {self._seconds:g} seconds to read.")


def parse_tree(raw: bytes, limits: Limits, deadline: Deadline) -> Part:
    """Parse raw bytes into a tree of parts; LimitExceeded when a cap of `limits` is hit."""
    return _single_part(raw, limits) or _whole_tree(raw, limits, deadline)


def _single_part(raw: bytes, limits: Limits) -> Part | None:
    """A message of one part, as most are, without reading its body line by line; None for others and damaged ones."""
    end = _END_OF_HEADERS.search(raw)
    if end is None:
        return None
    root = parse_headers(raw[: end.end()], limits)
    if root.defects or root.body or root.get_content_maintype() == "multipart":
        return None
    root.take_body(raw[end.end() :])
    return root


def _whole_tree(raw: bytes, limits: Limits, deadline: Deadline) -> Part:
    parser = BytesFeedParser(_part_factory(limits), policy=_policy(limits))
    for start in range(0, len(raw), _CHUNK):
        deadline.check()
        parser.feed(raw[start : start + _CHUNK])
    return cast(Part, parser.close())


def parse_headers(raw: bytes, limits: Limits) -> Part:
    """Parse only the headers of raw bytes; all that follows them is the body of one leaf."""
    parser = BytesParser(_part_factory(limits), policy=_policy(limits))
    return cast(Part, parser.parsebytes(raw, headersonly=True))


def _policy(limits: Limits) -> Compat32:
    return _CappedHeaders(max_chars=limits.header_chars)  # type: ignore[call-arg]  # any class attribute may


def _part_factory(limits: Limits) -> Callable[..., Part]:
    count = 0

    def new_part(policy: Any) -> Part:
        nonlocal count
        count += 1
        if count > limits.parts:
            raise LimitExceeded(f"The message has more than {limits.parts} parts.")
        part = Part(policy)
        part.max_depth = limits.depth
        return part

    return new_part


def leaves(root: Part) -> list[Part]:
    """All parts that are not multiparts, in their order."""
    stack, found = [root], []
    while stack:
        part = stack.pop()
        children = children_of(part)
        stack.extend(reversed(children))
        if not children:
            found.append(part)
    return found


def children_of(part: Part) -> list[Part]:
    """The parts of a multipart; empty for a leaf, and for a multipart whose boundary was never found."""
    payload = part.get_payload() if part.is_multipart() else []
    return list(payload)


def describe_defects(root: Part) -> list[str]:
    """What is broken in the structure and in the encoding of the parts, each kind named once."""
    found: dict[str, None] = {}
    stack = [root]
    while stack:
        part = stack.pop()
        for defect in part.defects:
            sentence = _DEFECTS.get(type(defect))
            if sentence:
                found[sentence] = None
        children = children_of(part)
        stack.extend(children)
        damage = None if children else part.decoded[1]
        if damage:
            found[damage] = None
    return list(found)
