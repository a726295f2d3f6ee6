"""How far a session or an API key reaches: scopes, required second factors, freshness, and when sessions end."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client

from convergio.accounts import activity, sessions
from convergio.accounts.api_keys import issue_api_key
from convergio.accounts.models import ApiKey, Passkey, UserSession, Workspace
from convergio.accounts.permissions import KEY_DOMAINS, SCOPES
from convergio.core import sql
from convergio.core.tenancy import workspace_scope
from convergio.site.access import key_domain
from tests.cast import Person
from tests.site.url_map import api_operations

pytestmark = pytest.mark.django_db

# No key may go there: how people come in and out.
PEOPLE_ONLY = ("/api/auth/",)


def key_client(person: Person, *scopes: str) -> Client:
    key, value = issue_api_key(user_id=person.user.id, workspace_id=person.workspace.id, name="key")
    ApiKey.objects.filter(id=key.id).update(scopes=list(scopes))
    return Client(headers={"X-API-Key": value})


def answered(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "") if answer.status_code >= 400 else ""


def age_session(person: Person, change: str) -> None:
    sql.execute(f"UPDATE user_sessions SET {change} WHERE user_id = %s", [person.user.id])


@pytest.mark.parametrize("operation", [one for one in api_operations() if not one.public], ids=str)
def test_every_operation_belongs_to_a_domain_that_keys_are_made_for(operation: Any) -> None:
    domain = key_domain(operation.path)
    assert domain in KEY_DOMAINS or operation.path.startswith(PEOPLE_ONLY)


def test_a_key_goes_where_its_scopes_reach(owner: Person) -> None:
    client = key_client(owner, "tasks:read")
    assert answered(client.get("/api/tasks")) == (200, "")
    assert answered(client.get("/api/emails")) == (403, "scope_required")
    refused = client.post("/api/tasks", {"title": "x"}, content_type="application/json")
    assert answered(refused) == (403, "scope_required")
    assert refused.json()["scope"] == "tasks:write"


def test_writing_does_not_include_reading(owner: Person) -> None:
    client = key_client(owner, "tasks:write")
    made = client.post("/api/tasks", {"title": "By key"}, content_type="application/json")
    assert made.status_code == 201
    assert answered(client.get("/api/tasks")) == (403, "scope_required")


def test_no_scope_lets_a_key_change_how_people_sign_in(owner: Person) -> None:
    client = key_client(owner, "*")
    assert answered(client.get("/api/settings/security/sessions")) == (200, "")
    made = client.post("/api/settings/security/api-keys", {"name": "x"}, content_type="application/json")
    assert answered(made) == (403, "session_required")
    assert not any(scope in SCOPES for scope in ("security:write", "workspace:write"))


def test_a_key_opens_no_pages(owner: Person) -> None:
    assert key_client(owner, "*").get("/dashboard").status_code == 403


def test_a_required_second_factor_leaves_only_the_way_to_it(owner: Person, teammate: Person) -> None:
    browser, program, key = teammate.browser(), teammate.program(), key_client(teammate, "*")
    Workspace.objects.filter(id=owner.workspace.id).update(require_two_factor=True)
    answer = browser.get("/dashboard/commboost")
    assert (answer.status_code, answer["Location"]) == (302, "/dashboard/settings/security")
    assert browser.get("/dashboard/settings/security").status_code == 200
    assert answered(program.get("/api/emails")) == (403, "two_factor_setup_required")
    assert answered(program.get("/api/settings/security/sessions")) == (200, "")
    assert answered(key.get("/api/emails")) == (403, "two_factor_setup_required")
    age_session(teammate, "second_factor = true")
    Passkey.objects.create(user=teammate.user, name="Laptop", credential_id=b"1", public_key=b"1")
    assert program.get("/api/emails").status_code == 200
    assert key.get("/api/emails").status_code == 200


def test_a_key_is_made_by_somebody_who_signed_in_just_now(owner: Person) -> None:
    client = owner.program()
    age_session(owner, "authenticated_at = statement_timestamp() - interval '11 minutes'")
    path = "/api/settings/security/api-keys"
    refused = client.post(path, {"name": "late"}, content_type="application/json")
    assert answered(refused) == (403, "fresh_sign_in_required")
    age_session(owner, "authenticated_at = statement_timestamp() - interval '9 minutes'")
    assert client.post(path, {"name": "soon"}, content_type="application/json").status_code == 201


@pytest.mark.parametrize("end", ["idle_expires_at", "expires_at"])
def test_a_session_ends_when_it_is_not_used_or_when_its_time_is_over(owner: Person, end: str) -> None:
    client = owner.browser()
    assert client.get("/api/auth/me").status_code == 200
    age_session(owner, f"{end} = statement_timestamp() - interval '1 second'")
    assert answered(client.get("/api/auth/me")) == (401, "not_signed_in")


def test_use_moves_the_idle_end_but_not_the_last_one(owner: Person) -> None:
    client = owner.browser()
    before = UserSession.objects.get(user=owner.user)
    hours_ago = "statement_timestamp() - interval '2 hours'"
    age_session(
        owner,
        f"last_seen_at = {hours_ago}, idle_expires_at = statement_timestamp() + interval '1 hour'",
    )
    client.get("/api/auth/me")
    after = UserSession.objects.get(user=owner.user)
    assert before.idle_expires_at
    assert after.idle_expires_at
    assert after.idle_expires_at >= before.idle_expires_at
    assert after.expires_at == before.expires_at


@pytest.mark.parametrize("kind", ["browser", "api"])
def test_new_tokens_end_the_old_ones_and_make_the_session_fresh(owner: Person, kind: str) -> None:
    client = owner.browser() if kind == "browser" else owner.program()
    age_session(owner, "authenticated_at = statement_timestamp() - interval '1 day'")
    session = UserSession.objects.get(user=owner.user)
    tokens = sessions.renew(session.id, second_factor=True)
    assert tokens is not None
    assert client.get("/api/auth/me").status_code == 401
    renewed = Client(headers={"Authorization": f"Bearer {tokens.access}"})
    if kind == "browser":
        renewed = Client()
        renewed.cookies["convergio"] = tokens.access
    made = renewed.get("/api/auth/me")
    assert made.status_code == 200
    session.refresh_from_db()
    assert session.second_factor
    assert bool(tokens.refresh) == (kind == "api")


def test_a_session_that_ended_gets_no_new_tokens(owner: Person) -> None:
    owner.browser()
    session = UserSession.objects.get(user=owner.user)
    sessions.revoke(owner.user.id, reason="revoked")
    assert sessions.renew(session.id) is None


def test_refreshing_does_not_lengthen_a_session_beyond_ninety_days(owner: Person, client: Client) -> None:
    body = {"email": owner.user.email, "password": "correct horse battery"}
    entry = client.post("/api/auth/login", body, content_type="application/json").json()
    age_session(owner, "created_at = statement_timestamp() - interval '80 days'")
    fresh = {"refreshToken": entry["refreshToken"]}
    assert client.post("/api/auth/refresh", fresh, content_type="application/json").status_code == 200
    session = UserSession.objects.get(user=owner.user)
    assert (session.expires_at - session.created_at).days == 90


def test_the_activity_log_only_grows(owner: Person) -> None:
    with workspace_scope(owner.workspace.id):
        activity.record(owner.actor, "member.removed", subject="users:1", ip="192.0.2.1", role="member")
        line = sql.fetch_rows("SELECT user_id, action, subject, facts, host(ip) FROM activity")[0]
        assert line == (owner.user.id, "member.removed", "users:1", {"role": "member"}, "192.0.2.1")
        for attempt in ("UPDATE activity SET action = 'x'", "DELETE FROM activity"):
            with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
                sql.execute(attempt)
        assert sql.execute("UPDATE activity SET user_id = NULL") == 1  # somebody's account went


def test_any_living_key_reads_what_it_is_and_what_there_is(owner: Person) -> None:
    client = key_client(owner, "tasks:read")
    assert client.get("/api/openapi.json").status_code == 200
    assert client.get("/api/auth/me").json()["email"] == owner.user.email
    assert answered(client.get("/api/settings/profile")) == (403, "scope_required")
    assert answered(client.post("/api/auth/logout")) == (403, "session_required")
