"""Bytes nobody thought of: parsing, judging and showing them never raises."""

from __future__ import annotations

import json
import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convergio.mail.display import render_html, render_text, strip_quotes
from convergio.mail.parsing import ParsedMessage, parse_message
from convergio.mail.parsing.charset import decode_text
from convergio.mail.verdict import may_answer

SEED = (
    b"Return-Path: <>\nReceived: by x; Tue, 24 Nov 2026 09:30:00 +0000\nMessage-ID: <a@x.test>\n"
    b'From: =?utf-8?Q?J=C3=B6rg?= <j@x.test>\nTo: a@x.test, "B, C" <b@x.test>\nDate: Tue, 24 Nov 2026 09:30:00 +0530\n'
    b"Subject: =?iso-2022-jp?B?GyRCRnxLXBsoQg==?=\nReferences: <b@x.test> <c@x.test>\nMIME-Version: 1.0\n"
    b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n--b\n'
    b"Content-Type: text/html; charset=gb2312\nContent-Transfer-Encoding: quoted-printable\n\n"
    b"<style>p{background:url(//t.test)}</style><p style=3D'color:red'>Hi=20<img src=3Dcid:1></p>\n--b\n"
    b"Content-Type: message/delivery-status\n\nReporting-MTA: dns; x.test\n\nFinal-Recipient: rfc822; a@y.test\n"
    b"Action: failed\nStatus: 5.1.1\n\n--b\nContent-Type: application/ms-tnef; name*0*=utf-8''w%C3; name*1*=%A4.dat\n"
    b"Content-Transfer-Encoding: base64\n\neJ8+IgEAAZAGAAgABAAAAAAAAQ==\n--b\n"
    b"Content-Type: message/rfc822\n\nSubject: x\n\ny\n--b--\n"
)
MARKUP = re.compile(r"<style>.*?</style>|<[^>]*>", re.DOTALL)
QUICK = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def check(raw: bytes) -> ParsedMessage:
    message = parse_message(raw)
    assert "cannot be parsed" not in (message.parse_error or "")
    texts = [message.message_id, message.subject, message.body_text, message.body_html or "", message.snippet]
    texts += [part.filename for part in message.attachments] + [
        value for all_ in message.headers.values() for value in all_
    ]
    assert "\0" not in "".join(texts)
    json.dumps(texts, ensure_ascii=False).encode()
    may_answer(
        message, inbox_addresses=["a@x.test"], own_addresses=[], is_our_id=lambda one: one.endswith("@x.test")
    )
    strip_quotes(message.body_text)
    render_text(message.body_text)
    if message.body_html:
        html = render_html(message.body_html, allow_remote=False, cid_urls={}).html
        assert "t.test" not in "".join(MARKUP.findall(html))
    return message


@QUICK
@given(st.binary(max_size=2_000))
def test_random_bytes_never_raise(raw: bytes) -> None:
    check(raw)


@QUICK
@given(
    st.lists(
        st.tuples(st.integers(0, len(SEED)), st.integers(0, 40), st.binary(max_size=12)),
        min_size=1,
        max_size=8,
    )
)
def test_a_mutated_message_never_raises(edits: list[tuple[int, int, bytes]]) -> None:
    raw = SEED
    for start, length, replacement in edits:
        raw = raw[:start] + replacement + raw[start + length :]
    check(raw)


@QUICK
@given(st.binary(max_size=400))
def test_a_winmail_dat_of_random_bytes_never_raises(data: bytes) -> None:
    head = b"Content-Type: application/ms-tnef\n\n\x78\x9f\x3e\x22\x01\x00"
    check(head + b"\x01\x03\x90\x06\x00" + len(data).to_bytes(4, "little") + data + b"\0\0")


@QUICK
@given(st.text(max_size=500))
def test_random_header_text_never_raises(text: str) -> None:
    value = text.encode("utf-8", "replace")
    for name in (b"From", b"Date", b"Content-Type", b"Message-ID", b"References", b"Content-Disposition"):
        check(name + b": " + value + b"\n\nbody")


@QUICK
@given(
    st.binary(max_size=200),
    st.sampled_from(["", "utf-8", "gb2312", "iso-2022-jp", "utf-7", "utf-16", "hz", "x"]),
)
def test_any_bytes_in_any_charset_become_storable_text(data: bytes, declared: str) -> None:
    text = decode_text(data, declared)
    assert "\0" not in text
    text.encode()


@QUICK
@given(
    st.text(alphabet=st.sampled_from("<>/=\"'&;:()\\{}@-!pab stylebackgroundurl0123 \n#%,."), max_size=300)
)
def test_random_markup_is_sanitised_without_raising(markup: str) -> None:
    for allow_remote in (False, True):
        html = render_html(
            f"<style>{markup}</style><p style='{markup}'>{markup}", allow_remote=allow_remote, cid_urls={}
        ).html
        assert "<script" not in html.lower()
