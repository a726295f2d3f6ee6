"""How people come in and out: sign-up, refresh, sign-out, and what every way in ends with. Passwords are sign_in.py's.

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
)
from convergio.accounts.history import SignInMethod
from convergio.accounts.models import User, Workspace, WorkspaceMember
from convergio.accounts.permissions import require_person
from convergio.accounts.sessions import SessionKind, Tokens
from convergio.core import sql
from convergio.core.clock import now
from convergio.core.errors import Limit
from convergio.core.jobs import enqueue
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
    """A person who just came in, the tokens of their session, and that of their browser if they trust it now."""

    user: User
    tokens: Tokens
    attempt_id: int = 0  # its line in the login history
    trust: str = ""
    limit: Limit | None = None


def create_user(*, email: str, password: str, name: str = "") -> tuple[User, Workspace]:
    """Make an account with a workspace of its own. Raises InvalidField, EmailTaken."""
    with transaction.atomic():
        user = create_account(email=email, password=password, name=name)
        return user, create_own_workspace(user)


def create_account(*, email: str, password: str, name: str = "") -> User:
    """Make an account that belongs to no workspace yet. Raises InvalidField, EmailTaken."""
    email = fields.clean_email(email)
    password = fields.clean_password(password, words=(email.partition("@")[0], name))
    name = fields.clean_line("name", name, longest=255)
    hashed = make_password(password)
    try:
        with transaction.atomic():
            return User.objects.create(email=email, password=hashed, name=name)
    except IntegrityError:
        raise EmailTaken from None


def create_own_workspace(user: User) -> Workspace:
    """The workspace that everybody has who has no other, named after them."""
    return create_workspace(user, name=f"{user.name or user.email.partition('@')[0]}’s workspace")


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


def home_of(user_id: int) -> int | None:
    """The workspace that a person comes back to; None for nobody, or somebody who is a member of none."""
    workspace_id: int | None = sql.fetch_value(_HOME, [user_id])
    return workspace_id


def admit(
    user: User,
    workspace_id: int,
    *,
    method: SignInMethod,
    kind: SessionKind,
    client: Client,
    second_factor: bool = False,
    fresh: bool = True,
) -> Entry:
    """Start a session for somebody who proved who they are, and write it down. Call in a transaction.

    A job looks whether the device is new to them.
    """
    attempt_id = history.note_success(method, email=user.email, client=client, user_id=user.id)
    activity.record_sign_in(user.id, workspace_id, method=method, ip=client.ip)
    enqueue(jobs.mail_new_device, attempt_id=attempt_id)
    User.objects.filter(id=user.id).update(last_login=now())
    tokens = sessions.open_session(
        user_id=user.id,
        workspace_id=workspace_id,
        kind=kind,
        client=client,
        second_factor=second_factor,
        fresh=fresh,
    )
    return Entry(user, tokens, attempt_id)


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
    sessions.revoke(actor.require_user(), reason=sessions.SIGNED_OUT, only=actor.session_id)
    activity.record(actor, "session.ended")
