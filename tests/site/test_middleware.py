"""Headers, who a request speaks for, its transaction, and what the public may see."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings as configured
from django.db import connection
from django.test import Client

from convergio.accounts.models import ApiKey, User, UserSession
from convergio.site.static_files import asset_url
from tests.cast import PASSWORD, Person

pytestmark = pytest.mark.django_db


def test_health_tells_version_and_needs_nobody(client: Client) -> None:
    answer = client.get("/api/health")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert answer.json()["version"]


@pytest.mark.parametrize(
    "path", ["/api/auth/me", "/api/tasks", "/api/nothing/here", "/api/openapi.json", "/api/events"]
)
def test_the_api_needs_somebody_even_where_there_is_nothing(client: Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")


def test_a_page_sends_people_to_sign_in_and_back(client: Client) -> None:
    answer = client.get("/dashboard/settings/profile?a=1")
    assert answer.status_code == 302
    assert answer["Location"] == "/login?next=%2Fdashboard%2Fsettings%2Fprofile%3Fa%3D1"
    assert client.post("/logout")["Location"] == "/login"


def test_an_htmx_fragment_sends_the_whole_page_to_sign_in(client: Client) -> None:
    current = {"HX-Request": "true", "HX-Current-URL": "http://testserver/dashboard/commboost"}
    answer = client.get("/dashboard/nav", headers=current)
    assert answer.status_code == 401
    assert answer["HX-Redirect"] == "/login?next=http%3A%2F%2Ftestserver%2Fdashboard%2Fcommboost"


def test_the_root_redirects_browsers_and_answers_programs(client: Client) -> None:
    assert client.get("/", headers={"Accept": "text/html,*/*"})["Location"] == "/dashboard"
    assert client.get("/").content == b"ok\n"


def test_pages_have_a_strict_policy_with_a_fresh_nonce(client: Client) -> None:
    one, two = client.get("/login"), client.get("/login")
    policy = one["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert policy != two["Content-Security-Policy"]
    nonce = policy.partition("'nonce-")[2].partition("'")[0]
    assert f'content="{nonce}"' in one.content.decode()
    assert one["X-Content-Type-Options"] == "nosniff"
    assert one["Cache-Control"] == "private, no-store"
    assert "Strict-Transport-Security" not in one


def test_https_installations_ask_browsers_to_stay_there(client: Client, settings: Any) -> None:
    settings.HTTPS = True
    assert client.get("/api/health")["Strict-Transport-Security"] == "max-age=31536000"


def test_last_use_is_noted_at_most_once_a_minute(owner: Person) -> None:
    client = owner.program()
    made = UserSession.objects.get().last_seen_at
    client.get("/api/auth/me")
    assert UserSession.objects.get().last_seen_at == made
    UserSession.objects.update(last_seen_at="2026-01-01T00:00:00Z")
    client.get("/api/auth/me", REMOTE_ADDR="192.0.2.7")
    session = UserSession.objects.get()
    assert (session.last_seen_at >= made, session.ip) == (True, "192.0.2.7")


def test_a_refused_request_leaves_nothing_behind(owner: Person) -> None:
    """The second field is checked after the first was written; the whole request is one transaction."""
    client = owner.program()
    before = User.objects.get(id=owner.user.id).name
    answer = client.patch(
        "/api/settings/profile", {"name": "Changed", "timezone": "Nowhere"}, content_type="application/json"
    )
    assert (answer.status_code, answer.json()["field"]) == (400, "timezone")
    assert User.objects.get(id=owner.user.id).name == before


def test_the_scope_is_the_callers_workspace_and_ends_with_the_request(
    owner: Person, outsider: Person
) -> None:
    answer = owner.program().get("/api/auth/me").json()
    assert answer["workspace_id"] == owner.workspace.id
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM tags")
        assert cursor.fetchone() == (0,)


def test_values_out_of_range_are_refused_not_broken(owner: Person) -> None:
    client = owner.program()
    huge = "9" * 30
    assert client.delete(f"/api/settings/security/sessions/{huge}").status_code in {400, 404}
    answer = client.patch(
        "/api/settings/profile/notifications", '{"x": "\\ud800"}', content_type="application/json"
    )
    assert answer.status_code == 422


def test_errors_have_one_shape(owner: Person) -> None:
    client = owner.program()
    answers = {
        404: client.get("/api/nothing/here"),
        405: client.put("/api/auth/me"),
        400: client.post("/api/settings/security/api-keys", "{", content_type="application/json"),
        422: client.post("/api/settings/security/api-keys", "{}", content_type="application/json"),
    }
    assert {status: answer.status_code for status, answer in answers.items()} == {key: key for key in answers}
    for answer in answers.values():
        assert {"error", "code"} <= set(answer.json())


def test_an_unknown_page_is_a_page(owner: Person) -> None:
    answer = owner.browser().get("/nothing/here")
    assert answer.status_code == 404
    assert b"<!doctype html>" in answer.content


def test_the_documents_come_from_this_server(owner: Person) -> None:
    client = owner.browser()
    document = client.get("/api/openapi.json").json()
    assert "/api/auth/login" in document["paths"]
    page = client.get("/api-docs").content.decode()
    assert "//" not in page.replace("<!doctype", "")
    for name in ("ninja/swagger-ui-bundle.js", "ninja/swagger-ui.css"):
        assert asset_url(name) in page
        answer = client.get(asset_url(name))
        assert (answer.status_code, len(b"".join(answer)) > 1000) == (200, True)
        answer.close()


def test_a_browser_keeps_what_pages_name_and_asks_anew_for_the_rest(client: Client) -> None:
    kept = client.get(asset_url("js/app.js"))
    assert kept["Cache-Control"] == "max-age=315360000, public, immutable"
    asked = client.get("/static/js/app.js")
    assert asked["Cache-Control"] == "max-age=60, public"
    assert b"".join(kept) == b"".join(asked)
    assert client.get("/static/0123456789ab/js/app.js").status_code == 404


def test_an_api_key_is_nobody_when_mistyped_ended_or_old(owner: Person) -> None:
    made = owner.program().post(
        "/api/settings/security/api-keys", {"name": "n8n"}, content_type="application/json"
    )
    key = made.json()["key"]

    def status(value: str) -> int:
        return Client(headers={"X-API-Key": value}).get("/api/auth/me").status_code

    assert (status(key), status(key[:-1]), status("cai_"), status("cai_" + "x" * 49)) == (200, 401, 401, 401)
    ApiKey.objects.update(expires_at="2020-01-01T00:00:00Z")
    assert status(key) == 401


def test_the_cookie_keeps_to_its_scheme(client: Client, owner: Person, settings: Any) -> None:
    assert configured.SESSION_COOKIE_NAME == "convergio"
    settings.HTTPS = True
    answer = client.post("/login", {"email": owner.user.email, "password": PASSWORD})
    cookie = answer.cookies["convergio"]
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "Lax")
