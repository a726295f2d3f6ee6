"""A person's own settings over REST: profile, password, sessions, API keys, history."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from convergio.accounts.models import ApiKey, UserSession
from convergio.accounts.tokens import looks_like_api_key, new_api_key
from tests.cast import PASSWORD, Person

pytestmark = pytest.mark.django_db
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32
SECURITY = "/api/settings/security"


def send(client: Client, verb: str, path: str, body: dict[str, Any]) -> Any:
    return getattr(client, verb)(path, body, content_type="application/json")


def make_key(person: Person, **fields: Any) -> Any:
    return send(person.program(), "post", f"{SECURITY}/api-keys", {"name": "n8n", **fields})


def test_the_profile_changes_field_by_field(owner: Person) -> None:
    client = owner.program()
    answer = send(
        client, "patch", "/api/settings/profile", {"company": "  Desk  ", "timezone": "Europe/Berlin"}
    )
    assert answer.status_code == 200
    profile = client.get("/api/settings/profile").json()
    assert (profile["name"], profile["company"], profile["timezone"]) == ("Owner", "Desk", "Europe/Berlin")
    assert "password" not in profile


def test_notifications_are_switched_by_name(owner: Person) -> None:
    client = owner.program()
    path = "/api/settings/profile/notifications"
    send(client, "patch", path, {"new_mail": True, "drafts": False})
    assert send(client, "patch", path, {"drafts": True}).json() == {"new_mail": True, "drafts": True}
    assert send(client, "patch", path, {"Not a name": True}).status_code == 422


def test_a_picture_is_kept_and_anything_else_refused(owner: Person) -> None:
    client = owner.program()
    path = "/api/settings/profile/avatar"
    assert client.get(path).status_code == 404
    assert client.post(path, {"avatar": SimpleUploadedFile("me.png", PNG)}).status_code == 200
    answer = client.get(path)
    assert (answer.content, answer["Content-Type"]) == (PNG, "image/png")
    svg = SimpleUploadedFile("me.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    assert client.post(path, {"avatar": svg}).status_code == 400


def test_changing_the_password_ends_the_other_sessions(owner: Person) -> None:
    client, other = owner.program(), owner.browser()
    body = {"current_password": PASSWORD, "new_password": "another long one"}
    changed = send(client, "post", f"{SECURITY}/password", body)
    assert changed.status_code == 200
    assert other.get("/api/auth/me").status_code == 401


def test_changing_the_password_gives_the_own_session_new_tokens(owner: Person, settings: Any) -> None:
    program = owner.program()
    body = {"current_password": PASSWORD, "new_password": "another long one"}
    answer = send(program, "post", f"{SECURITY}/password", body).json()
    assert program.get("/api/auth/me").status_code == 401
    renewed = Client(headers={"Authorization": f"Bearer {answer['token']}"})
    assert renewed.get("/api/auth/me").status_code == 200
    refreshed = send(Client(), "post", "/api/auth/refresh", {"refreshToken": answer["refreshToken"]})
    assert refreshed.status_code == 200

    browser = owner.browser()
    old_cookie = browser.cookies[settings.SESSION_COOKIE_NAME].value
    again = {"current_password": "another long one", "new_password": PASSWORD}
    told = send(browser, "post", f"{SECURITY}/password", again).json()
    assert (told["token"], told["refreshToken"]) == (None, None)
    assert browser.cookies[settings.SESSION_COOKIE_NAME].value != old_cookie
    assert browser.get("/api/auth/me").status_code == 200
    old = Client()
    old.cookies[settings.SESSION_COOKIE_NAME] = old_cookie
    assert old.get("/api/auth/me").status_code == 401


def test_a_wrong_current_password_is_counted_and_written_down(owner: Person) -> None:
    client = owner.program()
    body = {"current_password": "wrong", "new_password": "another long one"}
    statuses = [send(client, "post", f"{SECURITY}/password", body).status_code for _ in range(7)]
    assert statuses == [400] * 6 + [429]
    history = client.get(f"{SECURITY}/login-history").json()
    assert [line["reason"] for line in history] == ["throttled"] + ["wrong_password"] * 6


def test_sessions_are_listed_and_ended_one_by_one(owner: Person) -> None:
    client, other = owner.program(), owner.browser()
    sessions = client.get(f"{SECURITY}/sessions").json()
    assert sorted(session["current"] for session in sessions) == [False, True]
    assert all(not key.endswith("hash") for key in sessions[0])
    (theirs,) = [session["id"] for session in sessions if not session["current"]]
    assert client.delete(f"{SECURITY}/sessions/{theirs}").status_code == 204
    assert other.get("/api/auth/me").status_code == 401
    assert client.delete(f"{SECURITY}/sessions/{theirs}").status_code == 404


def test_a_key_is_shown_once_and_stored_as_a_digest(owner: Person) -> None:
    made = make_key(owner)
    assert made.status_code == 201
    key = made.json()["key"]
    assert key.startswith(made.json()["prefix"])
    assert key.encode() not in bytes(ApiKey.objects.get().key_hash)
    listed = owner.program().get(f"{SECURITY}/api-keys").json()
    assert ["key" in row for row in listed] == [False]


@pytest.mark.parametrize("header", [("Authorization", "Bearer {}"), ("X-API-Key", "{}")])
def test_a_key_signs_in_without_csrf_until_it_is_revoked(owner: Person, header: tuple[str, str]) -> None:
    made = make_key(owner).json()
    client = Client(headers={header[0]: header[1].format(made["key"])}, enforce_csrf_checks=True)
    assert send(client, "patch", "/api/settings/profile", {"name": "By key"}).json()["name"] == "By key"
    assert ApiKey.objects.get().last_used_at is not None
    assert owner.program().delete(f"{SECURITY}/api-keys/{made['id']}").status_code == 204
    assert client.get("/api/auth/me").status_code == 401


@pytest.mark.parametrize(
    ("verb", "path", "body"),
    [
        ("post", "api-keys", {"name": "more"}),
        ("delete", "api-keys/{key}", {}),
        ("delete", "sessions/{session}", {}),
        ("post", "password", {"current_password": PASSWORD, "new_password": "another long one"}),
    ],
)
def test_a_key_cannot_change_how_one_signs_in(
    owner: Person, verb: str, path: str, body: dict[str, str]
) -> None:
    made = make_key(owner).json()
    address = path.format(key=made["id"], session=UserSession.objects.get().id)
    client = Client(headers={"X-API-Key": made["key"]})
    answer = send(client, verb, f"{SECURITY}/{address}", body)
    assert (answer.status_code, answer.json()["code"]) == (403, "session_required")


def test_a_key_needs_a_name_and_a_future(owner: Person) -> None:
    assert make_key(owner, name=" ").json()["field"] == "name"
    assert make_key(owner, expires_at="2020-01-01T00:00:00Z").json()["field"] == "expires_at"


def test_the_history_is_ones_own(owner: Person, outsider: Person) -> None:
    Client().post(
        "/api/auth/login", {"email": owner.user.email, "password": "x"}, content_type="application/json"
    )
    assert len(owner.program().get(f"{SECURITY}/login-history").json()) == 1
    assert outsider.program().get(f"{SECURITY}/login-history").json() == []


def test_a_teammate_sees_neither_sessions_nor_keys(owner: Person, teammate: Person) -> None:
    key = make_key(owner).json()["id"]
    session = UserSession.objects.get(user=owner.user).id
    client = teammate.program()
    assert client.get(f"{SECURITY}/api-keys").json() == []
    assert client.delete(f"{SECURITY}/api-keys/{key}").status_code == 404
    assert client.delete(f"{SECURITY}/sessions/{session}").status_code == 404


def test_the_checksum_catches_every_single_typing_mistake() -> None:
    key = new_api_key()
    assert looks_like_api_key(key)
    assert not any(looks_like_api_key(key[:n] + "_" + key[n + 1 :]) for n in range(len(key)) if key[n] != "_")
