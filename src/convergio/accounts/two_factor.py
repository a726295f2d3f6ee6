"""Two-step sign-in: the authenticator app, its set-up, and what a typed code is worth.

The secret is sealed. A new one waits as `pending_secret` until a code proves that the app has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec
import structlog

from convergio.accounts import backup_codes, totp
from convergio.accounts.actor import Actor
from convergio.core import sql
from convergio.core.clock import now
from convergio.core.crypto import Unreadable, seal, unseal

log = structlog.get_logger(__name__)

_STATE = """
SELECT t.enabled_at IS NOT NULL, t.enabled_at,
       CASE WHEN t.enabled_at IS NULL THEN 0 ELSE jsonb_array_length(t.backup_codes) END,
       t.backup_codes_made_at, t.pending_secret IS NOT NULL, w.require_two_factor
FROM workspaces w LEFT JOIN user_2fa t ON t.user_id = %s WHERE w.id = %s
"""
_IS_ON = "SELECT EXISTS (SELECT FROM user_2fa WHERE user_id = %s AND enabled_at IS NOT NULL)"
_SECRETS = "SELECT totp_secret_encrypted, pending_secret FROM user_2fa WHERE user_id = %s"
_BEGIN = """
INSERT INTO user_2fa (user_id, pending_secret) VALUES (%(user_id)s, %(secret)s)
ON CONFLICT (user_id) DO UPDATE SET pending_secret = EXCLUDED.pending_secret
"""
# The pending secret must still be the one that the code was made with. Backup codes are made with the first app only;
# another app takes its place beside them.
_ENABLE = """
UPDATE user_2fa SET
    totp_secret_encrypted = pending_secret, pending_secret = NULL, enabled_at = statement_timestamp(),
    last_used_step = %(step)s,
    backup_codes = CASE WHEN enabled_at IS NULL THEN %(codes)s::jsonb ELSE backup_codes END,
    backup_codes_made_at = CASE WHEN enabled_at IS NULL THEN statement_timestamp() ELSE backup_codes_made_at END
WHERE user_id = %(user_id)s AND pending_secret = %(secret)s
"""
# One statement, so that of two parallel uses of a code only one gets through.
_USE_STEP = """
UPDATE user_2fa SET last_used_step = %(step)s
WHERE user_id = %(user_id)s AND enabled_at IS NOT NULL AND totp_secret_encrypted = %(secret)s
  AND (last_used_step IS NULL OR last_used_step < %(step)s)
"""
_REPLACE_CODES = """
UPDATE user_2fa SET backup_codes = %(codes)s::jsonb, backup_codes_made_at = statement_timestamp()
WHERE user_id = %(user_id)s AND enabled_at IS NOT NULL
"""
_DISABLE = "DELETE FROM user_2fa WHERE user_id = %s AND enabled_at IS NOT NULL"


class State(msgspec.Struct):
    """What a person sees of their two-step sign-in."""

    enabled: bool
    enabled_at: datetime | None
    backup_codes_left: int
    backup_codes_made_at: datetime | None
    pending: bool
    required: bool

    @property
    def runs_out(self) -> bool:
        """Few backup codes are left."""
        return self.backup_codes_left <= backup_codes.FEW


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody typed as their second step; both empty when nothing."""

    code: str = ""
    backup_code: str = ""

    def __bool__(self) -> bool:
        return bool(self.code.strip() or self.backup_code.strip())


@dataclass(frozen=True, slots=True)
class Use:
    """What became of a typed code; `refusal` is a stable reason, empty when it was accepted."""

    method: Literal["two_factor", "backup_code"]
    refusal: str = ""
    backup_codes_left: int | None = None


@dataclass(frozen=True, slots=True)
class Setup:
    """What the app needs to know; shown until a code proves that it does."""

    secret: str
    otpauth_url: str
    qr_svg: str


def either(text: str) -> Typed:
    """What stands in a field that takes both kinds of code."""
    return Typed(backup_code=text) if backup_codes.looks_like_code(text) else Typed(code=text)


def state(actor: Actor) -> State:
    """The actor's own two-step sign-in."""
    row = sql.fetch_rows(_STATE, [actor.user_id, actor.workspace_id])[0]
    enabled, enabled_at, left, made_at, pending, required = row
    return State(bool(enabled), enabled_at, left or 0, made_at, bool(pending), required)


def is_on(user_id: int) -> bool:
    """Whether the password alone does not sign this user in."""
    return bool(sql.fetch_value(_IS_ON, [user_id]))


def use(user_id: int, typed: Typed) -> Use:
    """Use a code up, if it is one. Call in the transaction of what it allows."""
    if not typed.code.strip():
        left = backup_codes.spend(user_id, typed.backup_code)
        return Use("backup_code", "" if left is not None else "invalid_code", left)
    secret, _ = _secrets(user_id)
    step = _matching_step(user_id, secret, typed.code)
    if step is None:
        return Use("two_factor", "invalid_code")
    accepted = sql.execute(_USE_STEP, {"user_id": user_id, "secret": secret, "step": step})
    return Use("two_factor", "" if accepted else "reused_code")


def begin_setup(user_id: int, *, account: str) -> Setup:
    """Make a secret that waits for its first code; one that waited before is forgotten."""
    secret = totp.new_secret()
    sql.execute(_BEGIN, {"user_id": user_id, "secret": seal(secret, context=_context(user_id))})
    return _setup(secret, account)


def pending_setup(user_id: int, *, account: str) -> Setup | None:
    """The set-up that waits for its first code."""
    _, pending = _secrets(user_id)
    secret = _open(user_id, pending)
    return _setup(secret, account) if secret else None


def enable(user_id: int, code: str, *, codes: list[str]) -> bool:
    """Let the waiting secret take effect if the code fits it; the backup codes too, if this is the first app."""
    _, pending = _secrets(user_id)
    step = _matching_step(user_id, pending, code)
    wanted = {"user_id": user_id, "secret": pending, "step": step, "codes": _digests(user_id, codes)}
    return step is not None and bool(sql.execute(_ENABLE, wanted))


def replace_backup_codes(user_id: int, codes: list[str]) -> bool:
    """Other backup codes instead of those that are left; false while two-step sign-in is off."""
    return bool(sql.execute(_REPLACE_CODES, {"user_id": user_id, "codes": _digests(user_id, codes)}))


def disable(user_id: int) -> bool:
    """Forget app and backup codes; false when it was off."""
    return bool(sql.execute(_DISABLE, [user_id]))


def _secrets(user_id: int) -> tuple[bytes | None, bytes | None]:
    rows = sql.fetch_rows(_SECRETS, [user_id])
    return (rows[0][0], rows[0][1]) if rows else (None, None)


def _matching_step(user_id: int, sealed: bytes | None, typed: str) -> int | None:
    secret = _open(user_id, sealed)
    return totp.matching_step(secret, "".join(typed.split()), now()) if secret else None


def _open(user_id: int, sealed: bytes | None) -> str:
    """The secret, empty when there is none or the installation's key does not open it any more."""
    try:
        return unseal(sealed, context=_context(user_id)) if sealed else ""
    except Unreadable:
        log.exception("two_factor.secret_unreadable", user_id=user_id)
        return ""


def _context(user_id: int) -> str:
    return f"user_2fa.secret:{user_id}"


def _setup(secret: str, account: str) -> Setup:
    address = totp.key_uri(secret, account=account)
    return Setup(secret, address, totp.qr_svg(address))


def _digests(user_id: int, codes: list[str]) -> str:
    return sql.to_json([backup_codes.digest(user_id, code) for code in codes]).decode()
