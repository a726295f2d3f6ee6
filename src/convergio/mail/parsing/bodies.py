"""Which parts of a message are its body and which are files (after RFC 8621, section 4.1.4)."""

import html
from dataclasses import dataclass, field

from convergio.mail.parsing.charset import decode_text
from convergio.mail.parsing.flowed import unflow
from convergio.mail.parsing.html_text import html_to_text
from convergio.mail.parsing.mime import Part, children_of
from convergio.mail.parsing.types import Limits

_BODY_TYPES = {"text/plain", "text/html"}


@dataclass(slots=True)
class Selection:
    """Body parts in the two forms a reader may ask for, and everything else."""

    text: list[Part] = field(default_factory=list)
    html: list[Part] = field(default_factory=list)
    files: list[Part] = field(default_factory=list)


def select_parts(root: Part) -> Selection:
    """Sort the leaves of a message into text body, HTML body and files; no leaf is dropped."""
    chosen = Selection()
    if children_of(root):
        _select(root, chosen, wants_text=True, wants_html=True)
    elif root.mime_type.startswith("multipart/"):  # its boundary never came: show what there is
        chosen.text.append(root)
    elif _is_body(root, 0, "mixed"):
        chosen.text.append(root)
        chosen.html.append(root)
    else:
        chosen.files.append(root)
    return chosen


def _select(multipart: Part, chosen: Selection, *, wants_text: bool, wants_html: bool) -> None:
    kind = multipart.mime_type.partition("/")[2]
    texts, htmls = len(chosen.text), len(chosen.html)
    for index, part in enumerate(children_of(multipart)):
        if children_of(part):
            _select(part, chosen, wants_text=wants_text, wants_html=wants_html)
        elif not _is_body(part, index, kind):
            chosen.files.append(part)
        else:
            one_form = kind == "alternative"
            if wants_text and not (one_form and part.mime_type == "text/html"):
                chosen.text.append(part)
            if wants_html and not (one_form and part.mime_type == "text/plain"):
                chosen.html.append(part)
    if kind == "alternative":  # the form that is missing borrows the one that is there
        added_text, added_html = chosen.text[texts:], chosen.html[htmls:]
        chosen.text += added_html if not added_text else []
        chosen.html += added_text if not added_html else []


def _is_body(part: Part, index: int, kind: str) -> bool:
    if part.mime_type not in _BODY_TYPES or part.disposition[0] == "attachment":
        return False
    return index == 0 or (kind != "related" and not part.filename)


def part_text(part: Part) -> str:
    """The decoded text of a leaf, line ends as \\n, format=flowed joined."""
    declared = part.parameters.get("charset", "")
    data = part.decoded[0]
    if not declared and part.mime_type == "text/html":
        declared = _meta_charset(data)
    text = decode_text(data, declared)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if part.parameters.get("format", "").lower() == "flowed" and part.mime_type == "text/plain":
        text = unflow(text, delete_space=part.parameters.get("delsp", "").lower() == "yes")
    return text


def _meta_charset(data: bytes) -> str:
    head = data[:2048].lower()
    at = head.find(b"charset=")
    if at < 0:
        return ""
    label = head[at + 8 : at + 60].lstrip(b"\"' ")
    return (
        label.split(b'"')[0].split(b"'")[0].split(b">")[0].split(b";")[0].strip().decode("ascii", "replace")
    )


def body_html(chosen: Selection) -> str | None:
    """The HTML body; plain parts in between are escaped. None when the message has no HTML."""
    if not any(part.mime_type == "text/html" for part in chosen.html):
        return None
    pieces = [
        part_text(part)
        if part.mime_type == "text/html"
        else f'<div style="white-space:pre-wrap">{html.escape(part_text(part))}</div>'
        for part in chosen.html
    ]
    return "\n".join(pieces)


def body_text(chosen: Selection, html_form: str | None, limits: Limits) -> str:
    """The text body; HTML parts among it, or the HTML body where the text is blank, are converted."""
    pieces = [
        html_to_text(part_text(part), max_chars=limits.html_chars)
        if part.mime_type == "text/html"
        else part_text(part)
        for part in chosen.text
    ]
    text = "\n".join(pieces)
    if not text.strip() and html_form:
        return html_to_text(html_form, max_chars=limits.html_chars)
    return text.rstrip()
