"""Proving that an address is one's own, and changing to another one.

A change is confirmed at both addresses, in any order: the old one shows that it is wanted, the new one that it is the
person's own. Whether the new address has an account already is told to nobody but the reader of its mail.
"""

from __future__ import annotations

from django.db import IntegrityError, transaction

from convergio.accounts import fields, history, jobs, links, throttles
from convergio.accounts.actor import Actor
from convergio.accounts.client import Client
from convergio.accounts.errors import InvalidField, InvalidLink
from convergio.accounts.links import Link, Purpose
from convergio.accounts.models import OneTimeLink, User
from convergio.accounts.permissions import require_fresh, require_person
from convergio.core.clock import now

PURPOSES: tuple[Purpose, ...] = ("verify_email", "email_change_old", "email_change_new")


def ask_for_verification(actor: Actor, *, client: Client) -> None:
    """Mail the link anew. Raises TooMany. Runs outside a request's transaction: asking is throttled."""
    require_person(actor)
    throttles.count_try("verify", email=actor.email, ip=client.ip)
    with transaction.atomic():
        jobs.mail_verification.defer(user_id=actor.require_user())


def request_change(actor: Actor, *, email: str, client: Client) -> None:
    """Mail a link to the old and to the new address. Raises InvalidField, FreshSignInRequired, TooMany.

    Runs outside a request's transaction: asking is throttled.
    """
    require_fresh(actor)
    new = fields.clean_email(email)
    if new == actor.email:
        raise InvalidField("email", "This is your address already.")
    throttles.count_try("email_change", email=actor.email, ip=client.ip)
    user_id = actor.require_user()
    with transaction.atomic():
        links.cancel_links(user_id, "email_change_old", "email_change_new")
        attempt_id = history.note_success("email_change_asked", email=new, client=client, user_id=user_id)
        jobs.mail_email_change.defer(attempt_id=attempt_id)


def peek(token: str) -> Link | None:
    """What the mailed link would confirm now, if it still works."""
    return links.peek_link(token, *PURPOSES)


def confirm(token: str, *, client: Client) -> bool:
    """Spend a mailed link. False when the other address must confirm too. Raises InvalidLink."""
    with transaction.atomic():
        link = links.spend_link(token, *PURPOSES)
        user = User.objects.select_for_update().get(id=link.user_id)
        if link.purpose == "verify_email":
            _verify(user, link.facts["email"], client=client)
            return True
        if not _both_confirmed(link):
            return False
        _change(user, link.facts["email"], client=client)
        return True


def _verify(user: User, email: str, *, client: Client) -> None:
    if user.email != email:  # it was changed since the link was mailed
        raise InvalidLink
    if user.email_verified_at is None:
        User.objects.filter(id=user.id).update(email_verified_at=now())
        history.note_success("verify_email", email=email, client=client, user_id=user.id)


def _both_confirmed(link: Link) -> bool:
    halves = OneTimeLink.objects.filter(user_id=link.user_id, facts__change=link.facts["change"])
    return {half.purpose for half in halves if half.used_at} == {"email_change_old", "email_change_new"}


def _change(user: User, email: str, *, client: Client) -> None:
    try:
        with transaction.atomic():
            User.objects.filter(id=user.id).update(email=email, email_verified_at=now(), updated_at=now())
    except IntegrityError:  # somebody registered it since the link was mailed
        raise InvalidLink from None
    links.cancel_links(user.id, "password_reset", "verify_email")
    attempt_id = history.note_success("email_change", email=user.email, client=client, user_id=user.id)
    jobs.mail_email_changed.defer(attempt_id=attempt_id)
