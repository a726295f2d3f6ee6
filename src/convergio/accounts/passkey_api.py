"""REST of a person's passkeys. The two steps of making one are for browsers at this installation's own address."""

from __future__ import annotations

from typing import Any, Literal

from django.http import HttpResponse
from ninja import Field, Router, Schema

from convergio.accounts import cookies, passkeys, sessions
from convergio.accounts.client import client_of
from convergio.accounts.requests import SignedInHttpRequest
from convergio.core.rest import json_answer, schema_of

router = Router(tags=["security"])
_PATH = "/settings/security/passkeys"

PasskeyOut = schema_of(passkeys.OwnPasskey)


class CeremonyOut(Schema):
    """`options` is for PublicKeyCredential.parseCreationOptionsFromJSON; `ceremony` comes back with the answer."""

    ceremony: str
    options: dict[str, Any]


class Attestation(Schema):
    """The authenticator's part of a registration, base64url."""

    clientDataJSON: str = Field(max_length=20_000)  # noqa: N815 - WebAuthn's own names
    attestationObject: str = Field(max_length=40_000)  # noqa: N815
    transports: list[str] = Field(default_factory=list, max_length=20)


class NewCredentialIn(Schema):
    """A new credential as the browser's toJSON() writes it."""

    id: str = Field(max_length=2000)
    rawId: str = Field(max_length=2000)  # noqa: N815
    type: Literal["public-key"]
    response: Attestation


class Registration(Schema):
    """What the browser made, and its name; an empty one becomes the device's."""

    ceremony: str
    answer: NewCredentialIn
    name: str = ""


class Made(Schema):
    """The new passkey."""

    id: int


class NewName(Schema):
    """What the passkey is called from now on."""

    name: str


@router.get(_PATH, response=list[PasskeyOut], summary="Own passkeys")  # type: ignore[valid-type]
def list_passkeys(request: SignedInHttpRequest) -> HttpResponse:
    return json_answer(passkeys.list_passkeys(request.actor))


@router.post(f"{_PATH}/options", response=CeremonyOut, summary="Begin to make a passkey")
def begin_registration(request: SignedInHttpRequest) -> HttpResponse:
    return json_answer(passkeys.begin_registration(request.actor))


@router.post(_PATH, response={201: Made}, summary="Keep the passkey that the browser made")
def register(request: SignedInHttpRequest, body: Registration) -> HttpResponse:
    passkey_id = passkeys.register(
        request.actor,
        ceremony=body.ceremony,
        answer=body.answer.model_dump(),
        name=body.name,
        client=client_of(request),
    )
    response = json_answer({"id": passkey_id}, status=201)
    if request.by_cookie:
        _raise_session(request, response)
    return response


@router.patch(f"{_PATH}/{{int:passkey_id}}", response={204: None}, summary="Rename a passkey")
def rename(request: SignedInHttpRequest, passkey_id: int, body: NewName) -> HttpResponse:
    passkeys.rename_passkey(request.actor, passkey_id, name=body.name)
    return HttpResponse(status=204)


@router.delete(f"{_PATH}/{{int:passkey_id}}", response={204: None}, summary="Remove a passkey at once")
def remove(request: SignedInHttpRequest, passkey_id: int) -> HttpResponse:
    passkeys.remove_passkey(request.actor, passkey_id, client=client_of(request))
    return HttpResponse(status=204)


def _raise_session(request: SignedInHttpRequest, response: HttpResponse) -> None:
    """The person has just used their passkey: the session counts as two-step from now on, under a new token."""
    tokens = sessions.renew(request.actor.session_id or 0, second_factor=True)
    if tokens is not None:
        cookies.keep_session(request, response, tokens)
