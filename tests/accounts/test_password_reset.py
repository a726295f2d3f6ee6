"""The mailed single-use link."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from convergio.accounts.models import LoginHistory, OneTimeLink, UserSession
from convergio.accounts.password_reset import mail_link
from tests.cast import PASSWORD, Person, make_person
from tests.jobs import run_jobs

NEW = "another long one"


@pytest.fixture(autouse=True)
def outbox(settings: Any, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path
    settings.SYSTEM_SMTP_URL = ""
    return tmp_path / "outbox"


def post(path: str, body: dict[str, str]) -> Any:
    return Client().post(f"/api/auth/{path}", body, content_type="application/json")


def link_token(outbox: Path) -> str:
    (path,) = outbox.glob("*.eml")
    message = message_from_bytes(path.read_bytes(), policy=policy.default)
    found = re.search(r"http://testserver/reset/confirm\?token=(\S+)", message.get_content())
    assert found is not None
    return found[1]


def ask_for_link(person: Person, outbox: Path) -> str:
    assert post("password-reset", {"email": person.user.email}).status_code == 200
    run_jobs()
    return link_token(outbox)


@pytest.mark.django_db
def test_the_link_sets_a_password_once_and_ends_all_sessions(owner: Person, outbox: Path) -> None:
    client = owner.program()
    token = ask_for_link(owner, outbox)
    assert post("password-reset/confirm", {"token": token, "password": NEW}).status_code == 200
    assert client.get("/api/auth/me").status_code == 401
    assert post("login", {"email": owner.user.email, "password": NEW}).status_code == 200
    assert post("login", {"email": owner.user.email, "password": PASSWORD}).status_code == 401
    again = post("password-reset/confirm", {"token": token, "password": NEW})
    assert (again.status_code, again.json()["code"]) == (400, "invalid_link")
    methods = LoginHistory.objects.filter(user=owner.user, outcome="success").values_list("method", flat=True)
    assert {"reset_request", "reset"} <= set(methods)


@pytest.mark.django_db
def test_the_notice_is_marked_as_sent_by_a_machine(owner: Person, outbox: Path) -> None:
    ask_for_link(owner, outbox)
    (path,) = outbox.glob("*.eml")
    message = message_from_bytes(path.read_bytes(), policy=policy.default)
    assert (message["To"], message["Auto-Submitted"]) == (owner.user.email, "auto-generated")


@pytest.mark.django_db
def test_the_answer_is_the_same_for_nobody_and_does_the_same_work(
    owner: Person, outbox: Path, django_assert_num_queries: Any
) -> None:
    answers = []
    for email in (owner.user.email, "nobody@convergio.test"):
        with django_assert_num_queries(6):
            answers.append(post("password-reset", {"email": email}))
    assert answers[0].content == answers[1].content
    run_jobs()
    assert len(list(outbox.glob("*.eml"))) == 1


@pytest.mark.django_db
def test_a_password_that_is_too_short_does_not_spend_the_link(owner: Person, outbox: Path) -> None:
    token = ask_for_link(owner, outbox)
    short = post("password-reset/confirm", {"token": token, "password": "short"})
    assert (short.status_code, short.json()["field"]) == (400, "password")
    assert post("password-reset/confirm", {"token": token, "password": NEW}).status_code == 200


@pytest.mark.django_db
def test_an_old_link_does_not_work(owner: Person, outbox: Path) -> None:
    token = ask_for_link(owner, outbox)
    OneTimeLink.objects.update(expires_at="2020-01-01T00:00:00Z")
    assert post("password-reset/confirm", {"token": token, "password": NEW}).status_code == 400
    page = Client().get("/reset/confirm", {"token": token})
    assert b"This link no longer works" in page.content


@pytest.mark.django_db
def test_links_can_be_asked_for_only_so_often(owner: Person) -> None:
    statuses = [post("password-reset", {"email": owner.user.email}).status_code for _ in range(7)]
    assert statuses == [200] * 6 + [429]


@pytest.mark.django_db
def test_the_pages_do_the_same_without_script(owner: Person, outbox: Path) -> None:
    browser = Client()
    page = browser.post("/reset", {"email": owner.user.email})
    assert b"a link is on its way" in page.content
    run_jobs()
    address = f"/reset/confirm?token={link_token(outbox)}"
    assert b"New password" in browser.get(address).content
    assert b"You have 5" in browser.post(address, {"password": "short"}).content
    assert browser.post(address, {"password": NEW})["Location"] == "/login"
    assert browser.post(address, {"password": NEW}).status_code == 400


def _spend(token: str) -> int:
    try:
        status: int = post("password-reset/confirm", {"token": token, "password": NEW}).status_code
        return status
    finally:
        connection.close()


def test_of_parallel_uses_of_one_link_exactly_one_works(committed: None, outbox: Path) -> None:
    person = make_person("owner")
    person.program()
    attempt = LoginHistory.objects.create(email=person.user.email, method="reset_request", outcome="success")
    mail_link(attempt.id)
    token = link_token(outbox)
    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(_spend, [token] * 8))
    assert statuses == [200] + [400] * 7
    assert not UserSession.objects.filter(revoked_at=None).exists()
