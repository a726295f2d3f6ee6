"""Over the whole URL map: every answer, whoever asks and whatever it says, carries the headers that protect it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.cast import Person
from tests.site.foreign import FIELDS, FORMS, make
from tests.site.url_map import Operation, api_operations, pages

pytestmark = pytest.mark.django_db

ADDRESSES = [*api_operations(), *pages()]
# The one page that others of ours may frame, with styles of its own: a mail (tests/mail/test_frame.py).
FRAME = "/dashboard/commboost/emails/{email_id}/body"
OTHERS = ["/nothing/here", "/api/nothing/here", "/static/css/app.css", "/static/nothing.css", "/api/events"]


def directives(policy: str) -> dict[str, str]:
    parts = (part.strip().partition(" ") for part in policy.split(";"))
    return {name: value for name, _, value in parts}


def assert_protected(answer: Any, where: str) -> None:
    headers = answer.headers
    policy = directives(headers["Content-Security-Policy"])
    assert headers["X-Content-Type-Options"] == "nosniff", where
    assert headers["Referrer-Policy"] == "same-origin", where
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin", where
    assert headers["Cross-Origin-Resource-Policy"] in {"same-origin", "cross-origin"}, where
    assert "camera=()" in headers["Permissions-Policy"], where
    assert "publickey-credentials-get=(self)" in headers["Permissions-Policy"], where
    assert headers["Cache-Control"], where
    assert "unsafe-eval" not in headers["Content-Security-Policy"], where
    assert "unsafe-inline" not in policy.get("script-src", policy["default-src"]), where
    if answer.status_code == 200 and where.endswith(FRAME):
        assert policy["frame-ancestors"] == "'self'"
    else:
        assert policy["frame-ancestors"] == "'none'", where
        assert "unsafe" not in headers["Content-Security-Policy"], where


@pytest.mark.parametrize("operation", ADDRESSES, ids=str)
def test_every_answer_is_protected(operation: Operation, owner: Person) -> None:
    values = {name: make(FIELDS[name], owner) for name in operation.parameters}
    for client in (Client(), owner.browser()):
        answer = operation.send(client, values, **FORMS.get(operation.path, {}))
        assert_protected(answer, str(operation))


@pytest.mark.parametrize("path", OTHERS)
def test_what_stands_in_no_map_is_protected_too(path: str, owner: Person) -> None:
    answer = owner.browser().put(path) if path == "/api/events" else owner.browser().get(path)
    assert_protected(answer, path)
    answer.close()


def test_the_frame_of_a_mail_is_among_them() -> None:
    assert FRAME in {operation.path for operation in ADDRESSES}


@pytest.mark.parametrize(
    ("subdomains", "expected"),
    [(True, "max-age=31536000; includeSubDomains"), (False, "max-age=31536000")],
)
@pytest.mark.parametrize("path", ["/login", "/api/health", "/static/css/app.css", "/nothing"])
def test_https_is_asked_for_under_https_alone(
    path: str, subdomains: bool, expected: str, settings: Any
) -> None:
    plain = Client().get(path)
    assert "Strict-Transport-Security" not in plain
    settings.HTTPS, settings.HSTS_SUBDOMAINS = True, subdomains
    secured = Client().get(path)
    assert secured["Strict-Transport-Security"] == expected
    for answer in (plain, secured):
        answer.close()


def test_an_api_answer_opened_as_a_page_has_no_origin(owner: Person) -> None:
    policy = directives(owner.browser().get("/api/tasks")["Content-Security-Policy"])
    assert policy == {"default-src": "'none'", "sandbox": "", "frame-ancestors": "'none'"}
