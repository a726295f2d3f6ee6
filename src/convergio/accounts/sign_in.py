"""Signing in with a password, and with a code when two-step sign-in is on.

These run outside a request's transaction and open their own: a refused attempt must stay counted and written down.
Programs send password and code together. Browsers send the password first; a step that ends after 10 minutes or 10
tries remembers that it was right.
"""

from __future__ import annotations

from dataclasses import replace

from django.db import transaction

from convergio.accounts import fields, history, jobs, steps, throttles, trusted_devices, two_factor
from convergio.accounts.client import Client
from convergio.accounts.entrance import Entry, admit, home_of
from convergio.accounts.errors import (
    InvalidCode,
    InvalidField,
    StepEnded,
    TwoFactorRequired,
    WrongCredentials,
)
from convergio.accounts.models import User
from convergio.accounts.passwords import password_fits
from convergio.accounts.sessions import SessionKind
from convergio.accounts.throttles import Try
from convergio.accounts.two_factor import Typed, Use
from convergio.core.errors import TooMany
from convergio.core.jobs import enqueue

MOST_TRIES = 10
NOTHING = Typed()


def sign_in(
    *,
    email: str,
    password: str,
    kind: SessionKind,
    client: Client,
    typed: Typed = NOTHING,
    trusted: str = "",
) -> Entry:
    """Check a password, and the code if one is needed; `trusted` is what the browser's cookie says.

    Raises WrongCredentials, InvalidField (a password that is too long to be any), TwoFactorRequired, InvalidCode,
    TooMany.
    """
    email = fields.fold_email(email)
    user = User.objects.filter(email=email).first()
    device_id = trusted_devices.find(user.id, trusted) if user else None
    own = f"device:{device_id}" if device_id else ""
    attempt = _count_try("login", user, email=email, client=client, own=own)
    with throttles.telling(attempt):
        user = _check_password(user, password, email=email, client=client)
        if device_id is None and two_factor.is_on(user.id):
            throttles.forgive(attempt)
            if not typed:
                _note("password", "two_factor_required", user, client)
                raise TwoFactorRequired(user.id, limit=attempt.forgiven)
            return _enter_with_code(user, typed, kind=kind, client=client)
        with transaction.atomic():
            throttles.forgive(attempt)
            entry = _enter(user, kind=kind, client=client, device_id=device_id)
        return replace(entry, limit=attempt.forgiven)


def finish_sign_in(*, step: str, typed: Typed, trust: bool, client: Client) -> Entry:
    """The second step of a browser whose password was right. Raises InvalidCode, StepEnded, TooMany."""
    user = user_of_step(step)
    attempt = _count_try("code", user, email=user.email if user else None, client=client)
    with throttles.telling(attempt):
        if user is None or not steps.count_step_try("second_step", step, most=MOST_TRIES):
            _note("two_factor", "step_ended", user, client)
            raise StepEnded
        return _use_code(user, typed, attempt, kind="browser", client=client, step=step, trust=trust)


def user_of_step(step: str) -> User | None:
    """Whose second step the browser is in; None when it ended, or never began there."""
    begun = steps.peek_step("second_step", step)
    user_id = begun.user_id if begun else None
    return User.objects.filter(id=user_id, is_active=True).first() if user_id else None


def _check_password(user: User | None, password: str, *, email: str, client: Client) -> User:
    try:
        fits = password_fits(user, password)
    except InvalidField:
        _note("password", "password_too_long", user, client, email=email)
        raise
    if user is None or not fits or home_of(user.id) is None:
        _note("password", "invalid_credentials", user, client, email=email)
        raise WrongCredentials
    return user


def _enter(user: User, *, kind: SessionKind, client: Client, device_id: int | None) -> Entry:
    """The password was enough. A trusted browser stood in for the code, which is no fresh proof of anything."""
    trusted = device_id is not None
    entry = admit(
        user,
        _home(user),
        method="trusted_device" if trusted else "password",
        kind=kind,
        client=client,
        second_factor=trusted,
        fresh=not trusted,
    )
    if device_id is not None:
        trusted_devices.follow(device_id, entry.tokens.session_id)
    return entry


def _enter_with_code(user: User, typed: Typed, *, kind: SessionKind, client: Client) -> Entry:
    attempt = _count_try("code", user, email=user.email, client=client)
    with throttles.telling(attempt):
        return _use_code(user, typed, attempt, kind=kind, client=client)


def _use_code(
    user: User,
    typed: Typed,
    attempt: Try,
    *,
    kind: SessionKind,
    client: Client,
    step: str = "",
    trust: bool = False,
) -> Entry:
    with transaction.atomic():
        used = two_factor.use(user.id, typed)
        if not used.refusal and not (step and steps.finish_step("second_step", step) is None):
            throttles.forgive(attempt)
            return replace(
                _admit_with(used, user, kind=kind, client=client, trust=trust), limit=attempt.forgiven
            )
        transaction.set_rollback(True)  # a code is not used up for a step that another request finished
    _note(used.method, used.refusal or "step_ended", user, client)
    raise InvalidCode if used.refusal else StepEnded


def _admit_with(used: Use, user: User, *, kind: SessionKind, client: Client, trust: bool) -> Entry:
    entry = admit(user, _home(user), method=used.method, kind=kind, client=client, second_factor=True)
    if used.method == "backup_code":
        enqueue(jobs.mail_backup_code_used, attempt_id=entry.attempt_id)
    return replace(entry, trust=trusted_devices.trust(user.id, entry.tokens.session_id) if trust else "")


def _home(user: User) -> int:
    """Raises WrongCredentials when the last membership went meanwhile."""
    workspace_id = home_of(user.id)
    if workspace_id is None:
        raise WrongCredentials
    return workspace_id


def _count_try(what: str, user: User | None, *, email: str | None, client: Client, own: str = "") -> Try:
    try:
        return throttles.count_try(what, email=email, ip=client.ip, own=own)
    except TooMany:
        method = "password" if what == "login" else "two_factor"
        _note(method, "throttled", user, client, email=email or "")
        raise


def _note(method: str, reason: str, user: User | None, client: Client, *, email: str = "") -> None:
    """Write a refusal down. `email` is what was typed, for who is nobody."""
    user_id = user.id if user else None
    history.note_failure(method, reason, email=user.email if user else email, client=client, user_id=user_id)
