"""The shared folder of real and difficult messages, where it is at hand (CONVERGIO_SHARED names another place)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from convergio.mail.parsing import iter_mbox

SHARED = Path(os.environ.get("CONVERGIO_SHARED") or Path(__file__).resolve().parents[3] / "shared")
CORPORA = SHARED / "corpora"
needs_corpora = pytest.mark.skipif(not CORPORA.is_dir(), reason="the shared corpora are not here")
ARCHIVE = "mailbox-twisted"


def archive() -> Iterator[bytes]:
    """The mailing-list archive, message by message."""
    for path in sorted((CORPORA / ARCHIVE).iterdir()):
        with path.open("rb") as file:
            yield from iter_mbox(file)


def messages(folder: str) -> Iterator[bytes]:
    """Every file of a corpus: the archive's messages one by one, any other file as one message."""
    if folder == ARCHIVE:
        yield from archive()
        return
    for path in sorted((CORPORA / folder).rglob("*")):
        if path.is_file():
            yield path.read_bytes()


def folders() -> list[str]:
    """The corpora's names."""
    return sorted(path.name for path in CORPORA.iterdir() if path.is_dir())
