"""The passkeys of a person: making, naming and removing them. Signing in with one is passkey_entrance.py's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import msgspec
from django.conf import settings
from django.db import IntegrityError, transaction

from convergio.accounts import activity, fields, history, steps, ways_in
from convergio.accounts.actor import Actor
from convergio.accounts.client import Client
from convergio.accounts.models import Passkey
from convergio.accounts.passkey_errors import (
    PasskeyKnown,
    PasskeyRefused,
    PasskeysUnavailable,
    StalePasskeyRequest,
    TooManyPasskeys,
)
from convergio.accounts.permissions import require_fresh, require_person
from convergio.core import sql
from convergio.core.crypto import keyed_digest
from convergio.core.errors import NotFound

MOST = 20

_LIST = """
SELECT id, name, created_at, last_used_at, is_synced FROM passkeys WHERE user_id = %s ORDER BY id
"""


class OwnPasskey(msgspec.Struct):
    """A passkey as its owner sees it; `is_synced`: its maker keeps copies on the person's other devices."""

    id: int
    name: str
    created_at: datetime
    last_used_at: datetime | None
    is_synced: bool


@dataclass(frozen=True, slots=True)
class Ceremony:
    """What the page hands to the browser, and the token by which the answer finds its challenge.

    The token travels in the page and not in the step cookie: several pages of one browser may each wait for an answer.
    """

    ceremony: str
    options: dict[str, Any]


def protocol() -> ModuleType:
    """passkey_protocol, loaded when somebody uses a passkey: its library costs every start a quarter of a second."""
    from convergio.accounts import passkey_protocol  # noqa: PLC0415

    return passkey_protocol


def why_unavailable() -> str:
    """One sentence why browsers would refuse passkeys at this address, empty when they work."""
    address = urlsplit(settings.PUBLIC_URL)
    host = address.hostname or ""
    if _is_ip_address(host):
        return "Passkeys need a host name: this installation's public address is a bare IP address."
    if address.scheme != "https" and host != "localhost" and not host.endswith(".localhost"):
        return "Passkeys need https: this installation's public address begins with http."
    return ""


def require_available() -> None:
    """Raises PasskeysUnavailable."""
    if sentence := why_unavailable():
        raise PasskeysUnavailable(sentence)


def may_use(actor: Actor) -> bool:
    """Whether the actor has a passkey that works at this address."""
    return not why_unavailable() and Passkey.objects.filter(user_id=actor.require_user()).exists()


def list_passkeys(actor: Actor) -> list[OwnPasskey]:
    """The actor's passkeys, the oldest first."""
    return sql.fetch_all(OwnPasskey, _LIST, [actor.user_id])


def begin_registration(actor: Actor) -> Ceremony:
    """Ask the browser for a new passkey. Raises FreshSignInRequired, PasskeysUnavailable, TooManyPasskeys."""
    require_fresh(actor)
    require_available()
    user_id = actor.require_user()
    held = list(Passkey.objects.filter(user_id=user_id).order_by("id"))
    if len(held) >= MOST:
        raise TooManyPasskeys(MOST)
    # Kept with each passkey, so that it stays the same when the secret key is changed.
    handle = bytes(held[0].user_handle) if held else keyed_digest(str(user_id), purpose="passkey_user")
    challenge, options = protocol().creation_options(
        user_handle=handle, email=actor.email, name=actor.name, known=known(held)
    )
    token = steps.begin_step(
        "passkey_register", user_id=user_id, challenge=challenge, user_handle=handle.hex()
    )
    return Ceremony(token, options)


def register(actor: Actor, *, ceremony: str, answer: Mapping[str, Any], name: str, client: Client) -> int:
    """Keep the passkey that the browser made; the answer is its id. An empty name becomes the device's.

    Runs outside a request's transaction: a refused answer uses its challenge up and is written down.
    Raises FreshSignInRequired, InvalidField, StalePasskeyRequest, PasskeyRefused, PasskeyKnown.
    """
    require_fresh(actor)
    name = fields.clean_line("name", name or client.device or "Passkey", longest=100)
    user_id = actor.require_user()
    step = steps.finish_step("passkey_register", ceremony)
    if step is None or step.user_id != user_id:
        note_refusal(actor, "passkey_register", "stale_request", client)
        raise StalePasskeyRequest
    webauthn = protocol()
    try:
        made = webauthn.check_creation(answer, challenge=step.facts["challenge"])
    except webauthn.Refused:
        note_refusal(actor, "passkey_register", "invalid_answer", client)
        raise PasskeyRefused from None
    try:
        with transaction.atomic():
            passkey = Passkey.objects.create(
                user_id=user_id,
                name=name,
                credential_id=made.credential_id,
                user_handle=bytes.fromhex(step.facts["user_handle"]),
                public_key=made.public_key,
                sign_count=made.sign_count,
                transports=made.transports,
                is_synced=made.is_synced,
            )
            history.note_success("passkey_register", email=actor.email, client=client, user_id=user_id)
            activity.record_apart(
                actor, "passkey.added", subject=f"passkeys:{passkey.id}", ip=client.ip, name=name
            )
    except IntegrityError:
        note_refusal(actor, "passkey_register", "known_passkey", client)
        raise PasskeyKnown from None
    return passkey.id


def rename_passkey(actor: Actor, passkey_id: int, *, name: str) -> None:
    """Raises InvalidField, NotFound."""
    require_person(actor)
    name = fields.clean_line("name", name, longest=100, required=True)
    if not Passkey.objects.filter(id=passkey_id, user_id=actor.require_user()).update(name=name):
        raise NotFound("passkey")
    activity.record(actor, "passkey.renamed", subject=f"passkeys:{passkey_id}", name=name)


def remove_passkey(actor: Actor, passkey_id: int, *, client: Client) -> None:
    """Forget a passkey at once. Raises FreshSignInRequired, NotFound, LastWayIn.

    Call in a transaction, as requests are: two removals at once must not leave an account that nobody can enter.
    """
    require_fresh(actor)
    user_id = actor.require_user()
    ways = ways_in.lock_ways(user_id)
    removed, _ = Passkey.objects.filter(id=passkey_id, user_id=user_id).delete()
    if not removed:
        raise NotFound("passkey")
    if not (ways.has_password or ways.identities or ways.passkeys > 1):
        raise ways_in.LastWayIn
    history.note_success("passkey_remove", email=actor.email, client=client, user_id=user_id)
    activity.record(actor, "passkey.removed", subject=f"passkeys:{passkey_id}", ip=client.ip)


def known(passkeys: list[Passkey]) -> list[Any]:
    """What the browser is told of passkeys."""
    return [protocol().Known(bytes(one.credential_id), one.transports) for one in passkeys]


def note_refusal(actor: Actor, method: str, reason: str, client: Client) -> None:
    """Write down a refused answer of somebody who is signed in."""
    history.note_failure(method, reason, email=actor.email, client=client, user_id=actor.user_id)


def _is_ip_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
