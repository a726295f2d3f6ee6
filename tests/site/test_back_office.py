"""The operator's back office: who comes in, what is shown, what can be changed, and what is written down of it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.conf import settings as configured
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client

from convergio.accounts import sessions
from convergio.accounts.client import Client as Device
from convergio.accounts.models import (
    ApiKey,
    LoginHistory,
    Passkey,
    TrustedDevice,
    User,
    UserSession,
    UserTwoFactor,
)
from convergio.billing.models import SubscriptionPlan, TokenPackage
from convergio.core.models import Activity
from convergio.core.tenancy import workspace_scope
from tests.cast import Person, make_person
from tests.jobs import run_jobs

pytestmark = pytest.mark.django_db

PAGES = (
    "/admin/",
    "/admin/accounts/",
    "/admin/accounts/user/",
    "/admin/accounts/workspace/",
    "/admin/billing/subscriptionplan/",
    "/admin/billing/tokenpackage/",
    "/admin/billing/tokenpurchase/",
    "/admin/billing/subscriptionorder/",
    "/admin/billing/subscriptionpayment/",
    "/admin/billing/tokenbalance/",
    "/admin/billing/tokenledgerentry/",
    "/admin/billing/gatewaydifference/",
    "/admin/core/inboundevent/",
    "/admin/procrastinate/procrastinatejob/",
    "/admin/admin/logentry/",
)
JOB = """
INSERT INTO procrastinate_jobs (queue_name, task_name, status, attempts, args, priority)
VALUES ('default', 'mail.draft_reply', %s, 8, '{"email_id": 7}', 0) RETURNING id
"""


@pytest.fixture
def operator(db: None) -> Person:
    """operator@convergio.test, who is staff."""
    person = make_person("operator")
    User.objects.filter(id=person.user.id).update(is_staff=True)
    return person


def signed_in(
    person: Person, *, second_factor: bool = True, fresh: bool = True, csrf: bool = False
) -> Client:
    """A browser whose session came with a second factor, a moment or an hour ago."""
    tokens = sessions.open_session(
        user_id=person.user.id,
        workspace_id=person.workspace.id,
        kind="browser",
        client=Device(ip="127.0.0.1", user_agent=""),
        second_factor=second_factor,
    )
    if not fresh:
        UserSession.objects.filter(user=person.user).update(authenticated_at="2020-01-01T00:00:00Z")
    client = Client(enforce_csrf_checks=csrf)
    client.cookies[configured.SESSION_COOKIE_NAME] = tokens.access
    return client


def user_page(user: User) -> str:
    return f"/admin/accounts/user/{user.id}/change/"


@pytest.mark.parametrize("path", PAGES)
def test_only_staff_with_a_second_factor_see_anything(
    path: str, operator: Person, owner: Person, teammate: Person
) -> None:
    assert signed_in(operator).get(path).status_code == 200
    for person in (owner, teammate):
        for verb in ("get", "post"):
            answer = getattr(signed_in(person), verb)(path)
            assert answer.status_code == 404
            assert b"back office" not in answer.content
    half = signed_in(operator, second_factor=False).get(path)
    assert half.status_code == 403
    assert b"two-step sign-in" in half.content
    assert b"owner@convergio.test" not in half.content
    nobody = Client().get(path)
    assert nobody["Location"].startswith("/login?next=%2Fadmin%2F")


def test_it_takes_a_browser(operator: Person, owner: Person) -> None:
    program = operator.program()
    UserSession.objects.update(second_factor=True)
    assert program.get("/admin/").status_code == 404
    made = owner.program().post(
        "/api/settings/security/api-keys", {"name": "n8n"}, content_type="application/json"
    )
    assert Client(headers={"X-API-Key": made.json()["key"]}).get("/admin/").status_code == 403


def test_a_closed_operator_is_out(operator: Person) -> None:
    client = signed_in(operator)
    User.objects.filter(id=operator.user.id).update(is_staff=False)
    assert client.get("/admin/").status_code == 404


def test_changes_take_a_fresh_sign_in(operator: Person, owner: Person) -> None:
    client = signed_in(operator, fresh=False)
    page = user_page(owner.user)
    assert client.get(page).status_code == 200
    answer = client.post(page, {"reason": "He asked by phone."})
    assert answer["Location"] == f"/confirm?next=%2Fadmin%2Faccounts%2Fuser%2F{owner.user.id}%2Fchange%2F"
    assert User.objects.get(id=owner.user.id).is_active


def test_it_has_no_sign_in_of_its_own(operator: Person) -> None:
    client = signed_in(operator)
    assert client.get("/admin/login/")["Location"] == "/login?next=%2Fadmin%2F"
    for path in ("logout", "password_change", "password_change/done"):
        assert client.post(f"/admin/{path}/").status_code == 404
    assert client.get("/admin")["Location"] == "/admin/"


def test_a_cookie_alone_changes_nothing(operator: Person, owner: Person) -> None:
    client = signed_in(operator, csrf=True)
    assert client.post(user_page(owner.user), {"reason": "x"}).status_code == 403
    page = client.get(user_page(owner.user)).content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert token
    body = {"reason": "Left the company.", "csrfmiddlewaretoken": token[1]}
    assert client.post(user_page(owner.user), body).status_code == 302
    assert not User.objects.get(id=owner.user.id).is_active


def test_closing_an_account_takes_a_reason(operator: Person, owner: Person) -> None:
    answer = signed_in(operator).post(user_page(owner.user), {"reason": "  "})
    assert answer.status_code == 200
    assert b"Say why." in answer.content
    assert User.objects.get(id=owner.user.id).is_active
    assert LogEntry.objects.count() == 0


def test_a_closed_account_is_signed_out_told_and_written_down(
    operator: Person, owner: Person, settings: Any, tmp_path: Any
) -> None:
    settings.DATA_DIR = tmp_path
    theirs, mine = owner.browser(), signed_in(operator)
    answer = mine.post(user_page(owner.user), {"reason": "Left the company."})
    assert answer["Location"] == "/admin/accounts/user/"
    assert theirs.get("/dashboard")["Location"].startswith("/login")
    entry = LogEntry.objects.get()
    assert (entry.user_id, entry.object_id) == (operator.user.id, str(owner.user.id))
    assert entry.change_message == "Closed: Left the company."
    note = LoginHistory.objects.get(user=owner.user, method="account_closed")
    assert (note.outcome, note.ip) == ("success", "127.0.0.1")
    with workspace_scope(owner.workspace.id):
        line = Activity.objects.get(action="operator.account_closed")
    assert (line.user_id, line.subject) == (operator.user.id, f"users:{owner.user.id}")
    assert line.facts == {"reason": "Left the company."}
    run_jobs()
    (letter,) = (tmp_path / "outbox").glob("*.eml")
    assert "To: owner@convergio.test" in letter.read_text()
    assert "Subject: Your account was closed" in letter.read_text()
    mine.post(user_page(owner.user), {"is_active": "on", "reason": "Came back."})
    assert User.objects.get(id=owner.user.id).is_active
    assert LogEntry.objects.latest("id").change_message == "Opened again: Came back."


def test_resetting_the_second_factor_removes_all_of_it(operator: Person, owner: Person) -> None:
    UserTwoFactor.objects.create(user=owner.user, secret=b"x", enabled_at="2026-01-01T00:00:00Z")
    Passkey.objects.create(user=owner.user, name="Key", credential_id=b"c", public_key=b"p")
    device = TrustedDevice.objects.create(user=owner.user, token_hash=b"t", expires_at="2099-01-01T00:00:00Z")
    theirs = owner.browser()
    body = {"is_active": "on", "reset_second_factor": "on", "reason": "Lost her phone; called back."}
    assert signed_in(operator).post(user_page(owner.user), body).status_code == 302
    assert not UserTwoFactor.objects.filter(user=owner.user).exists()
    assert not Passkey.objects.filter(user=owner.user).exists()
    device.refresh_from_db()
    assert device.revoked_at is not None
    assert theirs.get("/dashboard").status_code == 302
    assert User.objects.get(id=owner.user.id).is_active
    assert LogEntry.objects.get().change_message == "Second factor reset: Lost her phone; called back."
    assert LoginHistory.objects.filter(user=owner.user, method="second_factor_reset").count() == 1


def test_nobody_changes_their_own_account_or_makes_staff(operator: Person, owner: Person) -> None:
    client = signed_in(operator)
    answer = client.post(user_page(operator.user), {"reason": "Me."})
    assert answer.status_code == 409
    assert User.objects.get(id=operator.user.id).is_active
    client.post(user_page(owner.user), {"is_active": "on", "is_staff": "on", "email": "x@evil.example"})
    found = User.objects.get(id=owner.user.id)
    assert (found.is_staff, found.email) == (False, "owner@convergio.test")


def test_secrets_are_never_shown(operator: Person, owner: Person) -> None:
    owner.browser()
    made = owner.program().post(
        "/api/settings/security/api-keys", {"name": "n8n"}, content_type="application/json"
    )
    UserTwoFactor.objects.create(user=owner.user, secret=b"hidden-secret", backup_codes=["feedbeef"])
    client = signed_in(operator)
    secrets = [User.objects.get(id=owner.user.id).password, "hidden-secret", "feedbeef", made.json()["key"]]
    secrets += [bytes(one.token_hash).hex() for one in UserSession.objects.all()]
    secrets += [bytes(one.key_hash).hex() for one in ApiKey.objects.all()]
    pages = [*PAGES, user_page(owner.user), f"/admin/accounts/workspace/{owner.workspace.id}/change/"]
    for path in [*pages, f"/admin/accounts/user/{owner.user.id}/history/"]:
        page = client.get(path)
        assert page.status_code == 200, path
        assert not [secret for secret in secrets if secret in page.content.decode()], path


@pytest.mark.parametrize(
    "guess",
    [
        "password__startswith=argon2",
        "sessions__token_hash__isnull=False",
        "two_factor__enabled_at__isnull=False",
        "api_keys__prefix__startswith=cai_",
    ],
)
def test_hidden_columns_cannot_be_guessed_by_filter(guess: str, operator: Person, owner: Person) -> None:
    answer = signed_in(operator).get(f"/admin/accounts/user/?{guess}")
    assert answer.status_code in {302, 400}
    assert b"owner@convergio.test" not in answer.content


def test_its_own_filters_work(operator: Person, owner: Person) -> None:
    client = signed_in(operator)
    page = client.get("/admin/accounts/user/?is_staff__exact=1").content.decode()
    assert operator.user.email in page
    assert owner.user.email not in page
    assert owner.user.email in client.get("/admin/accounts/user/?q=owner").content.decode()


def test_nothing_is_deleted_and_no_account_is_made(operator: Person, owner: Person) -> None:
    client = signed_in(operator)
    for path in PAGES[2:]:
        rows = {"action": "delete_selected", "_selected_action": "1", "post": "yes"}
        client.post(path, rows)
    for path in (f"accounts/user/{owner.user.id}/delete", f"accounts/workspace/{owner.workspace.id}/delete"):
        assert client.post(f"/admin/{path}/", {"post": "yes"}).status_code == 403
    for path in ("accounts/user", "accounts/workspace", "procrastinate/procrastinatejob", "admin/logentry"):
        assert client.get(f"/admin/{path}/add/").status_code == 403
    assert User.objects.filter(id=owner.user.id).exists()


def test_what_workspaces_own_is_not_there(operator: Person) -> None:
    client = signed_in(operator)
    for path in ("mail/email", "work/task", "ai/knowledgedocument", "core/activity", "accounts/usersession"):
        assert client.get(f"/admin/{path}/").status_code == 404


def test_plans_and_packages_are_made_changed_and_logged(operator: Person) -> None:
    client = signed_in(operator)
    plan = {
        "slug": "team",
        "name": "Team",
        "price": "99900",
        "currency": "INR",
        "monthly_tokens": "5",
        "is_active": "on",
    }
    assert client.post("/admin/billing/subscriptionplan/add/", plan).status_code == 302
    made = SubscriptionPlan.objects.get(slug="team")
    assert (made.price, made.monthly_emails) == (99900, None)
    path = f"/admin/billing/subscriptionplan/{made.id}/change/"
    assert (
        client.post(path, {**plan, "slug": "other", "price": "89900", "monthly_emails": "10"}).status_code
        == 302
    )
    made.refresh_from_db()
    assert (made.slug, made.price, made.monthly_emails) == ("team", 89900, 10)
    package = {
        "slug": "pack",
        "name": "Pack",
        "tokens": "5",
        "bonus_tokens": "0",
        "price": "1",
        "currency": "INR",
    }
    assert client.post("/admin/billing/tokenpackage/add/", package).status_code == 302
    assert not TokenPackage.objects.get(slug="pack").is_active
    assert [entry.user_id for entry in LogEntry.objects.all()] == [operator.user.id] * 3
    assert "Team" in client.get("/admin/billing/subscriptionplan/").content.decode()


def test_failed_jobs_are_seen_and_run_again(operator: Person) -> None:
    with connection.cursor() as cursor:
        ids = {}
        for status in ("failed", "succeeded"):
            cursor.execute(JOB, [status])
            ids[status] = cursor.fetchone()[0]
    client = signed_in(operator)
    jobs = "/admin/procrastinate/procrastinatejob/"
    page = client.get(f"{jobs}?status__exact=failed").content.decode()
    assert "mail.draft_reply" in page
    assert f"{jobs}{ids['succeeded']}/change/" not in page
    assert client.get(f"{jobs}{ids['failed']}/change/").status_code == 200
    body = {"action": "run_again", "_selected_action": [str(one) for one in ids.values()]}
    answer = client.post(jobs, body, follow=True)
    assert "1 jobs will run again." in answer.content.decode()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT status FROM procrastinate_jobs WHERE id = ANY(%s) ORDER BY id", [list(ids.values())]
        )
        assert [status for (status,) in cursor.fetchall()] == ["todo", "succeeded"]
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.change_message) == (str(ids["failed"]), "Run again")


def test_notes_travel_in_a_guarded_cookie(operator: Person, owner: Person, settings: Any) -> None:
    settings.SESSION_COOKIE_SECURE = True
    answer = signed_in(operator).post(user_page(owner.user), {"is_active": "on"})
    cookie = answer.cookies["convergio_notes"]
    assert (cookie["httponly"], cookie["secure"], cookie["samesite"]) == (True, True, "Lax")
    forged = signed_in(operator)
    forged.cookies["convergio_notes"] = cookie.value[:-3] + "abc"
    assert forged.get("/admin/").status_code == 200


def test_its_files_come_from_this_server(operator: Person) -> None:
    page = signed_in(operator).get("/admin/accounts/user/").content.decode()
    files = set(re.findall(r'(?:href|src)="(/static/admin/[^"]+)"', page))
    assert len(files) > 5
    for path in files:
        answer = Client().get(path)
        assert answer.status_code == 200, path
        answer.close()
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\bsrc=)", page)
