"""winmail.dat: the files in Microsoft's TNEF wrapping (MS-OXTNEF; property layout by MS-OXCDATA, section 2.11).

One forward pass: every count and length that the data names is bounded by the bytes that are really there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct

from convergio.mail.parsing.charset import decode_text

_SIGNATURE = 0x223E9F78
_U16, _U32 = Struct("<H"), Struct("<I")
_ATTRIBUTE = Struct("<BHHI")  # level, name, type, length

# Attributes of the stream.
_BODY, _MESSAGE_PROPERTIES, _CODEPAGE = 0x800C, 0x9003, 0x9007
_NEXT_FILE, _FILE_TITLE, _FILE_DATA, _FILE_PROPERTIES = 0x9002, 0x8010, 0x800F, 0x9005
# Properties inside the two property lists.
_HTML, _PLAIN, _LONG_NAME, _SHORT_NAME, _DATA = 0x1013, 0x1000, 0x3707, 0x3704, 0x3701

_NAMED, _MULTI = 0x8000, 0x1000
_STRING8, _UNICODE, _BINARY, _OBJECT = 0x1E, 0x1F, 0x102, 0x0D
_VARIABLE = {_STRING8, _UNICODE, _BINARY, _OBJECT}
_FIXED = {2: 4, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 0x0A: 4, 0x0B: 4, 0x14: 8, 0x40: 8, 0x48: 16}
_OLE_GUID = 16  # an embedded object begins with the id of its interface


class NotTnef(ValueError):
    """The bytes are no TNEF stream."""


@dataclass(slots=True)
class TnefFile:
    """A file as it lies in the stream; `name` is '' when the stream names none."""

    name: str = ""
    content: bytes = b""


def read_tnef(data: bytes) -> list[TnefFile]:
    """The files of a TNEF stream and, last, its body as message.html or message.txt. What is cut off or
    malformed ends the reading; the files before it are given. NotTnef when the signature is missing."""
    if len(data) < 6 or _U32.unpack_from(data)[0] != _SIGNATURE:
        raise NotTnef
    files: list[TnefFile] = []
    bodies: dict[str, bytes] = {}
    charset = "cp1252"
    for name, value in _attributes(data):
        if name == _CODEPAGE and len(value) >= 4:
            charset = f"cp{_U32.unpack_from(value)[0]}"
        elif name == _NEXT_FILE:
            files.append(TnefFile())
        elif name == _BODY:
            bodies["message.txt"] = value.rstrip(b"\0")
        elif name == _MESSAGE_PROPERTIES:
            bodies |= _bodies(value, charset)
        elif files:
            _fill(files[-1], name, value, charset)
    body = [TnefFile(kind, bodies[kind]) for kind in ("message.html", "message.txt") if bodies.get(kind)][:1]
    return [file for file in files if file.content or file.name] + body


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 6
    while offset + _ATTRIBUTE.size <= len(data):
        _level, name, _type, length = _ATTRIBUTE.unpack_from(data, offset)
        offset += _ATTRIBUTE.size
        if offset + length > len(data):
            return
        yield name, data[offset : offset + length]
        offset += length + 2  # a checksum follows


def _fill(file: TnefFile, name: int, value: bytes, charset: str) -> None:
    if name == _FILE_TITLE:
        file.name = file.name or _text(value, charset)
    elif name == _FILE_DATA:
        file.content = value
    elif name == _FILE_PROPERTIES:
        found = dict(_properties(value, charset))
        file.name = _text(found.get(_LONG_NAME) or found.get(_SHORT_NAME) or b"", "utf-8") or file.name
        # An embedded object; the plain data beside it then only says that it is one.
        file.content = found.get(_DATA) or file.content


def _bodies(value: bytes, charset: str) -> dict[str, bytes]:
    found = dict(_properties(value, charset))
    named = {"message.html": found.get(_HTML), "message.txt": found.get(_PLAIN)}
    return {name: body.rstrip(b"\0") for name, body in named.items() if body}


def _properties(data: bytes, charset: str) -> Iterator[tuple[int, bytes]]:
    """(id, first value) of a property list; text comes as UTF-8, an object without its interface.

    Stops where the bytes end, whatever count the list names."""
    if len(data) < 4:
        return
    count, offset = _U32.unpack_from(data)[0], 4
    while count and offset + 4 <= len(data):
        kind, identity = _U16.unpack_from(data, offset)[0], _U16.unpack_from(data, offset + 2)[0]
        offset = _skip_name(data, offset + 4, identity)
        values, offset = _values(data, offset, kind)
        if not values:
            return
        yield identity, _readable(values[0], kind & ~_MULTI, charset)
        count -= 1


def _skip_name(data: bytes, offset: int, identity: int) -> int:
    if identity < _NAMED or offset + 24 > len(data):
        return offset
    is_string = _U32.unpack_from(data, offset + 16)[0] == 1
    length = _U32.unpack_from(data, offset + 20)[0]
    return offset + 24 + (_padded(length) if is_string else 0)


def _values(data: bytes, offset: int, kind: int) -> tuple[list[bytes], int]:
    """The values of one property and where the next one begins; no values when the bytes end before."""
    base, count = kind & ~_MULTI, 1
    if base in _VARIABLE or kind & _MULTI:
        if offset + 4 > len(data):
            return [], offset
        count, offset = _U32.unpack_from(data, offset)[0], offset + 4
    if base not in _VARIABLE:
        size = _FIXED.get(base, 0) * count if base != 2 or not kind & _MULTI else _padded(2 * count)
        value = data[offset : offset + size]
        return ([value] if size and len(value) == size else []), offset + size
    values: list[bytes] = []
    while len(values) < count and offset + 4 <= len(data):
        length = _U32.unpack_from(data, offset)[0]
        values.append(data[offset + 4 : offset + 4 + length])
        offset += 4 + _padded(length)
    return values, offset


def _padded(length: int) -> int:
    return length + -length % 4


def _readable(value: bytes, kind: int, charset: str) -> bytes:
    if kind == _UNICODE:
        return decode_text(value, "utf-16-le").rstrip("\ufffd\0").encode()
    if kind == _OBJECT:
        return value[_OLE_GUID:]
    return _text(value, charset).encode() if kind == _STRING8 else value


def _text(value: bytes, charset: str) -> str:
    return decode_text(value.rstrip(b"\0"), charset)
