"""WebAuthn by py_webauthn: what browsers are asked, and the check of what authenticators answer.

Relying party and origin come from CONVERGIO_PUBLIC_URL alone, never from a request. User verification is always
demanded, so that an answer counts as two factors. https://www.w3.org/TR/webauthn-3/
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from webauthn import (
    base64url_to_bytes,
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import bytes_to_base64url
from webauthn.helpers.options_to_json_dict import options_to_json_dict
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

log = structlog.get_logger(__name__)

_PATIENCE_MS = 5 * 60 * 1000
_TRANSPORTS = {one.value: one for one in AuthenticatorTransport}
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Refused(Exception):
    """The answer is not what an honest authenticator gives to this challenge, for this site."""


@dataclass(frozen=True, slots=True)
class Known:
    """A passkey that the browser is told about, by id and by how it is reached."""

    credential_id: bytes
    transports: Sequence[str]


@dataclass(frozen=True, slots=True)
class NewCredential:
    """What a registration brings."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: list[str]
    is_synced: bool


@dataclass(frozen=True, slots=True)
class Assertion:
    """What a sign-in proves beside the signature itself."""

    sign_count: int
    is_synced: bool


def creation_options(
    *, user_handle: bytes, email: str, name: str, known: Sequence[Known]
) -> tuple[str, dict[str, Any]]:
    """The challenge, and the options for navigator.credentials.create; passkeys in `known` are not made twice."""
    challenge = secrets.token_bytes(32)
    options = generate_registration_options(
        rp_id=_relying_party(),
        rp_name="Convergio",
        user_id=user_handle,
        user_name=email,
        user_display_name=name or email,
        challenge=challenge,
        timeout=_PATIENCE_MS,
        exclude_credentials=_descriptors(known),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
    )
    return bytes_to_base64url(challenge), options_to_json_dict(options)


def request_options(known: Sequence[Known] = ()) -> tuple[str, dict[str, Any]]:
    """The challenge, and the options for navigator.credentials.get; with nobody known, the person chooses."""
    challenge = secrets.token_bytes(32)
    options = generate_authentication_options(
        rp_id=_relying_party(),
        challenge=challenge,
        timeout=_PATIENCE_MS,
        allow_credentials=_descriptors(known),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return bytes_to_base64url(challenge), options_to_json_dict(options)


def check_creation(answer: Mapping[str, Any], *, challenge: str) -> NewCredential:
    """The new credential of a registration answer. Raises Refused."""
    try:
        made = verify_registration_response(
            credential=dict(answer),
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=_relying_party(),
            expected_origin=_origin(),
            require_user_verification=True,
        )
        named = answer["response"].get("transports") or []
        transports = [str(one) for one in named if one in _TRANSPORTS]
    except Exception as error:  # on hostile bytes the parsers below raise whatever they like
        raise _refused(error) from error
    return NewCredential(
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        transports=transports,
        is_synced=made.credential_backed_up,
    )


def check_assertion(answer: Mapping[str, Any], *, challenge: str, public_key: bytes) -> Assertion:
    """What a sign-in answer proves. Its sign count is compared by the caller, where it is stored. Raises Refused."""
    try:
        proven = verify_authentication_response(
            credential=dict(answer),
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=_relying_party(),
            expected_origin=_origin(),
            credential_public_key=public_key,
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except Exception as error:  # as above
        raise _refused(error) from error
    return Assertion(proven.new_sign_count, proven.credential_backed_up)


def credential_id_of(answer: Mapping[str, Any]) -> bytes:
    """The credential that an answer claims to come from. Raises Refused."""
    return _bytes_of(answer.get("rawId"))


def user_handle_of(answer: Mapping[str, Any]) -> bytes:
    """The account that the authenticator filed the credential under, empty when it does not say. Raises Refused."""
    response = answer.get("response")
    handle = response.get("userHandle") if isinstance(response, Mapping) else None
    return _bytes_of(handle) if handle else b""


def _bytes_of(text: object) -> bytes:
    if not isinstance(text, str):
        raise Refused("not text")
    try:
        return base64url_to_bytes(text)
    except ValueError as error:
        raise Refused("not base64url") from error


def _refused(error: Exception) -> Refused:
    log.info("passkey.refused", kind=type(error).__name__)
    return Refused(type(error).__name__)


def _descriptors(known: Sequence[Known]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=one.credential_id,
            transports=[_TRANSPORTS[name] for name in one.transports if name in _TRANSPORTS] or None,
        )
        for one in known
    ]


def _relying_party() -> str:
    return urlsplit(settings.PUBLIC_URL).hostname or ""


def _origin() -> str:
    """As browsers write it: no path, no default port."""
    address = urlsplit(settings.PUBLIC_URL)
    port = "" if address.port in {None, _DEFAULT_PORTS[address.scheme]} else f":{address.port}"
    return f"{address.scheme}://{address.hostname}{port}"
