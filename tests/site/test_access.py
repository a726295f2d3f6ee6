"""Over the whole URL map: who may ask at all, and what a cookie alone may not do."""

from __future__ import annotations

import pytest
from django.test import Client

from convergio.site.access import is_public
from tests.cast import Person
from tests.site.url_map import UNSAFE, Operation, api_operations, pages

pytestmark = pytest.mark.django_db

OPERATIONS = api_operations()
PAGES = pages()
PUBLIC = {
    "GET /api/health",
    "POST /api/auth/register",
    "POST /api/auth/login",
    "POST /api/auth/refresh",
    "POST /api/auth/password-reset",
    "POST /api/auth/password-reset/confirm",
    "POST /api/auth/email/verify",
}
PICTURE = "/mail-images/{workspace_id}/{email_id}/{number}/{expires}/{signature}"
PUBLIC_PAGES = {"/", "/login", "/register", "/reset", "/reset/confirm", "/verify", PICTURE}


def anything(operation: Operation) -> dict[str, int]:
    return dict.fromkeys(operation.parameters, 1)


def test_exactly_these_operations_are_public() -> None:
    assert {str(operation) for operation in OPERATIONS if operation.public} == PUBLIC
    assert {str(operation) for operation in OPERATIONS if is_public(operation.path)} == PUBLIC
    assert {page.path for page in PAGES if is_public(page.path)} == PUBLIC_PAGES


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if str(one) not in PUBLIC], ids=str)
def test_nobody_gets_401(operation: Operation) -> None:
    answer = operation.send(Client(), anything(operation))
    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")


@pytest.mark.parametrize("page", [one for one in PAGES if one.path not in PUBLIC_PAGES], ids=str)
def test_nobody_is_sent_to_sign_in(page: Operation) -> None:
    answer = page.send(Client(), anything(page))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/login")


@pytest.mark.parametrize(
    "operation", [one for one in OPERATIONS if one.verb in UNSAFE and str(one) not in PUBLIC], ids=str
)
def test_a_cookie_alone_changes_nothing_over_rest(operation: Operation, owner: Person) -> None:
    answer = operation.send(owner.browser(csrf=True), anything(operation))
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")


@pytest.mark.parametrize("page", [one for one in PAGES if one.verb == "post"], ids=str)
def test_a_cookie_alone_changes_nothing_by_page(page: Operation, owner: Person) -> None:
    assert page.send(owner.browser(csrf=True), anything(page)).status_code == 403


def test_a_cookie_with_the_token_does(owner: Person) -> None:
    client = owner.browser(csrf=True)
    client.get("/login")
    token = client.cookies["csrftoken"].value
    answer = client.patch(
        "/api/settings/profile",
        {"name": "By cookie"},
        content_type="application/json",
        headers={"X-CSRFToken": token},
    )
    assert (answer.status_code, answer.json()["name"]) == (200, "By cookie")
