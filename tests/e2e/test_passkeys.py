"""Passkeys and Google in a real Chromium: its virtual authenticator, and a real OpenID provider on loopback.

Browsers take passkeys at http://localhost but not at a bare address, so that these pages are opened by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pyotp
import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect

from tests.e2e.conftest import sign_in
from tests.e2e.service import PASSWORD, Service, answers, free_ports, wait_for
from tests.support.openid import CLIENT_ID, CLIENT_SECRET, running_provider

SECURITY = "/dashboard/settings/security"
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(scope="module")
def address(service: Service) -> Iterator[str]:
    """A web process of the running product that people reach as localhost, with Google switched on."""
    (port,) = free_ports(1)
    public = f"http://localhost:{port}"
    with running_provider(f"{public}/login/google/callback") as provider:
        service.start(
            *("web", "--port", str(port), "--workers", "1"),
            CONVERGIO_PUBLIC_URL=public,
            CONVERGIO_GOOGLE_CLIENT_ID=CLIENT_ID,
            CONVERGIO_GOOGLE_CLIENT_SECRET=CLIENT_SECRET,
            CONVERGIO_GOOGLE_ISSUER=provider.issuer,
        )
        wait_for(partial(answers, f"http://127.0.0.1:{port}/api/health"), f"{public} to answer")
        yield public


@dataclass
class Desk:
    """A page of a browser of its own, and the authenticator that is built into it."""

    page: Page
    url: str
    email: str
    devtools: CDPSession
    device: str = ""

    def open(self, path: str) -> None:
        self.page.goto(self.url + path)

    def sign_in(self) -> None:
        """As an account that only this test has."""
        self.open("/login")
        self.page.get_by_label("Email").fill(self.email)
        self.page.get_by_label("Password", exact=True).fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in", exact=True).click()
        self.page.wait_for_url("**/dashboard")

    def plug_in(self, **changes: Any) -> None:
        """Give the browser an authenticator."""
        made = self.devtools.send("WebAuthn.addVirtualAuthenticator", {"options": {**DEVICE, **changes}})
        self.device = made["authenticatorId"]

    def touch(self, present: bool) -> None:
        """Whether somebody answers the authenticator at once, or never."""
        self.devtools.send(
            "WebAuthn.setAutomaticPresenceSimulation", {"authenticatorId": self.device, "enabled": present}
        )

    def credentials(self) -> list[Any]:
        found = self.devtools.send("WebAuthn.getCredentials", {"authenticatorId": self.device})
        return list(found["credentials"])


@pytest.fixture
def desk(chromium: Browser, address: str, service: Service, request: pytest.FixtureRequest) -> Iterator[Desk]:
    """No page may break its content policy or throw."""
    email = f"{request.node.name[:50]}@convergio.test"
    service.call("POST", "/api/auth/register", {"email": email, "password": PASSWORD, "name": "Teammate"})
    complaints: list[str] = []
    context = chromium.new_context()
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda said: complaints.append(said.text) if "Content Security Policy" in said.text else None,
    )
    devtools = context.new_cdp_session(page)
    devtools.send("WebAuthn.enable", {})
    yield Desk(page, address, email, devtools)
    context.close()
    assert complaints == []


def sign_out(page: Page) -> None:
    page.locator(".cv-side__foot .cv-account summary").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_url("**/login")


def add_passkey(desk: Desk) -> None:
    desk.open(SECURITY)
    desk.page.get_by_role("button", name="Add passkey").click()
    desk.page.wait_for_url("**done=passkey_added")


def test_a_passkey_is_made_used_without_a_password_and_removed(desk: Desk) -> None:
    desk.plug_in()
    page = desk.page
    desk.sign_in()
    add_passkey(desk)
    expect(page.get_by_role("status").filter(has_text="Passkey added")).to_be_visible()
    (credential,) = desk.credentials()
    assert (credential["isResidentCredential"], credential["rpId"]) == (True, "localhost")
    row = page.locator(".cv-passkey")
    expect(row).to_contain_text("Not used yet")
    row.get_by_text("Rename").click()
    row.get_by_label("Name").fill("Laptop at work")
    row.get_by_role("button", name="Save").click()
    expect(page.locator(".cv-passkey")).to_contain_text("Laptop at work")

    desk.touch(False)
    sign_out(page)
    desk.open("/login?next=/dashboard/workboost")
    button = page.get_by_role("button", name="Use a passkey")
    expect(button).to_be_visible()
    desk.touch(True)
    button.click()
    page.wait_for_url(f"{desk.url}/dashboard/workboost")

    desk.open(SECURITY)
    expect(page.locator(".cv-passkey")).to_contain_text("Last used")
    page.get_by_role("button", name="Remove Laptop at work").click()
    page.wait_for_url("**done=passkey_removed")
    expect(page.locator(".cv-passkey")).to_have_count(0)

    desk.touch(False)
    sign_out(page)
    desk.touch(True)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("This passkey was not accepted")
    assert urlsplit(page.url).path == "/login"


def test_the_same_device_is_not_asked_twice(desk: Desk) -> None:
    desk.plug_in()
    desk.sign_in()
    add_passkey(desk)
    desk.page.get_by_role("button", name="Add passkey").click()
    expect(desk.page.get_by_role("alert")).to_contain_text("has a passkey for your account already")
    expect(desk.page.locator(".cv-passkey")).to_have_count(1)


def test_a_device_that_does_not_check_its_owner_is_not_taken(desk: Desk) -> None:
    desk.plug_in(hasUserVerification=False, isUserVerified=False)
    desk.sign_in()
    desk.open(SECURITY)
    desk.page.get_by_role("button", name="Add passkey").click()
    desk.page.wait_for_timeout(1500)
    assert desk.credentials() == []
    expect(desk.page.locator(".cv-passkey")).to_have_count(0)


def test_at_a_bare_address_no_passkey_is_offered(chromium: Browser, service: Service) -> None:
    context = chromium.new_context()
    page = context.new_page()
    sign_in(page, service.urls[0])
    page.wait_for_url("**/dashboard")
    page.goto(service.urls[0] + SECURITY)
    expect(page.get_by_text("public address is a bare IP address")).to_be_visible()
    expect(page.get_by_role("button", name="Add passkey")).to_have_count(0)
    context.clear_cookies()
    page.goto(service.urls[0] + "/login")
    expect(page.get_by_role("button", name="Use a passkey")).to_have_count(0)
    expect(page.get_by_role("link", name="Google")).to_have_count(0)
    context.close()


def walk_through_google(page: Page, login: str) -> None:
    page.get_by_placeholder("Enter any login").fill(login)
    page.get_by_placeholder("and password").fill("anything")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()


def test_google_signs_in_and_links(desk: Desk) -> None:
    page = desk.page
    page.route("**/fonts.googleapis.com/**", lambda route: route.abort())
    desk.open("/login?next=/dashboard/settings/profile")
    page.get_by_role("link", name="Sign in with Google").click()
    walk_through_google(page, "nia@lumen.example")
    page.wait_for_url(f"{desk.url}/dashboard/settings/profile")
    expect(page.get_by_label("Name")).to_have_value("Nia")

    page.context.clear_cookies()
    desk.sign_in()
    desk.open(SECURITY)
    page.get_by_role("button", name="Link Google").click()
    walk_through_google(page, "priya@lumen.example")
    page.wait_for_url("**done=google_linked")
    expect(page.get_by_text("priya@lumen.example")).to_be_visible()

    sign_out(page)
    page.get_by_role("link", name="Sign in with Google").click()
    page.wait_for_url("**/dashboard")
    desk.open(SECURITY)
    page.get_by_role("button", name="Unlink Google").click()
    page.wait_for_url("**done=google_unlinked")
    expect(page.get_by_role("button", name="Link Google")).to_be_visible()


def test_who_cancels_at_google_reads_one_sentence(desk: Desk) -> None:
    page = desk.page
    page.route("**/fonts.googleapis.com/**", lambda route: route.abort())
    desk.open("/login")
    page.get_by_role("link", name="Sign in with Google").click()
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_text("You did not let Google sign you in; nothing was changed.")).to_be_visible()


def mailed_address(service: Service, desk: Desk, path: str) -> str:
    """The link of this kind that was mailed to the desk, at the address where it is open."""

    def found() -> Any:
        texts = [mail.get_content() for mail in service.sent() if mail["To"] == desk.email]
        return next(filter(None, (re.search(rf"{path}\?token=(\S+)", text) for text in texts)), None)

    return f"{path}?token={wait_for(found, f'a link to {path}')[1]}"


def set_up_an_app(desk: Desk) -> list[str]:
    """Two-step sign-in from the settings; the answer is the recovery codes."""
    page = desk.page
    desk.open(SECURITY)
    page.get_by_role("link", name="Set up").click()
    page.get_by_role("button", name="Show the QR code").click()
    app = pyotp.TOTP(page.locator(".cv-key").inner_text().replace(" ", ""))
    page.get_by_role("textbox", name="Code").fill(app.now())
    page.get_by_role("button", name="Switch on").click()
    return page.locator(".cv-codes code").all_inner_texts()


def test_from_registration_to_the_other_browser_that_is_signed_out(
    desk: Desk, chromium: Browser, service: Service
) -> None:
    page, desk.email = desk.page, "journey@convergio.test"
    desk.plug_in()
    desk.open("/register")
    page.get_by_label("Name").fill("Asha Nair")
    page.get_by_label("Email").fill(desk.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Make account").click()
    page.wait_for_url("**/dashboard")

    desk.open(mailed_address(service, desk, "/verify"))
    page.get_by_role("button", name="Yes, it is mine").click()
    expect(page.get_by_role("heading", name="Address confirmed")).to_be_visible()

    recovery = set_up_an_app(desk)
    assert len(recovery) == 10
    add_passkey(desk)

    elsewhere = chromium.new_context()
    other = elsewhere.new_page()
    other.goto(f"{desk.url}/login")
    other.get_by_label("Email").fill(desk.email)
    other.get_by_label("Password", exact=True).fill(PASSWORD)
    other.get_by_role("button", name="Sign in", exact=True).click()
    other.get_by_role("link", name="Use a recovery code").click()
    other.get_by_role("textbox", name="Recovery code").fill(recovery[0])
    other.get_by_role("button", name="Sign in", exact=True).click()
    other.wait_for_url("**/dashboard")

    desk.touch(False)
    sign_out(page)
    button = page.get_by_role("button", name="Use a passkey")
    expect(button).to_be_visible()
    desk.touch(True)
    button.click()
    page.wait_for_url("**/dashboard")
    desk.open(SECURITY)
    expect(page.get_by_text("9 of 10 left")).to_be_visible()
    page.locator("section[aria-labelledby=ses] tbody").get_by_role("button").click()
    page.wait_for_url("**done=session")
    other.goto(f"{desk.url}/dashboard/commboost")
    expect(other).to_have_url(re.compile("/login"))
    elsewhere.close()
