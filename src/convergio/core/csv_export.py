"""Lists as CSV files (RFC 4180), written while they are read: a long one takes no more memory than a short one."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from django.http import StreamingHttpResponse

# Spreadsheets run cells that begin like this as formulas (OWASP, CSV injection).
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
BATCH = 1_000


class Numbered(Protocol):
    """A row with an id, by which the next batch begins."""

    @property
    def id(self) -> int: ...


Row = TypeVar("Row", bound=Numbered)


class _Line:
    """What csv.writer writes to: it hands the line back."""

    def write(self, line: str) -> str:
        return line


def csv_answer(filename: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> StreamingHttpResponse:
    """A file to download. `rows` is read while the answer leaves, after the request's transaction has ended."""
    answer = StreamingHttpResponse(_lines(header, rows), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{filename}"'
    return answer


def in_batches(read: Callable[[int | None], list[Row]]) -> Iterator[Row]:
    """All rows of a list that is read by keyset: `read(id)` gives up to BATCH rows below the id, newest first."""
    before: int | None = None
    while batch := read(before):
        yield from batch
        before = batch[-1].id


def harmless(value: Any) -> str:
    """A cell as text that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _lines(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    writer = csv.writer(_Line())
    yield writer.writerow(header)
    for row in rows:
        yield writer.writerow([harmless(cell) for cell in row])
