"""Proving who one is with a passkey: signing in without a password, or confirming a session.

The person's device checks a finger, face or PIN and signs a challenge of ours, so that one answer is two factors.
These run outside a request's transaction: an answer uses its challenge up, and a refusal stays written down.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from django.db import transaction

from convergio.accounts import entrance, history, passkeys, sessions, steps, throttles
from convergio.accounts.actor import Actor
from convergio.accounts.client import Client
from convergio.accounts.entrance import Entry
from convergio.accounts.models import Passkey, User
from convergio.accounts.passkey_errors import InvalidPasskey, PasskeyRefused, StalePasskeyRequest
from convergio.accounts.passkeys import Ceremony, protocol
from convergio.accounts.permissions import require_person
from convergio.accounts.sessions import SessionKind, Tokens
from convergio.core import sql
from convergio.core.errors import NotFound, NotSignedIn, TooMany

log = structlog.get_logger(__name__)

# An authenticator that counts must count up, or it was copied; one that does not count says 0 for ever.
_USE = """
UPDATE passkeys SET sign_count = %(count)s, is_synced = %(synced)s, last_used_at = statement_timestamp()
WHERE id = %(id)s AND (sign_count < %(count)s OR (sign_count = 0 AND %(count)s = 0))
"""


class _Refusal(Exception):
    """Why an answer was not taken: a stable code, and whose passkey it was if that is known."""

    def __init__(self, reason: str, user: User | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.user = user


def begin_sign_in() -> Ceremony:
    """Ask the browser for any passkey of this site. Raises PasskeysUnavailable."""
    passkeys.require_available()
    challenge, options = protocol().request_options()
    return Ceremony(steps.begin_step("passkey_sign_in", challenge=challenge), options)


def sign_in(*, ceremony: str, answer: Mapping[str, Any], kind: SessionKind, client: Client) -> Entry:
    """Start a session for the passkey's owner. Raises StalePasskeyRequest, InvalidPasskey, TooMany."""
    try:
        attempt = throttles.count_try("login", email=None, ip=client.ip)
    except TooMany:
        history.note_failure("passkey", "throttled", email="", client=client)
        raise
    challenge = _spend_challenge(ceremony, user_id=None)
    if challenge is None:
        history.note_failure("passkey", "stale_request", email="", client=client)
        raise StalePasskeyRequest
    try:
        user = _owner_of(answer, challenge=challenge)
    except _Refusal as refusal:
        user_id, email = (refusal.user.id, refusal.user.email) if refusal.user else (None, "")
        history.note_failure("passkey", refusal.reason, email=email, client=client, user_id=user_id)
        raise InvalidPasskey from None
    workspace_id = entrance.home_of(user.id)
    if not user.is_active or workspace_id is None:
        history.note_failure("passkey", "account_closed", email=user.email, client=client, user_id=user.id)
        raise InvalidPasskey
    with transaction.atomic():
        throttles.forgive(attempt)
        return entrance.admit(
            user, workspace_id, method="passkey", kind=kind, client=client, second_factor=True
        )


def begin_confirmation(actor: Actor) -> Ceremony:
    """Ask the browser for one of the actor's passkeys. Raises PasskeysUnavailable, NotFound."""
    require_person(actor)
    passkeys.require_available()
    user_id = actor.require_user()
    held = list(Passkey.objects.filter(user_id=user_id).order_by("id"))
    if not held:
        raise NotFound("passkey")
    challenge, options = protocol().request_options(passkeys.known(held))
    return Ceremony(steps.begin_step("passkey_sign_in", user_id=user_id, challenge=challenge), options)


def confirm(actor: Actor, *, ceremony: str, answer: Mapping[str, Any], client: Client) -> Tokens:
    """Note that it is the actor who sits there, and give their session new tokens.

    Raises StalePasskeyRequest, PasskeyRefused.
    """
    require_person(actor)
    user_id = actor.require_user()
    challenge = _spend_challenge(ceremony, user_id=user_id)
    if challenge is None:
        passkeys.note_refusal(actor, "passkey_confirm", "stale_request", client)
        raise StalePasskeyRequest
    try:
        owner = _owner_of(answer, challenge=challenge, expected=user_id)
    except _Refusal as refusal:
        passkeys.note_refusal(actor, "passkey_confirm", refusal.reason, client)
        raise PasskeyRefused from None
    with transaction.atomic():
        tokens = sessions.renew(actor.session_id or 0, second_factor=True)
        if tokens is None:
            raise NotSignedIn
        history.note_success("passkey_confirm", email=owner.email, client=client, user_id=user_id)
    return tokens


def _spend_challenge(ceremony: str, *, user_id: int | None) -> str | None:
    """The challenge of a request that was made for this user (nobody, at sign-in); it works once."""
    step = steps.finish_step("passkey_sign_in", ceremony)
    return step.facts["challenge"] if step is not None and step.user_id == user_id else None


def _owner_of(answer: Mapping[str, Any], *, challenge: str, expected: int | None = None) -> User:
    """Whose passkey gave the answer, its use noted. Raises _Refusal."""
    webauthn = protocol()
    try:
        credential_id, handle = webauthn.credential_id_of(answer), webauthn.user_handle_of(answer)
    except webauthn.Refused:
        raise _Refusal("invalid_answer") from None
    passkey = Passkey.objects.select_related("user").filter(credential_id=credential_id).first()
    if passkey is None or (expected is not None and passkey.user_id != expected):
        raise _Refusal("unknown_passkey")
    # Nobody named the account at sign-in, so the authenticator has to; when confirming, it may leave that out.
    if handle != bytes(passkey.user_handle) and (handle or expected is None):
        raise _Refusal("invalid_answer", passkey.user)
    try:
        proven = webauthn.check_assertion(answer, challenge=challenge, public_key=bytes(passkey.public_key))
    except webauthn.Refused:
        raise _Refusal("invalid_answer", passkey.user) from None
    used = {"id": passkey.id, "count": proven.sign_count, "synced": proven.is_synced}
    if not sql.execute(_USE, used):
        log.warning("passkey.sign_count_went_back", passkey_id=passkey.id)
        raise _Refusal("sign_count", passkey.user)
    return passkey.user
