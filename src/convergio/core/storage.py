"""Where file contents live: once each, named by their SHA-256, behind one small interface.

The folder is outside the database's transaction: contents are written, synced and renamed before the row that names
them commits, so a row never points to nothing. Contents that no row names are removed by storage_sweep.py.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from django.conf import settings

# A disk makes several files durable in the time of one.
_WRITERS = 8


class Storage(Protocol):
    """Content-addressed files."""

    def put(self, content: bytes) -> str:
        """Keep the content durably; the answer is its SHA-256 in hex. Safe to repeat."""

    def put_all(self, contents: Sequence[bytes]) -> None:
        """Keep several contents durably; the disk's answers are waited for together."""

    def read(self, sha256: str) -> bytes:
        """The content. Raises FileNotFoundError."""


class FolderStorage:
    """Files under `root/ab/cd/<sha256>`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def _path(self, sha256: str) -> Path:
        return self.root / sha256[:2] / sha256[2:4] / sha256

    def put(self, content: bytes) -> str:
        sha256 = hashlib.sha256(content).hexdigest()
        path = self._path(sha256)
        with suppress(FileNotFoundError):
            os.utime(path)  # used now: the sweep leaves it alone
            return sha256
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(file.name, path)
        return sha256

    def put_all(self, contents: Sequence[bytes]) -> None:
        if len(contents) == 1:
            self.put(contents[0])
        elif contents:
            with ThreadPoolExecutor(min(len(contents), _WRITERS)) as pool:
                for _ in pool.map(self.put, contents):
                    pass

    def read(self, sha256: str) -> bytes:
        return self._path(sha256).read_bytes()

    def unused_since(self, age: timedelta) -> Iterator[str]:
        """Every SHA-256 whose content was neither written nor put again within `age`."""
        for path in self.root.glob("??/??/*"):
            if len(path.name) == 64 and _is_older(path, age):
                yield path.name

    def remove_unused(self, sha256: str, age: timedelta) -> bool:
        """Remove a content unless somebody puts it just now; whether it is gone."""
        path, aside = self._path(sha256), self.root / f"{sha256}.removing"
        try:
            path.rename(aside)
        except FileNotFoundError:
            return False
        if not _is_older(aside, age):
            aside.rename(path)
            return False
        aside.unlink()
        return True


def _is_older(path: Path, age: timedelta) -> bool:
    return time.time() - path.stat().st_mtime > age.total_seconds()


def storage() -> FolderStorage:
    """The installation's storage."""
    return FolderStorage(settings.STORAGE_DIR)
