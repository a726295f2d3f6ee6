"""Plain text as HTML: paragraphs, quotes and links, everything else escaped."""

import html
import re
from itertools import groupby

# An address ends before punctuation that belongs to the sentence around it.
_LINK = re.compile(r"\bhttps?://[^\s<>\"\x00-\x1f]{1,2000}|\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_NEW_WINDOW = 'target="_blank" rel="noopener noreferrer nofollow"'
_TRAILING = ".,;:!?'*_"
_MAX_QUOTES = 10


def render_text(text: str) -> str:
    """HTML of a plain text body. `>` lines become nested quotes; only http, https and mail addresses link."""
    return "".join(_render_lines(text.replace("\r\n", "\n").split("\n"), 0))


def _render_lines(lines: list[str], depth: int) -> list[str]:
    out: list[str] = []
    for is_quote, group in groupby(lines, key=lambda line: depth < _MAX_QUOTES and line.startswith(">")):
        if is_quote:
            inner = [line[1:].removeprefix(" ") for line in group]
            out += ["<blockquote>", *_render_lines(inner, depth + 1), "</blockquote>"]
        else:
            out += _paragraphs(list(group))
    return out


def _paragraphs(lines: list[str]) -> list[str]:
    out = []
    for is_text, group in groupby(lines, key=lambda line: bool(line.strip())):
        if is_text:
            out.append("<p>" + "<br>\n".join(_line(line) for line in group) + "</p>\n")
    return out


def _line(line: str) -> str:
    out, end = [], 0
    for match in _LINK.finditer(line):
        address = _without_trailing(match[0])
        out += [html.escape(line[end : match.start()]), _anchor(address)]
        end = match.start() + len(address)
    text = "".join([*out, html.escape(line[end:])])
    indent = len(line) - len(line.lstrip(" "))
    return "&nbsp;" * min(indent, 40) + text[indent:]


def _without_trailing(address: str) -> str:
    """Cut what belongs to the sentence: punctuation, and brackets that were opened before the address."""
    unopened = address.count(")") - address.count("(")
    end = len(address)
    while end and (address[end - 1] in _TRAILING or (address[end - 1] == ")" and unopened > 0)):
        unopened -= address[end - 1] == ")"
        end -= 1
    return address[:end]


def _anchor(address: str) -> str:
    target = address if address.startswith(("http://", "https://")) else f"mailto:{address}"
    return f'<a href="{html.escape(target)}" {_NEW_WINDOW}>{html.escape(address)}</a>'
