"""Google sign-in against a real OpenID provider on loopback."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.test import Client

from convergio.accounts.models import (
    LoginHistory,
    Passkey,
    SignInStep,
    User,
    UserIdentity,
    UserSession,
    UserTwoFactor,
)
from convergio.core.clock import now
from tests.cast import Person
from tests.support.openid import CLIENT_ID, CLIENT_SECRET, OpenIDProvider, running_provider

pytestmark = pytest.mark.django_db
SECURITY = "/dashboard/settings/security"
PUBLIC = "https://desk.example"


@pytest.fixture(scope="module")
def provider() -> Iterator[OpenIDProvider]:
    with running_provider(f"{PUBLIC}/login/google/callback", f"{PUBLIC}/api/auth/google/callback") as started:
        yield started


@pytest.fixture(autouse=True)
def _google_on(settings: Any, provider: OpenIDProvider) -> None:
    settings.PUBLIC_URL = PUBLIC
    settings.GOOGLE_CLIENT_ID = CLIENT_ID
    settings.GOOGLE_CLIENT_SECRET = CLIENT_SECRET
    settings.GOOGLE_ISSUER = provider.issuer


def trip(
    client: Client, provider: OpenIDProvider, login: str, *, start: str = "/login/google", deny: bool = False
) -> str:
    """Leave for the provider and sign in there; the answer is the way back, path and query."""
    left = client.get(start)
    assert left.status_code == 302, left.content
    return back(provider, left["Location"], login, deny=deny)


def back(provider: OpenIDProvider, address: str, login: str, *, deny: bool = False) -> str:
    arrived = urlsplit(provider.walk(address, login, deny=deny))
    assert f"{arrived.scheme}://{arrived.netloc}" == PUBLIC
    return f"{arrived.path}?{arrived.query}"


def link_trip(client: Client, provider: OpenIDProvider, login: str) -> str:
    page = client.post(f"{SECURITY}/google/link")
    assert page.status_code == 200
    (address,) = re.findall(r'<a class="btn btn-primary w-100" href="([^"]+)"', page.content.decode())
    return back(provider, unescape(address), login)


def attempts(**wanted: Any) -> list[tuple[str, str, str]]:
    found = LoginHistory.objects.filter(**wanted).order_by("id")
    return list(found.values_list("method", "outcome", "reason"))


def linked(person: Person, login: str) -> UserIdentity:
    return UserIdentity.objects.create(user=person.user, provider="google", subject=login, email=login)


def test_the_trip_carries_state_nonce_and_pkce(client: Client, provider: OpenIDProvider) -> None:
    left = client.get("/login/google?next=/dashboard/workboost")
    address = urlsplit(left["Location"])
    asked = {name: value for name, (value,) in parse_qs(address.query).items()}
    assert f"{address.scheme}://{address.netloc}" == provider.issuer
    assert asked["redirect_uri"] == f"{PUBLIC}/login/google/callback"
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert set(asked["scope"].split()) == {"openid", "email", "profile"}
    kept = SignInStep.objects.get().facts["trip"]
    assert (asked["state"], asked["nonce"]) == (kept["state"], kept["nonce"])
    assert kept["verifier"] not in left["Location"]
    again = parse_qs(urlsplit(client.get("/login/google")["Location"]).query)
    for secret in ("state", "nonce", "code_challenge"):
        assert len(asked[secret]) >= 43
        assert asked[secret] != again[secret][0]
    cookie = client.cookies["convergio_step"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")


def test_an_unknown_address_registers_with_a_workspace_and_no_password(
    client: Client, provider: OpenIDProvider
) -> None:
    came = client.get(
        trip(client, provider, "nia@lumen.example", start="/login/google?next=/dashboard/workboost")
    )
    assert (came.status_code, came["Location"]) == (302, "/dashboard/workboost")
    assert client.cookies["convergio_step"].value == ""
    assert "Nia’s workspace" in client.get("/dashboard/settings/profile").content.decode()
    user = User.objects.get(email="nia@lumen.example")
    assert (user.name, user.email_verified_at is not None, user.has_usable_password()) == ("Nia", True, False)
    assert not UserSession.objects.get().second_factor
    assert attempts(user=user) == [("google", "success", "")]
    second = Client()
    assert second.get(trip(second, provider, "nia@lumen.example"))["Location"] == "/dashboard"
    assert (User.objects.count(), UserSession.objects.count()) == (1, 2)


@pytest.mark.parametrize("policy", ["invite", "closed"])
def test_registration_follows_the_installations_policy(
    client: Client, provider: OpenIDProvider, settings: Any, policy: str
) -> None:
    settings.SIGNUP = policy
    came = client.get(trip(client, provider, "nia@lumen.example"))
    assert came.status_code == 403
    assert not User.objects.exists()
    assert attempts() == [("google", "failure", "signup_closed")]


@pytest.mark.parametrize("login", ["unverified-owner@convergio.test", "silent-owner@convergio.test"])
def test_an_address_that_google_did_not_verify_neither_registers_nor_links(
    owner: Person, client: Client, provider: OpenIDProvider, login: str
) -> None:
    assert client.get(trip(client, provider, login)).status_code == 403
    browser = owner.browser()
    assert browser.get(link_trip(browser, provider, login)).status_code == 403
    assert (User.objects.count(), UserIdentity.objects.count()) == (1, 0)
    assert attempts() == [
        ("google", "failure", "email_unverified"),
        ("google_link", "failure", "email_unverified"),
    ]


def test_an_address_that_has_an_account_is_told_to_sign_in_first(
    owner: Person, client: Client, provider: OpenIDProvider
) -> None:
    came = client.get(trip(client, provider, "Owner@convergio.test"))
    assert came.status_code == 409
    assert "sign in as usual, then link Google" in came.content.decode()
    assert not UserIdentity.objects.exists()
    assert not UserSession.objects.exists()
    assert attempts(user=owner.user) == [("google", "failure", "email_has_account")]


def test_a_linked_account_signs_in_whatever_its_address(
    owner: Person, client: Client, provider: OpenIDProvider
) -> None:
    browser = owner.browser()
    assert "Link Google" in browser.get(SECURITY).content.decode()
    came = browser.get(link_trip(browser, provider, "priya@lumen.example"))
    assert came["Location"] == f"{SECURITY}?done=google_linked"
    page = browser.get(came["Location"]).content.decode()
    assert "priya@lumen.example" in page
    assert "Google linked" in page
    assert client.get(trip(client, provider, "priya@lumen.example"))["Location"] == "/dashboard"
    assert UserSession.objects.latest("id").user == owner.user
    assert attempts(user=owner.user) == [("google_link", "success", ""), ("google", "success", "")]
    told = [line["action"] for line in browser.get("/api/activity").json()]
    assert told == ["session.started", "identity.linked"]


def test_two_step_sign_in_is_not_gone_around(owner: Person, client: Client, provider: OpenIDProvider) -> None:
    linked(owner, "priya@lumen.example")
    UserTwoFactor.objects.create(user=owner.user, secret=b"x", enabled_at=now())
    came = client.get(trip(client, provider, "priya@lumen.example"))
    assert (came.status_code, came["Location"]) == (302, "/login/code")
    assert not UserSession.objects.exists()
    assert client.get("/dashboard")["Location"].startswith("/login")
    step = SignInStep.objects.get(purpose="second_step")
    assert (step.user, step.used_at) == (owner.user, None)


def test_linking_takes_a_fresh_session(owner: Person) -> None:
    browser = owner.browser()
    UserSession.objects.update(authenticated_at=now() - timedelta(minutes=11))
    for path in ("link", "unlink"):
        answer = browser.post(f"{SECURITY}/google/{path}", headers={"Accept": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (403, "fresh_sign_in_required")
    assert not SignInStep.objects.exists()


def test_a_link_is_finished_only_in_the_session_that_began_it(
    owner: Person, outsider: Person, provider: OpenIDProvider
) -> None:
    browser, other = owner.browser(), owner.browser()
    for change in ("signed out", "somebody else", "another session"):
        way = link_trip(browser, provider, "priya@lumen.example")
        carrier = {"signed out": Client(), "somebody else": outsider.browser(), "another session": other}[
            change
        ]
        carrier.cookies["convergio_step"] = browser.cookies["convergio_step"].value
        assert carrier.get(way).status_code == 400, change
    assert not UserIdentity.objects.exists()


def test_one_google_account_links_once_each_way(
    owner: Person, outsider: Person, provider: OpenIDProvider
) -> None:
    linked(outsider, "taken@lumen.example")
    browser = owner.browser()
    assert browser.get(link_trip(browser, provider, "taken@lumen.example")).status_code == 409
    browser.get(link_trip(browser, provider, "first@lumen.example"))
    assert browser.get(link_trip(browser, provider, "second@lumen.example")).status_code == 409
    assert UserIdentity.objects.get(user=owner.user).email == "first@lumen.example"


def test_unlinking_leaves_a_way_in(owner: Person) -> None:
    browser = owner.browser()
    assert browser.post(f"{SECURITY}/google/unlink").status_code == 404
    linked(owner, "priya@lumen.example")
    owner.user.set_unusable_password()
    owner.user.save()
    assert browser.post(f"{SECURITY}/google/unlink").status_code == 409
    assert UserIdentity.objects.exists()
    Passkey.objects.create(user=owner.user, name="x", credential_id=b"c", user_handle=b"h", public_key=b"k")
    gone = browser.post(f"{SECURITY}/google/unlink")
    assert gone["Location"] == f"{SECURITY}?done=google_unlinked"
    assert browser.get("/api/activity").json()[0]["action"] == "identity.unlinked"
    assert not UserIdentity.objects.exists()


def test_a_closed_account_does_not_come_in(owner: Person, client: Client, provider: OpenIDProvider) -> None:
    linked(owner, "priya@lumen.example")
    User.objects.filter(id=owner.user.id).update(is_active=False)
    assert client.get(trip(client, provider, "priya@lumen.example")).status_code == 401
    assert not UserSession.objects.exists()
    assert attempts() == [("google", "failure", "google_not_accepted")]


def test_who_says_no_at_google_is_told_so(client: Client, provider: OpenIDProvider) -> None:
    came = client.get(trip(client, provider, "nia@lumen.example", deny=True))
    assert came.status_code == 403
    assert "nothing was changed" in came.content.decode()
    assert attempts() == [("google", "failure", "denied")]
    assert not User.objects.exists()


def test_a_return_works_once(client: Client, provider: OpenIDProvider) -> None:
    left = client.get("/login/google")
    token = client.cookies["convergio_step"].value
    way = back(provider, left["Location"], "nia@lumen.example")
    assert client.get(way).status_code == 302
    thief = Client()
    thief.cookies["convergio_step"] = token
    assert thief.get(way).status_code == 400
    assert attempts(outcome="failure") == [("google", "failure", "stale_request")]
    assert UserSession.objects.count() == 1


def test_a_return_belongs_to_the_browser_that_left(client: Client, provider: OpenIDProvider) -> None:
    """Otherwise somebody could be signed in to an attacker's account by a link."""
    way = trip(client, provider, "attacker@lumen.example")
    victim = Client()
    assert victim.get(way).status_code == 400
    victim.get("/login/google")
    assert victim.get(way).status_code == 400
    assert [reason for _, _, reason in attempts()] == ["stale_request", "state_mismatch"]
    assert not User.objects.exists()


def test_a_trip_that_took_longer_than_ten_minutes_is_over(client: Client, provider: OpenIDProvider) -> None:
    way = trip(client, provider, "nia@lumen.example")
    SignInStep.objects.update(expires_at=now() - timedelta(seconds=1))
    assert client.get(way).status_code == 400
    assert not User.objects.exists()


def changed(way: str, **parameters: str | None) -> str:
    path, _, query = way.partition("?")
    values = {name: value for name, (value,) in parse_qs(query).items()}
    values.update({name: value for name, value in parameters.items() if value is not None})
    for name, value in parameters.items():
        if value is None:
            del values[name]
    return f"{path}?{urlencode(values)}"


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({"state": "x"}, 400, "state_mismatch"),
        ({"state": "\0é"}, 400, "state_mismatch"),
        ({"state": None}, 400, "state_mismatch"),
        ({"iss": "https://evil.example"}, 400, "wrong_issuer"),
        ({"iss": None}, 400, "wrong_issuer"),
        ({"code": "invented"}, 400, "exchange_failed"),
        ({"code": None}, 502, "provider_error"),
        ({"code": None, "error": "server_error"}, 502, "provider_error"),
    ],
)
def test_a_return_that_was_tampered_with_changes_nothing(
    client: Client, provider: OpenIDProvider, change: dict[str, str | None], status: int, reason: str
) -> None:
    way = changed(trip(client, provider, "nia@lumen.example"), **change)
    assert client.get(way).status_code == status
    assert attempts() == [("google", "failure", reason)]
    assert not User.objects.exists()
    assert client.get(way).status_code == 400


def test_a_code_of_another_trip_fails_at_the_provider_for_its_verifier(
    client: Client, provider: OpenIDProvider
) -> None:
    """PKCE: a code that was stolen on the way is worth nothing in another browser's trip."""
    stolen = parse_qs(urlsplit(trip(Client(), provider, "nia@lumen.example")).query)["code"][0]
    way = changed(trip(client, provider, "attacker@lumen.example"), code=stolen)
    assert client.get(way).status_code == 400
    assert attempts() == [("google", "failure", "exchange_failed")]


def test_a_wrong_secret_is_refused_by_the_provider(
    client: Client, provider: OpenIDProvider, settings: Any
) -> None:
    way = trip(client, provider, "nia@lumen.example")
    settings.GOOGLE_CLIENT_SECRET = "not it"
    assert client.get(way).status_code == 400
    assert attempts() == [("google", "failure", "exchange_failed")]


def test_the_apis_addresses_lead_the_same_way_and_refuse_in_json(
    client: Client, provider: OpenIDProvider
) -> None:
    way = trip(client, provider, "nia@lumen.example", start="/api/auth/google?next=/dashboard/workboost")
    assert way.startswith("/api/auth/google/callback?")
    assert client.get(way)["Location"] == "/dashboard/workboost"
    assert client.get("/dashboard").status_code == 200
    again = client.get(way)
    assert (again.status_code, again.json()["code"]) == (400, "stale_google_answer")


def test_next_leads_nowhere_else(client: Client, provider: OpenIDProvider) -> None:
    way = trip(client, provider, "nia@lumen.example", start="/login/google?next=https://evil.example/")
    assert client.get(way)["Location"] == "/dashboard"


def test_while_it_is_off_there_is_no_button_and_no_address(
    owner: Person, client: Client, settings: Any
) -> None:
    assert b"Sign in with Google" in client.get("/login").content
    settings.GOOGLE_CLIENT_ID = settings.GOOGLE_CLIENT_SECRET = ""
    assert b"Google" not in client.get("/login").content
    browser = owner.browser()
    assert "Link Google" not in browser.get(SECURITY).content.decode()
    for path in (
        "/login/google",
        "/login/google/callback",
        "/api/auth/google",
        "/api/auth/google/callback",
    ):
        assert client.get(path).status_code == 404
    for path in ("link", "unlink"):
        assert browser.post(f"{SECURITY}/google/{path}").status_code == 404
    assert not LoginHistory.objects.exists()
