"""The sign-in pages, as a browser without script uses them."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from convergio.accounts.models import UserSession
from tests.cast import PASSWORD, Person

pytestmark = pytest.mark.django_db


def test_signing_in_sets_a_cookie_and_goes_where_one_wanted(client: Client, owner: Person) -> None:
    form = {"email": owner.user.email, "password": PASSWORD, "next": "/dashboard/commboost?q=a"}
    answer = client.post("/login", form)
    assert (answer.status_code, answer["Location"]) == (302, "/dashboard/commboost?q=a")
    cookie = answer.cookies["convergio"]
    assert (cookie["httponly"], cookie["samesite"], bool(cookie["secure"])) == (True, "Lax", False)
    assert client.get("/api/auth/me").json()["email"] == owner.user.email


def test_https_makes_the_cookie_secure(client: Client, owner: Person, settings: Any) -> None:
    settings.HTTPS = True
    answer = client.post("/login", {"email": owner.user.email, "password": PASSWORD})
    assert answer.cookies["convergio"]["secure"] is True


@pytest.mark.parametrize(
    "address",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "http:///x"],
)
def test_sign_in_never_leads_elsewhere(client: Client, owner: Person, address: str) -> None:
    assert address.encode() not in client.get("/login", {"next": address}).content
    answer = client.post("/login", {"email": owner.user.email, "password": PASSWORD, "next": address})
    assert answer["Location"] == "/dashboard"


def test_a_wrong_password_keeps_the_address_typed(client: Client, owner: Person) -> None:
    answer = client.post("/login", {"email": owner.user.email, "password": "wrong"})
    assert answer.status_code == 401
    assert owner.user.email.encode() in answer.content
    assert b"do not belong together" in answer.content


def test_registering_signs_in(client: Client) -> None:
    form = {"name": "Nia", "email": "nia@convergio.test", "password": "a long enough one"}
    assert client.post("/register", form)["Location"] == "/dashboard"
    assert client.get("/api/auth/me").json()["name"] == "Nia"


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"password": "short"}, 422, "You have 5"),
        ({"email": "owner@convergio.test"}, 409, "has an account already"),
    ],
)
def test_registration_says_what_is_wrong(
    client: Client, owner: Person, changes: dict[str, str], status: int, words: str
) -> None:
    form = {"name": "Nia", "email": "nia@convergio.test", "password": "a long enough one", **changes}
    answer = client.post("/register", form)
    assert answer.status_code == status
    assert words in answer.content.decode()


def test_signing_out_ends_the_session_and_forgets_the_cookie(owner: Person) -> None:
    client = owner.browser()
    answer = client.post("/logout")
    assert (answer["Location"], answer.cookies["convergio"]["max-age"]) == ("/login", 0)
    assert UserSession.objects.get().revoked_reason == "signed_out"


def test_forms_need_the_csrf_token(owner: Person) -> None:
    client = Client(enforce_csrf_checks=True)
    form = {"email": owner.user.email, "password": PASSWORD}
    refused = client.post("/login", form)
    assert refused.status_code == 403
    assert b"reload it" in refused.content
    client.get("/login")
    form["csrfmiddlewaretoken"] = client.cookies["csrftoken"].value
    assert client.post("/login", form).status_code == 302
