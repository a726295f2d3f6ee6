"""What strangers try: links that lead elsewhere, lines in names, addresses that look like another, dressed-up files."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from convergio.accounts.models import LoginHistory, User
from convergio.mail.models import Inbox
from tests.cast import PASSWORD, Person
from tests.site.foreign import FIELDS, make
from tests.site.url_map import Operation, pages

pytestmark = pytest.mark.django_db
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32
ELSEWHERE = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "\t//evil.example",
    "https://evil.example/",
    "http:///evil.example",
    "https:evil.example",
    "https://testserver@evil.example/",
    "https://testserver.evil.example/",
    "javascript:alert(1)//evil.example",
    "data:text/html,evil.example",
    "evil.example",
    "/dashboard\r\nX-Evil: evil.example",
]


def leads_here(location: str) -> bool:
    """As a browser reads it: backslashes are slashes, tabs and line ends are nothing."""
    parts = urlsplit(re.sub(r"[\t\r\n]", "", location).replace("\\", "/").strip())
    return (
        parts.scheme in {"", "http"} and parts.netloc in {"", "testserver"} and not location.startswith("//")
    )


@pytest.mark.parametrize("address", ELSEWHERE)
def test_signing_in_never_leads_elsewhere(address: str, owner: Person) -> None:
    body = {"email": owner.user.email, "password": PASSWORD, "next": address}
    answer = Client().post("/login", body)
    assert answer.status_code == 302
    assert leads_here(answer["Location"])
    assert "X-Evil" not in answer.headers
    for encoded in (address, quote(address, safe=""), quote(quote(address, safe=""), safe="")):
        page = Client().get(f"/login?next={quote(encoded)}").content.decode()
        kept = re.search(r'name="next" value="([^"]*)"', page)
        assert kept is None or leads_here(kept[1]), kept


@pytest.mark.parametrize(
    "address", ["/dashboard", "/dashboard/commboost?page=2#3", "http://testserver/dashboard"]
)
def test_signing_in_leads_back_to_where_one_was(address: str, owner: Person) -> None:
    body = {"email": owner.user.email, "password": PASSWORD, "next": address}
    assert Client().post("/login", body)["Location"] == address


def test_a_next_that_is_a_word_is_no_fault_of_ours(owner: Person) -> None:
    body = {"email": owner.user.email, "password": PASSWORD, "next": "nosuchroute"}
    assert Client().post("/login", body)["Location"] == "/dashboard"


@pytest.mark.parametrize("page", pages(), ids=str)
def test_no_page_leads_elsewhere_by_its_next(page: Operation, owner: Person) -> None:
    path = page.path.format(**{name: make(FIELDS[name], owner) for name in page.parameters})
    for client in (Client(), owner.browser()):
        for address in ELSEWHERE:
            asked = f"{path}?next={quote(address)}"
            answer = client.get(asked) if page.verb == "get" else client.post(asked, {"next": address})
            assert answer.status_code != 500, address
            assert leads_here(answer.headers.get("Location", "")), address
            assert leads_here(answer.headers.get("HX-Redirect", "")), address


def test_an_htmx_request_from_elsewhere_does_not_lead_back_there() -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "https://evil.example/dashboard"}
    assert Client().get("/dashboard/nav", headers=headers)["HX-Redirect"] == "/login"


@pytest.mark.parametrize("ending", ["\r\n", "\n", "\r", "\x00", "\u2028", "\u2029", "\x85", "\u202e"])
def test_a_name_is_one_line(ending: str, owner: Person) -> None:
    name = f"Eve{ending}Bcc: victim@evil.example"
    client = owner.program()

    def send(verb: str, path: str, **body: Any) -> Any:
        return getattr(client, verb)(path, body, content_type="application/json")

    inbox = {"email_address": "help@convergio.test", "kind": "maildir", "tag": "Help"}
    answers = [
        send("patch", "/api/settings/profile", name=name),
        send("patch", "/api/settings/profile", company=name),
        send("post", "/api/settings/security/api-keys", name=name),
        send("post", "/api/inboxes", name=name, **inbox),
        send("post", "/api/auth/register", email="eve@convergio.test", password=PASSWORD, name=name),
        Client().post("/register", {"email": "eve@convergio.test", "password": PASSWORD, "name": name}),
    ]
    assert [answer.status_code for answer in answers] == [400, 400, 400, 400, 400, 422]
    assert User.objects.get(id=owner.user.id).name == "Owner"
    assert not User.objects.filter(email="eve@convergio.test").exists()
    assert not Inbox.objects.filter(email_address="help@convergio.test").exists()


@pytest.mark.parametrize("ending", ["\r\n", "\n", "\r", "\u2028", "\x85", ", ", " ", "\r\nBcc:x"])
def test_an_address_is_one_address(ending: str, owner: Person) -> None:
    for email in (f"eve{ending}@convergio.test", f"eve@convergio.test{ending}victim@evil.example"):
        assert register(email).status_code == 400
    assert User.objects.count() == 1


def register(email: str) -> Any:
    body = {"email": email, "password": PASSWORD}
    return Client().post("/api/auth/register", body, content_type="application/json")


@pytest.mark.parametrize(
    "email",
    [
        "ıngrid@convergio.test",  # a dotless i
        "ingrıd@convergio.test",
        "оwner@convergio.test",  # a Cyrillic o
        "ownеr@convergio.test",  # a Cyrillic e
        "ſally@convergio.test",  # a long s, which is an s to a careless comparison
        "ｏwner@convergio.test",  # full width
        "own\u200ber@convergio.test",  # a space that nobody sees
        "owner\u0301@convergio.test",
    ],
)
def test_an_address_that_looks_like_another_is_refused(email: str, owner: Person) -> None:
    answer = register(email)
    assert (answer.status_code, answer.json()["field"]) == (400, "email")
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    "email",
    ["OWNER@CONVERGIO.TEST", " owner@convergio.test ", "owner@ｃonvergio.test", "owner@Convergio。test"],
)
def test_another_way_to_write_an_address_is_the_same_account(email: str, owner: Person) -> None:
    assert register(email).json()["code"] == "email_taken"
    body = {"email": email, "password": PASSWORD}
    answer = Client().post("/api/auth/login", body, content_type="application/json")
    assert answer.json()["user"]["id"] == owner.user.id


def test_a_kelvin_sign_is_a_k(owner: Person) -> None:
    assert register("mark@convergio.test").status_code == 201
    assert register("mar\u212a@convergio.test").json()["code"] == "email_taken"


def test_a_domain_that_looks_like_another_shows_what_it_is() -> None:
    assert register("owner@cоnvergio.test").status_code == 201  # a Cyrillic o
    user = User.objects.get()
    assert user.email == "owner@xn--cnvergio-nbh.test"
    assert LoginHistory.objects.get(method="register").email == user.email
    body = {"email": "owner@cоnvergio.test", "password": PASSWORD}
    assert Client().post("/api/auth/login", body, content_type="application/json").status_code == 200


@pytest.mark.parametrize(
    "content",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<?xml version='1.0'?><svg onload='alert(1)'/>",
        b"\xef\xbb\xbf<svg/>",
        b"<html><script>alert(1)</script>",
        b"%PDF-1.7 /JavaScript",
        b"RIFF\0\0\0\0WAVE",
        b"",
    ],
)
def test_a_picture_is_told_by_its_bytes(content: bytes, owner: Person) -> None:
    file = SimpleUploadedFile("me.png", content, content_type="image/png")
    answer = owner.program().post("/api/settings/profile/avatar", {"avatar": file})
    assert answer.status_code in {400, 422}
    assert answer.json()["error"]
    assert User.objects.get(id=owner.user.id).avatar == ""


def test_a_picture_that_carries_a_page_is_shown_as_a_picture_alone(owner: Person) -> None:
    client = owner.browser()
    path = "/api/settings/profile/avatar"
    content = PNG + b"<html><script>alert(1)</script>"
    file = SimpleUploadedFile("me.html", content, content_type="text/html")
    assert client.post(path, {"avatar": file}).status_code == 200
    answer = client.get(path)
    assert (answer["Content-Type"], answer["X-Content-Type-Options"]) == ("image/png", "nosniff")
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox; frame-ancestors 'none'"
    assert answer["Content-Disposition"] == 'inline; filename="avatar"'
