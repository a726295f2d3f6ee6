"""What people do with their two-step sign-in: set it up, switch it off, make other recovery codes, confirm themselves.

These run outside a request's transaction, like sign-in: refused tries must stay counted and written down. The set-up
asks for a fresh sign-in, which means every factor that the account has; switching off and other recovery codes ask for
password and code in the same request.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from convergio.accounts import (
    activity,
    backup_codes,
    history,
    jobs,
    sessions,
    steps,
    throttles,
    trusted_devices,
    two_factor,
)
from convergio.accounts.actor import Actor
from convergio.accounts.client import Client
from convergio.accounts.errors import NoSetup, TwoFactorOff, WrongCode
from convergio.accounts.permissions import require_fresh, require_person
from convergio.accounts.proof import count_own_try, prove
from convergio.accounts.sessions import Tokens
from convergio.accounts.throttles import Try
from convergio.accounts.two_factor import Setup, Typed
from convergio.core.errors import NotFound, TooMany
from convergio.core.jobs import enqueue
from convergio.core.tenancy import workspace_scope


@dataclass(frozen=True, slots=True)
class Enabled:
    """The own session's new tokens, and the backup codes to show this once; none when another app was set up."""

    tokens: Tokens
    backup_codes: list[str]


def begin_setup(actor: Actor) -> Setup:
    """Make a secret for a code app. It takes effect with its first code; until then all stays as it is."""
    require_fresh(actor)
    return two_factor.begin_setup(actor.require_user(), account=actor.email)


def pending_setup(actor: Actor) -> Setup | None:
    """The set-up that waits for its first code, to be shown again."""
    require_fresh(actor)
    return two_factor.pending_setup(actor.require_user(), account=actor.email)


def finish_setup(actor: Actor, *, code: str, client: Client) -> Enabled:
    """Switch two-step sign-in on, or to another app. Raises NoSetup, WrongCode, FreshSignInRequired, TooMany.

    The own session counts as two-step from now on and goes on with new tokens.
    """
    require_fresh(actor)
    user_id, state = actor.require_user(), two_factor.state(actor)
    if not state.pending:
        raise NoSetup
    attempt = _count_setup_try(actor, client)
    codes = backup_codes.make_codes()
    with workspace_scope(actor.workspace_id):
        if two_factor.enable(user_id, code, codes=codes):
            throttles.forgive(attempt)
            _note(actor, "two_factor_setup", client)
            activity.record(
                actor, "two_factor.replaced" if state.enabled else "two_factor.enabled", ip=client.ip
            )
            tokens = sessions.renew_own(actor, second_factor=True)
            return Enabled(tokens, [] if state.enabled else codes)
    history.note_failure(
        "two_factor_setup", "invalid_code", email=actor.email, client=client, user_id=user_id
    )
    raise WrongCode


def disable(actor: Actor, *, password: str, typed: Typed, client: Client) -> Tokens:
    """Switch two-step sign-in off: other sessions end, no browser is trusted, the own session gets new tokens.

    Raises TwoFactorOff, WrongPassword, CodeRequired, WrongCode, TooMany.
    """
    _require_on(actor)
    user = prove(actor, password=password, code=typed, method="two_factor_disabled", client=client)
    with workspace_scope(actor.workspace_id):
        if not two_factor.disable(user.id):
            raise TwoFactorOff
        sessions.revoke(user.id, reason="two_factor_disabled", keep=actor.session_id)
        trusted_devices.revoke(user.id)
        steps.end_steps("second_step", user.id)
        tokens = sessions.renew_own(actor)
        sessions.drop_second_factor(user.id)
        _note(actor, "two_factor_disabled", client)
        activity.record(actor, "two_factor.disabled", ip=client.ip)
    return tokens


def make_backup_codes(actor: Actor, *, password: str, typed: Typed, client: Client) -> list[str]:
    """Ten other backup codes; those that were left end. Raises as `disable` does."""
    _require_on(actor)
    user = prove(actor, password=password, code=typed, method="backup_codes_made", client=client)
    codes = backup_codes.make_codes()
    with workspace_scope(actor.workspace_id):
        if not two_factor.replace_backup_codes(user.id, codes):
            raise TwoFactorOff
        _note(actor, "backup_codes_made", client)
        activity.record(actor, "two_factor.backup_codes_made", ip=client.ip)
    return codes


def confirm(actor: Actor, *, password: str, typed: Typed, client: Client) -> Tokens:
    """Prove once more who one is: the session is fresh for 10 minutes and goes on with new tokens.

    Raises WrongPassword, CodeRequired, WrongCode, TooMany.
    """
    user = prove(actor, password=password, code=typed, method="confirm", client=client)
    with transaction.atomic():
        history.note_success("confirm", email=user.email, client=client, user_id=user.id)
        return sessions.renew_own(actor, second_factor=two_factor.is_on(user.id))


def remove_trusted_device(actor: Actor, device_id: int, *, client: Client) -> None:
    """Ask one browser for codes again. Raises NotFound."""
    require_person(actor)
    if not trusted_devices.revoke(actor.require_user(), only=device_id):
        raise NotFound("trusted device")
    activity.record(actor, "trusted_device.removed", subject=f"trusted_devices:{device_id}", ip=client.ip)


def _count_setup_try(actor: Actor, client: Client) -> Try:
    try:
        return count_own_try(actor, "setup")
    except TooMany:
        history.note_failure(
            "two_factor_setup", "throttled", email=actor.email, client=client, user_id=actor.user_id
        )
        raise


def _require_on(actor: Actor) -> None:
    require_person(actor)
    if not two_factor.is_on(actor.require_user()):
        raise TwoFactorOff


def _note(actor: Actor, method: str, client: Client) -> None:
    """Write the change down, and mail its owner that it happened."""
    attempt_id = history.note_success(method, email=actor.email, client=client, user_id=actor.user_id)
    enqueue(jobs.mail_change, attempt_id=attempt_id)
