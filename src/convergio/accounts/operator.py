"""What the operator of the installation does to an account: close it, open it, free it of a lost second factor.

Who may is decided where these are called (the back office, the command line). Each ends the person's sessions, is
written into their login history and into the activity of their workspaces, and is told to them by mail.
"""

from __future__ import annotations

from dataclasses import replace

from convergio.accounts import activity, fields, history, jobs, sessions
from convergio.accounts.actor import Actor
from convergio.accounts.client import Client
from convergio.accounts.models import Passkey, TrustedDevice, User, UserTwoFactor, WorkspaceMember
from convergio.accounts.operator_notices import What
from convergio.core.clock import now
from convergio.core.errors import Conflict, NotFound
from convergio.core.jobs import enqueue
from convergio.core.tenancy import workspace_scope


class OwnAccount(Conflict):
    """Somebody else decides about one's own account."""

    def __init__(self) -> None:
        super().__init__("own_account", "Ask another operator to change your own account.")


def set_active(actor: Actor, user_id: int, *, active: bool, reason: str, client: Client) -> None:
    """Close or open an account. Raises NotFound, OwnAccount."""
    user = _other(actor, user_id)
    User.objects.filter(id=user.id).update(is_active=active, updated_at=now())
    _finish(actor, user, "account_opened" if active else "account_closed", reason=reason, client=client)


def reset_second_factor(actor: Actor, user_id: int, *, reason: str, client: Client) -> None:
    """Remove app, backup codes, passkeys and trusted devices. Raises NotFound, OwnAccount."""
    user = _other(actor, user_id)
    UserTwoFactor.objects.filter(user=user).delete()
    Passkey.objects.filter(user=user).delete()
    TrustedDevice.objects.filter(user=user, revoked_at=None).update(revoked_at=now())
    _finish(actor, user, "second_factor_reset", reason=reason, client=client)


def make_staff(email: str, *, staff: bool) -> User:
    """Let somebody into the back office, or out of it. Their sessions end. Raises NotFound."""
    user = User.objects.filter(email=fields.fold_email(email)).first()
    if user is None:
        raise NotFound("account")
    User.objects.filter(id=user.id).update(is_staff=staff, updated_at=now())
    sessions.revoke(user.id, reason="staff_changed")
    return user


def _other(actor: Actor, user_id: int) -> User:
    user = User.objects.filter(id=user_id).first()
    if user is None:
        raise NotFound("account")
    if user.id == actor.user_id:
        raise OwnAccount
    return user


def _finish(actor: Actor, user: User, what: What, *, reason: str, client: Client) -> None:
    """End the sessions, write it down everywhere it matters, and tell the person."""
    sessions.revoke(user.id, reason=what)
    history.note_success(what, email=user.email, client=client, user_id=user.id)
    for workspace_id in WorkspaceMember.objects.filter(user=user).values_list("workspace_id", flat=True):
        with workspace_scope(workspace_id):
            there = replace(actor, workspace_id=workspace_id)
            activity.record(there, f"operator.{what}", subject=f"users:{user.id}", reason=reason)
    enqueue(jobs.mail_operator_notice, user_id=user.id, what=what)
