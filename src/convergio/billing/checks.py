"""Running checks.sql: in tests, every night, and by `convergio check`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from convergio.core import sql

_STATEMENTS = re.compile(r"^-- (?P<sentence>.+)\n(?P<statement>SELECT[^;]+);", re.MULTILINE)


class Invariant(NamedTuple):
    """A sentence that always holds, and the statement that answers the rows which break it."""

    sentence: str
    statement: str


@cache
def invariants() -> tuple[Invariant, ...]:
    """All of checks.sql."""
    text = Path(__file__).with_name("checks.sql").read_text(encoding="utf-8")
    return tuple(Invariant(found["sentence"], found["statement"]) for found in _STATEMENTS.finditer(text))


def broken() -> Iterator[tuple[str, list[tuple[object, ...]]]]:
    """Each sentence that does not hold, with the rows that break it (at most 20)."""
    for sentence, statement in invariants():
        if rows := sql.fetch_rows(statement):
            yield sentence, rows[:20]
