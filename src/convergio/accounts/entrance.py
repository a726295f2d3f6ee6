"""How people come in: sign-up, sign-in, refresh, sign-out.

These run outside a request's transaction and open their own: a refused attempt must stay counted and written down.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction

from convergio.accounts import activity, fields, history, jobs, sessions, throttles
from convergio.accounts.actor import Actor
from convergio.accounts.client import Client
from convergio.accounts.errors import (
    EmailTaken,
    InvalidField,
    InvalidRefreshToken,
    SignUpClosed,
    WrongCredentials,
)
from convergio.accounts.models import User, Workspace, WorkspaceMember
from convergio.accounts.passwords import password_fits
from convergio.accounts.permissions import require_person
from convergio.accounts.sessions import SessionKind, Tokens
from convergio.core import sql
from convergio.core.clock import now
from convergio.core.errors import TooMany
from convergio.core.seeds import run_workspace_seeds
from convergio.core.tenancy import workspace_scope

# The workspace a person was in last, else the one joined first.
_HOME = """
SELECT m.workspace_id FROM workspace_members m
LEFT JOIN user_sessions s ON s.user_id = m.user_id AND s.workspace_id = m.workspace_id
WHERE m.user_id = %s
GROUP BY m.id ORDER BY max(s.last_seen_at) DESC NULLS LAST, m.id LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A person who just came in, and the tokens of their session."""

    user: User
    tokens: Tokens


def create_user(*, email: str, password: str, name: str = "") -> tuple[User, Workspace]:
    """Make an account with a workspace of its own. Raises InvalidField, EmailTaken."""
    email = fields.clean_email(email)
    password = fields.clean_password(password, words=(email.partition("@")[0], name))
    name = fields.clean_line("name", name, longest=255)
    hashed = make_password(password)
    with transaction.atomic():
        try:
            with transaction.atomic():
                user = User.objects.create(email=email, password=hashed, name=name)
        except IntegrityError:
            raise EmailTaken from None
        return user, create_workspace(user, name=f"{name or email.partition('@')[0]}’s workspace")


def create_workspace(owner: User, *, name: str) -> Workspace:
    """Make a workspace with its owner and everything a workspace begins with."""
    name = name[:255]
    with transaction.atomic():
        workspace = Workspace.objects.create(name=name, owner=owner)
        WorkspaceMember.objects.create(workspace=workspace, user=owner, role="owner")
        with workspace_scope(workspace.id):
            run_workspace_seeds(workspace.id)
    return workspace


def sign_up(*, email: str, password: str, name: str, kind: SessionKind, client: Client) -> Entry:
    """Register as CONVERGIO_SIGNUP allows. Raises InvalidField, EmailTaken, SignUpClosed, TooMany.

    Only refused tries are throttled, because only they tell whether an address has an account.
    """
    if settings.SIGNUP == "closed":
        raise SignUpClosed("This installation takes no new accounts; ask its operator for one.")
    if settings.SIGNUP == "invite":
        raise SignUpClosed("This installation takes new accounts by invitation only; ask a member for one.")
    typed = fields.fold_email(email)
    attempt = throttles.count_try("register", email=None, ip=client.ip)
    try:
        user, workspace = create_user(email=email, password=password, name=name)
    except EmailTaken as error:
        history.note_failure("register", error.code, email=typed, client=client)
        raise
    except InvalidField:
        throttles.forgive(attempt)
        raise
    with transaction.atomic():
        throttles.forgive(attempt)
        jobs.mail_verification.defer(user_id=user.id)
        return admit(user, workspace.id, method="register", kind=kind, client=client)


def sign_in(*, email: str, password: str, kind: SessionKind, client: Client) -> Entry:
    """Check a password and start a session. Raises WrongCredentials, TooMany."""
    typed = fields.fold_email(email)
    try:
        attempt = throttles.count_try("login", email=typed, ip=client.ip)
    except TooMany:
        history.note_failure("password", "throttled", email=typed, client=client)
        raise
    user = User.objects.filter(email=typed).first()
    workspace_id = sql.fetch_value(_HOME, [user.id if user else 0])
    if not password_fits(user, password) or user is None or workspace_id is None:
        user_id = user.id if user else None
        history.note_failure("password", "invalid_credentials", email=typed, client=client, user_id=user_id)
        raise WrongCredentials
    with transaction.atomic():
        throttles.forgive(attempt)
        return admit(user, workspace_id, method="password", kind=kind, client=client)


def admit(
    user: User,
    workspace_id: int,
    *,
    method: str,
    kind: SessionKind,
    client: Client,
    second_factor: bool = False,
) -> Entry:
    """Start a session for somebody who proved who they are, and write it down. Call in a transaction."""
    history.note_success(method, email=user.email, client=client, user_id=user.id)
    activity.record_sign_in(user.id, workspace_id, method=method, ip=client.ip)
    User.objects.filter(id=user.id).update(last_login=now())
    tokens = sessions.open_session(
        user_id=user.id, workspace_id=workspace_id, kind=kind, client=client, second_factor=second_factor
    )
    return Entry(user, tokens)


def refresh(refresh_token: str, *, client: Client) -> Entry:
    """Exchange a refresh token. Raises InvalidRefreshToken; a token used before ends its session."""
    rotated = sessions.rotate(refresh_token, client=client)
    if rotated is not None:
        user_id, tokens = rotated
        return Entry(User.objects.get(id=user_id), tokens)
    robbed = sessions.revoke_if_reused(refresh_token)
    if robbed is not None:
        user = User.objects.get(id=robbed)
        history.note_failure("refresh", "refresh_reused", email=user.email, client=client, user_id=user.id)
    raise InvalidRefreshToken


def sign_out(actor: Actor) -> None:
    """End the actor's own session."""
    require_person(actor)
    sessions.revoke(actor.require_user(), reason="signed_out", only=actor.session_id)
    activity.record(actor, "session.ended")
