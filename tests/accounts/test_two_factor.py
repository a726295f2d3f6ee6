"""Two-step sign-in over REST: set-up, codes, backup codes, switching off."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from convergio.accounts.models import LoginHistory, UserSession, UserTwoFactor, Workspace
from convergio.core import sql
from convergio.core.crypto import unseal
from convergio.core.tenancy import workspace_scope
from tests.accounts.two_step import (
    SECURITY,
    App,
    answered,
    bearer,
    last_lines,
    later,
    log_in,
    post,
    stored,
    switch_on,
)
from tests.cast import PASSWORD, Person

pytestmark = pytest.mark.django_db
WRONG = {"password": "wrong"}


def activity_of(person: Person) -> list[str]:
    with workspace_scope(person.workspace.id):
        return sql.fetch_column("SELECT action FROM activity WHERE action LIKE 'two_factor.%%' ORDER BY id")


def test_a_setup_takes_effect_with_its_first_valid_code(owner: Person) -> None:
    client = owner.program()
    setup = post(client, f"{SECURITY}/2fa/setup").json()
    assert set(setup) == {"secret", "otpauth_url", "qr_svg"}
    state = client.get(f"{SECURITY}/2fa").json()
    assert (state["enabled"], state["pending"], state["backup_codes_left"]) == (False, True, 0)
    assert log_in(owner).status_code == 200

    wrong = post(client, f"{SECURITY}/2fa/verify", {"code": "000000"})
    assert answered(wrong) == (400, "invalid_code")
    assert last_lines() == [("two_factor_setup", "failure", "invalid_code")]
    assert log_in(owner).status_code == 200

    app = App(setup["secret"], [])
    enabled = post(client, f"{SECURITY}/2fa/verify", {"code": app.now()})
    assert enabled.status_code == 200
    assert len(set(enabled.json()["backup_codes"])) == 10
    state = bearer(enabled.json()["token"]).get(f"{SECURITY}/2fa").json()
    assert (state["enabled"], state["pending"], state["backup_codes_left"]) == (True, False, 10)
    assert answered(log_in(owner)) == (401, "two_factor_required")
    assert activity_of(owner) == ["two_factor.enabled"]


def test_secret_and_backup_codes_are_not_stored_as_they_are(owner: Person) -> None:
    app = switch_on(owner)
    row = stored(owner)
    assert row is not None
    assert row.secret is not None
    assert app.secret.encode() not in bytes(row.secret)
    assert unseal(bytes(row.secret), context=f"user_2fa.secret:{owner.user.id}") == app.secret
    kept = "".join(row.backup_codes)
    assert len(kept) == 10 * 64
    assert not any(code.replace("-", "") in kept for code in app.backup_codes)


def test_switching_on_makes_the_own_session_two_step_with_new_tokens(owner: Person) -> None:
    client = owner.program()
    app = App(post(client, f"{SECURITY}/2fa/setup").json()["secret"], [])
    answer = post(client, f"{SECURITY}/2fa/verify", {"code": app.now()}).json()
    assert client.get("/api/auth/me").status_code == 401
    assert bearer(answer["token"]).get("/api/auth/me").status_code == 200
    assert UserSession.objects.get(user=owner.user).second_factor


def test_a_required_second_factor_is_set_up_by_the_limited_member(owner: Person, teammate: Person) -> None:
    Workspace.objects.filter(id=owner.workspace.id).update(require_two_factor=True)
    client = teammate.program()
    assert answered(client.get("/api/tasks")) == (403, "two_factor_setup_required")
    assert client.get(f"{SECURITY}/2fa").json()["required"] is True
    app = App(post(client, f"{SECURITY}/2fa/setup").json()["secret"], [])
    token = post(client, f"{SECURITY}/2fa/verify", {"code": app.now()}).json()["token"]
    assert bearer(token).get("/api/tasks").status_code == 200


def test_setting_up_asks_for_a_fresh_sign_in(owner: Person) -> None:
    client = owner.program()
    post(client, f"{SECURITY}/2fa/setup")
    UserSession.objects.update(authenticated_at="2026-01-01T00:00:00Z")
    before = stored(owner)
    assert answered(post(client, f"{SECURITY}/2fa/setup")) == (403, "fresh_sign_in_required")
    assert answered(post(client, f"{SECURITY}/2fa/verify", {"code": "123456"})) == (
        403,
        "fresh_sign_in_required",
    )
    after = stored(owner)
    assert before is not None
    assert after is not None
    assert before.pending_secret == after.pending_secret


def test_a_code_without_a_setup_is_refused(owner: Person) -> None:
    assert answered(post(owner.program(), f"{SECURITY}/2fa/verify", {"code": "123456"})) == (409, "no_setup")


def test_another_app_takes_over_with_its_first_code_and_the_backup_codes_stay(owner: Person) -> None:
    old = switch_on(owner)
    client = owner.program()
    new = App(post(client, f"{SECURITY}/2fa/setup").json()["secret"], [])
    with old.code() as code:  # the old one works until then
        assert log_in(owner, code=code).status_code == 200
    answer = post(client, f"{SECURITY}/2fa/verify", {"code": new.now()})
    assert (answer.status_code, answer.json()["backup_codes"]) == (200, [])
    with old.code() as code:
        assert answered(log_in(owner, code=code)) == (401, "invalid_code")
    with later(60):
        assert log_in(owner, code=new.now()).status_code == 200
    assert log_in(owner, backup_code=old.backup_codes[0]).status_code == 200
    assert activity_of(owner) == ["two_factor.enabled", "two_factor.replaced"]


def test_password_and_code_sign_in_together(owner: Person) -> None:
    app = switch_on(owner)
    with app.code() as code:
        answer = log_in(owner, code=f"{code[:3]} {code[3:]}")
    assert answer.status_code == 200
    assert last_lines() == [("two_factor", "success", "")]
    newest = UserSession.objects.latest("id")
    assert newest.second_factor
    assert bearer(answer.json()["token"]).get("/api/auth/me").status_code == 200


def test_a_code_is_accepted_once(owner: Person) -> None:
    app = switch_on(owner)
    with app.code() as code:
        assert log_in(owner, code=code).status_code == 200
        assert answered(log_in(owner, code=code)) == (401, "invalid_code")
        assert last_lines() == [("two_factor", "failure", "reused_code")]
        earlier = app.now(ahead=-30)
        assert answered(log_in(owner, code=earlier)) == (401, "invalid_code")


def test_the_code_of_the_setup_does_not_sign_in_again(owner: Person) -> None:
    with later(0):
        app = switch_on(owner)
        assert answered(log_in(owner, code=app.now())) == (401, "invalid_code")


@pytest.mark.parametrize(
    "typed", ["000000", "\u0967\u0968\u0969\u096a\u096b\u096c", "12345", "1234567", "abcdef", "0" * 10_000]
)
def test_a_wrong_code_opens_nothing_and_is_written_down(owner: Person, typed: str) -> None:
    switch_on(owner)
    before = UserSession.objects.count(), stored(owner).__dict__["last_used_step"]
    answer = log_in(owner, code=typed)
    assert answered(answer) == (401, "invalid_code")
    assert set(answer.json()) == {"error", "code"}
    assert last_lines() == [("two_factor", "failure", "invalid_code")]
    assert (UserSession.objects.count(), stored(owner).__dict__["last_used_step"]) == before


def test_a_right_code_is_worth_nothing_without_the_password(owner: Person) -> None:
    app = switch_on(owner)
    with app.code() as code:
        assert answered(log_in(owner, "wrong", code=code)) == (401, "invalid_credentials")
        assert answered(log_in(owner, "wrong", backup_code=app.backup_codes[0])) == (
            401,
            "invalid_credentials",
        )
        assert log_in(owner, code=code).status_code == 200
    assert len(stored(owner).__dict__["backup_codes"]) == 10


def test_a_backup_code_works_once_however_it_is_typed(owner: Person) -> None:
    first, second = switch_on(owner).backup_codes[:2]
    assert log_in(owner, backup_code=f" {first.upper()} ").status_code == 200
    assert last_lines() == [("backup_code", "success", "")]
    assert answered(log_in(owner, backup_code=first)) == (401, "invalid_code")
    assert last_lines() == [("backup_code", "failure", "invalid_code")]
    assert log_in(owner, backup_code=second.replace("-", "")).status_code == 200
    assert len(stored(owner).__dict__["backup_codes"]) == 8


def test_when_the_last_backup_code_is_used_none_comes_by_itself(owner: Person) -> None:
    for code in switch_on(owner).backup_codes:
        assert log_in(owner, backup_code=code).status_code == 200
    assert stored(owner).__dict__["backup_codes"] == []
    assert answered(log_in(owner, backup_code="23456-789ab")) == (401, "invalid_code")


def test_app_and_backup_codes_outlive_a_change_of_the_secret_key(owner: Person, settings: Any) -> None:
    app = switch_on(owner)
    former, settings.SECRET_KEY = settings.SECRET_KEY, "another secret key, as long as it must be"
    with app.code() as code:
        assert answered(log_in(owner, code=code)) == (401, "invalid_code")
    assert answered(log_in(owner, backup_code=app.backup_codes[0])) == (401, "invalid_code")
    settings.SECRET_KEY_FALLBACKS = [former]
    with app.code() as code:
        assert log_in(owner, code=code).status_code == 200
    assert log_in(owner, backup_code=app.backup_codes[0]).status_code == 200


def test_somebody_elses_backup_code_is_worth_nothing(owner: Person, outsider: Person) -> None:
    switch_on(owner)
    theirs = switch_on(outsider).backup_codes[0]
    assert answered(log_in(owner, backup_code=theirs)) == (401, "invalid_code")
    assert log_in(outsider, backup_code=theirs).status_code == 200


@pytest.mark.parametrize("path", ["disable", "backup-codes"])
@pytest.mark.parametrize(
    ("body", "code", "reason"),
    [
        ({"password": "wrong", "code": "right"}, "wrong_password", "wrong_password"),
        ({"password": PASSWORD}, "two_factor_required", "two_factor_required"),
        ({"password": PASSWORD, "code": "000000"}, "invalid_code", "invalid_code"),
        ({"password": PASSWORD, "backup_code": "23456-789ab"}, "invalid_code", "invalid_code"),
        ({"password": "x" * 257, "code": "right"}, "invalid_current_password", "password_too_long"),
    ],
)
def test_switching_off_and_other_codes_ask_for_password_and_code(
    owner: Person, path: str, body: dict[str, str], code: str, reason: str
) -> None:
    app, client = switch_on(owner), owner.program()
    before = UserTwoFactor.objects.values().get()
    with app.code() as right:
        sent = {name: right if value == "right" else value for name, value in body.items()}
        assert answered(post(client, f"{SECURITY}/2fa/{path}", sent)) == (400, code)
    method = {"disable": "two_factor_disabled", "backup-codes": "backup_codes_made"}[path]
    assert last_lines() == [(method, "failure", reason)]
    assert UserTwoFactor.objects.values().get() == before


def test_switching_off_ends_other_sessions_and_renews_the_own_one(owner: Person) -> None:
    app, client, other = switch_on(owner), owner.program(), owner.browser()
    with app.code() as code:
        answer = post(client, f"{SECURITY}/2fa/disable", {"password": PASSWORD, "code": code})
    assert answer.status_code == 200
    assert stored(owner) is None
    assert [one.get("/api/auth/me").status_code for one in (client, other)] == [401, 401]
    assert bearer(answer.json()["token"]).get("/api/auth/me").status_code == 200
    assert not UserSession.objects.filter(revoked_at=None, second_factor=True).exists()
    assert last_lines() == [("two_factor_disabled", "success", "")]
    assert activity_of(owner) == ["two_factor.enabled", "two_factor.disabled"]
    assert log_in(owner).status_code == 200


def test_switching_off_what_is_off_is_refused(owner: Person) -> None:
    for path in ("disable", "backup-codes"):
        answer = post(owner.program(), f"{SECURITY}/2fa/{path}", {"password": PASSWORD})
        assert answered(answer) == (409, "two_factor_off")


def test_other_backup_codes_end_those_that_were_left(owner: Person) -> None:
    app = switch_on(owner)
    with app.code() as code:
        body = {"password": PASSWORD, "code": code}
        new = post(owner.program(), f"{SECURITY}/2fa/backup-codes", body).json()["backup_codes"]
    assert len(new) == 10
    assert not set(new) & set(app.backup_codes)
    assert answered(log_in(owner, backup_code=app.backup_codes[0])) == (401, "invalid_code")
    assert log_in(owner, backup_code=new[0]).status_code == 200


def test_a_key_reads_and_changes_nothing_of_it(owner: Person) -> None:
    made = post(owner.program(), f"{SECURITY}/api-keys", {"name": "n8n"}).json()["key"]
    key = Client(headers={"X-API-Key": made})
    assert key.get(f"{SECURITY}/2fa").status_code == 200
    bodies = {"setup": {}, "verify": {"code": "123456"}, "disable": WRONG, "backup-codes": WRONG}
    for path, body in bodies.items():
        assert answered(post(key, f"{SECURITY}/2fa/{path}", body)) == (403, "session_required")
    assert answered(post(key, "/api/auth/confirm", WRONG))[0] == 403
    assert not LoginHistory.objects.exclude(method="api_key_made").exists()


def test_confirming_makes_an_old_sign_in_fresh_with_new_tokens(owner: Person) -> None:
    app, client = switch_on(owner), owner.program()
    UserSession.objects.update(authenticated_at="2026-01-01T00:00:00Z")
    assert answered(post(client, f"{SECURITY}/2fa/setup")) == (403, "fresh_sign_in_required")
    assert answered(post(client, "/api/auth/confirm", {"password": PASSWORD})) == (400, "two_factor_required")
    assert answered(post(client, "/api/auth/confirm", {"password": "wrong", "code": "000000"})) == (
        400,
        "wrong_password",
    )
    assert last_lines(2) == [
        ("confirm", "failure", "two_factor_required"),
        ("confirm", "failure", "wrong_password"),
    ]
    with app.code() as code:
        answer = post(client, "/api/auth/confirm", {"password": PASSWORD, "code": code})
    assert answer.status_code == 200
    assert last_lines() == [("confirm", "success", "")]
    assert client.get("/api/auth/me").status_code == 401
    renewed = bearer(answer.json()["token"])
    assert post(renewed, f"{SECURITY}/2fa/setup").status_code == 200
    assert UserSession.objects.filter(second_factor=True, revoked_at=None).count() == 2


def test_confirming_gives_a_browser_a_new_cookie(owner: Person, settings: Any) -> None:
    client = owner.browser()
    before = client.cookies[settings.SESSION_COOKIE_NAME].value
    answer = post(client, "/api/auth/confirm", {"password": PASSWORD})
    assert (answer.status_code, answer.json()["token"]) == (200, None)
    assert client.cookies[settings.SESSION_COOKIE_NAME].value != before
    assert client.get("/api/auth/me").status_code == 200


def test_a_huge_password_is_refused_without_hashing(owner: Person, settings: Any) -> None:
    client = owner.program()
    settings.PASSWORD_HASHERS = ["tests.nowhere.Hasher"]  # whoever hashes fails
    too_large = post(client, "/api/auth/confirm", {"password": "x" * 10_000_000})
    assert answered(too_large) == (413, "too_large")  # at the door
    huge = "x" * 900_000
    answer = log_in(owner, huge)
    assert answered(answer) == (400, "invalid_password")
    assert "256 characters" in answer.json()["error"]
    assert last_lines() == [("password", "failure", "password_too_long")]
    unknown = {"email": "nobody@convergio.test", "password": huge}
    assert post(Client(), "/api/auth/login", unknown).content == answer.content
    assert answered(post(client, "/api/auth/confirm", {"password": huge}))[0] == 400
    body = {"current_password": huge, "new_password": "another long one"}
    assert answered(post(client, f"{SECURITY}/password", body))[0] == 400
    assert answered(post(Client(), "/api/auth/register", {**unknown, "name": ""}))[0] == 400
    assert client.get("/api/auth/me").status_code == 200
