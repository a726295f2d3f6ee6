"""Inviting, joining without script, switching, and being removed, in two browsers."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, expect

from tests.e2e.conftest import OpenPage
from tests.e2e.service import PASSWORD, Service, wait_for

NEW = "lata@convergio.test"


def invitation_link(service: Service) -> str:
    """The link of the mail that the worker wrote."""

    def found() -> str:
        texts = [mail.get_content() for mail in service.sent() if mail["To"] == NEW]
        links = re.findall(r"(/invite\?token=\S+)", "".join(texts))
        return links[-1] if links else ""

    return str(wait_for(found, "the invitation's mail"))


def test_somebody_is_invited_joins_without_script_and_is_removed_while_working(
    open_page: OpenPage, chromium: Browser, service: Service
) -> None:
    people = open_page("/dashboard/settings/people")
    people.get_by_label("Email").fill(NEW)
    people.get_by_role("button", name="Send invitation").click()
    expect(people.get_by_role("group", name="Open invitations")).to_contain_text(NEW)

    theirs = chromium.new_context(java_script_enabled=False)
    page = theirs.new_page()
    page.goto(service.urls[1] + invitation_link(service))
    expect(page.get_by_label("Email")).to_have_value(NEW)
    page.get_by_label("Name").fill("Lata Menon")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make account and join").click()
    page.wait_for_url("**/dashboard")
    page.goto(service.urls[1] + "/dashboard/settings/people")
    expect(page.get_by_role("group", name="People")).to_contain_text("Lata Menon")

    people.reload()
    people.get_by_role("group", name="People").get_by_text("Remove Lata Menon").first.click()
    people.get_by_role("button", name="Remove Lata Menon").click()
    expect(people.get_by_role("status").filter(has_text="Member removed")).to_be_visible()

    page.reload()
    expect(page.get_by_role("group", name="People")).not_to_contain_text("Priya Nair")
    expect(page.locator(".cv-place summary")).to_contain_text("Lata Menon’s workspace")
    theirs.close()


def test_the_switcher_works_without_script(chromium: Browser, service: Service, signed_in: object) -> None:
    context = chromium.new_context(java_script_enabled=False, storage_state=signed_in)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(service.urls[0] + "/dashboard/workspaces")
    first = page.locator(".cv-place summary").inner_text()
    page.get_by_label("Name").fill("Nebula Films")
    page.get_by_role("button", name="Make workspace").click()
    page.wait_for_url("**/dashboard")
    switcher = page.locator(".cv-place")
    expect(switcher.locator("summary")).to_contain_text("Nebula Films")
    switcher.locator("summary").click()
    switcher.get_by_role("button", name=first.splitlines()[-1]).click()
    page.wait_for_url("**/dashboard")
    expect(page.locator(".cv-place summary")).not_to_contain_text("Nebula Films")
    context.close()
