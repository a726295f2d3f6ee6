"""Reading and answering mail in the browser."""

from __future__ import annotations

from playwright.sync_api import Browser, FilePayload, expect

from tests.e2e.conftest import OpenPage, sign_in
from tests.e2e.letters import letter
from tests.e2e.service import UNDO_SECONDS, Service, wait_for

LIST = "/dashboard/commboost"


def thread_about(service: Service, subject: str) -> int:
    """The conversation, once its draft is written."""

    def find() -> int:
        found = [
            email for email in service.call("GET", "/api/emails?limit=200") if email["subject"] == subject
        ]
        replies = service.call("GET", f"/api/auto-replies?email_id={found[0]['id']}") if found else []
        return int(found[0]["thread_id"]) if replies else 0

    return int(wait_for(find, f"a draft about {subject}"))


def test_a_wrong_password_is_refused_and_the_right_one_leads_to_today(
    chromium: Browser, service: Service
) -> None:
    context = chromium.new_context()
    page = context.new_page()
    sign_in(page, service.urls[0], "wrong horse battery")
    expect(page.get_by_role("alert")).to_contain_text("do not belong together")
    sign_in(page, service.urls[0])
    expect(page.get_by_role("heading", name="Today", level=1)).to_be_visible()
    context.close()


def test_new_mail_appears_in_an_open_list_without_a_reload(service: Service, open_page: OpenPage) -> None:
    page = open_page(LIST, on=1)
    page.evaluate("window.stayed = true")
    service.deliver(letter("A parcel has not arrived"))
    expect(page.locator(".cv-row", has_text="A parcel has not arrived")).to_be_visible(timeout=10_000)
    expect(page.locator(".cv-row", has_text="A parcel has not arrived")).to_contain_text(
        "Draft", timeout=10_000
    )
    assert page.evaluate("window.stayed") is True


def test_an_approved_draft_leaves_once_and_the_other_window_sees_it(
    service: Service, open_page: OpenPage
) -> None:
    service.deliver(letter("When is my refund here"))
    thread_id = thread_about(service, "When is my refund here")
    other = open_page(LIST, on=1)
    page = open_page(f"{LIST}/threads/{thread_id}")
    expect(page.locator("#draft")).to_contain_text("within seven days")
    expect(page.locator("#draft")).to_contain_text("written without a model")
    page.get_by_role("button", name="Approve and send").click()
    expect(page.locator("#toasts")).to_contain_text("Undo")
    expect(page.locator("#draft")).to_have_count(0)
    [sent] = wait_for(lambda: service.sent_about("When is my refund here"), "the reply to leave")
    assert sent["To"] == "Meera Iyer <meera@customer.example>"
    assert sent["In-Reply-To"].startswith("<browser-")
    expect(other.locator(".cv-row", has_text="When is my refund here")).to_contain_text("Replied")
    expect(page.locator(".cv-msg--out summary")).not_to_contain_text("Sending")


def test_a_taken_back_reply_is_a_draft_again_and_never_leaves(service: Service, open_page: OpenPage) -> None:
    service.deliver(letter("Take this one back"))
    page = open_page(f"{LIST}/threads/{thread_about(service, 'Take this one back')}")
    page.get_by_role("button", name="Approve and send").click()
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Approve and send")).to_be_visible()
    page.wait_for_timeout((UNDO_SECONDS + 1) * 1000)
    assert service.sent_about("Take this one back") == []


def test_an_edited_draft_is_sent_as_edited(service: Service, open_page: OpenPage) -> None:
    service.deliver(letter("Please change the answer"))
    page = open_page(f"{LIST}/threads/{thread_about(service, 'Please change the answer')}")
    page.keyboard.press("Shift+E")
    page.get_by_label("Text of the reply").fill("We will look into it today.")
    page.get_by_role("button", name="Send this text").click()
    [sent] = wait_for(lambda: service.sent_about("Please change the answer"), "the reply to leave")
    assert sent.get_content().strip() == "We will look into it today."


def test_what_is_written_survives_a_reload_and_is_sent_with_its_file(
    service: Service, open_page: OpenPage
) -> None:
    page = open_page(f"{LIST}/new")
    page.get_by_label("To", exact=True).fill("Ananya Rao <ananya@partner.example>")
    page.get_by_label("Subject").fill("The offer we spoke of")
    page.locator("trix-editor").click()
    page.keyboard.type("Here is our offer.")
    offer = FilePayload(name="offer.txt", mimeType="text/plain", buffer=b"Two reels.")
    page.locator("input[type=file]").set_input_files(offer)
    expect(page.locator("[name=stored]")).to_have_count(1)
    expect(page.locator("[data-saved]")).to_have_text("Saved")
    page.goto(f"{service.urls[1]}{LIST}/new")
    page.get_by_role("link", name="The offer we spoke of").click()
    expect(page.locator("trix-editor")).to_contain_text("Here is our offer.")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("#toasts")).to_contain_text("leaves in a few seconds")
    [sent] = wait_for(lambda: service.sent_about("The offer we spoke of"), "the mail to leave")
    assert sent["To"] == "Ananya Rao <ananya@partner.example>"
    assert "Here is our offer." in sent.get_body(("plain",)).get_content()
    assert [part.get_content() for part in sent.iter_attachments()] == ["Two reels."]


def test_a_taken_back_mail_is_a_draft_with_all_its_words(service: Service, open_page: OpenPage) -> None:
    page = open_page(f"{LIST}/new")
    page.get_by_label("To", exact=True).fill("ananya@partner.example")
    page.get_by_label("Subject").fill("Sent too early")
    page.locator("trix-editor").click()
    page.keyboard.type("Half a thought")
    page.get_by_role("button", name="Send", exact=True).click()
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(page.get_by_label("Subject")).to_have_value("Sent too early")
    expect(page.locator("trix-editor")).to_contain_text("Half a thought")
    page.goto(f"{service.urls[0]}{LIST}?view=sent")
    expect(page.locator(".cv-row", has_text="Sent too early")).to_have_count(0)


def test_remote_images_wait_until_the_reader_asks(service: Service, open_page: OpenPage) -> None:
    html = '<p>Hello</p><img src="https://tracker.example/open.gif"><script>document.title="run"</script>'
    service.deliver(letter("With a picture", html=html, attach=b"kept"))
    page = open_page(f"{LIST}/threads/{thread_about(service, 'With a picture')}")
    asked: list[str] = []
    page.on(
        "request", lambda request: asked.append(request.url) if "tracker.example" in request.url else None
    )
    expect(page.get_by_text("1 remote image blocked")).to_be_visible()
    expect(page.frame_locator("iframe.cv-mailframe").get_by_text("Hello")).to_be_visible()
    assert asked == []
    with page.expect_request("https://tracker.example/open.gif"):
        page.get_by_role("link", name="Show remote images").click()
    expect(page.get_by_text("1 remote image blocked")).to_have_count(0)
    with page.expect_download() as download:
        page.get_by_role("link", name="notes.txt").click()
    assert download.value.suggested_filename == "notes.txt"


def test_reading_and_replying_work_without_script(service: Service, open_page: OpenPage) -> None:
    service.deliver(letter("Without any script"))
    thread_about(service, "Without any script")
    page = open_page(LIST, java_script_enabled=False)
    page.locator(".cv-row", has_text="Without any script").click()
    expect(page.get_by_role("heading", name="Without any script", level=1)).to_be_visible()
    expect(page.get_by_text("How long does a refund take?").last).to_be_visible()
    page.get_by_label("Reply to Meera Iyer").fill("It takes seven days.")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_text("It takes seven days.").last).to_be_visible()
    [sent] = wait_for(lambda: service.sent_about("Without any script"), "the reply to leave")
    assert sent.get_content().strip() == "It takes seven days."


def test_search_finds_by_words_and_by_sender(service: Service, open_page: OpenPage) -> None:
    service.deliver(letter("Zebra crossing", sender="Zoe Zimmer <zoe@zebra.example>"))
    thread_about(service, "Zebra crossing")
    page = open_page(LIST)
    page.get_by_role("searchbox").fill("from:zoe@zebra.example crossing")
    page.keyboard.press("Enter")
    expect(page.locator(".cv-row")).to_have_count(1)
    expect(page.locator(".cv-row")).to_contain_text("Zebra crossing")
    page.get_by_role("searchbox").fill("nosuchword")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="No mail matches")).to_be_visible()
    page.keyboard.press("Control+K")
    page.get_by_role("combobox").fill("zebra")
    page.get_by_role("option", name="Zebra crossing").first.click()
    expect(page.locator("h1")).to_be_visible()


def test_picked_conversations_are_marked_together(service: Service, open_page: OpenPage) -> None:
    for subject in ("First of two", "Second of two"):
        service.deliver(letter(subject))
        thread_about(service, subject)
    page = open_page(f"{LIST}?view=unread")
    for subject in ("First of two", "Second of two"):
        page.get_by_label(f"Pick {subject}").check(force=True)
    page.get_by_role("button", name="Mark read").click()
    expect(page.locator(".cv-row", has_text="of two")).to_have_count(0)
