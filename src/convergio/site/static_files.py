"""Static files from the package, Swagger UI from django-ninja's own, the admin's from Django: no CDN, nothing copied.

Pages name them below /static/<version>/, the version being a digest of all contents: a browser keeps such a file for
good and asks for none again until a release changes one. Modules and style sheets name each other relatively, so one
version holds for the whole tree and needs no rewriting. /static/ without a version works too, and is asked anew.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import ninja
from django.conf import settings
from django.contrib import admin
from whitenoise.middleware import WhiteNoiseMiddleware

# What WhiteNoise found below a folder, by folder and prefix.
_FOUND: dict[tuple[str, str], dict[str, Any]] = {}
SWAGGER_FILES = ("swagger-ui.css", "swagger-ui-bundle.js")


@cache
def version() -> str:
    """Digest over all files of this release."""
    total = hashlib.sha256()
    for path in sorted(path for path in settings.STATIC_ROOT.rglob("*") if path.is_file()):
        total.update(str(path.relative_to(settings.STATIC_ROOT)).encode() + b"\0" + path.read_bytes())
    return total.hexdigest()[:12]


def asset_url(path: str) -> str:
    """The public address of a static file; without a version while files may change under a running server."""
    folder = settings.STATIC_URL if settings.DEBUG else f"{settings.STATIC_URL}{version()}/"
    return folder + path


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]
    """WhiteNoise with versioned addresses, and with /static/ninja/ and /static/admin/ added."""

    files: dict[str, Any]

    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)
        self.add_files(str(Path(admin.__file__).parent / "static/admin"), prefix="/static/admin/")
        folder = Path(ninja.__file__).parent / "static/ninja"
        for name in SWAGGER_FILES:
            self.add_file_to_dictionary(f"{settings.STATIC_URL}ninja/{name}", str(folder / name))

    def update_files_dictionary(self, root: str, prefix: str) -> None:
        """Look through a folder once in a process, not once for every instance: there are thousands of icons."""
        found = _FOUND.get((root, prefix))
        if found is None:
            before, self.files = self.files, {}
            super().update_files_dictionary(root, prefix)
            found, self.files = _FOUND.setdefault((root, prefix), self.files), before
        self.files.update(found)

    def add_file_to_dictionary(self, url: str, path: str, stat_cache: Any = None) -> None:
        """Register a file under both of its addresses."""
        versioned = asset_url(url.removeprefix(settings.STATIC_URL))
        for address in {url, versioned}:
            super().add_file_to_dictionary(address, path, stat_cache=stat_cache)

    def find_file(self, url: str) -> Any:
        """For development, where files are looked up at each request: Swagger UI lies outside of the folder."""
        return self.files.get(url) or super().find_file(url)

    def immutable_file_test(self, path: str, url: str) -> bool:  # noqa: ARG002 - WhiteNoise's signature
        """Whether the content behind this address can never change."""
        return not settings.DEBUG and url.startswith(f"{settings.STATIC_URL}{version()}/")
