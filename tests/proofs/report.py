"""Printing what a proof saw, and keeping it in docs/proofs.md when CONVERGIO_WRITE_PROOFS is set."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "proofs.md"
_HEAD = """# Proofs on real input

What `pytest -m proof tests/proofs -s` printed. CONVERGIO_WRITE_PROOFS=1 writes it here.
"""


def report(title: str, lines: Sequence[str]) -> None:
    """Print the lines under their title, and replace that section of the document where asked to."""
    print(f"\n{title}\n" + "\n".join(lines))
    if not os.environ.get("CONVERGIO_WRITE_PROOFS"):
        return
    text = DOCUMENT.read_text() if DOCUMENT.exists() else _HEAD
    sections = dict(re.findall(r"^## (.*)\n\n((?:(?!## ).*\n?)*)", text, re.MULTILINE))
    sections[title] = "\n".join(lines) + "\n"
    body = "\n".join(f"## {name}\n\n{sections[name].strip()}\n" for name in sorted(sections))
    DOCUMENT.write_text(f"{_HEAD}\n{body}")
