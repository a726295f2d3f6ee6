"""Two people's browsers, each on a web process of its own, see each other's work without a reload."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.e2e.conftest import OpenPage
from tests.e2e.letters import letter
from tests.e2e.service import Service
from tests.e2e.test_mail import LIST, thread_about

UNREAD = re.compile("is-unread")


def test_mail_read_in_one_browser_is_read_in_the_other(service: Service, open_page: OpenPage) -> None:
    service.deliver(letter("Who reads this first"))
    thread_id = thread_about(service, "Who reads this first")
    other = open_page(LIST, on=1)
    other.evaluate("window.stayed = true")
    row = other.locator(".cv-row", has_text="Who reads this first")
    expect(row).to_have_class(UNREAD)
    open_page(f"{LIST}/threads/{thread_id}")
    expect(row).not_to_have_class(UNREAD)
    assert other.evaluate("window.stayed") is True


def test_a_draft_decided_in_one_browser_leaves_the_open_conversation_of_the_other(
    service: Service, open_page: OpenPage
) -> None:
    service.deliver(letter("Only one of us answers"))
    address = f"{LIST}/threads/{thread_about(service, 'Only one of us answers')}"
    page, other = open_page(address), open_page(address, on=1)
    expect(other.locator("#draft")).to_be_visible()
    page.get_by_role("button", name="Approve and send").click()
    expect(other.locator("#draft")).to_have_count(0)
    expect(other.locator(".cv-msg--out")).to_contain_text("within seven days")


def test_a_draft_comes_to_an_open_list_of_drafts_and_leaves_it_when_decided(
    service: Service, open_page: OpenPage
) -> None:
    other = open_page(f"{LIST}?view=drafts", on=1)
    row = other.locator(".cv-row", has_text="Come and go")
    service.deliver(letter("Come and go"))
    expect(row).to_be_visible(timeout=10_000)
    page = open_page(f"{LIST}/threads/{thread_about(service, 'Come and go')}")
    page.get_by_role("button", name="Reject").click()
    expect(row).to_have_count(0)


def test_new_mail_waits_while_conversations_are_picked(service: Service, open_page: OpenPage) -> None:
    service.deliver(letter("Picked before"))
    thread_about(service, "Picked before")
    page = open_page(LIST)
    pick = page.get_by_label("Pick Picked before")
    pick.check(force=True)
    page.mouse.move(1, 1)
    page.evaluate("document.activeElement.blur()")
    service.deliver(letter("Arrived meanwhile"))
    expect(page.get_by_role("button", name="1 new mail")).to_be_visible(timeout=10_000)
    expect(pick).to_be_checked()
