"""Conversations that are hard to show (long words, other scripts, many mails); what phones and keys can reach."""

from __future__ import annotations

from email import message_from_bytes

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.e2e.conftest import OpenPage, sign_in
from tests.e2e.letters import letter
from tests.e2e.service import Service, wait_for
from tests.e2e.test_mail import LIST, thread_about

WIDE: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 375, "height": 812}
# True when the text of the element stands at the right edge of its box.
AT_THE_RIGHT = """element => {
  const range = document.createRange();
  range.selectNodeContents(element);
  return element.getBoundingClientRect().right - range.getBoundingClientRect().right < 2;
}"""


def keys_of(page: Page) -> dict[str, str]:
    """What the help lists now: keys and words."""
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog).to_be_visible()
    listed = dict(
        zip(dialog.locator("dt").all_inner_texts(), dialog.locator("dd").all_inner_texts(), strict=True)
    )
    page.keyboard.press("Escape")
    return listed


@pytest.mark.parametrize("viewport", [WIDE, PHONE])
def test_words_that_never_end_stay_inside_their_panes(
    service: Service, open_page: OpenPage, viewport: ViewportSize
) -> None:
    subject = f"Endless {viewport['width']} {'o' * 180}"
    sender = f"{'M' * 90} <{'x' * 60}@customer.example>"
    service.deliver(letter(subject, "y" * 400, sender=sender, attach=b"notes"))
    page = open_page(f"{LIST}/threads/{thread_about(service, subject)}", viewport=viewport)
    expect(page.locator("trix-editor")).to_be_visible()
    for pane in (
        "#conversation > .cv-pane__scroll",
        "#conversation .cv-composer",
        "#details > .cv-pane__scroll",
    ):
        room = page.locator(pane).evaluate("pane => [pane.scrollWidth, pane.clientWidth]")
        assert room[0] <= room[1], pane
    assert page.locator(".cv-composer").evaluate("form => form.clientHeight") < 80


def test_text_that_runs_from_right_to_left_starts_at_the_right(service: Service, open_page: OpenPage) -> None:
    service.deliver(letter("أين طلبي رقم ١٢٣٤؟", "مرحبا، أين طلبي؟ لم يصل بعد."))
    page = open_page(f"{LIST}/threads/{thread_about(service, 'أين طلبي رقم ١٢٣٤؟')}")
    assert page.locator("#subject").evaluate(AT_THE_RIGHT)
    assert page.locator(".cv-msg .cv-msg__text").first.evaluate(AT_THE_RIGHT)
    assert not page.locator("#draft .cv-ai__text").evaluate(AT_THE_RIGHT)


def test_a_long_conversation_opens_at_its_newest_mail(service: Service, open_page: OpenPage) -> None:
    first = letter("Forty answers", "The first of them.")
    service.deliver(first)
    for number in range(40):
        answer = f"Answer number {number}."
        service.deliver(
            letter("Re: Forty answers", answer, answers=str(message_from_bytes(first)["Message-ID"]))
        )
    thread_id = thread_about(service, "Forty answers")
    thread = f"/api/emails?thread_id={thread_id}&limit=100"
    wait_for(lambda: len(service.call("GET", thread)) >= 41, "forty answers in one conversation")
    page = open_page(f"{LIST}/threads/{thread_id}")  # by this all are read
    page.reload()
    expect(page.locator("details.cv-msg[open]")).to_have_count(1)
    expect(page.locator("details.cv-msg[open]")).to_be_in_viewport()
    expect(page.locator("#details").get_by_text("35 more")).to_be_visible()


def test_while_a_draft_is_edited_only_the_edited_text_can_be_sent(
    service: Service, open_page: OpenPage
) -> None:
    service.deliver(letter("Edit with care"))
    page = open_page(f"{LIST}/threads/{thread_about(service, 'Edit with care')}")
    expect(page.get_by_role("button", name="Approve and send")).to_be_visible()
    page.keyboard.press("Shift+E")
    expect(page.get_by_label("Text of the reply")).to_be_focused()
    expect(page.get_by_role("button", name="Approve and send")).to_be_hidden()
    page.get_by_text("Stop editing").click()
    expect(page.get_by_role("button", name="Approve and send")).to_be_visible()


def test_the_help_lists_only_keys_that_do_something_here(service: Service, open_page: OpenPage) -> None:
    service.deliver(letter("Keys for this one"))
    thread_id = thread_about(service, "Keys for this one")
    in_list = keys_of(open_page(LIST))
    assert in_list["/"] == "Search all mail"
    assert not {"2", "]", "R", "A", "M"} & set(in_list)
    in_thread = keys_of(open_page(f"{LIST}/threads/{thread_id}"))
    assert {"2", "]", "R", "A", "U", "Shift+E"} <= set(in_thread)


def test_m_moves_the_first_card_when_none_is_chosen(service: Service, open_page: OpenPage) -> None:
    service.call("POST", "/api/tasks", {"title": "Chosen by nobody"})
    page = open_page("/dashboard/workboost?q=Chosen")
    assert keys_of(page)["M"] == "Move task to"
    page.keyboard.press("m")
    expect(page.get_by_role("heading", name="Move “Chosen by nobody”")).to_be_visible()


def test_an_empty_board_says_that_the_filters_did_it(open_page: OpenPage) -> None:
    page = open_page("/dashboard/workboost?q=nosuchword")
    expect(page.get_by_text("No task matches.").first).to_be_visible()
    page.get_by_role("link", name="Clear filters").click()
    expect(page.locator("#task-search")).to_have_value("")


def test_a_phone_can_change_the_look_and_sign_out(chromium: Browser, service: Service) -> None:
    context = chromium.new_context(viewport=PHONE, has_touch=True)
    page = context.new_page()
    sign_in(page, service.urls[0])
    page.get_by_role("navigation", name="Main, small screen").get_by_role("link", name="Settings").click()
    page.get_by_role("link", name="Profile").click()
    page.get_by_role("button", name="Dark", exact=True).click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    context.close()


def test_a_refused_password_leaves_the_counts_of_the_sidebar(service: Service, open_page: OpenPage) -> None:
    service.call("POST", "/api/tasks", {"title": "Counted beside the form"})
    page = open_page("/dashboard/settings/security")
    page.get_by_label("Current password").fill("wrong horse battery")
    page.get_by_label("New password").fill("another long one")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("The current password is wrong.")).to_be_visible()
    expect(page.locator("#nav-workboost .cv-nav__count")).to_be_visible()
