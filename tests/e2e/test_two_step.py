"""Two-step sign-in in a real browser: set up by page, sign in without script, and axe on each page of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from tests.e2e.service import PASSWORD, Service

EMAIL = "asha@convergio.test"
SETTINGS = "/dashboard/settings/security"
PHONE, DESK = ViewportSize(width=375, height=812), ViewportSize(width=1440, height=900)


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser of somebody new, whose pages may neither break their content policy nor throw."""
    context = chromium.new_context()
    complaints: list[str] = []
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on(
        "console",
        lambda said: complaints.append(said.text) if "Content Security Policy" in said.text else None,
    )
    yield context
    context.close()
    assert complaints == []


def assert_everybody_can_use(page: Page) -> None:
    """axe finds nothing serious, light and dark; nothing scrolls sideways on a phone."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
        violations = Axe().run(page).response["violations"]
        found = [one["id"] for one in violations if one["impact"] in ("serious", "critical")]
        assert found == [], f"{page.url} {scheme}: {found}"
    page.set_viewport_size(PHONE)
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), page.url
    page.set_viewport_size(DESK)


def code_field(page: Page, name: str = "Code") -> None:
    expect(page.get_by_role("textbox", name=name)).to_be_visible()
    assert_everybody_can_use(page)


def send_code(page: Page, code: str, button: str, name: str = "Code") -> None:
    page.get_by_role("textbox", name=name).fill(code)
    page.get_by_role("button", name=button).click()


def test_an_app_is_set_up_and_asked_for_without_script(
    chromium: Browser, service: Service, context: BrowserContext
) -> None:
    url, page = service.urls[0], context.new_page()
    service.call("POST", "/api/auth/register", {"email": EMAIL, "password": PASSWORD, "name": "Asha"})
    type_password(page, url)
    page.wait_for_url("**/dashboard")
    page.goto(url + SETTINGS)
    page.get_by_role("link", name="Set up").click()
    assert_everybody_can_use(page)
    page.get_by_role("button", name="Show the QR code").click()
    expect(page.locator(".cv-setup__qr svg")).to_be_visible()
    code_field(page)
    app = pyotp.TOTP(page.locator(".cv-key").inner_text().replace(" ", ""))
    send_code(page, app.now(), "Switch on")
    codes = page.locator(".cv-codes code").all_inner_texts()
    assert len(codes) == 10
    assert_everybody_can_use(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    text = Path(download.value.path()).read_text()
    assert download.value.suggested_filename == "convergio-recovery-codes.txt"
    assert [code in text for code in codes] == [True] * 10
    for path in ("/2fa/disable", "/2fa/backup-codes", ""):
        page.goto(url + SETTINGS + path)
        assert_everybody_can_use(page)
    page.goto(f"{url}/confirm?next={SETTINGS}")
    code_field(page)

    context.clear_cookies()
    look_at_the_second_step(page, url)

    plain = chromium.new_context(java_script_enabled=False)
    other = plain.new_page()
    type_password(other, url)
    send_code(other, "000000", "Sign in")
    expect(other.locator(".invalid-feedback")).to_contain_text("wrong, too old or was used before")
    other.get_by_role("link", name="Use a recovery code").click()
    other.get_by_label("Trust this browser for 30 days").check()
    send_code(other, codes[0], "Sign in", "Recovery code")
    other.wait_for_url("**/dashboard")
    other.goto(url + SETTINGS)
    expect(other.get_by_text("9 of 10 left")).to_be_visible()
    plain.clear_cookies(name="convergio")  # signed out, and still trusted
    type_password(other, url)
    other.wait_for_url("**/dashboard")
    plain.close()


def look_at_the_second_step(page: Page, url: str) -> None:
    """Each face of the page that asks for the code; nothing is sent."""
    page.goto(f"{url}/login/code")
    expect(page.get_by_role("heading", name="Start again")).to_be_visible()
    assert_everybody_can_use(page)
    type_password(page, url)
    page.wait_for_url("**/login/code")
    code_field(page)
    page.get_by_role("link", name="Use a recovery code").click()
    code_field(page, "Recovery code")


def type_password(page: Page, url: str) -> None:
    page.goto(f"{url}/login")
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
