"""Mail to people about their own sign-in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from convergio.accounts.models import LoginHistory
from tests.accounts.two_step import FIREFOX, SAFARI, SECURITY, bearer, log_in, mails, post, switch_on
from tests.cast import PASSWORD, Person
from tests.jobs import run_jobs

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def outbox(settings: Any, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path
    settings.SYSTEM_SMTP_URL = ""
    return tmp_path / "outbox"


def told(outbox: Path) -> list[str]:
    """The subjects of what was mailed since the last time one asked."""
    run_jobs()
    found = [message["Subject"] for message in mails(outbox)]
    for path in outbox.glob("*.eml"):
        path.unlink()
    return found


def sign_in_from(person: Person, ip: str, agent: str) -> int:
    body = {"email": person.user.email, "password": PASSWORD}
    answer = post(Client(), "/api/auth/login", body, REMOTE_ADDR=ip, headers={"User-Agent": agent})
    return int(answer.status_code)


def test_switching_on_and_off_is_mailed(owner: Person, outbox: Path) -> None:
    app = switch_on(owner)
    assert told(outbox) == ["Two-step sign-in is on"]
    with app.code() as code:
        body = {"password": PASSWORD, "code": code}
        assert post(owner.program(), f"{SECURITY}/2fa/backup-codes", body).status_code == 200
    assert told(outbox) == ["New recovery codes"]
    with app.code() as code:
        body = {"password": PASSWORD, "code": code}
        assert post(owner.program(), f"{SECURITY}/2fa/disable", body).status_code == 200
    assert told(outbox) == ["Two-step sign-in is off"]


def test_a_refused_change_is_not_mailed(owner: Person, outbox: Path) -> None:
    switch_on(owner)
    told(outbox)
    body = {"password": PASSWORD, "code": "000000"}
    post(owner.program(), f"{SECURITY}/2fa/disable", body)
    assert told(outbox) == []


def test_a_used_recovery_code_is_mailed_with_how_many_are_left(owner: Person, outbox: Path) -> None:
    codes = switch_on(owner).backup_codes
    run_jobs()
    for number, code in enumerate(codes[:7]):
        assert log_in(owner, backup_code=code).status_code == 200
        run_jobs()
        message = mails(outbox)[-1]
        assert message["Subject"] == "A recovery code was used"
        text = message.get_content()
        assert f"{9 - number} of 10 are left" in text
        assert ("Make new ones" in text) is (9 - number <= 3)
        assert not any(one in text for one in codes)


def test_a_recovery_code_that_proved_a_change_is_mailed_too(owner: Person, outbox: Path) -> None:
    codes = switch_on(owner).backup_codes
    told(outbox)
    body = {"password": PASSWORD, "backup_code": codes[0]}
    answer = post(owner.program(), "/api/auth/confirm", body)
    assert bearer(answer.json()["token"]).get("/api/auth/me").status_code == 200
    assert told(outbox) == ["A recovery code was used"]


def test_a_new_device_or_network_is_mailed_and_the_first_one_is_not(owner: Person, outbox: Path) -> None:
    assert sign_in_from(owner, "203.0.113.24", FIREFOX) == 200
    assert told(outbox) == []
    assert sign_in_from(owner, "203.0.113.99", FIREFOX) == 200  # the same network
    assert told(outbox) == []
    assert sign_in_from(owner, "203.0.113.24", SAFARI) == 200
    assert told(outbox) == ["A sign-in from a new device"]
    assert sign_in_from(owner, "198.51.100.7", FIREFOX) == 200
    run_jobs()
    (message,) = mails(outbox)
    text = message.get_content()
    assert message["To"] == owner.user.email
    assert "198.51.100.7" in text
    assert "Firefox on Linux" in text
    assert "(Asia/Kolkata)" in text


def test_a_known_device_with_a_newer_browser_is_no_news(owner: Person, outbox: Path) -> None:
    sign_in_from(owner, "2001:db8:1:2::1", FIREFOX)
    sign_in_from(owner, "2001:db8:1:3::2", FIREFOX.replace("130.0", "131.0"))
    assert told(outbox) == []


def test_what_strangers_do_makes_no_device_known(owner: Person, outbox: Path) -> None:
    sign_in_from(owner, "203.0.113.24", FIREFOX)
    stranger = {"REMOTE_ADDR": "192.0.2.66", "headers": {"User-Agent": SAFARI}}
    post(Client(), "/api/auth/password-reset", {"email": owner.user.email}, **stranger)
    wrong = {"email": owner.user.email, "password": "wrong"}
    post(Client(), "/api/auth/login", wrong, **stranger)
    assert told(outbox) == ["Your new password"]
    assert LoginHistory.objects.filter(user=owner.user, ip="192.0.2.66", outcome="success").exists()
    sign_in_from(owner, "192.0.2.66", SAFARI)
    assert told(outbox) == ["A sign-in from a new device"]


def test_other_peoples_devices_are_not_known(owner: Person, outsider: Person, outbox: Path) -> None:
    sign_in_from(outsider, "198.51.100.7", SAFARI)
    sign_in_from(owner, "203.0.113.24", FIREFOX)
    assert told(outbox) == []
    sign_in_from(owner, "198.51.100.7", SAFARI)
    assert told(outbox) == ["A sign-in from a new device"]
