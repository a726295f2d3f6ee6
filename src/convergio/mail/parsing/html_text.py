"""HTML to plain text, for messages that have no text part.

The HTML parser is nh3's (Rust, HTML5): it reduces any soup to a few well-formed tags, which one pass over
tokens then turns into lines. That is about eight times as fast as parsing in Python, and linear.
"""

import html
import re

import nh3

from convergio.mail.parsing.charset import clean_text

# HTML5 tree building is quadratic in what is open. This many tags, arranged as badly as can be, take about a
# second; ordinary newsletters have a few thousand.
MAX_TAGS = 10_000
_STRUCTURE = "p div br hr tr li h1 h2 h3 h4 h5 h6 table ul ol dl dt dd blockquote pre td th a"
_TAGS = set(_STRUCTURE.split())
_DROPPED = {"script", "style", "title", "head", "template", "object", "svg", "math", "select", "noscript"}
_BLOCKS = _TAGS - {"br", "td", "th", "a"}
_APART = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "table", "ul", "ol", "pre", "dl"}
_TOKEN = re.compile(r'<(/?)([a-z0-9]+)(?: href="([^"]*)")?[^>]*>|([^<]+)')
_ANY_TAG = re.compile(r"<[^<>]{0,10000}>")
_HIDDEN = tuple(
    (re.compile(rf"<{name}\b", re.IGNORECASE), re.compile(rf"</{name}\s*>", re.IGNORECASE))
    for name in ("style", "script")
)
_SPACE = re.compile(r"[ \t\r\n\f\xa0]+")
_BLANKS = re.compile(r"\n{3,}")


def html_to_text(source: str, *, max_chars: int) -> str:
    """Readable text of an HTML body: blocks as lines, quotes as `> `, a link's address where its words do not
    show it. Input too long or too intricate to parse safely only loses its tags."""
    if len(source) > max_chars or source.count("<") > MAX_TAGS:
        return strip_tags(source)
    reduced = nh3.clean(
        source,
        tags=_TAGS,
        clean_content_tags=_DROPPED,
        attributes={"a": {"href"}},
        link_rel=None,
        url_schemes={"http", "https", "mailto"},
    )
    writer = _Writer()
    for match in _TOKEN.finditer(reduced):
        if match[2]:
            writer.tag(match[2], is_end=bool(match[1]), href=match[3] or "")
        else:
            writer.text(html.unescape(match[4]))
    return clean_text(writer.result())


def strip_tags(source: str) -> str:
    """The words between the tags, in linear time and without looking at structure."""
    for opening, closing in _HIDDEN:
        kept, at = [], 0
        while start := opening.search(source, at):
            kept.append(source[at : start.start()])
            end = closing.search(source, start.end())
            at = end.end() if end else len(source)
        source = "".join([*kept, source[at:]])
    text = clean_text(html.unescape(_ANY_TAG.sub(" ", source)))
    return "\n".join(line for line in (" ".join(line.split()) for line in text.split("\n")) if line)


class _Writer:
    """Collects lines; knows quote depth, preformatted text and the link being open."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line: list[str] = []
        self._quotes = self._pre = 0
        self._href, self._words_at = "", 0

    def tag(self, name: str, *, is_end: bool, href: str) -> None:
        if name == "a":
            self._link(is_end, href)
        elif name == "br":
            self._end_line()
        elif name in {"td", "th"}:
            self._line.append(" ")
        elif name in _BLOCKS:
            self._block(name, is_end)

    def text(self, text: str) -> None:
        if not self._pre:
            self._line.append(_SPACE.sub(" ", text))
            return
        first, *others = text.split("\n")
        self._line.append(first)
        for line in others:
            self._end_line()
            self._line.append(line)

    def result(self) -> str:
        self._end_line()
        return _BLANKS.sub("\n\n", "\n".join(self._lines)).strip("\n")

    def _block(self, name: str, is_end: bool) -> None:
        if "".join(self._line).strip():
            self._end_line()
        if name == "blockquote" and is_end:
            self._leave_quote()
        if name in _APART and self._lines and self._lines[-1].strip("> "):
            self._end_line()
        self._quotes += name == "blockquote" and not is_end
        self._pre = max(self._pre + (-1 if is_end else 1), 0) if name == "pre" else self._pre
        if name == "li" and not is_end:
            self._line = ["- "]
        elif name == "hr":
            self._lines.append("----------")

    def _leave_quote(self) -> None:
        self._quotes = max(self._quotes - 1, 0)
        while self._lines and not self._lines[-1].strip("> "):
            self._lines.pop()

    def _link(self, is_end: bool, href: str) -> None:
        if not is_end:
            self._href, self._words_at = html.unescape(href), len(self._line)
            return
        words = "".join(self._line[self._words_at :]).strip()
        bare = self._href.removeprefix("mailto:").rstrip("/")
        if words and bare and len(bare) <= 200 and bare not in words and words not in bare:
            self._line.append(f" <{bare}>")
        self._href = ""

    def _end_line(self) -> None:
        line = "".join(self._line)
        line = line.rstrip() if self._pre else _SPACE.sub(" ", line).strip()
        self._lines.append(("> " * self._quotes + line).rstrip())
        self._line = []
