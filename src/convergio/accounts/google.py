"""Signing in with Google, and linking a Google account. Who somebody is at Google is openid.py's; the rules are here.

These run outside a request's transaction: a trip works once, and a refusal stays written down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction

from convergio.accounts import activity, entrance, fields, history, steps, ways_in
from convergio.accounts.actor import Actor
from convergio.accounts.client import Client
from convergio.accounts.entrance import Entry
from convergio.accounts.errors import InvalidField, SignUpClosed
from convergio.accounts.google_errors import (
    EmailHasAccount,
    EmailUnverified,
    GoogleLinkedElsewhere,
    GoogleNotAccepted,
    StaleTrip,
    refused_trip,
)
from convergio.accounts.models import User, UserIdentity, UserTwoFactor
from convergio.accounts.openid_types import Identity, IdentityRefused, Trip
from convergio.accounts.permissions import require_fresh
from convergio.core.clock import now
from convergio.core.errors import AppError, NotFound, ProviderError

if TYPE_CHECKING:
    from convergio.accounts.openid import Provider

PROVIDER = "google"


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a finished trip led to: a session, a second step that must follow (its token), or a link."""

    next: str
    entry: Entry | None = None
    second_step: str = ""


def provider() -> Provider:
    """Google as the settings know it; its libraries load with the first trip. Raises NotFound while it is off."""
    if not settings.GOOGLE_CLIENT_ID:
        raise NotFound("page")
    from convergio.accounts.openid import Provider  # noqa: PLC0415 - 0.2 s that not every start should pay

    return Provider(settings.GOOGLE_ISSUER, settings.GOOGLE_CLIENT_ID, settings.GOOGLE_CLIENT_SECRET)


def begin_sign_in(*, callback: str, next_path: str) -> tuple[str, str]:
    """The address at Google to go to, and the token that this browser keeps. Raises NotFound, ProviderError."""
    address, trip = provider().begin(redirect_uri=settings.PUBLIC_URL + callback)
    return address, steps.begin_step("google", trip=msgspec.to_builtins(trip), next=next_path)


def begin_link(actor: Actor, *, callback: str) -> tuple[str, str]:
    """The same for linking. Raises FreshSignInRequired, NotFound, ProviderError."""
    require_fresh(actor)
    address, trip = provider().begin(redirect_uri=settings.PUBLIC_URL + callback)
    facts = {"trip": msgspec.to_builtins(trip), "session_id": actor.session_id}
    return address, steps.begin_step("google", user_id=actor.require_user(), **facts)


def finish(token: str, answer: Mapping[str, str], *, actor: Actor | None, client: Client) -> Arrival:
    """End the trip that this browser's token began; `actor` is who is signed in there now, for a link.

    Raises NotFound, StaleTrip, TripRefused, ProviderError, EmailUnverified, EmailHasAccount, SignUpClosed,
    GoogleLinkedElsewhere, GoogleNotAccepted.
    """
    there = provider()
    step = steps.finish_step("google", token)
    if step is None:
        history.note_failure("google", "stale_request", email="", client=client)
        raise StaleTrip
    method = "google" if step.user_id is None else "google_link"
    try:
        identity = there.finish(msgspec.convert(step.facts["trip"], Trip), answer)
    except IdentityRefused as refusal:
        history.note_failure(method, refusal.reason, email="", client=client, user_id=step.user_id)
        raise refused_trip(refusal.reason, refusal.message) from None
    except ProviderError:
        history.note_failure(method, "provider_failed", email="", client=client, user_id=step.user_id)
        raise
    try:
        if step.user_id is None:
            return _sign_in(identity, next_path=step.facts["next"], client=client)
        if actor is None or (actor.user_id, actor.session_id) != (step.user_id, step.facts["session_id"]):
            raise StaleTrip
        return _link(actor, identity, client=client)
    except AppError as error:
        user_id = step.user_id or getattr(error, "user_id", None)
        email = fields.fold_email(identity.email)
        history.note_failure(method, error.code[:50], email=email, client=client, user_id=user_id)
        raise


def unlink(actor: Actor, *, client: Client) -> None:
    """Forget the actor's Google account. Call in a transaction. Raises FreshSignInRequired, NotFound, LastWayIn."""
    require_fresh(actor)
    user_id = actor.require_user()
    ways = ways_in.lock_ways(user_id)
    removed, _ = UserIdentity.objects.filter(user_id=user_id, provider=PROVIDER).delete()
    if not removed:
        raise NotFound("linked account")
    if not (ways.has_password or ways.passkeys):
        raise ways_in.LastWayIn
    history.note_success("google_unlink", email=actor.email, client=client, user_id=user_id)
    activity.record(actor, "identity.unlinked", ip=client.ip, provider="Google")


def linked(actor: Actor) -> UserIdentity | None:
    """The actor's Google account."""
    return UserIdentity.objects.filter(user_id=actor.require_user(), provider=PROVIDER).first()


def _sign_in(identity: Identity, *, next_path: str, client: Client) -> Arrival:
    """The account that is linked, else a new one; an address alone never opens an account that exists."""
    found = UserIdentity.objects.select_related("user").filter(provider=PROVIDER, subject=identity.subject)
    known = found.first()
    if known is None:
        return Arrival(next_path, entry=_register(identity, client=client))
    workspace_id = entrance.home_of(known.user_id)
    if not known.user.is_active or workspace_id is None:
        raise GoogleNotAccepted
    found.update(last_used_at=now())
    if _has_second_step(known.user_id):
        return Arrival(next_path, second_step=steps.begin_step("second_step", user_id=known.user_id))
    with transaction.atomic():
        entry = entrance.admit(known.user, workspace_id, method="google", kind="browser", client=client)
    return Arrival(next_path, entry=entry)


def _register(identity: Identity, *, client: Client) -> Entry:
    """Make an account as CONVERGIO_SIGNUP allows; its address is verified, its password unusable."""
    if not identity.email:
        raise EmailUnverified
    email = fields.clean_email(identity.email)
    holder = User.objects.filter(email=email).first()
    if holder is not None:
        raise EmailHasAccount(holder.id)
    if settings.SIGNUP != "open":
        raise SignUpClosed("This installation takes no registrations; ask a member for an account.")
    name = _clean_name(identity.name)
    try:
        with transaction.atomic():
            user = User.objects.create(
                email=email, password=make_password(None), name=name, email_verified_at=now()
            )
            workspace = entrance.create_workspace(user, name=f"{name or email.partition('@')[0]}’s workspace")
            UserIdentity.objects.create(
                user=user, provider=PROVIDER, subject=identity.subject, email=email, last_used_at=now()
            )
            return entrance.admit(user, workspace.id, method="google", kind="browser", client=client)
    except IntegrityError:  # two answers at once
        raise EmailHasAccount(None) from None


def _link(actor: Actor, identity: Identity, *, client: Client) -> Arrival:
    if not identity.email:
        raise EmailUnverified
    user_id, email = actor.require_user(), fields.clean_email(identity.email)
    try:
        with transaction.atomic():
            UserIdentity.objects.create(
                user_id=user_id, provider=PROVIDER, subject=identity.subject, email=email
            )
            history.note_success("google_link", email=actor.email, client=client, user_id=user_id)
            activity.record_apart(actor, "identity.linked", ip=client.ip, provider="Google")
    except IntegrityError:
        raise GoogleLinkedElsewhere from None
    return Arrival("")


def _clean_name(name: str) -> str:
    try:
        return fields.clean_line("name", name, longest=255)
    except InvalidField:
        return ""


def _has_second_step(user_id: int) -> bool:
    return UserTwoFactor.objects.filter(user_id=user_id, enabled_at__isnull=False).exists()
