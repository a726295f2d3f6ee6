"""Browsers that are trusted for 30 days: what they skip, what ends it, and that strangers cannot lock them out."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from convergio.accounts import throttles
from convergio.accounts.models import LoginThrottle, TrustedDevice, UserSession
from convergio.accounts.trusted_devices import TRUST_LIFE
from convergio.core import sql
from tests.accounts.two_step import (
    FIREFOX,
    SECURITY,
    App,
    answered,
    last_lines,
    log_in,
    log_in_by_page,
    post,
    switch_on,
)
from tests.cast import PASSWORD, Person
from tests.jobs import run_jobs

pytestmark = pytest.mark.django_db
COOKIE = "convergio_trusted"
NEW = "another long one"


@pytest.fixture
def app(owner: Person) -> App:
    return switch_on(owner)


@pytest.fixture
def trusted(owner: Person, app: App) -> Client:
    """A browser that signed in with a code, asked to be trusted, and is signed in."""
    client = Client(headers={"User-Agent": FIREFOX})
    assert log_in_by_page(client, owner)["Location"] == "/login/code"
    with app.code() as code:
        answer = client.post("/login/code", {"code": code, "trust": "on"})
    assert (answer.status_code, answer["Location"]) == (302, "/dashboard")
    cookie = answer.cookies[COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", 30 * 86400)
    return client


def needs_code(client: Client, person: Person, password: str = PASSWORD) -> bool:
    """Whether signing in with the password leads to the second step."""
    return bool(log_in_by_page(client, person, password=password)["Location"] == "/login/code")


def current_session(client: Client) -> int:
    sessions = client.get(f"{SECURITY}/sessions").json()
    return int(next(session["id"] for session in sessions if session["current"]))


def test_the_password_alone_signs_in_there_and_nowhere_else(owner: Person, trusted: Client) -> None:
    trusted.post("/logout")
    assert not needs_code(trusted, owner)
    assert last_lines() == [("trusted_device", "success", "")]
    assert UserSession.objects.latest("id").second_factor
    assert needs_code(Client(), owner)
    answer = log_in_by_page(trusted, owner, password="wrong")
    assert answer.status_code == 401


def test_it_is_no_fresh_sign_in(owner: Person, trusted: Client) -> None:
    trusted.post("/logout")
    log_in_by_page(trusted, owner)
    assert answered(post(trusted, f"{SECURITY}/2fa/setup")) == (403, "fresh_sign_in_required")


def test_without_the_tick_nothing_is_trusted(owner: Person, app: App) -> None:
    client = Client()
    log_in_by_page(client, owner)
    with app.code() as code:
        assert COOKIE not in client.post("/login/code", {"code": code}).cookies
    assert not TrustedDevice.objects.exists()


def test_a_tampered_and_a_foreign_cookie_are_worth_nothing(
    owner: Person, outsider: Person, trusted: Client
) -> None:
    value = trusted.cookies[COOKIE].value
    switch_on(outsider)
    assert needs_code(trusted, outsider)
    for other in (value[:-1] + ("a" if value[-1] != "a" else "b"), "x" * 5000, "é\0"):
        client = Client()
        client.cookies[COOKIE] = other
        assert needs_code(client, owner)


def test_the_trust_ends_after_thirty_days(owner: Person, trusted: Client) -> None:
    device = TrustedDevice.objects.get()
    assert abs(device.expires_at - datetime.now(UTC) - TRUST_LIFE) < timedelta(minutes=2)
    trusted.post("/logout")
    sql.execute("UPDATE trusted_devices SET expires_at = statement_timestamp() - interval '1 second'")
    assert needs_code(trusted, owner)


def test_signing_out_keeps_the_trust_and_the_device_follows_its_new_session(
    owner: Person, trusted: Client
) -> None:
    first = current_session(trusted)
    trusted.post("/logout")
    log_in_by_page(trusted, owner)
    second = current_session(trusted)
    assert second != first
    assert owner.program().delete(f"{SECURITY}/sessions/{second}").status_code == 204
    assert needs_code(trusted, owner)


def change_password(owner: Person, client: Client) -> None:
    post(client, f"{SECURITY}/password", {"current_password": PASSWORD, "new_password": NEW})


def revoke_session(owner: Person, client: Client) -> None:
    owner.program().delete(f"{SECURITY}/sessions/{current_session(client)}")


def revoke_others(owner: Person, client: Client) -> None:
    client.post("/logout")  # even a browser that has no session now
    owner.browser().post("/dashboard/settings/security/sessions/revoke-others")


def remove_device(owner: Person, client: Client) -> None:
    (device,) = client.get(f"{SECURITY}/trusted-devices").json()
    assert (device["device"], device["current"]) == ("Firefox on Linux", True)
    assert client.delete(f"{SECURITY}/trusted-devices/{device['id']}").status_code == 204
    assert client.get(f"{SECURITY}/trusted-devices").json() == []


@pytest.mark.parametrize(
    ("end", "password"),
    [
        (change_password, NEW),
        (revoke_session, PASSWORD),
        (revoke_others, PASSWORD),
        (remove_device, PASSWORD),
    ],
)
def test_the_trust_ends_with(owner: Person, trusted: Client, end: Any, password: str) -> None:
    end(owner, trusted)
    assert needs_code(trusted, owner, password)
    assert TrustedDevice.objects.get().revoked_at is not None


def test_the_trust_ends_with_two_step_sign_in_and_does_not_come_back(
    owner: Person, app: App, trusted: Client
) -> None:
    with app.code() as code:
        form = {"password": PASSWORD, "code": code}
        trusted.post("/dashboard/settings/security/2fa/disable", form)
    switch_on(owner)
    assert needs_code(trusted, owner)


def test_a_password_reset_ends_the_trust(
    owner: Person, trusted: Client, settings: Any, tmp_path: Any
) -> None:
    settings.DATA_DIR = tmp_path
    post(Client(), "/api/auth/password-reset", {"email": owner.user.email})
    run_jobs()
    letters = "".join(path.read_text() for path in (tmp_path / "outbox").glob("*.eml"))
    (token,) = re.findall(r"token=([\w-]{43})", letters.replace("=\n", "").replace("=3D", "="))
    body = {"token": token, "password": NEW}
    assert post(Client(), "/api/auth/password-reset/confirm", body).status_code == 200
    assert needs_code(trusted, owner, NEW)


def test_the_page_lists_trusted_browsers_and_removes_them(owner: Person, trusted: Client) -> None:
    page = trusted.get("/dashboard/settings/security").content.decode()
    assert "Trusted until" in page
    (path,) = re.findall(r'action="(/dashboard/settings/security/trusted-devices/\d+/remove)"', page)
    assert trusted.post(path)["Location"].endswith("done=device")
    assert "Trusted until" not in trusted.get("/dashboard/settings/security").content.decode()


def block_account(person: Person) -> None:
    for number in range(6):
        assert log_in(person, "wrong", ip=f"192.0.2.{number}").status_code == 401
    assert log_in(person, ip="192.0.2.99").status_code == 429


def test_strangers_do_not_lock_the_owner_out_of_a_trusted_browser(owner: Person, trusted: Client) -> None:
    trusted.post("/logout")
    block_account(owner)
    assert not needs_code(trusted, owner)
    assert log_in(owner, ip="192.0.2.98").status_code == 429  # for the strangers it stays closed


def test_a_trusted_browser_has_a_counter_of_its_own(owner: Person, trusted: Client) -> None:
    statuses = [log_in_by_page(trusted, owner, password="wrong").status_code for _ in range(8)]
    assert statuses == [401] * 6 + [429] * 2
    assert log_in(owner, ip="192.0.2.97").status_code == 401  # the account itself is not blocked
    assert LoginThrottle.objects.get(key__startswith="login:device:").failures == throttles.FREE + 1


def test_a_trusted_cookie_opens_no_other_accounts_block(
    owner: Person, outsider: Person, trusted: Client
) -> None:
    block_account(outsider)
    assert log_in_by_page(trusted, outsider).status_code == 429


def test_strangers_do_not_keep_the_signed_in_owner_from_changing_the_password(owner: Person) -> None:
    client = owner.program()
    block_account(owner)
    body = {"current_password": PASSWORD, "new_password": NEW}
    assert post(client, f"{SECURITY}/password", body).status_code == 200
