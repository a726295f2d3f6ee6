"""Codes of authenticator apps, against the RFC's own values."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime

import pyotp
import pytest

from convergio.accounts import totp

# RFC 6238, appendix B: the SHA-1 secret, and the last six of its eight digits.
RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()
RFC_CODES = [
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
    (20000000000, "353130"),
]


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize(("seconds", "code"), RFC_CODES)
def test_it_knows_the_codes_of_the_rfc(seconds: int, code: str) -> None:
    assert totp.matching_step(RFC_SECRET, code, at(seconds)) == seconds // 30


@pytest.mark.parametrize(("late", "fits"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_clock_may_be_one_step_off(late: int, fits: bool) -> None:
    assert (totp.matching_step(RFC_SECRET, "005924", at(1234567890 + late)) is not None) is fits


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "00592",
        "0059244",
        "00592x",
        "\u0966\u0966\u096b\u096f\u0968\u096a",
        "\uff10\uff10\uff15\uff19\uff12\uff14",
        "0" * 10**6,
    ],
)
def test_nothing_but_six_ascii_digits_is_a_code(typed: str) -> None:
    assert totp.matching_step(RFC_SECRET, typed, at(1234567890)) is None


def test_the_secret_is_160_random_bits() -> None:
    secrets = {totp.new_secret() for _ in range(50)}
    assert len(secrets) == 50
    assert {len(base64.b32decode(secret)) for secret in secrets} == {20}


def test_the_address_is_what_apps_read() -> None:
    address = totp.key_uri(RFC_SECRET, account="owner+x@convergio.test")
    read = pyotp.parse_uri(address)
    assert isinstance(read, pyotp.TOTP)
    assert (read.secret, read.issuer, read.name) == (RFC_SECRET, "Convergio", "owner+x@convergio.test")
    assert (read.digits, read.interval) == (6, 30)


def test_the_picture_needs_no_style_and_no_script() -> None:
    svg = totp.qr_svg(totp.key_uri(RFC_SECRET, account="owner@convergio.test"))
    assert svg.startswith("<svg ")
    assert not re.search(r"style|script|href|\son", svg)
