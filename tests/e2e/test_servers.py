"""Mail of an inbox on a real Dovecot and a real Exim, set up, read and written in the browser on two web processes."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import OpenPage
from tests.e2e.letters import letter
from tests.e2e.service import Service, wait_for
from tests.mail.servers import PASSWORD, Account, MailServers, delivered, imap_of, smtp_of

LIST = "/dashboard/commboost"
NEW_INBOX = "/dashboard/settings/inboxes/new"


@pytest.fixture(scope="module")
def ours(smtp_server: MailServers) -> Account:
    """The account that becomes an inbox."""
    return smtp_server.account("desk")


@pytest.fixture(scope="module")
def customer(smtp_server: MailServers) -> Account:
    """Somebody outside who writes and reads with a client of their own."""
    return smtp_server.account("meera")


@pytest.fixture
def inbox(open_page: OpenPage, service: Service, ours: Account) -> None:
    """The account added by its form; kept for the tests after the first."""
    if any(box["email_address"] == ours.address for box in service.call("GET", "/api/inboxes")):
        return
    page = open_page(NEW_INBOX)
    page.get_by_label("Mail address").fill(ours.address)
    page.get_by_label("Name", exact=True).fill("Saffron Desk")
    page.get_by_label("Tag").fill("Desk")
    for name, title in (("imap", "Fetching"), ("smtp", "Sending")):
        part = page.get_by_role("group", name=title)
        part.get_by_label("Server").fill("127.0.0.1")
        part.get_by_label("Port").fill(str(getattr(ours.settings, f"{name}_port")))
        part.get_by_label("Encryption").select_option("plain")
        part.get_by_label("User name").fill(ours.name)
        part.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Add inbox").click()
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_text("Fetching (IMAP): works.")).to_be_visible()
    expect(page.get_by_text("Sending (SMTP): works.")).to_be_visible()


def write(page: Page, text: str, *, bold: str) -> None:
    """Into the rich editor: plain words, then bold ones."""
    page.locator("trix-editor").click()
    page.keyboard.type(text)
    is_bold = page.locator('[data-trix-attribute="bold"].trix-active')
    for _ in range(10):  # a busy editor misses a key now and then, as people notice and press again
        page.keyboard.press("Control+B")
        page.wait_for_timeout(500)
        if is_bold.count():
            break
    page.keyboard.type(bold)


def received(customer: Account, subject: str) -> EmailMessage:
    """The message about it that the customer's mailbox has got."""

    def find() -> EmailMessage | None:
        raw = delivered(customer, 0)
        parsed = [message_from_bytes(one, policy=policy.default) for one in raw]
        return next((message for message in parsed if message["Subject"] == subject), None)

    found = wait_for(find, f"{subject} in the customer's mailbox")
    assert isinstance(found, EmailMessage)
    return found


@pytest.mark.usefixtures("inbox")
def test_a_reply_leaves_by_smtp_and_its_answer_comes_in_by_imap(
    open_page: OpenPage, ours: Account, customer: Account
) -> None:
    page, other = open_page(LIST), open_page(LIST, on=1)
    question = letter("Is the studio open", sender=f"Meera Iyer <{customer.address}>", to=ours.address)
    ours.deliver(question)
    expect(other.locator(".cv-row", has_text="Is the studio open")).to_be_visible(timeout=10_000)
    page.locator(".cv-row", has_text="Is the studio open").click()
    write(page, "Yes, from Monday to ", bold="Friday")
    page.locator("#reply").get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("#toasts")).to_contain_text("Undo")

    reply = received(customer, "Re: Is the studio open")
    assert reply["In-Reply-To"] == message_from_bytes(question)["Message-ID"]
    assert reply["From"] == f"Saffron Desk <{ours.address}>"
    assert "<strong>Friday</strong>" in reply.get_body(("html",)).get_content()  # type: ignore[union-attr]
    expect(page.locator(".cv-msg--out summary")).not_to_contain_text("Sending")

    answer = letter(
        "Re: Is the studio open",
        "Thank you, see you there.",
        sender=f"Meera Iyer <{customer.address}>",
        to=ours.address,
        answers=reply["Message-ID"],
    )
    with smtp_of(customer) as client:
        client.sendmail(customer.address, [ours.address], answer)
    expect(page.get_by_text("Thank you, see you there.").last).to_be_visible(timeout=10_000)
    expect(other.locator(".cv-row", has_text="Is the studio open")).to_contain_text("Thank you")


@pytest.mark.usefixtures("inbox")
def test_a_new_mail_leaves_by_smtp_and_a_copy_is_kept_among_the_sent(
    open_page: OpenPage, ours: Account, customer: Account
) -> None:
    page, other = open_page(f"{LIST}/new", on=1), open_page(f"{LIST}?view=sent")
    page.get_by_label("From").select_option(label=f"Saffron Desk <{ours.address}>")
    page.get_by_label("To", exact=True).fill(f"Meera Iyer <{customer.address}>")
    page.get_by_label("Subject").fill("The offer for the film")
    write(page, "Two days, ", bold="one camera")
    page.get_by_role("button", name="Send", exact=True).click()

    sent = received(customer, "The offer for the film")
    assert "Two days, one camera" in sent.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "<strong>one camera</strong>" in sent.get_body(("html",)).get_content()  # type: ignore[union-attr]
    client = imap_of(ours)
    wait_for(
        lambda: (
            client.select("Sent")[0] == "OK"
            and client.search(None, "SUBJECT", '"The offer for the film"')[1] != [b""]
        ),
        "a copy in the folder Sent",
    )
    client.logout()
    other.reload()
    expect(other.locator(".cv-row", has_text="The offer for the film")).to_be_visible()
