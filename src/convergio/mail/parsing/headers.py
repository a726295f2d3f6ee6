"""Header values: unfolding, raw 8-bit text, encoded words (RFC 2047) and parameters (RFC 2231)."""

import re
from binascii import a2b_base64, a2b_qp
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import unquote_to_bytes

from convergio.mail.parsing.charset import clean_text, decode_text

_FOLD = re.compile(r"[\r\n]+[ \t]*")
# The payload is bounded so that a header full of openings without an end stays linear.
_WORD = re.compile(r"=\?([^?*\s]{1,60})(?:\*[^?\s]{0,60})?\?([bBqQ])\?([^\r\n]{0,4000}?)\?=")
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]+")
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOT_BASE64 = bytes(set(range(256)) - set(_BASE64))
_PARAM = re.compile(r';\s*([^\s=;"]{1,200})\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)', re.DOTALL)
_SECTION = re.compile(r"^([^*]+)(?:\*(\d{1,4}))?(\*)?$")


def unfold(raw: str) -> str:
    """Undo folding (RFC 5322, section 2.2.3) and read raw 8-bit bytes as UTF-8, then cp1252 (rule 17).

    Takes a value as the compat32 parser gives it: 8-bit bytes as surrogate escapes.
    """
    value = _FOLD.sub(" ", raw) if "\n" in raw or "\r" in raw else raw
    if not value.isascii() or "\x1b" in value or "\0" in value:
        value = decode_text(value.encode("utf-8", "surrogateescape"))
    return value.strip()


def header_text(raw: str) -> str:
    """The readable form of a header value: unfolded, encoded words decoded, control characters gone."""
    value = unfold(raw)
    if "=?" in value:
        value = decode_words(value)
    return _CONTROLS.sub(" ", clean_text(value)).strip()


class DecodedHeaders(Mapping[str, tuple[str, ...]]):
    """Raw header values by lower-case name, made readable when they are asked for: most never are."""

    def __init__(self, raw: Mapping[str, Sequence[str]], most: int) -> None:
        """At most `most` names and values of a name are told."""
        self._raw = {name: raw[name][:most] for name in list(raw)[:most]}
        self._readable: dict[str, tuple[str, ...]] = {}

    def __getitem__(self, name: str) -> tuple[str, ...]:
        found = self._readable.get(name)
        if found is None:
            found = self._readable[name] = tuple(header_text(value) for value in self._raw[name])
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._raw

    def __iter__(self) -> Iterator[str]:
        return iter(self._raw)

    def __len__(self) -> int:
        return len(self._raw)


def decode_words(value: str) -> str:
    """Decode encoded words; the bytes of neighbours in one charset are joined first, as many senders cut
    inside a multi-byte character (RFC 2047 forbids it, mail does it)."""
    out: list[str] = []
    pending, charset, end = b"", "", 0
    for match in _WORD.finditer(value):
        gap = value[end : match.start()]
        joins = not gap.strip() and end > 0
        if not (joins and match[1].lower() == charset):
            out.append(decode_text(pending, charset) if pending else "")
            pending = b""
        if not joins:
            out.append(gap)
        charset, end = match[1].lower(), match.end()
        pending += _word_bytes(match[2], match[3])
    out.append(decode_text(pending, charset) if pending else "")
    return "".join([*out, value[end:]])


def _word_bytes(encoding: str, payload: str) -> bytes:
    data = payload.encode("utf-8", "replace")
    return a2b_qp(data, header=True) if encoding in "qQ" else lenient_base64(data)


def lenient_base64(data: bytes) -> bytes:
    """Decode base64 up to its padding: foreign characters are skipped, a cut-off end is dropped."""
    letters = data.partition(b"=")[0].translate(None, _NOT_BASE64)
    if len(letters) % 4 == 1:
        letters = letters[:-1]
    return a2b_base64(letters + b"=" * (-len(letters) % 4))


def is_damaged_base64(data: bytes) -> bool:
    """Whether decoding loses something: foreign characters, text after the padding, or a cut-off end."""
    letters, _, rest = data.partition(b"=")
    foreign = letters.translate(None, _BASE64 + b" \t\r\n")
    return (
        bool(foreign) or bool(rest.strip(b"= \t\r\n")) or len(letters.translate(None, _NOT_BASE64)) % 4 == 1
    )


def parse_parameters(value: str) -> tuple[str, dict[str, str]]:
    """Split `text/plain; charset=utf-8` into ('text/plain', {'charset': 'utf-8'}), both names lower-case.

    Continuations and charsets of RFC 2231 are joined and decoded, and so are encoded words, which RFC 2047
    forbids here and senders use all the same.
    """
    main = value.partition(";")[0].partition("(")[0].strip().lower()
    plain: dict[str, str] = {}
    sections: dict[str, dict[int, tuple[bool, str]]] = {}
    for name, raw in _PARAM.findall(value[value.find(";") :] if ";" in value else ""):
        match = _SECTION.match(name.lower())
        text = _unquote(raw)
        if match and (match[2] or match[3]):
            sections.setdefault(match[1], {}).setdefault(int(match[2] or 0), (bool(match[3]), text))
        else:
            plain.setdefault(name.lower(), decode_words(text) if "=?" in text else text)
    return main, plain | {name: _join_sections(parts) for name, parts in sections.items()}


def _unquote(raw: str) -> str:
    text = raw.strip()
    if not text.startswith('"'):
        return text
    inner = text[1:-1] if text.endswith('"') and len(text) > 1 else text[1:]
    return inner.replace("\\\\", "\\").replace('\\"', '"')


def _join_sections(parts: dict[int, tuple[bool, str]]) -> str:
    charset, data = "", b""
    for index, (is_encoded, section) in sorted(parts.items()):
        text = section
        if is_encoded and index == min(parts) and text.count("'") >= 2:
            charset, _language, text = text.split("'", 2)
        data += unquote_to_bytes(text) if is_encoded else text.encode("utf-8", "replace")
    return decode_text(data, charset)
