"""Quote stripping for display and prompts (rule 51). The stored text is never changed by it."""

from collections.abc import Callable
from dataclasses import dataclass

from convergio.mail.display.quote_patterns import (
    ATTRIBUTION,
    DATED,
    HEADER_FROM,
    HEADER_OTHER,
    MOBILE_SIGNATURE,
    OPENING,
    ORIGINAL_MESSAGE,
    SEPARATOR,
    SIGNATURE,
)

_MAX_LINES = 20_000
_COLONS = (":", "：")
_MAX_ATTRIBUTION_LINES = 3


@dataclass(frozen=True, slots=True)
class Quoted:
    """What the writer wrote, and the earlier mail below it; `hidden` is '' when everything is shown."""

    visible: str
    hidden: str


def strip_quotes(text: str) -> Quoted:
    """Separate a reply from what it quotes.

    Everything is shown when the writer answered between the quoted lines, and when nothing else would remain.
    Forwarded mail is content and stays.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    if len(lines) > _MAX_LINES:
        return Quoted(text, "")
    start = _quote_start(lines)
    if start is None:
        return Quoted(text, "")
    end = _quote_end(lines, start)
    above, below = lines[:start], lines[end:]
    answers_below = _has_words(below) and not _is_signature(below)
    if answers_below and (_has_words(above) or _has_quote(below)):
        return Quoted(text, "")
    kept, quoted = (below, lines[:end]) if answers_below else (above, lines[start:])
    if not _has_words(kept):
        return Quoted(text, "")
    return Quoted("\n".join(kept).strip("\n").rstrip(), "\n".join(quoted))


def _quote_start(lines: list[str]) -> int | None:
    """The index of the line at which the quoted mail begins, its introduction included."""
    for index, line in enumerate(lines):
        if not line.strip():
            continue
        if (
            ORIGINAL_MESSAGE.match(line[:300])
            or _is_header_block(lines, index)
            or _is_attribution(lines, index)
        ):
            return _with_line_above(lines, index, _is_separator)
        if line.startswith(">"):
            return _with_line_above(lines, index, _is_loose_attribution)
    return None


def _with_line_above(lines: list[str], index: int, belongs: Callable[[str], bool]) -> int:
    """The index of the nearest line above that has words or marks, if it belongs to the quote, else `index`."""
    above = index - 1
    while above >= 0 and not lines[above].strip():
        above -= 1
    return above if above >= 0 and belongs(lines[above]) else index


def _is_separator(line: str) -> bool:
    return SEPARATOR.match(line) is not None


def _is_loose_attribution(line: str) -> bool:
    """A line right above a quote needs no verb: `26.06.2014, 14:41, "Ann" <ann@example.test>:`."""
    return line.rstrip().endswith(_COLONS) and DATED.match(line) is not None


def _is_attribution(lines: list[str], index: int) -> bool:
    """Whether a line, or up to three that a mail program wrapped, says who wrote when."""
    block = [line.strip() for line in lines[index : index + _MAX_ATTRIBUTION_LINES]]
    if not any(line.endswith(_COLONS) for line in block):
        return False
    first, *following = block
    if _is_attribution_line(first):
        return True
    if not (OPENING.match(first) or DATED.match(first)):
        return False
    if any(_is_attribution_line(line) and OPENING.match(line) for line in following):
        return False
    return any(_is_attribution_line(" ".join([first, *following[:count]])) for count in (1, 2))


def _is_attribution_line(line: str) -> bool:
    return len(line) < 600 and line.endswith(_COLONS) and ATTRIBUTION.match(line) is not None


def _is_header_block(lines: list[str], index: int) -> bool:
    """Three header-like lines in a row, From among them."""
    if not _is_header(lines[index]):
        return False
    block = [line for line in lines[index : index + 8] if line.strip()][:5]
    has_sender = any(HEADER_FROM.match(line[:500]) for line in block)
    return has_sender and sum(map(_is_header, block)) >= 3


def _is_header(line: str) -> bool:
    if not any(colon in line for colon in _COLONS):
        return False
    return bool(HEADER_FROM.match(line[:500]) or HEADER_OTHER.match(line[:500]))


def _quote_end(lines: list[str], start: int) -> int:
    """Where a block of `>` lines ends; a quote without such marks goes on to the end of the mail."""
    index = start
    while index < len(lines) and not lines[index].startswith(">"):
        is_late = index - start > _MAX_ATTRIBUTION_LINES + 1
        if is_late or ORIGINAL_MESSAGE.match(lines[index][:300]) or HEADER_FROM.match(lines[index][:500]):
            return len(lines)
        index += 1
    if index == len(lines):
        return index
    last = index
    while index < len(lines) and (lines[index].startswith(">") or not lines[index].strip()):
        last = index if lines[index].startswith(">") else last
        index += 1
    return last + 1


def _has_words(lines: list[str]) -> bool:
    return any(line.strip(" \t-_*=>") for line in lines)


def _has_quote(lines: list[str]) -> bool:
    return any(line.startswith(">") for line in lines)


def _is_signature(lines: list[str]) -> bool:
    """Whether what follows a quote is only a signature or the footer of a list."""
    first = next((line.strip() for line in lines if line.strip()), "")
    return (
        SIGNATURE.match(first) is not None
        or SEPARATOR.match(first) is not None
        or (MOBILE_SIGNATURE.match(first) is not None)
    )
