"""What people do with their accounts: passwords, sessions, profile.

API keys are api_keys.py's; how people come in is entrance.py's.
"""

from __future__ import annotations

from django.contrib.auth.hashers import make_password
from django.db import transaction

from convergio.accounts import activity, fields, history, jobs, password_reset, sessions, throttles
from convergio.accounts.actor import Actor
from convergio.accounts.client import Client
from convergio.accounts.errors import WrongPassword
from convergio.accounts.models import User
from convergio.accounts.passwords import password_fits
from convergio.accounts.permissions import require_person
from convergio.core import sql
from convergio.core.clock import now
from convergio.core.errors import NotFound, TooMany
from convergio.core.models import StoredFile
from convergio.core.storage import storage


def request_password_reset(*, email: str, client: Client) -> None:
    """Mail a link that works once for 30 minutes, if the address has an account. Raises TooMany.

    Whether it has one is looked up by the job, so that the answer and its time are the same. Runs outside a request's
    transaction: every request counts against the throttle.
    """
    typed = fields.fold_email(email)
    try:
        throttles.count_try("reset", email=typed, ip=client.ip)
    except TooMany:
        history.note_failure("reset_request", "throttled", email=typed, client=client)
        raise
    with transaction.atomic():
        attempt_id = history.note_success("reset_request", email=typed, client=client)
        jobs.mail_reset_link.defer(attempt_id=attempt_id)


def reset_password(*, token: str, password: str, client: Client) -> None:
    """Spend a mailed link on a new password and end all sessions. Raises InvalidField, InvalidLink."""
    # First: a password that cannot be used must not spend the link.
    password = fields.clean_password(password, words=_own_words(password_reset.owner_of(token)))
    with transaction.atomic():
        user = password_reset.spend_link(token)
        set_password(user, password)
        history.note_success("reset", email=user.email, client=client, user_id=user.id)


def _own_words(user: User | None) -> tuple[str, ...]:
    return (user.email.partition("@")[0], user.name) if user else ()


def change_password(actor: Actor, *, current: str, new: str, client: Client) -> None:
    """Set a new password and end all other sessions. Raises WrongPassword, InvalidField, TooMany.

    Runs outside a request's transaction: wrong tries are throttled like sign-ins.
    """
    require_person(actor)
    words = (actor.email.partition("@")[0], actor.name)
    new = fields.clean_password(new, field="new_password", words=words)
    attempt = throttles.count_try("login", email=actor.email, ip=client.ip)
    user = User.objects.get(id=actor.require_user())
    if not password_fits(user, current):
        history.note_failure(
            "password_change", "wrong_password", email=user.email, client=client, user_id=user.id
        )
        raise WrongPassword
    with transaction.atomic():
        throttles.forgive(attempt)
        set_password(user, new, keep_session=actor.session_id)
        history.note_success("password_change", email=user.email, client=client, user_id=user.id)
        activity.record_apart(actor, "password.changed", ip=client.ip)


def set_password(user: User, password: str, *, keep_session: int | None = None) -> None:
    """Store a cleaned password's hash and end the user's sessions but one."""
    User.objects.filter(id=user.id).update(
        password=make_password(password), password_changed_at=now(), updated_at=now()
    )
    sessions.revoke(user.id, reason="password_changed", keep=keep_session)


def revoke_session(actor: Actor, session_id: int) -> None:
    """End one of the actor's sessions. Raises NotFound."""
    require_person(actor)
    if not sessions.revoke(actor.require_user(), reason="revoked", only=session_id):
        raise NotFound("session")
    activity.record(actor, "session.revoked", subject=f"user_sessions:{session_id}")


def revoke_other_sessions(actor: Actor) -> int:
    """End every session of the actor but this one; the answer is how many."""
    require_person(actor)
    ended = sessions.revoke(actor.require_user(), reason="revoked", keep=actor.session_id)
    activity.record(actor, "session.others_revoked", count=ended)
    return ended


def update_profile(
    actor: Actor,
    *,
    name: str | None = None,
    company: str | None = None,
    phone: str | None = None,
    timezone: str | None = None,
) -> None:
    """Change what is given, leave what is None. Raises InvalidField."""
    changes: dict[str, str] = {}
    for field, value, longest in (("name", name, 255), ("company", company, 255), ("phone", phone, 50)):
        if value is not None:
            changes[field] = fields.clean_line(field, value, longest=longest)
    if timezone is not None:
        changes["timezone"] = fields.clean_timezone(timezone)
    if changes:
        User.objects.filter(id=actor.require_user()).update(updated_at=now(), **changes)
        activity.record(actor, "profile.changed", fields=sorted(changes))


def update_notifications(actor: Actor, *, wanted: dict[str, bool]) -> None:
    """Switch named notifications on or off; the others stay as they are."""
    merge = "UPDATE users SET notification_preferences = notification_preferences || %s::jsonb WHERE id = %s"
    sql.execute(merge, [sql.to_json(wanted).decode(), actor.require_user()])
    activity.record(actor, "profile.notifications_changed", fields=sorted(wanted))


def set_avatar(actor: Actor, content: bytes) -> str:
    """Keep a picture as the actor's avatar; the answer is its SHA-256. Raises InvalidField."""
    sha256 = storage().put(fields.clean_avatar(content))
    StoredFile.objects.get_or_create(
        workspace_id=actor.workspace_id, sha256=sha256, defaults={"size": len(content)}
    )
    User.objects.filter(id=actor.require_user()).update(avatar=sha256, updated_at=now())
    activity.record(actor, "profile.picture_changed")
    return sha256
