"""What no honest provider answers: forged ID tokens, broken documents, a provider that is down."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from json import dumps
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from joserfc.jwk import OctKey, RSAKey

from convergio.accounts.models import LoginHistory, SignInStep, User, UserIdentity
from tests.support.forger import Forger, as_json, running_forger

pytestmark = pytest.mark.django_db
CLIENT_ID, CLIENT_SECRET = "desk", "a-shared-secret-of-32-characters"
Claims = dict[str, Any]


@pytest.fixture
def forger(settings: Any) -> Iterator[Forger]:
    with running_forger(CLIENT_ID) as started:
        settings.PUBLIC_URL = "https://desk.example"
        settings.GOOGLE_CLIENT_ID, settings.GOOGLE_CLIENT_SECRET = CLIENT_ID, CLIENT_SECRET
        settings.GOOGLE_ISSUER = started.issuer
        yield started


def leave(client: Client) -> tuple[str, str]:
    """(nonce, way back) of a trip that was begun."""
    assert client.get("/login/google").status_code == 302
    trip = SignInStep.objects.latest("id").facts["trip"]
    return trip["nonce"], "/login/google/callback?" + urlencode({"state": trip["state"], "code": "c"})


def reasons() -> list[str]:
    return list(LoginHistory.objects.order_by("id").values_list("reason", flat=True))


def test_an_honest_answer_of_this_provider_is_taken(client: Client, forger: Forger) -> None:
    """Otherwise the refusals below would prove nothing."""
    nonce, way = leave(client)
    forger.give(forger.signed(forger.honest_claims(nonce)))
    assert client.get(way).status_code == 302
    assert UserIdentity.objects.get().subject == "42"


FORGERIES: dict[str, Claims] = {
    "for another client": {"aud": "other"},
    "for another client too, by whom it was not asked": {"aud": ["other", CLIENT_ID], "azp": "other"},
    "asked by us for another": {"aud": "other", "azp": CLIENT_ID},
    "by another provider": {"iss": "https://evil.example"},
    "expired": {"exp": 1},
    "not expiring": {"exp": None},
    "not valid yet": {"nbf": 4_102_444_800},
    "of another trip": {"nonce": "x"},
    "of no trip": {"nonce": None},
    "about nobody": {"sub": None},
    "about a number": {"sub": 42},
    "about an empty name": {"sub": ""},
    "about an endless name": {"sub": "4" * 256},
    "with another access token": {"at_hash": "x"},
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_an_id_token_is_refused(client: Client, forger: Forger, forgery: str) -> None:
    nonce, way = leave(client)
    claims = {**forger.honest_claims(nonce), **FORGERIES[forgery]}
    forger.give(forger.signed({name: value for name, value in claims.items() if value is not None}))
    assert client.get(way).status_code == 502
    assert reasons() == ["invalid_token"]
    assert not User.objects.exists()


def _unsigned(forger: Forger, claims: Claims) -> str:
    parts = ({"alg": "none", "kid": "one"}, claims)
    return ".".join(urlsafe_b64encode(dumps(part).encode()).rstrip(b"=").decode() for part in parts) + "."


def _cut(forger: Forger, claims: Claims) -> str:
    return forger.signed(claims)[:-4]


def _by_the_shared_secret(forger: Forger, claims: Claims) -> str:
    return forger.signed(claims, key=OctKey.import_key(CLIENT_SECRET), header={"alg": "HS256", "kid": "one"})


def _by_the_public_key(forger: Forger, claims: Claims) -> str:
    pem = forger.key.as_pem(private=False)
    return forger.signed(claims, key=OctKey.import_key(pem.hex()), header={"alg": "HS256", "kid": "one"})


def _by_a_strangers_key(forger: Forger, claims: Claims) -> str:
    return forger.signed(claims, key=RSAKey.generate_key(2048, {"kid": "one"}))


def _by_an_unknown_key(forger: Forger, claims: Claims) -> str:
    stranger = RSAKey.generate_key(2048, {"kid": "two"})
    return forger.signed(claims, key=stranger, header={"alg": "RS256", "kid": "two"})


def _no_token(forger: Forger, claims: Claims) -> str:
    return "not.a.token"


@pytest.mark.parametrize(
    "forge",
    [
        _unsigned,
        _cut,
        _by_the_shared_secret,
        _by_the_public_key,
        _by_a_strangers_key,
        _by_an_unknown_key,
        _no_token,
    ],
)
def test_a_signature_is_refused(
    client: Client, forger: Forger, forge: Callable[[Forger, Claims], str]
) -> None:
    nonce, way = leave(client)
    forger.give(forge(forger, forger.honest_claims(nonce)))
    assert client.get(way).status_code == 502
    assert reasons() == ["invalid_token"]
    assert not User.objects.exists()


def test_a_new_key_of_the_provider_is_fetched_once(client: Client, forger: Forger) -> None:
    nonce, way = leave(client)
    forger.give(forger.signed(forger.honest_claims(nonce)))
    client.get(way)
    forger.key = RSAKey.generate_key(2048, {"kid": "two"})
    forger.publish()
    other = Client()
    nonce, way = leave(other)
    forger.give(forger.signed(forger.honest_claims(nonce), header={"alg": "RS256", "kid": "two"}))
    assert other.get(way).status_code == 302
    assert forger.asked.count("/jwks") == 2
    assert forger.asked.count("/.well-known/openid-configuration") == 1


@pytest.mark.parametrize("verified", ["true", 1, None, False])
def test_an_address_is_verified_only_by_a_plain_true(client: Client, forger: Forger, verified: Any) -> None:
    nonce, way = leave(client)
    forger.give(forger.signed({**forger.honest_claims(nonce), "email_verified": verified}))
    assert client.get(way).status_code == 403
    assert reasons() == ["email_unverified"]


@pytest.mark.parametrize(
    "email", ["no address", "a@b@c.example", "x" * 300 + "@lumen.example", "a\0@lumen.example."]
)
def test_an_address_that_is_none_registers_nobody(client: Client, forger: Forger, email: str) -> None:
    nonce, way = leave(client)
    forger.give(forger.signed({**forger.honest_claims(nonce), "email": email}))
    assert client.get(way).status_code == 400
    assert reasons() == ["invalid_email"]
    assert not User.objects.exists()


@pytest.mark.parametrize("name", ["two\nlines", "x" * 256, 7, None])
def test_a_name_that_cannot_be_kept_is_left_out(client: Client, forger: Forger, name: Any) -> None:
    nonce, way = leave(client)
    forger.give(forger.signed({**forger.honest_claims(nonce), "name": name}))
    assert client.get(way).status_code == 302
    assert User.objects.get().name == ""


BROKEN = {
    "an error page": (500, {}, b"<html>"),
    "no object": as_json([1]),
    "not JSON": (200, {}, b"<html>"),
    "a redirect": (302, {"Location": "/elsewhere"}, b""),
}


@pytest.mark.parametrize("answer", BROKEN)
def test_a_broken_exchange_is_the_providers_fault(client: Client, forger: Forger, answer: str) -> None:
    _, way = leave(client)
    forger.answers["/token"] = BROKEN[answer]
    came = client.get(way)
    assert came.status_code == 503
    assert "try again, or sign in with your password" in came.content.decode()
    assert reasons() == ["provider_failed"]
    assert "/elsewhere" not in forger.asked


@pytest.mark.parametrize("answer", BROKEN)
def test_a_broken_document_stops_the_trip_before_it_begins(
    client: Client, forger: Forger, answer: str
) -> None:
    forger.answers["/.well-known/openid-configuration"] = BROKEN[answer]
    assert client.get("/login/google").status_code == 503
    assert not SignInStep.objects.exists()
    assert "/elsewhere" not in forger.asked


def test_a_document_of_another_issuer_is_not_believed(client: Client, forger: Forger) -> None:
    forger.answers["/.well-known/openid-configuration"] = as_json({"issuer": "https://evil.example"})
    assert client.get("/login/google").status_code == 502
    assert not SignInStep.objects.exists()


def test_a_document_that_lacks_addresses_is_not_believed(client: Client, forger: Forger) -> None:
    forger.answers["/.well-known/openid-configuration"] = as_json({"issuer": forger.issuer})
    assert client.get("/login/google").status_code == 502
    assert not SignInStep.objects.exists()


def test_a_provider_that_is_down_is_told_in_one_sentence(client: Client, settings: Any) -> None:
    with running_forger(CLIENT_ID) as gone:
        settings.GOOGLE_CLIENT_ID, settings.GOOGLE_CLIENT_SECRET = CLIENT_ID, CLIENT_SECRET
        settings.GOOGLE_ISSUER = gone.issuer
    for path in ("/login/google", "/api/auth/google"):
        answer = client.get(path)
        assert answer.status_code == 503
        assert "Google cannot be reached" in answer.content.decode()
