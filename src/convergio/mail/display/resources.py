"""What a mail wants to load, and whether it may: every address in an attribute or a style passes here."""

import html
import re
import time
from collections.abc import Mapping
from urllib.parse import unquote

_IGNORED = re.compile(r"[\x00-\x20\x7f]+")  # browsers drop these inside and around an address
_REMOTE = re.compile(r"^(https?:|[/\\]{2})", re.IGNORECASE)
_OTHER_REMOTE = re.compile(r"^(ftps?|wss?|rtsp|feed|gopher):", re.IGNORECASE)
_IMAGE_DATA = re.compile(r"^data:image/(png|jpe?g|gif|webp|bmp|avif|x-icon)(;[a-z0-9=-]+)*,", re.IGNORECASE)


class TooSlow(Exception):
    """Cleaning a style went past its time."""


class Resources:
    """Resolves the addresses of one message and remembers what was blocked.

    `blocked` counts different addresses, which is how many requests opening the message would have made.
    """

    def __init__(self, *, allow_remote: bool, cid_urls: Mapping[str, str], seconds: float) -> None:
        self.allow_remote = allow_remote
        self.blocked: set[str] = set()
        self.cids_used: set[str] = set()
        self._cid_urls = cid_urls
        self._end = time.monotonic() + seconds

    def check_time(self) -> None:
        if time.monotonic() > self._end:
            raise TooSlow

    def resolve(self, address: str) -> str | None:
        """The address to load, or None: remote ones wait for the reader, relative ones would reach us."""
        compact = _IGNORED.sub("", address)
        if compact[:4].lower() == "cid:":
            return self._embedded(unquote(compact[4:]))
        if _REMOTE.match(compact) or _OTHER_REMOTE.match(compact):
            return self._remote(compact)
        return compact if _IMAGE_DATA.match(compact) else None

    def never(self, address: str) -> None:
        """Count a remote load that stays blocked, whatever the reader allows."""
        compact = _IGNORED.sub("", html.unescape(address))
        if not self.allow_remote and (_REMOTE.match(compact) or _OTHER_REMOTE.match(compact)):
            self.blocked.add(compact)

    def _embedded(self, cid: str) -> str | None:
        url = self._cid_urls.get(cid) or self._cid_urls.get(cid.strip("<>"))
        if url is not None:
            self.cids_used.add(cid.strip("<>"))
        return url

    def _remote(self, address: str) -> str | None:
        if not self.allow_remote:
            self.blocked.add(address)
            return None
        if _OTHER_REMOTE.match(address):
            return None
        return "https:" + address.replace("\\", "/") if address[0] in "/\\" else address
