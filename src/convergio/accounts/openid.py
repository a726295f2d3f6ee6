"""One trip to an OpenID provider: the code flow with PKCE, state and nonce, by Authlib's parts over httpx.

The provider's address is the operator's (CONVERGIO_GOOGLE_ISSUER), so private addresses are allowed; redirects are
not followed. https://openid.net/specs/openid-connect-core-1_0.html
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

import httpx
import structlog
from authlib.oauth2.base import OAuth2Error
from authlib.oauth2.client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from convergio.accounts.openid_types import Identity, IdentityRefused, Trip
from convergio.core.errors import ProviderError

log = structlog.get_logger(__name__)

_TIMEOUT = httpx.Timeout(10, connect=5)
_KEEP = 3600.0  # seconds that a provider's document and keys are believed
_LEEWAY = 60  # seconds that clocks may differ
# Only signatures that the provider alone can make: never "none", never one by the shared secret.
_ALGORITHMS = ["RS256", "PS256", "ES256"]
_LONGEST_SUBJECT = 255  # OpenID Connect Core, 2
_NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_DOWN = "Google cannot be reached at the moment; try again, or sign in with your password."

_documents: dict[str, tuple[float, dict[str, Any]]] = {}


@dataclass(frozen=True, slots=True)
class Provider:
    """An OpenID provider, and what we are to it."""

    issuer: str
    client_id: str
    client_secret: str

    def begin(self, *, redirect_uri: str) -> tuple[str, Trip]:
        """The address to send the browser to, and what must be kept until it comes back. Raises ProviderError."""
        trip = Trip(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            redirect_uri=redirect_uri,
        )
        with _http() as http:
            address, _ = self._client(http).create_authorization_url(
                self._document(http)["authorization_endpoint"],
                state=trip.state,
                code_verifier=trip.verifier,
                nonce=trip.nonce,
                redirect_uri=redirect_uri,
            )
        return str(address), trip

    def finish(self, trip: Trip, answer: Mapping[str, str]) -> Identity:
        """Who came back, by the parameters that the provider sent them with. Raises IdentityRefused, ProviderError."""
        if not secrets.compare_digest(answer.get("state", "").encode(), trip.state.encode()):
            raise IdentityRefused("state_mismatch", "This answer belongs to another sign-in; start again.")
        with _http() as http:
            document = self._document(http)
            self._check_sender(document, answer)
            if "code" not in answer:
                raise _refused_there(answer.get("error", ""))
            token = self._exchange(http, document, trip, answer["code"])
            return _identity_of(self._claims(http, document, trip, token))

    def _client(self, http: httpx.Client) -> OAuth2Client:
        return OAuth2Client(
            session=http,
            client_id=self.client_id,
            client_secret=self.client_secret,
            scope="openid email profile",
            code_challenge_method="S256",
        )

    def _check_sender(self, document: dict[str, Any], answer: Mapping[str, str]) -> None:
        """RFC 9207: an answer that names its sender names this one, so that providers cannot be mixed up."""
        sender = answer.get("iss", "")
        promised = document.get("authorization_response_iss_parameter_supported") is True
        if (sender or promised) and sender != self.issuer:
            raise IdentityRefused("wrong_issuer", "This answer came from another provider; start again.")

    def _exchange(
        self, http: httpx.Client, document: dict[str, Any], trip: Trip, code: str
    ) -> dict[str, Any]:
        try:
            token = self._client(http).fetch_token(
                document["token_endpoint"],
                grant_type="authorization_code",
                code=code,
                code_verifier=trip.verifier,
                redirect_uri=trip.redirect_uri,
                # RFC 6749, 2.3.1: both parts are form-encoded first
                auth=httpx.BasicAuth(quote_plus(self.client_id), quote_plus(self.client_secret)),
            )
        except OAuth2Error as error:
            log.warning("openid.exchange_refused", error=str(error.error)[:40])
            raise IdentityRefused(
                "exchange_failed", "Google did not accept this sign-in; start again."
            ) from None
        except (httpx.HTTPError, ValueError) as error:
            raise _down(error) from error
        return dict(token)

    def _claims(
        self, http: httpx.Client, document: dict[str, Any], trip: Trip, token: dict[str, Any]
    ) -> dict[str, Any]:
        try:
            text = str(token["id_token"])
            try:
                read = jwt.decode(text, self._keys(http, document), algorithms=_ALGORITHMS)
            except InvalidKeyIdError:  # the provider changed its keys since we asked
                read = jwt.decode(text, self._keys(http, document, anew=True), algorithms=_ALGORITHMS)
            claims = CodeIDToken(
                read.claims,
                read.header,
                {
                    "iss": {"essential": True, "value": self.issuer},
                    "aud": {"essential": True, "value": self.client_id},
                    "sub": {"essential": True},
                    "exp": {"essential": True},
                },
                {
                    "nonce": trip.nonce,
                    "client_id": self.client_id,
                    "access_token": token.get("access_token"),
                },
            )
            claims.validate(leeway=_LEEWAY)
        except (JoseError, KeyError, ValueError, TypeError) as error:
            log.warning("openid.id_token_refused", kind=type(error).__name__)
            raise IdentityRefused(
                "invalid_token", "Google’s answer could not be verified; start again."
            ) from None
        return dict(claims)

    def _document(self, http: httpx.Client) -> dict[str, Any]:
        document = _fetched(http, f"{self.issuer}/.well-known/openid-configuration")
        complete = all(isinstance(document.get(name), str) for name in _NEEDED)
        if document.get("issuer") != self.issuer or not complete:
            log.error("openid.document_unusable", complete=complete)
            raise ProviderError("permanent", "Google sign-in is not set up rightly; tell the operator.")
        return document

    def _keys(self, http: httpx.Client, document: dict[str, Any], *, anew: bool = False) -> KeySet:
        return KeySet.import_key_set(_fetched(http, document["jwks_uri"], anew=anew))  # type: ignore[arg-type]


def _http() -> httpx.Client:
    return httpx.Client(timeout=_TIMEOUT, follow_redirects=False)


def _fetched(http: httpx.Client, address: str, *, anew: bool = False) -> dict[str, Any]:
    """A JSON object of the provider's, believed for an hour. Raises ProviderError."""
    until, document = _documents.get(address, (0.0, {}))
    if not anew and time.monotonic() < until:
        return document
    try:
        response = http.get(address)
        response.raise_for_status()
        document = response.json()
        if not isinstance(document, dict):
            raise ValueError("no object")
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise _down(error) from error
    _documents[address] = (time.monotonic() + _KEEP, document)
    return document


def _down(error: Exception) -> ProviderError:
    log.warning("openid.provider_failed", kind=type(error).__name__)
    return ProviderError("retry", _DOWN)


def _refused_there(code: str) -> IdentityRefused:
    if code == "access_denied":
        return IdentityRefused("denied", "You did not let Google sign you in; nothing was changed.")
    return IdentityRefused("provider_error", "Google did not sign you in; try again.")


def _identity_of(claims: dict[str, Any]) -> Identity:
    """What we take from the claims. An address counts only where the provider says, as a boolean, that it checked."""
    subject, email = str(claims["sub"]), claims.get("email")
    if not 0 < len(subject) <= _LONGEST_SUBJECT:
        raise IdentityRefused("invalid_token", "Google’s answer could not be verified; start again.")
    verified = claims.get("email_verified") is True and isinstance(email, str)
    name = claims.get("name")
    return Identity(
        subject=subject,
        email=str(email) if verified else "",
        name=name if isinstance(name, str) else "",
    )
