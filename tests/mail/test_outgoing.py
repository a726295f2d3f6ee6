"""Mail rules 28 to 30 and 39: the messages we build and the ids they carry."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from email.utils import parseaddr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convergio.mail.errors import InvalidMessage
from convergio.mail.outgoing import (
    Address,
    Attachment,
    OutgoingMessage,
    build_message,
    is_our_message_id,
    new_message_id,
)

SECRET = b"secret of this installation"
US = Address("support@mail.test", "Support")
YOU = Address("you@client.example")


def _message(**changes: object) -> OutgoingMessage:
    fields: dict[str, object] = {
        "sender": US,
        "to": [YOU],
        "message_id": "id@mail.test",
        "text": "Hello",
        **changes,
    }
    return OutgoingMessage(**fields)  # type: ignore[arg-type]


def _parsed(**changes: object) -> EmailMessage:
    return message_from_bytes(build_message(_message(**changes)), policy=default)


def _raw_header(raw: bytes) -> list[bytes]:
    return raw.split(b"\r\n\r\n")[0].replace(b"\r\n ", b" ").split(b"\r\n")


def test_it_carries_text_html_and_attachments() -> None:
    parsed = _parsed(
        text="Grüße",
        html="<p>Grüße</p>",
        subject="Über uns: 你好",
        cc=[Address("boss@client.example", "Boss, Big")],
        attachments=[Attachment("prüfung.pdf", "application/pdf", b"\x00\xff%PDF")],
    )

    body, rich = parsed.get_body(("plain",)), parsed.get_body(("html",))
    assert body is not None
    assert rich is not None
    assert body.get_content().rstrip() == "Grüße"
    assert rich.get_content().rstrip() == "<p>Grüße</p>"
    assert parsed["Subject"] == "Über uns: 你好"
    assert [(part.get_filename(), part.get_content()) for part in parsed.iter_attachments()] == [
        ("prüfung.pdf", b"\x00\xff%PDF")
    ]
    assert parsed["Cc"].addresses[0].display_name == "Boss, Big"


def test_inline_images_stay_beside_the_html_that_names_them() -> None:
    parsed = _parsed(
        html='<img src="cid:logo@mail.test">',
        attachments=[Attachment("logo.png", "image/png", b"png", "logo@mail.test")],
    )

    image = next(part for part in parsed.walk() if part.get_content_type() == "image/png")
    assert image["Content-ID"] == "<logo@mail.test>"
    assert image.get_content_disposition() == "inline"
    assert list(parsed.iter_attachments()) == [] or parsed.get_content_type() == "multipart/alternative"


def test_an_attached_message_arrives_byte_for_byte() -> None:
    original = b"Subject: odd\nFrom: a@client.example\n\nbare line ends\n"

    parsed = _parsed(attachments=[Attachment("original.eml", "message/rfc822", original)])

    [attached] = parsed.iter_attachments()
    assert attached.get_content() == original


def test_blind_copies_are_in_the_envelope_and_not_in_the_header() -> None:
    message = _message(bcc=[Address("hidden@client.example")])

    assert message.recipients == ["you@client.example", "hidden@client.example"]
    assert b"hidden" not in build_message(message)


def test_every_line_is_seven_bit_with_crlf_and_of_lawful_length() -> None:
    raw = build_message(
        _message(text="ü" * 5_000 + "\n" + "x" * 5_000, html="<p>" + "ß" * 3_000, subject="é" * 400)
    )

    assert raw.isascii()
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998


def test_rule_29_a_reply_names_its_parent_and_the_chain_to_it() -> None:
    parsed = _parsed(in_reply_to="<c@client.example>", references=["<a@client.example>", "b@client.example"])

    assert parsed["In-Reply-To"] == "<c@client.example>"
    assert parsed["References"].split() == ["<a@client.example>", "<b@client.example>", "<c@client.example>"]


def test_rule_29_a_parent_that_is_in_the_chain_already_ends_it_once() -> None:
    parsed = _parsed(in_reply_to="b@x.example", references=["a@x.example", "b@x.example"])

    assert parsed["References"].split() == ["<a@x.example>", "<b@x.example>"]


def test_rule_29_a_very_long_chain_keeps_its_root_and_its_end() -> None:
    parsed = _parsed(in_reply_to="last@x.example", references=[f"{n}@x.example" for n in range(500)])

    chain = parsed["References"].split()
    assert len(chain) == 21
    assert chain[0] == "<0@x.example>"
    assert chain[-2:] == ["<499@x.example>", "<last@x.example>"]


def test_rule_29_a_long_id_is_not_turned_into_an_encoded_word() -> None:
    long_id = "x" * 300 + "@client.example"

    lines = _raw_header(build_message(_message(in_reply_to=long_id)))

    assert f"In-Reply-To: <{long_id}>".encode() in lines


def test_a_strangers_broken_id_is_left_out_and_cannot_break_a_header() -> None:
    raw = build_message(
        _message(in_reply_to="a@x\r\nBcc: all@client.example", references=["ü@x", "b c@x", "ok@x"])
    )

    assert b"Bcc" not in raw
    assert b"References: <ok@x>" in _raw_header(raw)


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "Hi\r\nBcc: all@client.example"},
        {"sender": Address("support@mail.test", "Support\nBcc: all@client.example")},
        {"to": [Address("you@client.example\r\nBcc: all@client.example")]},
        {"bcc": [Address("you@client.example>\r\nRCPT TO:<all@client.example")]},
        {"message_id": "a b@mail.test"},
        {"attachments": [Attachment("a\r\nX: y", "text/plain", b"")]},
    ],
)
def test_a_line_break_in_a_header_is_refused_in_one_sentence(changes: dict[str, object]) -> None:
    with pytest.raises(InvalidMessage) as refusal:
        build_message(_message(**changes))

    assert refusal.value.message.endswith((".", "again."))
    assert "\n" not in refusal.value.message


def test_a_message_to_nobody_is_refused() -> None:
    with pytest.raises(InvalidMessage, match="no recipient"):
        build_message(_message(to=[]))


def _display_name(raw: bytes) -> str:
    """By the older parser: the newer one puts a space between two encoded words of a name (RFC 2047 6.2)."""
    shown, _ = parseaddr(message_from_bytes(raw)["From"])
    return str(make_header(decode_header(shown)))


@given(name=st.text(max_size=120), subject=st.text(max_size=300), text=st.text(max_size=300))
def test_any_text_either_arrives_as_written_or_is_refused(name: str, subject: str, text: str) -> None:
    message = _message(sender=Address("support@mail.test", name), subject=subject, text=text)
    try:
        raw = build_message(message)
    except InvalidMessage:
        assert any(ord(character) < 32 or ord(character) == 127 for character in name + subject)
        return
    parsed = message_from_bytes(raw, policy=default)

    assert [entry.addr_spec for entry in parsed["From"].addresses] == ["support@mail.test"]
    assert _display_name(raw).split() == name.split()
    assert parsed["Subject"].split() == subject.split()
    assert parsed["Message-ID"] == "<id@mail.test>"


def test_rule_39_an_automatic_reply_says_that_it_is_one() -> None:
    parsed = _parsed(automatic=True, in_reply_to="a@x.example")

    assert parsed["Auto-Submitted"] == "auto-replied"
    assert parsed["X-Auto-Response-Suppress"] == "All"
    assert parsed["In-Reply-To"] == "<a@x.example>"


def test_rule_39_mail_of_a_person_carries_neither_automatic_header() -> None:
    parsed = _parsed(in_reply_to="a@x.example")

    assert parsed["Auto-Submitted"] is None
    assert parsed["X-Auto-Response-Suppress"] is None


def test_the_date_is_the_one_given() -> None:
    parsed = _parsed(date=datetime(2026, 11, 24, 9, 30, tzinfo=UTC))

    assert parsed["Date"] == "Tue, 24 Nov 2026 09:30:00 +0000"


def test_rule_30_an_id_is_new_each_time_and_recognised_as_ours() -> None:
    ids = {new_message_id("desk1", SECRET, domain="mail.test") for _ in range(100)}

    assert len(ids) == 100
    assert all(is_our_message_id(known, "desk1", SECRET) for known in ids)
    assert is_our_message_id(f"<{ids.pop().upper()}>", "desk1", SECRET)


def test_rule_28_ids_of_another_installation_and_altered_ones_never_match() -> None:
    ours = new_message_id("desk1", SECRET, domain="mail.test")
    altered = ("0" if ours[0] != "0" else "1") + ours[1:]

    assert not is_our_message_id(new_message_id("desk2", SECRET), "desk1", SECRET)
    assert not is_our_message_id(new_message_id("desk1", b"other"), "desk1", SECRET)
    assert not is_our_message_id(altered, "desk1", SECRET)
    assert not is_our_message_id("a@mail.test", "desk1", SECRET)
    assert not is_our_message_id("", "desk1", SECRET)
