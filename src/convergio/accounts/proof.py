"""Asking somebody who is signed in to prove once more who they are: the password, and the code when it is needed."""

from __future__ import annotations

from django.db import transaction

from convergio.accounts import history, jobs, throttles, two_factor
from convergio.accounts.actor import Actor
from convergio.accounts.client import Client
from convergio.accounts.errors import CodeRequired, InvalidField, WrongCode, WrongPassword
from convergio.accounts.models import User
from convergio.accounts.passwords import password_fits
from convergio.accounts.permissions import require_person
from convergio.accounts.throttles import Try
from convergio.accounts.two_factor import Typed
from convergio.core.errors import AppError, TooMany
from convergio.core.jobs import enqueue


def prove(actor: Actor, *, password: str, code: Typed | None, method: str, client: Client) -> User:
    """The user, if the password is theirs and the code too; `code` is None where the password is enough.

    Tries are counted per session, so that strangers who try the account do not keep its owner out. Runs outside a
    request's transaction: refused tries stay counted and written down under `method`.
    Raises WrongPassword, CodeRequired, WrongCode, InvalidField, TooMany.
    """
    require_person(actor)
    user = User.objects.get(id=actor.require_user())
    try:
        _prove_password(actor, user, password)
        if code is not None and two_factor.is_on(user.id):
            _prove_code(actor, user, code, client)
    except AppError as error:
        history.note_failure(method, _reason(error), email=user.email, client=client, user_id=user.id)
        raise
    return user


def count_own_try(actor: Actor, what: str) -> Try:
    """Count a try of the actor's session, whose counter nobody else reaches. Raises TooMany."""
    return throttles.count_try(what, email=None, ip=None, own=f"session:{actor.session_id}")


def _prove_password(actor: Actor, user: User, password: str) -> None:
    attempt = count_own_try(actor, "login")
    if not password_fits(user, password, field="current_password"):
        raise WrongPassword
    throttles.forgive(attempt)


def _prove_code(actor: Actor, user: User, typed: Typed, client: Client) -> None:
    if not typed:
        raise CodeRequired
    attempt = count_own_try(actor, "code")
    with transaction.atomic():
        used = two_factor.use(user.id, typed)
        if not used.refusal:
            throttles.forgive(attempt)
            _note_backup_code(user, used.method, client)
            return
    raise WrongCode(reason=used.refusal)


def _note_backup_code(user: User, method: str, client: Client) -> None:
    if method == "backup_code":
        attempt_id = history.note_success(
            "backup_code_used", email=user.email, client=client, user_id=user.id
        )
        enqueue(jobs.mail_backup_code_used, attempt_id=attempt_id)


def _reason(error: AppError) -> str:
    """The stable code that the login history keeps."""
    if isinstance(error, TooMany):
        return "throttled"
    if isinstance(error, InvalidField):
        return "password_too_long"
    return error.reason if isinstance(error, WrongCode) else error.code
