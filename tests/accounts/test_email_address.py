"""Proving an address by a mailed link, and changing it at both ends."""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from convergio.accounts.models import LoginHistory, OneTimeLink, User
from convergio.core import sql
from tests.cast import Person
from tests.jobs import run_jobs

pytestmark = pytest.mark.django_db
NEW = "priya.new@convergio.test"


@pytest.fixture(autouse=True)
def outbox(settings: Any, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path
    settings.SYSTEM_SMTP_URL = ""
    return tmp_path / "outbox"


def mailed(outbox: Path) -> dict[str, str]:
    """Recipient to the token in their newest mail ("" when it holds no link)."""
    run_jobs()
    found = {}
    for path in sorted(outbox.glob("*.eml"), key=lambda path: path.stat().st_mtime_ns):
        message = message_from_bytes(path.read_bytes(), policy=policy.default)
        link = re.search(r"http://testserver/verify\?token=(\S+)", message.get_content())
        found[message["To"]] = link[1] if link else ""
    return found


def post(path: str, body: dict[str, str], client: Client | None = None) -> Any:
    return (client or Client()).post(path, body, content_type="application/json")


def is_verified(person: Person) -> bool:
    return User.objects.filter(id=person.user.id).exclude(email_verified_at=None).exists()


def verify(token: str) -> tuple[int, str]:
    answer = post("/api/auth/email/verify", {"token": token})
    return answer.status_code, answer.json().get("status") or answer.json()["code"]


def ask_for_change(person: Person, outbox: Path, new: str = NEW) -> dict[str, str]:
    answer = post("/api/settings/profile/email", {"email": new}, person.program())
    assert answer.status_code == 200
    return mailed(outbox)


def test_a_new_account_proves_its_address_once(outbox: Path) -> None:
    body = {"email": "new@convergio.test", "password": "a long enough one", "name": "Nia"}
    token = post("/api/auth/register", body).json()["token"]
    link = mailed(outbox)["new@convergio.test"]
    client = Client(headers={"Authorization": f"Bearer {token}"})
    assert client.get("/api/auth/me").json()["email_verified_at"] is None
    assert verify(link) == (200, "ok")
    assert client.get("/api/auth/me").json()["email_verified_at"] is not None
    assert verify(link) == (400, "invalid_link")
    assert LoginHistory.objects.filter(method="verify_email", outcome="success").count() == 1


def test_opening_the_link_confirms_nothing_but_its_button_does(owner: Person, outbox: Path) -> None:
    assert post("/api/auth/email/verification", {}, owner.program()).status_code == 200
    address = f"/verify?token={mailed(outbox)[owner.user.email]}"
    assert b"Is owner@convergio.test your address?" in Client().get(address).content
    assert not is_verified(owner)
    assert b"Address confirmed" in Client().post(address).content
    assert is_verified(owner)
    assert Client().get(address).status_code == 400


def test_an_expired_link_confirms_nothing(owner: Person, outbox: Path) -> None:
    post("/api/auth/email/verification", {}, owner.program())
    link = mailed(outbox)[owner.user.email]
    sql.execute("UPDATE one_time_links SET expires_at = statement_timestamp() - interval '1 second'")
    assert verify(link) == (400, "invalid_link")


@pytest.mark.parametrize("first", ["owner@convergio.test", NEW])
def test_an_address_changes_when_both_ends_confirmed(owner: Person, outbox: Path, first: str) -> None:
    links = ask_for_change(owner, outbox)
    second = ({*links} - {first}).pop()
    assert verify(links[first]) == (200, "waiting")
    owner.user.refresh_from_db()
    assert owner.user.email == "owner@convergio.test"
    assert verify(links[second]) == (200, "ok")
    owner.user.refresh_from_db()
    assert (owner.user.email, owner.user.email_verified_at is not None) == (NEW, True)
    assert mailed(outbox)["owner@convergio.test"] == ""  # told that it signs nobody in any more
    assert verify(links[second]) == (400, "invalid_link")


def test_a_new_wish_ends_the_links_of_the_one_before(owner: Person, outbox: Path) -> None:
    before = ask_for_change(owner, outbox)
    ask_for_change(owner, outbox, "third@convergio.test")
    assert verify(before[NEW]) == (400, "invalid_link")
    assert verify(before[owner.user.email]) == (400, "invalid_link")
    owner.user.refresh_from_db()
    assert owner.user.email == "owner@convergio.test"


def test_nobody_learns_that_the_new_address_has_an_account(
    owner: Person, outsider: Person, outbox: Path
) -> None:
    links = ask_for_change(owner, outbox, outsider.user.email)
    assert links[outsider.user.email] == ""  # a sentence, and no link
    assert verify(links[owner.user.email]) == (200, "waiting")
    assert User.objects.filter(email=outsider.user.email).get().id == outsider.user.id


def test_an_address_taken_meanwhile_is_not_changed_to(owner: Person, outbox: Path) -> None:
    links = ask_for_change(owner, outbox)
    verify(links[NEW])
    User.objects.create(email=NEW, password="!")
    assert verify(links[owner.user.email]) == (400, "invalid_link")
    owner.user.refresh_from_db()
    assert owner.user.email == "owner@convergio.test"
    assert OneTimeLink.objects.filter(purpose="email_change_old", used_at=None).count() == 1


def test_a_change_takes_a_fresh_sign_in_and_a_usable_address(owner: Person) -> None:
    client = owner.program()
    for bad, code in ((owner.user.email, "invalid_email"), ("nobody", "invalid_email")):
        answer = post("/api/settings/profile/email", {"email": bad}, client)
        assert (answer.status_code, answer.json()["code"]) == (400, code)
    sql.execute("UPDATE user_sessions SET authenticated_at = now() - interval '1 hour'")
    refused = post("/api/settings/profile/email", {"email": NEW}, client)
    assert (refused.status_code, refused.json()["code"]) == (403, "fresh_sign_in_required")


def test_the_profile_page_says_whether_the_address_is_confirmed(owner: Person, outbox: Path) -> None:
    browser = owner.browser()
    page = browser.get("/dashboard/settings/profile").content.decode()
    assert "Not confirmed" in page
    assert browser.post("/dashboard/settings/profile/verify").status_code == 302
    assert verify(mailed(outbox)[owner.user.email]) == (200, "ok")
    assert "Not confirmed" not in browser.get("/dashboard/settings/profile").content.decode()
    wrong = browser.post("/dashboard/settings/profile/email", {"email": "no address"})
    assert wrong.status_code == 422
    assert b"Enter an address like" in wrong.content
    assert browser.post("/dashboard/settings/profile/email", {"email": NEW}).status_code == 302
    assert set(mailed(outbox)) == {owner.user.email, NEW}


def test_asking_again_and_again_is_throttled(owner: Person) -> None:
    client = owner.program()
    answers = [post("/api/auth/email/verification", {}, client).status_code for _ in range(7)]
    assert answers[:5] == [200] * 5
    assert answers[-1] == 429


@pytest.mark.parametrize(
    ("password", "sentence"),
    [
        ("1234567890", "most used"),
        ("Password123", "most used"),
        ("new.person12", "little more than your name"),
        ("Nia Convergio1", "little more than your name"),
        # What is over a megabyte is refused unread: tests/site/test_request_limits.py
        ("x" * 900_000, "256 characters or fewer"),
    ],
)
def test_passwords_that_others_would_try_first_are_refused(password: str, sentence: str) -> None:
    body = {"email": "new.person@convergio.test", "password": password, "name": "Nia"}
    answer = post("/api/auth/register", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_password")
    assert sentence in answer.json()["error"]
    assert not User.objects.exists()
