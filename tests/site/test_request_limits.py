"""What is refused by its headers: foreign host names, and bodies larger than their address takes."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from convergio.accounts.models import LoginHistory, User
from convergio.site.request_limits import LARGER, MEGABYTE, limit_of
from tests.cast import Person
from tests.site.url_map import UNSAFE, Operation, api_operations, pages

pytestmark = pytest.mark.django_db
OPERATIONS = [one for one in api_operations() if one.verb in UNSAFE]
PAGES = [one for one in pages() if one.verb == "post"]


class Unread:
    """A body that nobody may read."""

    def read(self, *_: object) -> bytes:
        raise AssertionError("the body was read")

    readline = read


def send_unread(client: Client, verb: str, path: str, size: int) -> Any:
    """Announce a body of this size; reading any of it fails the test."""
    extra = {"CONTENT_LENGTH": str(size), "CONTENT_TYPE": "application/json", "wsgi.input": Unread()}
    return client.generic(verb.upper(), path, **extra)  # type: ignore[arg-type]


@pytest.mark.parametrize("operation", [*OPERATIONS, *PAGES], ids=str)
def test_a_body_over_the_limit_is_refused_unread(operation: Operation, owner: Person) -> None:
    path = operation.path.format(**dict.fromkeys(operation.parameters, 1))
    for client in (Client(), owner.program(), owner.browser(csrf=True)):
        answer = send_unread(client, operation.verb, path, limit_of(path) + 1)
        assert answer.status_code == 413
        assert f"{limit_of(path) // MEGABYTE} MB" in answer.content.decode()


@pytest.mark.parametrize(
    ("path", "megabytes"),
    [
        ("/login", 1),
        ("/api/auth/login", 1),
        ("/api/tasks", 1),
        ("/api/emails/read", 1),
        ("/dashboard/settings/profile", 1),
        ("/api/knowledge/7", 3),
        ("/api/upload-attachment", 26),
        ("/dashboard/commboost/files", 26),
        ("/dashboard/commboost/threads/7/reply", 10),
        ("/api/send-email", 30),
        ("/api/emails", 30),
        ("/api/emails/7/elsewhere", 30),
        ("/api/emailsandmore", 1),
    ],
)
def test_each_address_has_its_limit(path: str, megabytes: int) -> None:
    assert limit_of(path) == limit_of(path + "/") == megabytes * MEGABYTE


def test_the_addresses_with_more_room_exist() -> None:
    known = {one.path for one in [*api_operations(), *pages()]}
    assert set(LARGER) <= known | {"/dashboard/commboost"}


@pytest.mark.parametrize("length", ["-1", "1e3", "²", "9" * 40])
def test_a_length_that_is_no_number_is_refused(length: str) -> None:
    answer = Client().generic("POST", "/api/auth/login", CONTENT_LENGTH=length)
    assert answer.status_code == 413


def test_a_body_at_the_limit_is_read(owner: Person) -> None:
    title = "x" * (MEGABYTE - len('{"title": ""}'))
    answer = owner.program().post("/api/tasks", json.dumps({"title": title}), content_type="application/json")
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "host", ["evil.example", "testserver.evil.example", "evil.example:80", "a b", "", "[::1"]
)
@pytest.mark.parametrize(
    "path", ["/login", "/", "/dashboard", "/api/health", "/api/tasks", "/static/css/app.css"]
)
def test_another_host_name_gets_one_sentence(path: str, host: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        answer = Client().get(path, headers={"Host": host, "Accept": "text/html"})
    assert answer.status_code == 400
    assert "This installation does not answer under this host name." in answer.content.decode()
    assert host not in answer.content.decode() or host in {"", "a b"}
    assert [record for record in caplog.records if record.levelno > logging.WARNING or record.exc_info] == []
    assert "request.refused" in caplog.text


def test_another_host_name_is_a_code_for_programs() -> None:
    answer = Client().get("/api/health", headers={"Host": "evil.example"})
    assert answer.json()["code"] == "unknown_host"


@pytest.mark.parametrize("host", ["testserver", "testserver:3001", "127.0.0.1", "localhost:3001"])
def test_the_installations_own_names_are_answered(host: str) -> None:
    assert Client().get("/api/health", headers={"Host": host}).status_code == 200


def test_a_10_mb_password_is_refused_before_it_is_hashed(owner: Person) -> None:
    password = "x" * (10 * MEGABYTE)
    body = {"email": owner.user.email, "password": password}
    answers = [
        Client().post("/api/auth/login", body, content_type="application/json"),
        Client().post("/api/auth/register", body, content_type="application/json"),
        Client().post("/login", body),
        Client().post("/register", body),
        owner.browser().post("/dashboard/settings/security/password", {"current_password": password}),
    ]
    for answer in answers:
        assert answer.status_code == 413
        assert "This request is larger than the 1 MB that this address takes." in answer.content.decode()
    assert LoginHistory.objects.count() == 0
    assert User.objects.count() == 1


def test_a_password_that_is_too_long_is_refused_with_its_length(owner: Person) -> None:
    password = "x" * 900_000
    new = {"email": "new@convergio.test", "password": password}
    answer = Client().post("/api/auth/register", new, content_type="application/json")
    assert (answer.status_code, answer.json()["field"]) == (400, "password")
    assert answer.json()["error"] == "Use 256 characters or fewer. You have 900000."
    known = {"email": owner.user.email, "password": password}
    answer = Client().post("/api/auth/login", known, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_password")


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.body and not one.multipart], ids=str)
@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_a_megabyte_of_nesting_is_refused_not_broken(
    operation: Operation, opening: str, owner: Person
) -> None:
    path = operation.path.format(**dict.fromkeys(operation.parameters, 1))
    for depth in (100, 5_000, MEGABYTE // len(opening)):
        body = opening * depth
        closed = body + "1" + ("]" if opening == "[" else "}") * depth
        for text in (body, closed[:MEGABYTE]):
            answer = owner.program().generic(
                operation.verb.upper(), path, text, content_type="application/json"
            )
            ignored = text == closed and opening != "[" and depth == 100
            allowed = range(200, 500) if ignored else {400, 404, 422}
            assert answer.status_code in allowed, f"{operation}: {answer.status_code}"


@pytest.mark.parametrize("depth", [50, 400, 900, 3_000])
def test_nesting_inside_a_free_field_is_refused_not_broken(depth: int, owner: Person) -> None:
    nested = "[" * depth + "]" * depth
    text = f'{{"email_id": 1, "reply_text": "x", "citations": [{{"a": {nested}}}]}}'
    answer = owner.program().post("/api/auto-replies", text, content_type="application/json")
    assert answer.status_code in {400, 404, 422}


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.body and not one.multipart], ids=str)
def test_fields_of_another_type_are_refused(operation: Operation, owner: Person) -> None:
    """Every field in turn is a list of lists; nothing is that."""
    path = operation.path.format(**dict.fromkeys(operation.parameters, 1))
    client = owner.program()
    for field in operation.body:
        body = {one.name: one.sample for one in operation.body if one.required} | {field.name: [[["x"]]]}
        answer = getattr(client, operation.verb)(path, body, content_type="application/json")
        assert answer.status_code == 422, f"{operation} {field.name}: {answer.status_code}"
    for text in ("[]", '"text"', "1", "null", "NaN"):
        answer = getattr(client, operation.verb)(path, text, content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request"), f"{operation} {text}"


def test_a_file_larger_than_its_own_limit_is_refused(owner: Person) -> None:
    picture = SimpleUploadedFile("me.png", b"\x89PNG\r\n\x1a\n" + b"\0" * (2 * MEGABYTE))
    answer = owner.program().post("/api/settings/profile/avatar", {"avatar": picture})
    assert (answer.status_code, answer.json()["field"]) == (400, "avatar")
    assert User.objects.get(id=owner.user.id).avatar == ""
