"""Rules 14 to 23: whatever the bytes are, the message comes out with what it holds."""

from __future__ import annotations

import base64
import hashlib
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from convergio.mail.parsing import DEFAULT, Address, parse_message
from convergio.mail.parsing.addresses import parse_addresses

PIXEL = base64.b64encode(b"\x89PNG not really").decode()


def mail(*headers: str, body: str | bytes = "Hello.") -> bytes:
    """A raw message of header lines and a body, with CRLF line ends in the headers."""
    content = body.encode() if isinstance(body, str) else body
    return "\r\n".join(headers).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + content


def multipart(kind: str, *parts: str, close: bool = True) -> bytes:
    """A multipart message; each part is its headers, a blank line and its content."""
    lines = [line for part in parts for line in ("--b1", part)] + (["--b1--"] if close else [])
    return mail(
        "From: ann@x.test", f'Content-Type: multipart/{kind}; boundary="b1"', body="\n".join(lines) + "\n"
    )


# -- what is missing never drops a message (rules 14, 15, 23)


def test_it_keeps_a_message_without_message_id_under_the_hash_of_its_bytes() -> None:
    raw = mail("From: ann@x.test", "Subject: Hi")
    message = parse_message(raw)
    assert message.message_id == "sha256:" + hashlib.sha256(raw).hexdigest()
    assert message.message_id_header is None
    assert message.subject == "Hi"


def test_it_keeps_a_message_without_from_date_or_body() -> None:
    message = parse_message(b"Subject: only this\r\n\r\n")
    assert (message.sender, message.date, message.body_text) == (None, None, "")
    assert message.parse_error is None


@pytest.mark.parametrize("raw", [b"", b"\0", b"\r\n\r\n", b"no headers at all", b"\xff\xfe\x00", b": \r\n"])
def test_it_never_raises_on_bytes_that_are_no_mail(raw: bytes) -> None:
    assert parse_message(raw).message_id == "sha256:" + hashlib.sha256(raw).hexdigest()


def test_it_names_what_is_broken_and_keeps_what_could_be_read() -> None:
    message = parse_message(multipart("mixed", "Content-Type: text/plain\n\nHere.", close=False))
    assert message.body_text == "Here."
    assert message.parse_error == "The message is damaged: a multipart without its end."


def test_it_shows_the_text_of_a_multipart_whose_boundary_never_comes() -> None:
    message = parse_message(mail("Content-Type: multipart/mixed; boundary=zzz", body="Just text."))
    assert message.body_text == "Just text."
    assert "boundary never appears" in (message.parse_error or "")


# -- message ids (rule 21)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("<a.b@x.test>", "a.b@x.test"),
        ("  <A_B=?utf-8?Q?x?=@x.test> (comment)", "A_B=?utf-8?Q?x?=@x.test"),
        ("<[odd]..id@@x.test>", "[odd]..id@@x.test"),
        ("bare@x.test", "bare@x.test"),
        ("<no-at-sign>", "no-at-sign"),
        ("\r\n <folded@x.test>", "folded@x.test"),
    ],
)
def test_it_takes_the_message_id_unaltered_from_between_the_brackets(header: str, expected: str) -> None:
    message = parse_message(mail(f"Message-ID: {header}"))
    assert (message.message_id, message.message_id_header) == (expected, expected)


def test_it_keys_a_message_id_of_more_than_500_characters_by_its_hash_and_keeps_the_original() -> None:
    long_id = "x" * 600 + "@x.test"
    message = parse_message(mail(f"Message-ID: <{long_id}>", f"References: <{long_id}> <b@x.test>"))
    key = "sha256:" + hashlib.sha256(long_id.encode()).hexdigest()
    assert (message.message_id, message.message_id_header) == (key, long_id)
    assert message.references == (key, "b@x.test")


def test_it_reads_references_and_in_reply_to_past_their_noise() -> None:
    message = parse_message(
        mail(
            "References: <a@x.test>\r\n\t<b@x.test>,<a@x.test>", 'In-Reply-To: Your mail of "Mon" <c@x.test>'
        )
    )
    assert message.references == ("a@x.test", "b@x.test")
    assert message.in_reply_to == ("c@x.test",)


# -- two deliveries of one message, two messages under one id (rule 22)


def test_trace_headers_folding_and_line_ends_do_not_change_the_content_hash() -> None:
    one = b"Received: by a\nFrom: ann@x.test\nSubject: A long\n subject\n\nHello.\nBye.\n\n"
    two = b"Received: by b\r\nX-Spam: no\r\nSubject: A long subject\r\nFrom: ann@x.test\r\n\r\nHello.\r\nBye.\r\n"
    fields = [b"From: ann@x.test", b"Subject: A long subject"]
    assert (
        parse_message(one).content_hash
        == parse_message(b"\n".join(fields) + b"\n\nHello.\nBye.").content_hash
    )
    assert parse_message(two).content_hash == parse_message(one).content_hash


@pytest.mark.parametrize("changed", [(b"Hello", b"Hallo"), (b"Hi", b"Ho"), (b"ann@", b"bob@")])
def test_another_body_subject_or_sender_changes_the_content_hash(changed: tuple[bytes, bytes]) -> None:
    raw = mail("Message-ID: <a@x.test>", "From: ann@x.test", "Subject: Hi", body="Hello.")
    assert parse_message(raw).content_hash != parse_message(raw.replace(*changed)).content_hash


# -- addresses, dates and the envelope


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('"Doe, John" <j@x.test>, b@y.test', [("Doe, John", "j@x.test"), ("", "b@y.test")]),
        ("Doe, John <j@x.test>, Ann <a@x.test>", [("Doe, John", "j@x.test"), ("Ann", "a@x.test")]),
        ("a@x.test (Ann, of X), b@x.test", [("Ann, of X", "a@x.test"), ("", "b@x.test")]),
        ("Friends: a@x.test, B <b@x.test>;", [("", "a@x.test"), ("B", "b@x.test")]),
        ("undisclosed-recipients:;", []),
        ("=?utf-8?Q?J=C3=B6rg?= <j@x.test>", [("Jörg", "j@x.test")]),
        ("=?utf-8?Q?Doe=2C_John?= <d@x.test>", [("Doe, John", "d@x.test")]),
        ("=?utf-8?Q?J=C3=B6rg_<j@x.test>?=", [("Jörg", "j@x.test")]),
        ("a@x.test; b@x.test", [("", "a@x.test"), ("", "b@x.test")]),
        ('"a b"@x.test', [("", '"a b"@x.test')]),
        ("MAILER-DAEMON", [("", "MAILER-DAEMON")]),
        ("ann at x.test (Ann)", [("Ann", "ann@x.test")]),
        ("<mailto:a@x.test>", [("", "a@x.test")]),
    ],
)
def test_it_reads_addresses_as_people_write_them(value: str, expected: list[tuple[str, str]]) -> None:
    assert [(item.name, item.address) for item in parse_addresses(value, 10)] == expected


def test_it_stops_at_the_address_limit() -> None:
    many = ", ".join(f"a{number}@x.test" for number in range(5_000))
    message = parse_message(mail(f"To: {many}"), limits=replace(DEFAULT, addresses=20))
    assert len(message.to) == 20


def test_dates_are_aware_and_nonsense_is_no_date() -> None:
    message = parse_message(mail("Date: Tue, 24 Nov 2026 09:30:00 +0530 (IST)"))
    assert message.date == datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
    assert message.date is not None
    assert message.date.utcoffset() == timedelta(hours=5, minutes=30)
    for value in ("", "yesterday", "Tue, 99 Nov 2026 99:99:99 +0000", "Mon, 1 Jan 1900 00:00:00 +2359"):
        assert parse_message(mail(f"Date: {value}")).date is None


def test_the_received_date_is_that_of_the_topmost_received_header() -> None:
    message = parse_message(
        mail(
            "Received: from a by b; Tue, 24 Nov 2026 10:00:00 +0000",
            "Received: from c by a; Tue, 24 Nov 2026 09:00:00 +0000",
        )
    )
    assert message.received_date == datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [((), None), (("Return-Path: <>",), ""), (("Return-Path: <ann@x.test>",), "ann@x.test")],
)
def test_it_tells_the_null_return_path_from_a_missing_one(
    headers: tuple[str, ...], expected: str | None
) -> None:
    assert parse_message(mail(*headers, "Subject: x")).return_path == expected


def test_it_keeps_list_id_and_all_headers_by_lower_case_name() -> None:
    message = parse_message(mail("List-Id: News <news.x.test>", "X-One: a", "x-one: =?utf-8?B?w7Y=?="))
    assert message.list_id == "news.x.test"
    assert message.headers["x-one"] == ("a", "ö")


# -- bodies


def test_it_prefers_the_text_form_and_keeps_the_html_form() -> None:
    message = parse_message(
        multipart(
            "alternative", "Content-Type: text/plain\n\nPlain.", "Content-Type: text/html\n\n<p>Rich.</p>"
        )
    )
    assert (message.body_text, message.body_html) == ("Plain.", "<p>Rich.</p>")
    assert message.attachments == ()


@pytest.mark.parametrize("kind", ["mixed", "alternative"])
def test_html_without_text_is_converted_to_text(kind: str) -> None:
    html = '<style>p{}</style><p>Dear Ann,</p><p>see <a href="https://x.test/a">this</a><br>now</p>'
    message = parse_message(
        multipart(
            kind,
            "Content-Type: text/plain\n\n \n",
            f"Content-Type: text/html\n\n{html}<blockquote>old</blockquote>",
        )
    )
    assert message.body_text.strip() == "Dear Ann,\n\nsee this <https://x.test/a>\nnow\n\n> old"


def test_a_footer_in_a_part_of_its_own_belongs_to_both_forms() -> None:
    message = parse_message(
        multipart(
            "mixed", "Content-Type: text/html\n\n<b>News</b>", "Content-Type: text/plain\n\n<unsubscribe>"
        )
    )
    assert message.body_text == "News\n<unsubscribe>"
    assert message.body_html is not None
    assert "&lt;unsubscribe&gt;" in message.body_html


def test_flowed_text_is_joined_and_its_quotes_stay_quotes() -> None:
    body = "One long \nparagraph.\n\n> quoted \n> too.\n from column two\n-- \nAnn"
    message = parse_message(mail("Content-Type: text/plain; format=flowed", body=body))
    assert message.body_text == "One long paragraph.\n\n> quoted too.\nfrom column two\n-- \nAnn"
    joined = parse_message(mail("Content-Type: text/plain; format=flowed; delsp=yes", body="日本 \n語"))
    assert joined.body_text == "日本語"


def test_a_body_is_never_cut() -> None:
    text = "word " * 500_000
    assert parse_message(mail("Subject: long", body=text)).body_text == text.rstrip()


def test_the_snippet_is_one_line_without_the_quote() -> None:
    message = parse_message(mail("Subject: x", body="> you said\n\nYes,\n  please do." + " more" * 100))
    assert message.snippet.startswith("Yes, please do. more")
    assert len(message.snippet) <= 200
    assert "you said" not in message.snippet


# -- attachments (rules 15, 20, 49)


def test_it_takes_files_out_with_name_size_and_hash() -> None:
    message = parse_message(
        multipart(
            "mixed",
            "Content-Type: text/plain\n\nSee file.",
            "Content-Type: application/pdf; name*=utf-8''%E2%82%AC.pdf\n"
            f"Content-Disposition: attachment\nContent-Transfer-Encoding: base64\n\n{PIXEL}",
        )
    )
    (file,) = message.attachments
    assert (file.filename, file.content_type, file.is_inline) == ("€.pdf", "application/pdf", False)
    assert file.content == b"\x89PNG not really"
    assert (file.size, file.sha256) == (len(file.content), hashlib.sha256(file.content).hexdigest())


@pytest.mark.parametrize(
    ("disposition", "expected"),
    [
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename="C:\\\\temp\\\\a.doc"', "a.doc"),
        ('attachment; filename="=?utf-8?Q?=C3=A4.txt?="', "ä.txt"),
        ("attachment; filename*0*=utf-8''%C3%A4; filename*1*=%C3%B6; filename*2=.txt", "äö.txt"),
        ("attachment; filename=ü.txt", "ü.txt"),
        ('attachment; filename="a\u202etxt.exe"', "a_txt.exe"),
        ("attachment", "attachment-1"),
    ],
)
def test_attachment_names_are_decoded_and_safe(disposition: str, expected: str) -> None:
    message = parse_message(
        multipart("mixed", f"Content-Type: application/x-thing\nContent-Disposition: {disposition}\n\nx")
    )
    assert [file.filename for file in message.attachments] == [expected]


def test_an_overlong_attachment_name_keeps_its_extension() -> None:
    message = parse_message(
        multipart(
            "mixed",
            f"Content-Type: image/png\nContent-Disposition: attachment; filename={'n' * 400}.png\n\nx",
        )
    )
    (file,) = message.attachments
    assert len(file.filename) == 255
    assert file.filename.endswith(".png")


def test_an_inline_part_is_known_by_its_content_id_without_a_disposition() -> None:
    message = parse_message(
        multipart(
            "related",
            "Content-Type: text/html\n\n<img src=cid:p1>",
            "Content-Type: image/png\nContent-ID: <p1>\n\nx",
        )
    )
    (file,) = message.attachments
    assert (file.content_id, file.is_inline) == ("p1", True)


@pytest.mark.parametrize("disposition", ["", "Content-Disposition: inline; filename=plan.pdf\n"])
@pytest.mark.parametrize(
    "body", ["Content-Type: text/html\n\n<p>See p1, cid p1, CID:p11</p>", "\nSee the plan."]
)
def test_rule_49_an_inline_part_that_nothing_shows_is_a_file(disposition: str, body: str) -> None:
    part = f"Content-Type: application/pdf\nContent-ID: <p1>\n{disposition}\nx"
    (file,) = parse_message(multipart("mixed", body, part)).attachments
    assert (file.content_id, file.is_inline) == ("p1", False)


@pytest.mark.parametrize("address", ["cid:a%40b", "CID:a@b", "cid:a&#64;b"])
def test_rule_49_a_content_id_is_found_however_its_address_is_written(address: str) -> None:
    body = f"Content-Type: text/html\n\n<td style='background:url({address})'>"
    part = "Content-Type: image/png\nContent-ID: <a@b>\n\nx"
    (file,) = parse_message(multipart("related", body, part)).attachments
    assert file.is_inline


def test_an_embedded_message_is_an_eml_with_its_exact_bytes() -> None:
    inner = "Subject: =?utf-8?Q?=C3=A4lter?=\nContent-Type: multipart/mixed; boundary=b2\n\n--b2\n\nx\n--b2--"
    message = parse_message(
        multipart("mixed", "Content-Type: text/plain\n\nFwd", f"Content-Type: message/rfc822\n\n{inner}")
    )
    (file,) = message.attachments
    assert (file.filename, file.content_type) == ("älter.eml", "message/rfc822")
    assert file.content.decode() == inner


def test_calendar_parts_are_attachments() -> None:
    message = parse_message(
        multipart(
            "alternative",
            "Content-Type: text/plain\n\nMeet",
            "Content-Type: text/calendar\n\nBEGIN:VCALENDAR",
        )
    )
    assert [(file.filename, file.content_type) for file in message.attachments] == [
        ("attachment-1.ics", "text/calendar")
    ]


def tnef(*files: tuple[bytes, bytes]) -> bytes:
    """A winmail.dat with files (MS-OXTNEF, section 2.1)."""

    def attribute(level: int, attribute_id: int, data: bytes) -> bytes:
        head = bytes([level]) + attribute_id.to_bytes(4, "little") + len(data).to_bytes(4, "little")
        return head + data + (sum(data) & 0xFFFF).to_bytes(2, "little")

    out = (0x223E9F78).to_bytes(4, "little") + b"\x01\x00"
    out += attribute(1, 0x00089006, (0x10000).to_bytes(4, "little"))
    for name, data in files:
        out += attribute(2, 0x00069002, b"\0" * 14)
        out += attribute(2, 0x00018010, name + b"\0") + attribute(2, 0x0006800F, data)
    return out


def test_winmail_dat_gives_up_the_files_in_it() -> None:
    packed = base64.b64encode(tnef((b"one.txt", b"first file"), (b"two.txt", b"second file"))).decode()
    message = parse_message(
        multipart("mixed", "Content-Type: text/plain\n\nx",
                  f"Content-Type: application/ms-tnef; name=winmail.dat\nContent-Transfer-Encoding: base64\n\n{packed}")
    )  # fmt: skip
    assert [(file.filename, file.content) for file in message.attachments] == [
        ("one.txt", b"first file"),
        ("two.txt", b"second file"),
    ]


def test_a_winmail_dat_that_names_four_billion_properties_is_read_at_once() -> None:
    hostile = (
        tnef() + b"\x01\x03\x90\x06\x00" + (100_006).to_bytes(4, "little") + b"\xff" * 4 + b"\0" * 100_004
    )
    started = time.process_time()
    message = parse_message(mail("Content-Type: application/ms-tnef; name=winmail.dat", body=hostile))
    assert time.process_time() - started < 1
    assert [file.filename for file in message.attachments] == ["winmail.dat"]


def test_a_winmail_dat_that_cannot_be_read_stays_a_file() -> None:
    message = parse_message(
        multipart("mixed", "Content-Type: application/ms-tnef; name=winmail.dat\n\nnot tnef")
    )
    assert [(file.filename, file.content) for file in message.attachments] == [("winmail.dat", b"not tnef")]


def test_one_bad_base64_part_spoils_only_that_part() -> None:
    good = base64.b64encode(b"good").decode()
    message = parse_message(
        multipart(
            "mixed",
            "Content-Type: text/plain\n\nText.",
            "Content-Type: application/a; name=a\nContent-Transfer-Encoding: base64\n\n!!!%%%A",
            f"Content-Type: application/b; name=b\nContent-Transfer-Encoding: base64\n\n{good}",
        )
    )
    assert message.body_text == "Text."
    assert [file.content for file in message.attachments] == [b"", b"good"]
    assert message.parse_error == "The message is damaged: a part with broken base64."


# -- caps and the time limit (rule 19)


def test_deep_nesting_is_refused_and_the_headers_are_kept() -> None:
    body = "".join(
        f"--b{level}\nContent-Type: multipart/mixed; boundary=b{level + 1}\n\n" for level in range(500)
    )
    raw = mail(
        "Subject: deep", "Message-ID: <d@x.test>", "Content-Type: multipart/mixed; boundary=b0", body=body
    )
    message = parse_message(raw)
    assert message.parse_error == "The message nests more than 50 parts deep."
    assert (message.subject, message.message_id) == ("deep", "d@x.test")


def test_too_many_parts_are_refused_and_the_text_is_shown_raw() -> None:
    message = parse_message(multipart("mixed", *["\n\nx"] * 2_000))
    assert message.parse_error == "The message has more than 1000 parts."
    assert "--b1" in message.body_text


def test_a_message_over_the_size_limit_keeps_its_headers() -> None:
    raw = mail("Subject: big", body="x" * 1_100_000)
    message = parse_message(raw, limits=replace(DEFAULT, message_bytes=1_048_576))
    assert (message.subject, message.parse_error) == ("big", "The message is larger than 1 MB.")


def test_a_message_that_takes_too_long_is_given_up_with_a_sentence() -> None:
    message = parse_message(mail("Subject: slow"), limits=replace(DEFAULT, seconds=-1))
    assert message.subject == "slow"
    assert "took longer than" in (message.parse_error or "")


@pytest.mark.parametrize(
    "raw",
    [
        mail("Subject: " + "=?utf-8?q?" * 100_000),
        mail("From: " + "(" * 500_000),
        mail("From: " + '"' * 500_000),
        mail("Content-Type: text/plain; " + 'a="b\\"; ' * 50_000),
        mail("References: " + "<a@b> " * 100_000),
        mail("Content-Type: text/html", body="<div>" * 400_000),
        mail("Content-Type: text/html", body="<style" * 300_000),
        mail("Content-Type: text/html", body="<a href='" * 19_000),
        mail("Content-Type: text/plain; format=flowed", body="word \n" * 200_000),
        mail("Content-Type: multipart/mixed; boundary=b", body="--b\n--b--\n" * 100_000),
        mail(*[f"X-{number}: y" for number in range(50_000)]),
    ],
    ids=lambda raw: repr(raw[:30]),
)
def test_hostile_input_is_parsed_in_bounded_time(raw: bytes) -> None:
    started = time.process_time()
    parse_message(raw)
    assert time.process_time() - started < 5


def test_the_parsed_sender_is_a_plain_value() -> None:
    message = parse_message(mail("From: Ann <Ann@X.test>"))
    assert message.sender == Address("Ann", "Ann@X.test")
    assert (message.sender.local_part, message.sender.domain) == ("ann", "x.test")
