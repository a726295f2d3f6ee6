"""Time-based codes of authenticator apps: RFC 6238 with SHA-1, six digits and 30 seconds, what all apps can do."""

from __future__ import annotations

import hmac
from datetime import datetime

import pyotp
import segno

ISSUER = "Convergio"
PERIOD = 30  # seconds
DRIFT = 1  # steps that a clock may be ahead or behind
DIGITS = 6


def new_secret() -> str:
    """160 random bits in base 32, the length that RFC 4226 recommends."""
    return pyotp.random_base32(32)


def key_uri(secret: str, *, account: str) -> str:
    """The otpauth:// address that a QR code carries to the app."""
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=ISSUER)


def qr_svg(text: str) -> str:
    """A QR code as one <svg> without style attributes, black on white so that every camera reads it."""
    code = segno.make(text, error="m", micro=False)
    svg: str = code.svg_inline(
        scale=4, border=4, light="#fff", svgclass=None, lineclass=None, omitsize=True, title="QR code"
    )
    return svg


def looks_like_code(typed: str) -> bool:
    """Whether it is six ASCII digits; other scripts' digits are none."""
    return len(typed) == DIGITS and typed.isascii() and typed.isdigit()


def matching_step(secret: str, code: str, moment: datetime) -> int | None:
    """The 30-second step that the code belongs to, if that is the current one or the one beside it."""
    if not looks_like_code(code):
        return None
    totp, now = pyotp.HOTP(secret), int(moment.timestamp()) // PERIOD
    # All are compared, in constant time each, so that nothing tells which one fitted.
    fitting = [
        step for step in range(now - DRIFT, now + DRIFT + 1) if hmac.compare_digest(totp.at(step), code)
    ]
    return fitting[-1] if fitting else None
