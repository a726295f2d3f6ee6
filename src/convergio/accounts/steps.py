"""Things that the same browser must finish: the second step of a sign-in, a passkey ceremony, a trip to a provider.

The browser holds a random token; what it must not choose (user, challenge, nonce) stays in the database.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

import msgspec

from convergio.accounts.models import SignInStep
from convergio.accounts.tokens import new_token
from convergio.core import sql
from convergio.core.clock import now
from convergio.core.crypto import token_digest

Purpose = Literal["second_step", "passkey_register", "passkey_sign_in", "google"]
STEP_LIFE = timedelta(minutes=10)

_LIVING = "token_hash = %s AND purpose = %s AND used_at IS NULL AND expires_at > statement_timestamp()"
_PEEK = f"SELECT user_id, facts FROM sign_in_steps WHERE {_LIVING}"
# One statement, so that of two parallel uses only one gets the row.
_FINISH = f"UPDATE sign_in_steps SET used_at = statement_timestamp() WHERE {_LIVING} RETURNING user_id, facts"
_COUNT = f"""
UPDATE sign_in_steps SET facts = facts || jsonb_build_object('tries', coalesce((facts->>'tries')::int, 0) + 1)
WHERE {_LIVING} AND coalesce((facts->>'tries')::int, 0) < %s
"""
_END = """
UPDATE sign_in_steps SET used_at = statement_timestamp() WHERE user_id = %s AND purpose = %s AND used_at IS NULL
"""
_SWEEP = "DELETE FROM sign_in_steps WHERE expires_at < statement_timestamp() - interval '1 day'"


class Step(msgspec.Struct, frozen=True):
    """Whom it is about (None before anybody is known), and what was noted when it began."""

    user_id: int | None
    facts: dict[str, Any]


def begin_step(purpose: Purpose, *, user_id: int | None = None, **facts: Any) -> str:
    """Note the facts for 10 minutes; the answer is the token that the browser keeps."""
    token = new_token()
    SignInStep.objects.create(
        purpose=purpose,
        token_hash=token_digest(token),
        user_id=user_id,
        facts=facts,
        expires_at=now() + STEP_LIFE,
    )
    return token


def peek_step(purpose: Purpose, token: str) -> Step | None:
    """The step if it could be finished now, without using it up."""
    return sql.fetch_one(Step, _PEEK, [token_digest(token), purpose])


def finish_step(purpose: Purpose, token: str) -> Step | None:
    """Use the step up; None when it was used, is too old or was never begun."""
    return sql.fetch_one(Step, _FINISH, [token_digest(token), purpose])


def count_step_try(purpose: Purpose, token: str, *, most: int) -> bool:
    """Count one try at finishing the step; false when it has no more, or ended."""
    return bool(sql.execute(_COUNT, [token_digest(token), purpose, most]))


def end_steps(purpose: Purpose, user_id: int) -> None:
    """Whatever this user has begun cannot be finished any more."""
    sql.execute(_END, [user_id, purpose])


def sweep_steps() -> None:
    """Remove steps that ended a day ago."""
    sql.execute(_SWEEP)
