"""Cutting a markdown document into passages that can be quoted as they stand.

A passage is an exact slice of the document: whole blocks (paragraphs, lists, tables, code) under one heading, up to
MOST characters. Only a block that is longer by itself is divided, at a line or the end of a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

# About six lines of a letter: enough to answer, short enough to quote three in a reply.
MOST = 800
PATH_SEPARATOR = " › "
MOST_HEADING = 255

# Inline markup is left alone in quotes, so only blocks are parsed; headings are read for their words.
_blocks = MarkdownIt("commonmark").enable("table").disable("inline")
_words = MarkdownIt("commonmark")
_sentence_end = re.compile(r"[.!?…][\"'”’)\]]*\s|[。！？।]\s*")


@dataclass(frozen=True, slots=True)
class Cut:
    """One passage: `heading` is the path from the title down, `text` a slice of the document."""

    heading: str
    text: str


def clean_markdown(text: str) -> str:
    """Return the text as it is stored: \\n line ends and no NUL, which PostgreSQL refuses."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "").strip("\n")


def cut_passages(title: str, markdown: str) -> list[Cut]:
    """Return the passages of a document that went through `clean_markdown`, in its order."""
    lines = _line_starts(markdown)
    passages: list[Cut] = []
    for path, blocks in _sections(_top_level(_blocks.parse(markdown))):
        heading = _path(title, path)
        spans = ((lines[first], lines[last]) for first, last in blocks)
        for start, end in _joined(markdown, spans):
            passages += [Cut(heading, piece) for piece in _pieces(markdown[start:end])]
    return passages


def _line_starts(text: str) -> list[int]:
    starts = [0]
    for line in text.split("\n"):
        starts.append(min(starts[-1] + len(line) + 1, len(text)))
    return starts


def _top_level(tokens: Iterable[Token]) -> Iterator[Token]:
    """Opening and self-closing blocks outside any other; a heading is followed by the token that holds its words."""
    heading_words = False
    for token in tokens:
        if token.level == 0 and token.nesting >= 0:
            heading_words = token.type == "heading_open"
            yield token
        elif heading_words and token.type == "inline":
            yield token


def _sections(tokens: Iterable[Token]) -> Iterator[tuple[list[str], list[tuple[int, int]]]]:
    """Group blocks, as (first line, line after the last), under the path of headings above them."""
    path: list[tuple[int, str]] = []
    blocks: list[tuple[int, int]] = []
    level = 0
    for token in tokens:
        if token.type == "heading_open":
            yield [words for _, words in path], blocks
            blocks, level = [], int(token.tag[1])
            path = [item for item in path if item[0] < level]
        elif token.type == "inline":
            path = [*path, (level, _plain(token.content))]
        elif token.map and not _is_unquotable(token):
            blocks.append((token.map[0], token.map[1]))
    yield [words for _, words in path], blocks


def _is_unquotable(token: Token) -> bool:
    """Rules between sections say nothing; HTML comments are notes of the authors to themselves."""
    return token.type == "hr" or (token.type == "html_block" and token.content.lstrip().startswith("<!--"))


def _plain(heading: str) -> str:
    """The words of a heading, without its markup."""
    inline = _words.parseInline(heading)[0].children or []
    return " ".join("".join(token.content for token in inline).split())


def _path(title: str, headings: list[str]) -> str:
    """Title and headings in one line; a first heading that repeats the title is said once."""
    if headings and headings[0].casefold() == title.casefold():
        headings = headings[1:]
    return PATH_SEPARATOR.join([title, *filter(None, headings)])[:MOST_HEADING]


def _joined(text: str, spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Put neighbouring blocks together while they stay within MOST characters and nothing was left out between."""
    start = end = -1
    for first, last in spans:
        if end >= 0 and last - start <= MOST and not text[end:first].strip():
            end = last
            continue
        if end >= 0:
            yield start, end
        start, end = first, last
    if end >= 0:
        yield start, end


def _pieces(block: str) -> Iterator[str]:
    """The block, or parts of it within MOST characters, without blank edges."""
    rest = block.strip("\n").rstrip()
    while len(rest) > MOST:
        cut = _place_to_cut(rest)
        if piece := rest[:cut].rstrip():
            yield piece
        rest = rest[cut:].lstrip("\n ")
    if rest.strip():
        yield rest


def _place_to_cut(text: str) -> int:
    """The last line end, else sentence end, else space in the second half of the first MOST characters."""
    least = MOST // 2
    if (line := text.rfind("\n", least, MOST)) > 0:
        return line
    ends = [match.end() for match in _sentence_end.finditer(text, least, MOST)]
    if ends:
        return ends[-1]
    space = text.rfind(" ", least, MOST)
    return space if space > 0 else MOST
