"""Bytes to text that PostgreSQL accepts, whatever the sender declared. Nothing here raises."""

import codecs
import re
from functools import lru_cache

# Names whose declared form is a subset of what senders really use. The WHATWG Encoding Standard reads them the
# same way: https://encoding.spec.whatwg.org/#names-and-labels
_WIDER = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "hz": "hz",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "x-sjis": "cp932",
    "x-euc-jp": "euc_jp",
    "cp-850": "cp850",
    "x-unknown": "",
    "unknown-8bit": "",
    "us-ascii": "",
    "ascii": "",
}
# Tried when the declared charset fails, before guessing.
_RETRY = {"shift_jis": "cp932", "euc_kr": "cp949", "big5": "big5hkscs", "iso2022_jp": "iso2022_jp_ext"}
# Codecs that are no character sets, or that decode in quadratic time.
_REFUSED = {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"}
_SINGLE_BYTE_LATIN = {"iso8859-1", "latin-1", "latin_1"}
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_C1 = re.compile(rb"[\x80-\x9f]")
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def clean_text(text: str) -> str:
    """Replace NUL and lone surrogates, which PostgreSQL and UTF-8 refuse, by U+FFFD."""
    if text.isascii() and "\0" not in text:
        return text
    return _UNSTORABLE.sub("\ufffd", text)


@lru_cache(maxsize=256)
def codec_name(declared: str) -> str:
    """The name of Python's codec for a declared charset, or '' when unknown, meaningless or refused."""
    label = declared.strip().strip("\"'").lower()[:60]
    label = _WIDER.get(label, label)
    try:
        name = codecs.lookup(label).name if label else ""
        "".encode(name or "ascii")  # LookupError for codecs that do not make text, such as rot13 or zip
    except Exception:  # noqa: BLE001  # an unknown name must never raise (rule 16), and codec modules raise what they like
        return ""
    return "" if name.replace("-", "_") in _REFUSED else name


def decode_text(data: bytes, declared: str = "") -> str:
    """Decode by the declared charset, then UTF-8, then cp1252, then latin-1; the result is clean text."""
    if not declared and data.isascii() and b"\x1b" not in data:
        return clean_text(data.decode("ascii"))
    return clean_text(_decode(data, codec_name(declared)))


def _decode(data: bytes, codec: str) -> str:
    for bom, marked in _BOMS:
        if data.startswith(bom) and codec in {"", "utf-8", "utf-16", "iso8859-1", "cp1252"}:
            codec = marked
    for candidate in _candidates(data, codec):
        text = _try(data, candidate)
        if text is not None:
            return text
    return _mostly_valid(data, codec) or _mostly_valid(data, "utf-8") or _guess(data)


def _candidates(data: bytes, codec: str) -> list[str]:
    names = [codec] if codec else []
    if codec in _SINGLE_BYTE_LATIN and _C1.search(data):
        names = ["cp1252", codec]  # as browsers do: C1 controls are never what was typed
    if codec in _RETRY:
        names.append(_RETRY[codec])
    if not codec and (b"\x1b$" in data or b"\x1b(" in data):
        names += ["iso2022_jp", "iso2022_jp_ext"]
    return [*names, "utf-8"]


def _try(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except Exception:  # noqa: BLE001  # codecs raise more than UnicodeDecodeError on hostile input
        return None


def _mostly_valid(data: bytes, codec: str) -> str | None:
    """Keep a multi-byte text that is damaged in a few places (cut off, say) instead of guessing anew."""
    if not codec:
        return None
    try:
        text = data.decode(codec, "replace")
    except Exception:  # noqa: BLE001
        return None
    damaged = text.count("\ufffd")
    wide = sum(1 for char in text if char > "\x7f") - damaged
    return text if wide > 4 * damaged else None


def _guess(data: bytes) -> str:
    text = _try(data, "cp1252")
    return data.decode("latin-1") if text is None else text
