"""HTML mail made safe to show (rules 47 to 50): an allow-list in nh3, and every load accounted for.

The result is for the sandboxed frame (`frame.py`). The frame's Content-Security-Policy is the second wall.
"""

import html
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass

import nh3

from convergio.mail.display.css import clean_declarations, clean_stylesheet
from convergio.mail.display.policy import (
    COUNTED,
    DISPLAY_ATTRIBUTES,
    DISPLAY_TAGS,
    DROPPED_WITH_CONTENT,
    LOADING,
)
from convergio.mail.display.resources import Resources, TooSlow
from convergio.mail.display.text import render_text
from convergio.mail.parsing.html_text import strip_tags

MAX_CHARS = 2_000_000
MAX_TAGS = 40_000  # some seconds for nh3 at the very worst, see parsing.html_text
SECONDS = 3.0
_BODY_TAG = re.compile(r"<(/?)body(?=[\s>/])", re.IGNORECASE)
_NEEDS_INVENTORY = re.compile(r"<\s*(style|" + "|".join(COUNTED) + r")\b", re.IGNORECASE)
_STYLE_ELEMENT = re.compile(r"<style>(.*?)</style>", re.DOTALL)
_CANDIDATE = re.compile(r"\s*(data:[^\s]+|[^\s,]+)(\s+[\d.]+[wxh])?\s*,?")


@dataclass(frozen=True, slots=True)
class SafeHtml:
    """HTML for the frame. `blocked_remote` counts the different remote addresses that were not loaded,
    `cids_used` names the embedded parts that are shown in place, `is_fallback` says it is text only."""

    html: str
    blocked_remote: int
    cids_used: frozenset[str]
    is_fallback: bool = False


def render_html(
    body_html: str, *, allow_remote: bool, cid_urls: Mapping[str, str], seconds: float = SECONDS
) -> SafeHtml:
    """Sanitise a mail's HTML. `cid_urls` maps content ids (without brackets) to addresses that show them.

    Input that is too long, too intricate or too slow comes back as its text, escaped (rule 50).
    """
    if len(body_html) > MAX_CHARS or body_html.count("<") > MAX_TAGS:
        return _as_text(body_html)
    resources = Resources(allow_remote=allow_remote, cid_urls=cid_urls, seconds=seconds)
    cleaned = _in_time(body_html, resources, seconds)
    if cleaned is None:
        return _as_text(body_html)
    return SafeHtml(cleaned, len(resources.blocked), frozenset(resources.cids_used))


def _as_text(body_html: str) -> SafeHtml:
    return SafeHtml(render_text(strip_tags(body_html[:MAX_CHARS])), 0, frozenset(), is_fallback=True)


def _in_time(body_html: str, resources: Resources, seconds: float) -> str | None:
    """Run the cleaning in a thread, as the Rust part cannot be interrupted; None when it was not done in time
    or failed. What is left running ends by itself: length and number of tags are bounded."""
    done: list[str] = []

    def work() -> None:
        try:
            done.append(_clean(body_html, resources))
        except Exception:  # noqa: BLE001  # a sanitiser that fails must never lead to raw HTML
            done.clear()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    return done[0] if done else None


def _clean(body_html: str, resources: Resources) -> str:
    styles = _inventory(body_html, resources) if _NEEDS_INVENTORY.search(body_html) else ""
    watch = _Attributes(resources)
    # The body element's own colours and background are part of the design, and a fragment has no body.
    content = nh3.clean(
        _BODY_TAG.sub(r"<\1div", body_html),
        tags=DISPLAY_TAGS,
        clean_content_tags=DROPPED_WITH_CONTENT,
        attributes=DISPLAY_ATTRIBUTES,
        attribute_filter=watch.keep,
        set_tag_attribute_values={"a": {"target": "_blank"}},
        link_rel="noopener noreferrer nofollow",
        url_schemes={"http", "https", "mailto", "tel", "cid", "data", "ftp"},
    )
    resources.check_time()
    if watch.failed:
        raise TooSlow
    return f"<style>{styles}</style>\n{content}" if styles else content


def _inventory(body_html: str, resources: Resources) -> str:
    """Count what elements that are never shown would load, and return the cleaned style sheets."""

    def count(tag: str, name: str, value: str) -> None:
        if name not in COUNTED.get(tag, ()):  # nh3 asks about others too: a link loads nothing by itself
            return
        addresses = (match[1] for match in _CANDIDATE.finditer(value)) if "srcset" in name else [value]
        for address in addresses:
            resources.never(address)

    found = nh3.clean(
        body_html,
        tags={"style", *COUNTED},
        clean_content_tags={"script"},
        attributes={tag: set(names) for tag, names in COUNTED.items()},
        attribute_filter=count,
        link_rel=None,
    )
    return "\n".join(
        filter(None, (clean_stylesheet(sheet, resources) for sheet in _STYLE_ELEMENT.findall(found)))
    )


class _Attributes:
    """Decides on each attribute that nh3 would keep. nh3 keeps the value when this raises, so it may not."""

    def __init__(self, resources: Resources) -> None:
        self.failed = False
        self._resources = resources

    def keep(self, _tag: str, name: str, value: str) -> str | None:
        try:
            return self._decide(name, value)
        except Exception:  # noqa: BLE001
            self.failed = True
            return None

    def _decide(self, name: str, value: str) -> str | None:
        if name == "style":
            return clean_declarations(value, self._resources) or None
        if name == "srcset":
            return self._srcset(value)
        if name in LOADING:
            return self._resources.resolve(value)
        if name == "href":
            return (
                value
                if value.strip()[:5].lower() in {"http:", "https", "mailt"} or value[:4] == "tel:"
                else None
            )
        return value

    def _srcset(self, value: str) -> str | None:
        kept = []
        for match in _CANDIDATE.finditer(value):
            resolved = self._resources.resolve(match[1])
            if resolved is not None:
                kept.append(html.unescape(resolved).replace(",", "%2C") + (match[2] or ""))
        return ", ".join(kept) or None
