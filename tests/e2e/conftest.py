"""A real Chromium against the whole product. Skipped where Chromium is missing, except in CI."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.conftest import APPLICATION_ROLE, with_database
from tests.e2e.service import EMAIL, PASSWORD, Service, running_service
from tests.mail.servers import mail_servers, smtp_server
from tests.support.postgres import reachable_folder

__all__ = ["mail_servers", "smtp_server"]

CHROMIUM = "/usr/bin/chromium"
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]
OpenPage = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder drives a browser."""
    for item in items:
        if "tests/e2e/" in item.nodeid:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One browser for all tests of the folder; its event loop ends with them: Django refuses to run beside one."""
    if not shutil.which(CHROMIUM):
        sentence = "Chromium is missing; install Debian's package chromium to run the browser tests."
        if os.environ.get("CI") == "true":
            pytest.fail(sentence)
        pytest.skip(sentence)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def service(admin_server: str, chromium: Browser) -> Iterator[Service]:
    """The running product over a throw-away database and data folder."""
    name = f"convergio_browser_{os.getpid()}"
    with psycopg.connect(admin_server, autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APPLICATION_ROLE]).fetchone():
            connection.execute(f"CREATE ROLE {APPLICATION_ROLE} LOGIN PASSWORD '{APPLICATION_ROLE}'")
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'")
    admin_url, app_url = (
        with_database(admin_server, name),
        with_database(admin_server, name, APPLICATION_ROLE),
    )
    try:
        with (
            reachable_folder() as folder,
            running_service(folder / "data", admin_url=admin_url, app_url=app_url) as started,
        ):
            yield started
    finally:
        with psycopg.connect(admin_server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="package")
def signed_in(chromium: Browser, service: Service) -> Any:
    """The cookies of the owner, signed in by the form."""
    context = chromium.new_context()
    page = context.new_page()
    sign_in(page, service.urls[0])
    page.wait_for_url("**/dashboard")
    state = context.storage_state()
    context.close()
    return state


def sign_in(page: Page, url: str, password: str = PASSWORD) -> None:
    """Fill the form in and send it."""
    page.goto(f"{url}/login")
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()


@pytest.fixture
def open_page(chromium: Browser, service: Service, signed_in: Any) -> Iterator[OpenPage]:
    """Open a page as the owner in a browser of its own: `open_page(path, on=1)` asks the second web process.

    At the end no page may have broken its content policy or thrown.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_one(path: str, *, on: int = 0, **options: Any) -> Page:
        context = chromium.new_context(storage_state=signed_in, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: complaints.append(said.text) if "Content Security Policy" in said.text else None,
        )
        page.goto(service.urls[on] + path)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []
