"""Rules 16 to 18: text comes out as it was written, in whatever it was encoded, and PostgreSQL takes it."""

from __future__ import annotations

import pytest

from convergio.mail.parsing import parse_message
from convergio.mail.parsing.charset import decode_text


@pytest.mark.parametrize(
    ("data", "declared", "expected"),
    [
        ("Grüße".encode(), "utf-8", "Grüße"),
        ("Grüße".encode("latin-1"), "iso-8859-1", "Grüße"),
        ("Привет".encode("koi8-r"), "koi8-r", "Привет"),
        ("€ “quoted”".encode("cp1252"), "iso-8859-1", "€ “quoted”"),
        ("Grüße".encode(), "", "Grüße"),
        ("Grüße".encode(), "us-ascii", "Grüße"),
        ("Grüße".encode("cp1252"), "utf-8", "Grüße"),
        ("“x”".encode("cp1252"), "", "“x”"),
        (b"\x81\xe9", "", "\x81é"),
        ("Grüße".encode(), "no-such-charset", "Grüße"),
        ("Grüße".encode(), "rot13", "Grüße"),
        ("Grüße".encode(), "unicode_escape", "Grüße"),
        ("Grüße".encode(), "idna", "Grüße"),
        ("Grüße".encode(), "a\0b", "Grüße"),
        ("日本語".encode("iso2022_jp"), "", "日本語"),
        ("日本語".encode("iso2022_jp"), "us-ascii", "日本語"),
        ("镕基".encode("gb18030"), "gb2312", "镕基"),
        ("한국어".encode("cp949"), "ks_c_5601-1987", "한국어"),
        ("①".encode("cp932"), "shift_jis", "①"),
        ("\ufeffGrüße".encode(), "", "Grüße"),
        ("Grüße".encode("utf-16"), "", "Grüße"),
    ],
)
def test_it_decodes_by_the_declared_charset_then_by_what_fits(
    data: bytes, declared: str, expected: str
) -> None:
    assert decode_text(data, declared) == expected


def test_a_text_cut_inside_a_character_is_not_guessed_anew() -> None:
    assert decode_text("Привет, мир".encode()[:-1], "utf-8") == "Привет, ми\ufffd"


@pytest.mark.parametrize("declared", ["utf-8", "utf-7", "utf-16-le", "", "latin-1"])
def test_nul_bytes_and_lone_surrogates_never_reach_the_database(declared: str) -> None:
    for data in (b"a\0b", b"+2AA-", b"\x00\xd8a\x00", b"\xed\xa0\x80"):
        text = decode_text(data, declared)
        assert "\0" not in text
        text.encode()


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        (b"=?utf-8?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        (b"=?UTF-8?B?R3LDvMOfZQ==?= und mehr", "Grüße und mehr"),
        (b"=?utf-8?Q?Gr=C3?=\r\n =?utf-8?Q?=BC=C3=9Fe?=", "Grüße"),
        (b"=?utf-8?Q?a?= =?iso-8859-1?Q?=E4?=", "aä"),
        (b"=?utf-8*de?Q?a_b?=", "a b"),
        (b"=?no-such?Q?=C3=A4?=", "ä"),
        (b"=?utf-8?B?!!!?= x", "x"),
        (b"=?utf-8?Q?a=0D=0ABcc:_evil@x.test?=", "a Bcc: evil@x.test"),
        (b"=?utf-8?Q?never ends", "=?utf-8?Q?never ends"),
        ("Grüße".encode(), "Grüße"),
        ("Grüße".encode("cp1252"), "Grüße"),
        ("日本語".encode("iso2022_jp"), "日本語"),
        (b"a\0b", "a\ufffdb"),
    ],
)
def test_it_reads_encoded_words_and_raw_8_bit_headers(subject: bytes, expected: str) -> None:
    message = parse_message(b"Subject: " + subject + b"\r\n\r\nx")
    assert message.subject == expected


def test_raw_8_bit_names_in_addresses_are_read() -> None:
    message = parse_message("From: Jörg Müller <j@x.test>\n\nx".encode("cp1252"))
    assert message.sender is not None
    assert message.sender.name == "Jörg Müller"


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("8bit", "Grüße.".encode()),
        ("quoted-printable", b"Gr=C3=BC=\r\n=C3=9Fe."),
        ("BASE64", b"R3LDvMOfZS4="),
    ],
)
def test_every_transfer_encoding_gives_the_same_text(encoding: str, body: bytes) -> None:
    head = f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    assert parse_message(head.encode() + body).body_text == "Grüße."


def test_html_says_its_charset_in_a_meta_element_when_the_header_does_not() -> None:
    html = '<meta http-equiv="Content-Type" content="text/html; charset=koi8-r"><p>Привет</p>'.encode(
        "koi8-r"
    )
    assert parse_message(b"Content-Type: text/html\r\n\r\n" + html).body_text == "Привет"
