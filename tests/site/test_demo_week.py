"""The demo's mail and knowledge base: whole, believable, and in this week."""

from __future__ import annotations

import email
import re
import struct
import zlib
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from email.utils import getaddresses
from itertools import pairwise

import pytest

from convergio.core import clock
from convergio.mail.parsing import parse_message
from convergio.site.demo.documents import demo_documents
from convergio.site.demo.week import DemoMessage, demo_messages

NOW = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)
TAGS = {"hello", "partners", "info", "support", "neo"}
WEEK = list(demo_messages(NOW))
RESERVED = re.compile(r"\.(example|test)$")
OURS = re.compile(r"\w+@convergio\.test")


def parsed(message: DemoMessage) -> EmailMessage:
    """As the standard library reads it."""
    return email.message_from_bytes(message.raw, policy=default)


def files_of(message: EmailMessage) -> dict[str, bytes]:
    return {
        part.get_filename() or "": part.get_payload(decode=True)  # type: ignore[misc]
        for part in message.walk()
        if part.get_filename()
    }


def pixels(png: bytes) -> int:
    """Read a picture of one IDAT chunk and return its area; its checksums and its length must be right."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, place = {}, 8
    while place < len(png):
        (size,) = struct.unpack_from(">I", png, place)
        kind, data = png[place + 4 : place + 8], png[place + 8 : place + 8 + size]
        assert struct.unpack_from(">I", png, place + 8 + size) == (zlib.crc32(kind + data),)
        chunks[kind] = data
        place += 12 + size
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    assert len(zlib.decompress(chunks[b"IDAT"])) == height * (1 + 3 * width)
    return int(width * height)


def test_every_inbox_gets_several_of_about_forty_messages() -> None:
    counts = Counter(message.inbox_tag for message in WEEK)
    assert set(counts) == TAGS
    assert min(counts.values()) >= 5
    assert 38 <= len(WEEK) <= 50


@pytest.mark.parametrize(
    "message", WEEK, ids=lambda message: f"{message.inbox_tag} {message.received_at:%d %H:%M}"
)
def test_each_message_is_read_without_a_defect_by_two_parsers(message: DemoMessage) -> None:
    theirs, ours = parsed(message), parse_message(message.raw)
    assert [part.defects for part in theirs.walk() if part.defects] == []
    assert b"\n" not in message.raw.replace(b"\r\n", b"")
    assert f"{message.inbox_tag}@convergio.test" in theirs["From" if message.is_sent else "To"]
    assert theirs["Subject"] == ours.subject
    assert ours.parse_error is None
    assert ours.body_text.strip()


@pytest.mark.parametrize(
    "now",
    [
        NOW,
        NOW.replace(hour=18, minute=31),
        NOW.replace(hour=18, minute=29),
        NOW + timedelta(days=400),
        clock.now(),
    ],
    ids=["noon", "after midnight in India", "before midnight in India", "next year", "today"],
)
def test_the_week_always_ends_within_the_last_hour(now: datetime) -> None:
    times = [message.received_at for message in demo_messages(now)]
    assert times == sorted(times)
    assert now - timedelta(hours=1) < times[-1] <= now
    assert now - timedelta(days=8) < times[0] < now - timedelta(days=5)


def test_the_same_moment_gives_the_same_bytes() -> None:
    assert list(demo_messages(NOW)) == WEEK


def test_follow_ups_name_a_message_that_came_before_and_keep_its_subject() -> None:
    seen: dict[str, EmailMessage] = {}
    follow_ups = 0
    for message in map(parsed, WEEK):
        if parent_id := message["In-Reply-To"]:
            follow_ups += 1
            parent = seen[parent_id]
            assert message["References"].split() == [*(parent["References"] or "").split(), parent_id]
            assert parent["Subject"].removeprefix("Re: ") in message["Subject"]
            assert OURS.findall(f"{parent['From']} {parent['To']}") == OURS.findall(
                f"{message['From']} {message['To']}"
            )
        if message["Message-ID"]:
            assert message["Message-ID"] not in seen
            seen[message["Message-ID"]] = message
    assert follow_ups >= 10


def test_some_mail_has_been_answered_read_and_worked_on() -> None:
    assert Counter(message.is_sent for message in WEEK)[True] == 4
    assert 10 < Counter(message.is_read for message in WEEK)[True] < 20
    statuses = Counter(message.task.get("status", "todo") for message in WEEK)
    assert statuses["done"] >= 3
    assert statuses["in_progress"] >= 3
    assert {message.task["assignee"] for message in WEEK if "assignee" in message.task} == {
        "rhea",
        "imran",
        "lata",
        "dev",
    }


def test_exactly_one_message_has_no_message_id() -> None:
    assert [message["Subject"] for message in map(parsed, WEEK) if not message["Message-ID"]] == [
        "Wrong address in my order"
    ]


def test_there_are_newsletters_an_absence_and_a_machines_notice() -> None:
    messages = [parsed(message) for message in WEEK]
    assert len([message for message in messages if message["List-Id"]]) == 2
    assert {message["Auto-Submitted"] for message in messages} == {None, "auto-replied", "auto-generated"}
    assert len([message for message in messages if message["Return-Path"] == "<>"]) == 1


def test_other_scripts_and_charsets_survive() -> None:
    texts = {message["Subject"]: message for message in map(parsed, WEEK)}
    hindi, japanese = texts["ऑर्डर SF-10390 की वापसी"], texts["Tシャツのサイズについて"]
    assert "धन्यवाद" in hindi.get_content()
    assert japanese.get_content_charset() == "iso-2022-jp"
    assert japanese["Content-Transfer-Encoding"] == "7bit"
    assert "よろしくお願いいたします" in japanese.get_content()
    assert getaddresses([japanese["From"]]) == [("佐藤 美咲", "sato.misaki@sakurapost.example")]


def test_html_mail_has_remote_pictures_and_one_inline_picture_by_cid() -> None:
    html = [
        (message, part.get_content())
        for message in map(parsed, WEEK)
        for part in message.walk()
        if part.get_content_type() == "text/html"
    ]
    assert len([1 for _, text in html if 'src="https://' in text]) >= 3
    ((message, text),) = [(message, text) for message, text in html if "cid:" in text]
    picture = next(part for part in message.walk() if part["Content-ID"])
    assert picture.get_content_disposition() == "inline"
    assert f"cid:{picture['Content-ID'].strip('<>')}" in text


def test_attachments_are_what_their_names_say() -> None:
    files = {name: data for message in map(parsed, WEEK) for name, data in files_of(message).items()}
    kinds = Counter(name.rpartition(".")[2] for name in files)
    assert kinds == {"png": 3, "pdf": 2, "csv": 2, "ics": 1}
    for name, data in files.items():
        if name.endswith(".png"):
            assert pixels(data) > 1000
    pdf = files["brief.pdf"]
    start = int(pdf.rpartition(b"startxref\n")[2].split()[0])
    assert pdf.startswith(b"%PDF-1.4")
    assert pdf[start:].startswith(b"xref")
    assert [
        pdf[int(place) :].startswith(b"%d 0 obj" % number)
        for number, place in enumerate(re.findall(rb"(\d{10}) 00000 n", pdf), 1)
    ] == [True] * 6
    assert files["statement.csv"].splitlines()[0] == b"line,text,amount"
    assert b"DTSTART:20261126T053000Z" in files["invite.ics"]


def test_everybody_lives_under_a_reserved_domain() -> None:
    for message in map(parsed, WEEK):
        people = getaddresses([message[name] or "" for name in ("From", "To", "Cc", "Return-Path")])
        assert all(RESERVED.search(address) for _, address in people if address)
        hosts = re.findall(rb"https?://([^/\s\"')>]+)", message.as_bytes())
        assert all(RESERVED.search(host.decode()) for host in hosts)


def test_the_knowledge_base_has_documents_for_all_and_for_each_inbox() -> None:
    documents = list(demo_documents())
    assert {document.inbox_tag for document in documents} == {None, *TAGS}
    assert all(document.title and document.body.strip() for document in documents)
    assert len({document.title for document in documents}) == len(documents) >= 8


def test_paragraphs_that_a_draft_may_quote_have_no_line_ends_inside() -> None:
    for document in demo_documents():
        pairs = pairwise(document.body.splitlines())
        broken = [line for before, line in pairs if before and line and line[0] not in "-|#"]
        assert broken == [], document.title
