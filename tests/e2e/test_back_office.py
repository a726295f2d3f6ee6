"""The back office in a real browser: it works under the same content policy as every other page."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import OpenPage
from tests.e2e.service import EMAIL, Service

_STAFF = "UPDATE users SET is_staff = %s WHERE email = %s"
_SECOND_FACTOR = (
    "UPDATE user_sessions SET second_factor = true, authenticated_at = now() WHERE kind = 'browser'"
)
_COLLEAGUE = (
    "INSERT INTO users (email, password_hash) VALUES ('teammate@convergio.test', '!') ON CONFLICT DO NOTHING"
)


@pytest.fixture
def as_staff(service: Service, signed_in: object) -> Iterator[None]:
    """The signed-in owner is staff, and a second factor came with the session."""
    with psycopg.connect(service.environment["DATABASE_ADMIN_URL"], autocommit=True) as database:
        database.execute(_STAFF, [True, EMAIL])
        database.execute(_SECOND_FACTOR)
        database.execute(_COLLEAGUE)
        yield
        database.execute(_STAFF, [False, EMAIL])


@pytest.mark.usefixtures("as_staff")
def test_an_operator_closes_an_account_with_a_reason(open_page: OpenPage) -> None:
    page = open_page("/admin/")
    page.get_by_role("link", name="Users").first.click()
    # The sidebar and its filter are script; that they answer shows that it runs.
    page.get_by_role("searchbox", name="Filter navigation items").fill("plans")
    expect(page.locator("#nav-sidebar").get_by_role("link", name="Users")).to_be_hidden()
    page.get_by_role("link", name="teammate@convergio.test").click()
    page.get_by_label("Is active").uncheck()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Say why.")).to_be_visible()
    page.get_by_label("Reason").fill("Left the company.")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    page.goto(page.url.partition("/admin/")[0] + "/admin/admin/logentry/")
    expect(page.get_by_text("Closed: Left the company.")).to_be_visible()
    page.goto(page.url.partition("/admin/")[0] + "/admin/procrastinate/procrastinatejob/")
    expect(page.locator("#changelist")).to_be_visible()
    page.goto(page.url.partition("/admin/")[0] + "/admin/billing/subscriptionplan/add/")
    expect(page.get_by_label("Monthly tokens")).to_be_visible()


@pytest.mark.usefixtures("as_staff")
def test_an_operator_gives_tokens_with_a_reason(open_page: OpenPage, service: Service) -> None:
    page = open_page("/admin/billing/tokenbalance/")
    page.get_by_role("link", name=EMAIL).click()
    page.get_by_role("link", name="Give or take tokens").click()
    page.get_by_label("Tokens").fill("250")
    page.get_by_label("Reason").fill("Sorry for the outage")
    page.get_by_role("button", name="Give or take tokens").click()
    expect(page.get_by_text("250 tokens: Sorry for the outage")).to_be_visible()
    page.get_by_role("link", name="All entries").click()
    expect(page.get_by_role("cell", name="Sorry for the outage")).to_be_visible()
