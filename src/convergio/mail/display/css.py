"""Cleaning the styles of a mail: what could load something is resolved or removed, the rest stays.

A style without a function, an escape or an at-rule cannot load anything and is passed as it is; that is nearly
all of them. The others are parsed (CSS Syntax Level 3, by tinycss2), as escapes and comments hide addresses
from any pattern.
"""

import re
from typing import Any

import tinycss2
from tinycss2.serializer import serialize_string_value

from convergio.mail.display.resources import Resources

_HARMLESS_CALL = re.compile(r"\b(?:rgba?|hsla?|calc)\([\w\s.,%+*/-]*\)", re.IGNORECASE)
_PROPERTY = re.compile(r"[\w-]+", re.ASCII)
_SUSPECT = re.compile(r"[\\(@<]|/\*")
# Functions that compute; any other may load (image-set, cross-fade, src, element, paint, expression ...).
_COMPUTING = (
    "rgb rgba hsl hsla hwb lab lch oklab oklch color color-mix light-dark calc min max clamp var attr"
    " linear-gradient radial-gradient conic-gradient repeating-linear-gradient repeating-radial-gradient"
    " translate translatex translatey scale scalex scaley rotate skew matrix cubic-bezier steps format"
    " counter repeat minmax fit-content not is where nth-child nth-of-type nth-last-child lang local tech"
)
_CALLS = frozenset(_COMPUTING.split())
_DROPPED_PROPERTIES = {"behavior", "-moz-binding", "src"}
_NESTED_RULES = {"media", "supports", "layer", "container"}
_MAX_DEPTH = 20


def clean_declarations(style: str, resources: Resources) -> str:
    """A style attribute without anything that loads what may not be loaded."""
    if _SUSPECT.search(_HARMLESS_CALL.sub("", style)) is None:
        return style
    resources.check_time()
    return _declarations(tinycss2.parse_declaration_list(style, skip_comments=True), resources)


def clean_stylesheet(sheet: str, resources: Resources) -> str:
    """The content of a style element, cleaned; safe to place inside a style element again."""
    rules = tinycss2.parse_stylesheet(_without_comment_marks(sheet), skip_comments=True, skip_whitespace=True)
    cleaned = "\n".join(filter(None, (_rule(rule, resources, 0) for rule in rules)))
    return cleaned.replace("<", "\\3c ")


def _without_comment_marks(sheet: str) -> str:
    return sheet.replace("<!--", " ").replace("-->", " ")


def _rule(rule: Any, resources: Resources, depth: int) -> str:
    resources.check_time()
    if depth > _MAX_DEPTH:
        return ""
    if rule.type == "qualified-rule":
        body = _declarations(tinycss2.parse_blocks_contents(rule.content, skip_comments=True), resources)
        return f"{tinycss2.serialize(rule.prelude)}{{{body}}}" if body and _is_safe(rule.prelude) else ""
    if rule.type != "at-rule":
        return ""
    return _at_rule(rule, resources, depth)


def _at_rule(rule: Any, resources: Resources, depth: int) -> str:
    keyword = rule.lower_at_keyword
    if keyword == "import":
        return _import(rule, resources)
    if rule.content is None:
        return ""
    if keyword == "font-face":
        body = _declarations(tinycss2.parse_blocks_contents(rule.content), resources, is_font=True)
        return f"@font-face{{{body}}}" if "url(" in body else ""
    if keyword in _NESTED_RULES and _is_safe(rule.prelude):
        inner = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
        body = "\n".join(filter(None, (_rule(child, resources, depth + 1) for child in inner)))
        return f"@{keyword}{tinycss2.serialize(rule.prelude)}{{{body}}}" if body else ""
    return ""


def _import(rule: Any, resources: Resources) -> str:
    """A foreign style sheet would load what nobody cleaned: it is counted and never loaded."""
    for token in rule.prelude:
        if token.type in {"string", "url"}:
            resources.never(token.value)
        elif token.type == "function" and token.arguments:
            resources.never(next((arg.value for arg in token.arguments if arg.type == "string"), ""))
    return ""


def _declarations(items: list[Any], resources: Resources, *, is_font: bool = False) -> str:
    kept = []
    for item in items:
        # Names come unescaped: one with a semicolon in it would be a declaration of its own when written out.
        if item.type != "declaration" or not _PROPERTY.fullmatch(item.name):
            continue
        if item.lower_name in _DROPPED_PROPERTIES and not is_font:
            continue
        value = _value(item.value, resources, 0)
        if value is not None and value.strip():
            kept.append(f"{item.name}:{value.strip()}{' !important' if item.important else ''}")
    return ";".join(kept)


def _value(tokens: list[Any], resources: Resources, depth: int) -> str | None:
    """The serialised value, or None when any piece of it may not load."""
    out = []
    for token in tokens:
        piece = _token(token, resources, depth)
        if piece is None:
            return None
        out.append(piece)
    return "".join(out)


def _token(token: Any, resources: Resources, depth: int) -> str | None:
    if token.type == "url":
        return _url(token.value, resources)
    if token.type == "function":
        return _call(token, resources, depth)
    if token.type in {"() block", "[] block", "{} block"}:
        inner = _value(token.content, resources, depth + 1) if depth < _MAX_DEPTH else None
        return None if inner is None else f"{token.type[0]}{inner}{token.type[1]}"
    if token.type in {"error", "comment"}:
        return None if token.type == "error" else " "
    return str(token.serialize())


def _call(token: Any, resources: Resources, depth: int) -> str | None:
    if token.lower_name in {"url", "src"}:
        address = next((arg.value for arg in token.arguments if arg.type == "string"), "")
        return _url(address, resources)
    inner = _value(token.arguments, resources, depth + 1) if depth < _MAX_DEPTH else None
    if token.lower_name not in _CALLS:
        _count_strings(token.arguments, resources)
        return None
    return None if inner is None else f"{token.lower_name}({inner})"


def _count_strings(tokens: list[Any], resources: Resources) -> None:
    """image-set and its kin take addresses as plain strings."""
    for token in tokens:
        if token.type == "string":
            resources.never(token.value)


def _url(address: str, resources: Resources) -> str:
    """The address to load, or `none`, which leaves the rest of a shorthand (a colour, say) in force."""
    resolved = resources.resolve(address)
    return "none" if resolved is None else f'url("{serialize_string_value(resolved)}")'


def _is_safe(prelude: list[Any]) -> bool:
    """Selectors and media queries hold no addresses; one that does was written for something else."""
    return not any(token.type in {"url", "error", "{} block"} for token in prelude)
