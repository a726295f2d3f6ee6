"""Sign-up, sign-in, refresh and sign-out, as whole requests."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from convergio.accounts.models import LoginHistory, Tag, User, UserSession
from convergio.core.tenancy import workspace_scope
from tests.cast import PASSWORD, Person

pytestmark = pytest.mark.django_db


def post(client: Client, path: str, body: dict[str, Any], **extra: Any) -> Any:
    return client.post(path, body, content_type="application/json", **extra)


def log_in(client: Client, email: str = "owner@convergio.test", password: str = PASSWORD) -> Any:
    return post(client, "/api/auth/login", {"email": email, "password": password})


def register(client: Client, **changes: Any) -> Any:
    body = {"email": "New@Convergio.test", "password": "a long enough one", "name": "Nia", **changes}
    return post(client, "/api/auth/register", body)


def test_registering_makes_an_account_with_a_seeded_workspace_and_signs_in(client: Client) -> None:
    answer = register(client)
    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == {"token", "refreshToken", "expiresAt", "user"}
    assert body["expiresAt"].endswith("Z")
    assert body["user"]["email"] == "new@convergio.test"
    me = client.get("/api/auth/me", headers={"Authorization": f"Bearer {body['token']}"}).json()
    assert (me["email"], me["role"], me["workspace_name"]) == (
        "new@convergio.test",
        "owner",
        "Nia’s workspace",
    )
    with workspace_scope(me["workspace_id"]):
        assert Tag.objects.count() == 5


def test_a_taken_address_is_a_conflict_in_any_spelling(client: Client, owner: Person) -> None:
    answer = register(client, email=" OWNER@convergio.test")
    assert answer.status_code == 409
    assert answer.json()["code"] == "email_taken"
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("password", "too short", "invalid_password"),
        ("password", "x" * 257, "invalid_password"),
        ("email", "nobody", "invalid_email"),
        ("email", "a\0b@convergio.test.", "invalid_email"),
        ("name", "two\nlines", "invalid_name"),
        ("name", "nul\0", "invalid_name"),
    ],
)
def test_registration_names_the_field_that_does_not_fit(
    client: Client, field: str, value: str, code: str
) -> None:
    answer = register(client, **{field: value})
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (400, code, field)
    assert not User.objects.exists()


def test_a_missing_field_is_named(client: Client) -> None:
    answer = post(client, "/api/auth/login", {"email": "owner@convergio.test"})
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (
        422,
        "validation_failed",
        "password",
    )


@pytest.mark.parametrize("policy", ["invite", "closed"])
def test_registration_follows_the_installations_policy(client: Client, settings: Any, policy: str) -> None:
    settings.SIGNUP = policy
    answer = register(client)
    assert (answer.status_code, answer.json()["code"]) == (403, "signup_closed")
    assert client.post("/register", {"email": "new@convergio.test"}).status_code == 403


def test_signing_in_answers_tokens_and_remembers_the_device(client: Client, owner: Person) -> None:
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
    answer = client.post(
        "/api/auth/login",
        {"email": " Owner@Convergio.test ", "password": PASSWORD},
        content_type="application/json",
        headers={"User-Agent": agent},
    )
    assert answer.status_code == 200
    session = UserSession.objects.get()
    assert (session.device, session.ip, session.user_agent) == ("Firefox on Linux", "127.0.0.1", agent)
    assert answer.json()["token"].encode() not in bytes(session.token_hash)


def test_wrong_password_unknown_address_and_closed_account_are_told_alike(
    client: Client, owner: Person, outsider: Person
) -> None:
    User.objects.filter(id=outsider.user.id).update(is_active=False)
    answers = [
        log_in(client, password="wrong"),
        log_in(client, email="nobody@convergio.test"),
        log_in(client, email=outsider.user.email),
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(401, answers[0].content)}
    assert answers[0].json()["code"] == "invalid_credentials"


def test_every_attempt_is_written_down(client: Client, owner: Person) -> None:
    log_in(client, password="wrong")
    log_in(client, email="nobody@convergio.test")
    log_in(client)
    found = LoginHistory.objects.order_by("id").values_list("email", "user_id", "outcome", "reason")
    assert list(found) == [
        ("owner@convergio.test", owner.user.id, "failure", "invalid_credentials"),
        ("nobody@convergio.test", None, "failure", "invalid_credentials"),
        ("owner@convergio.test", owner.user.id, "success", ""),
    ]


def test_a_password_is_the_same_however_its_accents_are_typed(client: Client) -> None:
    register(client, password="cafe\u0301 cafe\u0301 10")
    assert log_in(client, "new@convergio.test", "caf\u00e9 caf\u00e9 10").status_code == 200


def test_a_hash_with_old_parameters_is_replaced_at_sign_in(
    client: Client, owner: Person, settings: Any
) -> None:
    before = owner.user.password
    settings.ARGON2_TIME_COST = 2
    assert log_in(client).status_code == 200
    owner.user.refresh_from_db()
    assert owner.user.password != before
    assert "t=2" in owner.user.password


def test_a_refresh_token_works_once_and_its_reuse_ends_the_session(client: Client, owner: Person) -> None:
    first = log_in(client).json()
    second = post(client, "/api/auth/refresh", {"refreshToken": first["refreshToken"]}).json()
    assert second["token"] != first["token"]
    old = client.get("/api/auth/me", headers={"Authorization": f"Bearer {first['token']}"})
    assert old.status_code == 401
    fresh = {"Authorization": f"Bearer {second['token']}"}
    assert client.get("/api/auth/me", headers=fresh).status_code == 200

    stolen = post(client, "/api/auth/refresh", {"refreshToken": first["refreshToken"]})
    assert (stolen.status_code, stolen.json()["code"]) == (401, "invalid_refresh_token")
    assert client.get("/api/auth/me", headers=fresh).status_code == 401
    assert LoginHistory.objects.filter(reason="refresh_reused", user=owner.user).count() == 1


@pytest.mark.parametrize("token", ["", "x", "1.", "1.x", "-1.x", "99999999999999999999999.x", "१.x"])
def test_an_invented_refresh_token_ends_nothing(client: Client, owner: Person, token: str) -> None:
    access = log_in(client).json()["token"]
    assert post(client, "/api/auth/refresh", {"refreshToken": token}).status_code == 401
    assert client.get("/api/auth/me", headers={"Authorization": f"Bearer {access}"}).status_code == 200


def test_signing_out_ends_the_session_at_once(owner: Person) -> None:
    client = owner.program()
    assert client.post("/api/auth/logout").status_code == 200
    assert client.get("/api/auth/me").status_code == 401


@pytest.mark.parametrize("column", ["token_expires_at", "expires_at"])
def test_an_expired_session_is_nobody(owner: Person, column: str) -> None:
    client = owner.program()
    UserSession.objects.update(**{column: "2020-01-01T00:00:00Z"})
    assert client.get("/api/auth/me").status_code == 401


def test_a_closed_account_and_a_lost_membership_end_access(owner: Person, teammate: Person) -> None:
    one, two = owner.program(), teammate.program()
    User.objects.filter(id=owner.user.id).update(is_active=False)
    teammate.user.memberships.all().delete()
    assert [client.get("/api/auth/me").status_code for client in (one, two)] == [401, 401]


def test_a_cookie_is_no_bearer_token_and_the_other_way_round(owner: Person, settings: Any) -> None:
    cookie = owner.browser().cookies[settings.SESSION_COOKIE_NAME].value
    assert Client(headers={"Authorization": f"Bearer {cookie}"}).get("/api/auth/me").status_code == 401
    bearer = owner.program()
    token = bearer.defaults["HTTP_AUTHORIZATION"].removeprefix("Bearer ")
    swapped = Client()
    swapped.cookies[settings.SESSION_COOKIE_NAME] = token
    assert swapped.get("/api/auth/me").status_code == 401


def test_a_header_counts_before_the_cookie(owner: Person) -> None:
    answer = owner.browser().get("/api/auth/me", headers={"Authorization": "Bearer wrong"})
    assert answer.status_code == 401
