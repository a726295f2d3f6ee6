"""mbox files: every message, once, with its own bytes."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO, cast

import pytest

from convergio.mail.parsing import iter_entries, iter_mbox

FROM = b"From ann@x.test Tue Nov 24 09:30:00 2026\n"


def read(data: bytes) -> list[bytes]:
    return list(iter_mbox(io.BytesIO(data)))


def test_it_gives_each_message_without_its_separating_line() -> None:
    assert read(FROM + b"Subject: 1\n\none\n\n" + FROM + b"Subject: 2\n\ntwo\n") == [
        b"Subject: 1\n\none\n",
        b"Subject: 2\n\ntwo\n",
    ]


def test_a_sentence_that_begins_with_from_is_no_new_message() -> None:
    data = FROM + b"Subject: 1\n\nHello\n\nFrom here on it is easy, as of 2026.\n"
    assert len(read(data)) == 1


def test_it_undoes_the_quoting_of_from_lines_once() -> None:
    assert read(FROM + b"\n>From me\n>>From you\n> From\n") == [b"\nFrom me\n>From you\n> From\n"]


def test_it_reads_crlf_files() -> None:
    data = (FROM + b"Subject: 1\n\none\n\n" + FROM + b"Subject: 2\n\ntwo\n").replace(b"\n", b"\r\n")
    assert read(data) == [b"Subject: 1\r\n\r\none\r\n", b"Subject: 2\r\n\r\ntwo\r\n"]


@pytest.mark.parametrize(
    "line",
    [
        b"From ann at x.test  Tue Nov 24 09:30:00 2026\n",
        b"From MAILER-DAEMON Tue Nov 24 09:30:00 2026\n",
        b"From - Tue Nov 24 09:30:00 2026\n",
        b"From ann@x.test Tue, Nov 24 09:30:00 UTC 2026 +0000\n",
    ],
)
def test_it_knows_the_separating_lines_of_several_programs_and_their_date(line: bytes) -> None:
    (entry,) = iter_entries(io.BytesIO(line + b"Subject: x\n\n"))
    assert entry.envelope_date == datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


def test_a_file_that_is_no_mbox_has_no_messages() -> None:
    assert read(b"Subject: x\n\nHello\n") == []
    assert read(b"") == []


def test_memory_does_not_grow_with_the_file() -> None:
    class Endless(io.RawIOBase):
        def __init__(self, count: int) -> None:
            self.lines = self._make(count)

        def _make(self, count: int) -> Iterator[bytes]:
            for _ in range(count):
                yield from (FROM, b"Subject: x\n", b"\n", b"y" * 50_000 + b"\n", b"\n")

        def readline(self, _size: int | None = -1, /) -> bytes:
            return next(self.lines, b"")

    tracemalloc.start()
    count = len([len(raw) for raw in iter_mbox(cast(BinaryIO, Endless(400)))])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 400
    assert peak < 2_000_000  # the file has 20 MB
