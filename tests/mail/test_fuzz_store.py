"""Mail that somebody made to break us, all the way into PostgreSQL: stored with what could be read, never refused."""

from __future__ import annotations

import random

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convergio.mail.ingest import Receiver, store_messages
from convergio.mail.models import Email
from tests.mail.messages import arrival

TO = b"To: support@convergio.test\n"
WIDE = "\U00020000"  # four bytes in UTF-8, one letter for the text search
NESTED = b"".join(
    b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (depth, depth) for depth in range(300)
)
PART = (
    b"\n--b\nContent-Type: text/plain; name=%b\nContent-Disposition: attachment; filename*=utf-8''%b\n\nx\n"
)
_random = random.Random(7)
WORDS = " ".join("".join(_random.choices("abcdefghijklmnop", k=12)) for _ in range(60_000))

MONSTERS = {
    "subject of a megabyte": b"Subject: " + b"x" * 1_000_000 + b"\n\nbody",
    "subject of wide letters": b"Subject: " + (WIDE * 60_000).encode() + b"\n\nbody",
    "wide id": b"Message-ID: <" + (WIDE * 499).encode() + b">\n\nbody",
    "endless id": b"Message-ID: <" + b"i" * 100_000 + b"@x.test>\n\nbody",
    "ten thousand references": b"References: "
    + b" ".join(b"<%d@x.test>" % n for n in range(10_000))
    + b"\n\nx",
    "ten thousand recipients": b"Cc: " + b", ".join(b"p%d@x.test" % n for n in range(10_000)) + b"\n\nx",
    "one endless recipient": b"Cc: " + b"c" * 500_000 + b"@x.test\n\nx",
    "ten thousand headers": b"".join(b"X-%d: y\n" % n for n in range(10_000)) + b"\nx",
    "nul everywhere": (
        b"Message-ID: <\0a@x.test>\nFrom: \0A <\0a@x.test>\nSubject: \0\nList-Id: <\0>\nReturn-Path: <\0>\n"
        b"References: <\0b@x.test>\nReply-To: \0@x.test\nContent-Type: text/plain; charset=\0\n\n\0\0\0"
    ),
    "lone surrogates": (
        b"Message-ID: <\xed\xa0\x80@x.test>\nFrom: =?utf-7?Q?+2AA-?= <\xed\xb0\x80@x.test>\n"
        b"Subject: =?utf-16-le?B?ANg=?= =?utf-7?Q?+2AA-?=\nContent-Type: text/html; charset=utf-7\n\n+2AA- &#xD800;"
    ),
    "nested without end": NESTED,
    "names without end": (
        b"Content-Type: multipart/mixed; boundary=b\n"
        + PART % (b"n" * 90_000, b"%F0%A0%80%80" * 9_000)
        + PART % (b"\0", b"%00%ED%A0%80..%2F..%2Fetc%2Fpasswd")
        + b"--b--"
    ),
    "content id of nul": (
        b"Content-Type: multipart/related; boundary=b\n\n--b\nContent-Type: text/html\n\n<img src=cid:x>\n"
        b"--b\nContent-Type: image/png\nContent-ID: <\0\xed\xa0\x80>\n\nx\n--b--"
    ),
    "type without end": b"Content-Type: text/" + b"t" * 50_000 + b"; charset=" + b"c" * 50_000 + b"\n\nx",
    "many different words": b"Content-Type: text/plain\n\n" + WORDS.encode(),
    "words joined by hyphens": b"Content-Type: text/plain\n\n" + WORDS.replace(" ", "-").encode(),
    "addresses as words": b"Content-Type: text/plain\n\n" + WORDS.replace(" ", "@x.test/").encode(),
    "wide body": b"Content-Type: text/plain; charset=utf-8\n\n" + (WIDE * 8 + " ").encode() * 60_000,
    "dates nobody lives in": b"Date: Fri, 31 Dec 9999 23:59:59 -2359\nReceived: x; Mon, 1 Jan 0001 00:00:00 +2359\n\nx",
    "names itself": b"Message-ID: <a@x.test>\nReferences: <a@x.test> <a@x.test>\nIn-Reply-To: <a@x.test>\n\nx",
    "no line end": b"From: a@x.test",
    "only carriage returns": b"From: a@x.test\rSubject: hello\r\rbody\r",
}


@pytest.mark.parametrize("raw", MONSTERS.values(), ids=MONSTERS)
def test_it_is_stored_and_the_next_one_too(receiver: Receiver, raw: bytes) -> None:
    monster, after = store_messages(
        receiver, [arrival(TO + raw), arrival(TO + b"Message-ID: <after@x.test>\n\nAfter")]
    )
    email = Email.objects.get(id=monster.email_id)
    assert (bytes(email.raw_source), monster.is_new, after.is_new) == (TO + raw, True, True)
    assert "cannot be parsed" not in (email.parse_error or "")


def test_two_that_name_each_other_and_a_third_are_one_conversation(receiver: Receiver) -> None:
    circle = [
        TO + b"From: a@x.test\nMessage-ID: <%d@x.test>\nReferences: <%d@x.test>\n\nx" % (n, (n + 1) % 50)
        for n in range(50)
    ]
    stored = [store_messages(receiver, [arrival(raw)])[0] for raw in circle[::2] + circle[1::2]]
    assert len(set(Email.objects.values_list("thread_id", flat=True))) == 1
    assert len({one.email_id for one in stored}) == 50


ODD = st.one_of(
    st.binary(max_size=60),
    st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.sampled_from(
        [b"<a@x.test>", b"<b@x.test> <a@x.test>", b"\xed\xa0\x80", b"\0", b"=?utf-7?Q?+2AA-?=", b""]
    ),
).map(lambda value: value.replace(b"\n", b"\n "))
NAMES = (
    b"Message-ID", b"From", b"To", b"Reply-To", b"Subject", b"Date", b"References", b"In-Reply-To", b"List-Id",
    b"Return-Path", b"Received", b"Content-Type", b"Content-ID", b"Content-Disposition", b"X-Priority",
)  # fmt: skip


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.tuples(st.lists(st.tuples(st.sampled_from(NAMES), ODD), max_size=8), ODD), min_size=1, max_size=6
    )
)
def test_any_headers_and_any_body_are_stored(
    receiver: Receiver, messages: list[tuple[list[tuple[bytes, bytes]], bytes]]
) -> None:
    raws = [
        b"".join(name + b": " + value + b"\n" for name, value in headers) + b"\n" + body
        for headers, body in messages
    ]
    with transaction.atomic():
        stored = store_messages(receiver, [arrival(raw) for raw in raws])
        kept = dict(Email.objects.values_list("id", "raw_source"))
        assert {bytes(kept[one.email_id]) for one in stored if one.is_new} <= set(raws)
        assert {one.email_id for one in stored} == set(kept)
        transaction.set_rollback(True)
