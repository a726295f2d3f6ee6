"""Real and difficult messages, where the shared folder with them is at hand (CONVERGIO_SHARED names another place)."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from convergio.mail.display import render_html, render_text, strip_quotes
from convergio.mail.parsing import DEFAULT, ParsedMessage, iter_mbox, parse_message
from convergio.mail.verdict import may_answer

SHARED = Path(os.environ.get("CONVERGIO_SHARED") or Path(__file__).resolve().parents[3] / "shared")
CORPORA = SHARED / "corpora"

pytestmark = pytest.mark.skipif(not CORPORA.is_dir(), reason=f"no corpora in {CORPORA}")


def files(folder: str) -> list[Path]:
    return sorted(path for path in (CORPORA / folder).rglob("*") if path.is_file())


def check(raw: bytes, name: str) -> ParsedMessage:
    started = time.process_time()
    message = parse_message(raw)
    assert time.process_time() - started < DEFAULT.seconds, name
    assert "cannot be parsed" not in (message.parse_error or ""), name
    texts = [message.message_id, message.subject, message.body_text, message.body_html or "", message.snippet]
    texts += [part.filename for part in message.attachments] + [
        value for all_ in message.headers.values() for value in all_
    ]
    assert "\0" not in "".join(texts), name
    json.dumps(texts, ensure_ascii=False).encode()
    return message


@pytest.mark.parametrize(
    "folder", ["bounceparser", "cpython", "mail-thread", "mikel", "mimekit", "stalwart", "talon"]
)
def test_every_file_is_parsed_judged_and_shown(folder: str) -> None:
    for path in files(folder):
        message = check(path.read_bytes(), path.name)
        may_answer(message, inbox_addresses=["us@x.test"], own_addresses=[], is_our_id=lambda _: False)
        strip_quotes(message.body_text)
        render_text(message.body_text)
        if message.body_html:
            shown = render_html(message.body_html, allow_remote=False, cid_urls={})
            assert 'src="http' not in shown.html, path.name


def test_no_bounce_is_answered_and_nearly_all_name_who_failed() -> None:
    standard = prose = 0
    for path in files("bounceparser"):
        message = parse_message(path.read_bytes())
        if message.headers.get("content-type", ("",))[0].lower().startswith("multipart/report"):
            verdict = may_answer(message, inbox_addresses=[], own_addresses=[], is_our_id=lambda _: False)
            assert not verdict.may_answer, path.name
        if message.delivery_report:
            standard += message.delivery_report.is_standard
            prose += not message.delivery_report.is_standard
    assert standard >= 100
    assert prose >= 6


def test_replies_of_common_programs_fold_to_what_was_written() -> None:
    for path in (CORPORA / "talon" / "standard_replies").glob("*.eml"):
        quoted = strip_quotes(parse_message(path.read_bytes()).body_text)
        assert quoted.visible.startswith("Hello"), path.name
        assert quoted.hidden, path.name
        assert "wrote:" not in quoted.visible, path.name


def archive() -> Iterator[bytes]:
    for path in files("mailbox-twisted"):
        with path.open("rb") as file:
            yield from iter_mbox(file)


def test_the_archive_has_as_many_different_messages_as_it_should() -> None:
    count, ids, pairs = 0, set(), set()
    for raw in archive():
        message = check(raw, "archive")
        count += 1
        ids.add(message.message_id)
        pairs.add((message.message_id, message.content_hash))
    assert (count, len(ids)) == (13_504, 6_742)
    # 7,965 by raw bytes; six of those differ only in how a header is folded.
    assert len(pairs) == 7_959
