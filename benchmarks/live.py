"""From a message landing in a real Dovecot to its row in an open browser window, through the whole product."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Page, sync_playwright

from convergio.core.embedded_pg import throwaway_postgres
from tests.e2e.service import EMAIL, Service, running_service
from tests.e2e.service import PASSWORD as OWNERS_PASSWORD
from tests.mail.servers import PASSWORD, Account, running_dovecot

MESSAGES = 20
CHROMIUM = "/usr/bin/chromium"


def run() -> list[str]:
    """Printed line: median and longest of MESSAGES messages, each in seconds."""
    os.environ["CONVERGIO_ALLOW_PRIVATE_HOSTS"] = "true"
    with TemporaryDirectory(prefix="convergio-bench-") as folder, running_dovecot() as servers:
        Path(folder).chmod(0o711)
        with (
            throwaway_postgres(Path(folder) / "database") as postgres,
            running_service(
                Path(folder) / "data", admin_url=postgres.admin_url, app_url=postgres.app_url
            ) as service,
        ):
            account = servers.account()
            _connect(service, account)
            times = sorted(_arrivals(service, account))
    median, longest = times[len(times) // 2], times[-1]
    figures = f"median {median:.2f} s, longest of {MESSAGES} {longest:.2f} s"
    return [f"from Dovecot to a row in an open window: {figures} (aim: under 2)"]


def _connect(service: Service, account: Account) -> None:
    settings = account.settings
    sides = {
        "imap_host": settings.imap_host,
        "imap_port": settings.imap_port,
        "imap_security": "plain",
        "imap_username": settings.imap_username,
        "imap_password": PASSWORD,
        "smtp_host": settings.smtp_host,
        "smtp_port": settings.smtp_port,
        "smtp_security": "plain",
        "smtp_username": settings.smtp_username,
        "smtp_password": PASSWORD,
    }
    inbox = {"name": "Live", "tag": "Live", "kind": "imap", "email_address": account.address}
    service.call("POST", "/api/inboxes", {**inbox, **sides})


def _arrivals(service: Service, account: Account) -> list[float]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto(f"{service.urls[1]}/login")
        page.get_by_label("Email").fill(EMAIL)
        page.get_by_label("Password", exact=True).fill(OWNERS_PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/dashboard")
        page.goto(f"{service.urls[1]}/dashboard/inbox/live")
        _wait_for_first_sync(page, account)
        times = [_arrival(page, account, number) for number in range(MESSAGES)]
        browser.close()
    return times


def _wait_for_first_sync(page: Page, account: Account) -> None:
    account.deliver(_message(account, "The first one"))
    page.locator(".cv-row", has_text="The first one").wait_for(timeout=60_000)


def _arrival(page: Page, account: Account, number: int) -> float:
    subject = f"Arrival number {number:03}"
    raw = _message(account, subject)
    time.sleep(0.7 + number % 5 * 0.11)  # people write at no particular moment
    began = time.perf_counter()
    account.deliver(raw)
    page.locator(".cv-row", has_text=subject).wait_for(timeout=30_000)
    return time.perf_counter() - began


def _message(account: Account, subject: str) -> bytes:
    name = subject.replace(" ", "-")
    return (
        f"From: Meera Iyer <{name}@customer.example>\r\nTo: {account.address}\r\nSubject: {subject}\r\n"
        f"Message-ID: <{name}@customer.example>\r\nDate: {format_datetime(datetime.now(UTC))}\r\n\r\nHello\r\n"
    ).encode()
