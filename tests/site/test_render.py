"""Whole pages for a visit, fragments for htmx; what the frame shows around a page."""

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from jinja2 import UndefinedError

from convergio.core.render import render


def request_with(**headers: str) -> HttpRequest:
    request = RequestFactory().get("/", headers=headers)
    request.csp_nonce = "test-nonce"  # type: ignore[attr-defined] # set by the middleware
    return request


def text_of(**headers: str) -> HttpResponse:
    return render(request_with(**headers), "site/error.html", {"status": 404}, block="card", status=404)


def test_a_visit_gets_the_whole_page() -> None:
    response = text_of()
    assert response.status_code == 404
    assert response.content.startswith(b"<!doctype html>")
    assert b'content="test-nonce"' in response.content


def test_an_htmx_request_gets_only_the_block() -> None:
    body = text_of(**{"HX-Request": "true"}).content
    assert b"There is nothing at this address" in body
    assert b"<html" not in body


@pytest.mark.parametrize("header", ["HX-Boosted", "HX-History-Restore-Request"])
def test_boosted_links_and_going_back_get_the_whole_page(header: str) -> None:
    assert b"<html" in text_of(**{"HX-Request": "true", header: "true"}).content


def test_caches_keep_page_and_fragment_apart() -> None:
    assert "HX-Request" in text_of()["Vary"]


def test_a_missing_value_raises_instead_of_vanishing() -> None:
    with pytest.raises(UndefinedError):
        render(request_with(), "accounts/reset_confirm.html", {"errors": {}})


def test_what_people_write_is_escaped() -> None:
    response = render(request_with(), "site/error.html", {"status": 403, "sentence": "<b>no</b>"})
    assert b"&lt;b&gt;no&lt;/b&gt;" in response.content


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (403, "You may not do that"),
        (429, "Too many tries"),
        (500, "Something broke on our side"),
        (418, "Something broke"),
    ],
)
def test_each_error_says_what_happened(status: int, words: str) -> None:
    assert words in render(request_with(), "site/error.html", {"status": status}).content.decode()


@pytest.mark.parametrize(("cookie", "expected"), [("dark", True), ("light", True), ('"><script>', False)])
def test_only_a_known_theme_reaches_the_page(cookie: str, expected: bool) -> None:
    request = request_with()
    request.COOKIES["theme"] = cookie
    page = render(request, "site/error.html", {"status": 404}).content.decode()
    assert (f'data-bs-theme="{cookie}"' in page) is expected
    assert "<script>" not in page
