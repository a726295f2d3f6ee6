"""CommBoost's pages by whole requests: what they show, what their forms do without script, who is kept out."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from convergio.ai.actions import add_document
from convergio.core import sql
from convergio.core.tenancy import workspace_scope
from convergio.mail.ingest import store_messages
from convergio.mail.models import Inbox
from tests.cast import Person
from tests.jobs import run_jobs
from tests.mail.messages import arrival, make_inbox, raw_message, receiver_of

LIST = "/dashboard/commboost"
HTMX = {"HX-Request": "true"}
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture
def inbox(owner: Person) -> Inbox:
    """The owner's support inbox, in draft mode."""
    return make_inbox(owner.workspace, reply_mode="draft")


@pytest.fixture
def browser(owner: Person) -> Client:
    return owner.browser()


def receive(inbox: Inbox, subject: str = "Refund for my order", *, minutes: int = 0, **fields: Any) -> int:
    """Take a mail up and write its draft; the answer is its conversation."""
    raw = raw_message(
        message_id=f"{subject.replace(' ', '-')}.{minutes}@lumen.example", subject=subject, **fields
    )
    at = NOON - timedelta(minutes=minutes)
    [stored] = store_messages(receiver_of(inbox), [arrival(raw, at)])
    with workspace_scope(inbox.workspace_id):
        run_jobs()
    return stored.thread_id


def value(owner: Person, statement: str, *parameters: object) -> object:
    with workspace_scope(owner.workspace.id):
        return sql.fetch_value(statement, list(parameters))


def text_of(client: Client, path: str, *, status: int = 200, headers: dict[str, str] | None = None) -> str:
    response = client.get(path, headers=headers)
    assert response.status_code == status
    return response.content.decode()


def toast_of(response: object) -> dict[str, str]:
    headers: dict[str, str] = response.headers  # type: ignore[attr-defined]
    toast: dict[str, str] = json.loads(headers["HX-Trigger"])["convergio:toast"]
    return toast


# --- the list -----------------------------------------------------------------------------------------------


def test_the_list_shows_what_strangers_wrote_as_text(browser: Client, inbox: Inbox) -> None:
    receive(inbox, "<script>alert(1)</script>", sender='"<b>Eve</b>" <eve@bad.example>', text='"><img src=x>')
    page = text_of(browser, LIST)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page
    assert "<b>Eve" not in page
    assert "<img" not in page


def test_the_list_costs_the_same_statements_for_one_row_and_for_twenty(browser: Client, inbox: Inbox) -> None:
    receive(inbox)
    text_of(browser, LIST)
    with CaptureQueriesContext(connection) as few:
        text_of(browser, LIST)
    for number in range(20):
        receive(inbox, f"Question {number}", minutes=number)
    with CaptureQueriesContext(connection) as many:
        text_of(browser, LIST)
    assert len(few) == len(many)


def test_older_pages_follow_by_a_link_that_stays_put_while_mail_arrives(
    browser: Client, inbox: Inbox
) -> None:
    for number in range(52):
        receive(inbox, f"Question {number:02}", minutes=number)
    page = text_of(browser, LIST)
    older = page.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    receive(inbox, "The newest")
    second = text_of(browser, older)
    assert "Question 50" in second
    assert "Question 51" in second
    assert "Question 49" not in second


def test_htmx_gets_the_list_alone_and_a_visit_the_whole_page(browser: Client, inbox: Inbox) -> None:
    receive(inbox)
    assert "<html" in text_of(browser, LIST)
    part = text_of(browser, LIST, headers=HTMX)
    assert part.lstrip().startswith('<div class="cv-fill" id="listing"')
    assert "Refund for my order" in part


@pytest.mark.parametrize(
    ("address", "title"),
    [
        ("?view=unread", "All read"),
        ("?view=drafts", "No drafts"),
        ("?view=sent", "Nothing sent"),
        ("?q=zebra", "“zebra”"),
    ],
)
def test_an_empty_list_says_why_and_what_to_do(browser: Client, address: str, title: str) -> None:
    assert title in text_of(browser, LIST + address)


def test_a_damaged_page_address_is_refused_in_a_sentence(browser: Client) -> None:
    assert "page address is damaged" in text_of(browser, f"{LIST}?page=nonsense", status=400)


def test_picked_conversations_are_marked_and_the_way_leads_back(
    browser: Client, inbox: Inbox, owner: Person
) -> None:
    thread_id = receive(inbox)
    response = browser.post(
        f"{LIST}/read", {"ids": [thread_id, "x"], "is_read": "1", "next": f"{LIST}?view=unread"}
    )
    assert (response.status_code, response.headers["Location"]) == (302, f"{LIST}?view=unread")
    assert value(owner, "SELECT unread_count FROM email_threads WHERE id = %s", thread_id) == 0
    response = browser.post(
        f"{LIST}/read", {"ids": [thread_id], "is_read": "0", "next": "https://evil.example/"}
    )
    assert response.headers["Location"] == LIST


# --- a conversation -----------------------------------------------------------------------------------------


def test_opening_a_conversation_reads_it_and_the_pages_own_look_does_not(
    browser: Client, inbox: Inbox, owner: Person
) -> None:
    thread_id = receive(inbox)
    unread = "SELECT unread_count FROM email_threads WHERE id = %s"
    text_of(browser, f"{LIST}/threads/{thread_id}?live=1", headers=HTMX)
    assert value(owner, unread, thread_id) == 1
    assert "Refund for my order" in text_of(browser, f"{LIST}/threads/{thread_id}")
    assert value(owner, unread, thread_id) == 0


def test_a_draft_shows_that_no_model_wrote_it_and_what_it_quotes(
    browser: Client, inbox: Inbox, owner: Person
) -> None:
    with workspace_scope(owner.workspace.id):
        add_document(
            owner.actor, title="Refunds", body="## Refund time\n\nA refund arrives within seven days.\n"
        )
    page = text_of(browser, f"{LIST}/threads/{receive(inbox)}")
    assert "written without a model" in page
    assert "A refund arrives within seven days." in page
    assert "Approve and send" in page


def test_an_automatic_mail_says_why_it_gets_no_answer(browser: Client, inbox: Inbox) -> None:
    [stored] = store_messages(
        receiver_of(inbox), [arrival(raw_message(headers=["Auto-Submitted: auto-replied"]), NOON)]
    )
    assert "No automatic answer:" in text_of(browser, f"{LIST}/threads/{stored.thread_id}")


def test_quoted_lines_are_folded(browser: Client, inbox: Inbox) -> None:
    text = "Thank you.\r\n\r\nOn Mon, 23 Nov 2026 at 10:00, Support wrote:\r\n> How are you?"
    page = text_of(browser, f"{LIST}/threads/{receive(inbox, text=text)}")
    assert "Thank you." in page
    assert "&gt; How are you?" in page.partition('<details class="cv-quote')[2]


def html_mail(inbox: Inbox) -> tuple[int, int]:
    """A mail with a remote picture and a script: its conversation and its id."""
    body = '<p>Hello</p><img src="https://far.example/a.png"><script>alert(1)</script>'
    raw = raw_message(text=body).replace(b"text/plain", b"text/html")
    [stored] = store_messages(receiver_of(inbox), [arrival(raw, NOON)])
    return stored.thread_id, stored.email_id


def test_remote_pictures_are_counted_and_loaded_only_when_asked(browser: Client, inbox: Inbox) -> None:
    thread_id, email_id = html_mail(inbox)
    assert "1 remote image blocked" in text_of(browser, f"{LIST}/threads/{thread_id}")
    assert "blocked" not in text_of(browser, f"{LIST}/threads/{thread_id}?images={email_id}")
    body = browser.get(f"{LIST}/emails/{email_id}/body")
    assert b"far.example" not in body.content
    assert "https:" not in body.headers["Content-Security-Policy"]
    with_images = browser.get(f"{LIST}/emails/{email_id}/body?images=1")
    assert b"https://far.example/a.png" in with_images.content
    assert b"<script" not in with_images.content
    assert "img-src 'self' data: https: http:" in with_images.headers["Content-Security-Policy"]


# --- decisions ----------------------------------------------------------------------------------------------


def reply_of(owner: Person, thread_id: int) -> int:
    found = value(
        owner, "SELECT id FROM auto_replies WHERE thread_id = %s ORDER BY id DESC LIMIT 1", thread_id
    )
    assert isinstance(found, int)
    return found


def test_approving_queues_one_mail_and_offers_to_take_it_back(
    browser: Client, inbox: Inbox, owner: Person
) -> None:
    thread_id = receive(inbox)
    decide = f"{LIST}/drafts/{reply_of(owner, thread_id)}"
    response = browser.post(f"{decide}/approve", headers=HTMX)
    email_id = value(owner, "SELECT id FROM emails WHERE direction = 'outbound'")
    assert toast_of(response)["undo"] == f"{LIST}/emails/{email_id}/undo"
    assert browser.post(f"{decide}/approve").status_code == 409
    assert value(owner, "SELECT count(*) FROM emails WHERE direction = 'outbound'") == 1


def test_a_refusal_reaches_scripts_as_a_sentence(browser: Client, inbox: Inbox, owner: Person) -> None:
    decide = f"{LIST}/drafts/{reply_of(owner, receive(inbox))}/approve"
    response = browser.post(decide, {"reply_text": "  "}, headers={**HTMX, "Accept": "*/*"})
    assert response.status_code == 400
    assert "The reply has no text" in response.json()["error"]


def test_a_rejected_draft_is_gone_and_nothing_is_sent(browser: Client, inbox: Inbox, owner: Person) -> None:
    thread_id = receive(inbox)
    browser.post(f"{LIST}/drafts/{reply_of(owner, thread_id)}/reject")
    assert "Approve and send" not in text_of(browser, f"{LIST}/threads/{thread_id}")
    assert value(owner, "SELECT count(*) FROM emails WHERE direction = 'outbound'") == 0


def test_a_reply_without_script_leads_to_its_conversation_with_an_undo(
    browser: Client, inbox: Inbox, owner: Person
) -> None:
    thread_id = receive(inbox)
    file = SimpleUploadedFile("offer.txt", b"Two reels.")
    response = browser.post(
        f"{LIST}/threads/{thread_id}/reply", {"body_text": "It is on its way.", "attachments": [file]}
    )
    page = text_of(browser, response.headers["Location"])
    assert "It is on its way." in page
    assert "offer.txt" in page
    assert "Undo" in page
    assert value(owner, "SELECT count(*) FROM auto_replies WHERE status = 'drafted'") == 0


def test_a_taken_back_reply_is_a_draft_and_leaves_no_trace_in_the_list(
    browser: Client, inbox: Inbox, owner: Person
) -> None:
    thread_id = receive(inbox)
    browser.post(f"{LIST}/threads/{thread_id}/reply", {"body_text": "Too early"})
    email_id = value(owner, "SELECT id FROM emails WHERE direction = 'outbound'")
    response = browser.post(f"{LIST}/emails/{email_id}/undo", headers={"Accept": "application/json"})
    assert response.json() == {"next": f"{LIST}/threads/{thread_id}"}
    assert value(owner, "SELECT message_count FROM email_threads WHERE id = %s", thread_id) == 1
    assert value(owner, "SELECT count(*) FROM emails WHERE direction = 'outbound'") == 0
    assert "Too early" in text_of(browser, f"{LIST}/threads/{thread_id}")


def outbound(owner: Person, inbox: Inbox, browser: Client, state: str) -> tuple[int, int]:
    """A reply whose sending came to this; its conversation and its id."""
    thread_id = receive(inbox)
    browser.post(f"{LIST}/threads/{thread_id}/reply", {"body_text": "Our answer"})
    with workspace_scope(owner.workspace.id):
        sql.execute(
            """UPDATE emails SET delivery_state = %s, attempts = 3, last_error = 'The server said no.'
               WHERE direction = 'outbound'""",
            [state],
        )
        return thread_id, sql.fetch_value("SELECT id FROM emails WHERE direction = 'outbound'")


def test_a_failed_mail_shows_why_and_is_sent_again_on_request(
    browser: Client, inbox: Inbox, owner: Person
) -> None:
    thread_id, email_id = outbound(owner, inbox, browser, "failed")
    page = text_of(browser, f"{LIST}/threads/{thread_id}")
    assert "The server said no." in page
    assert "Send again" in page
    assert browser.post(f"{LIST}/emails/{email_id}/retry").status_code == 302
    assert value(owner, "SELECT delivery_state FROM emails WHERE id = %s", email_id) == "queued"
    assert browser.post(f"{LIST}/emails/{email_id}/retry").status_code == 409


@pytest.mark.parametrize(("answer", "state"), [("1", "sent"), ("0", "queued")])
def test_a_person_settles_what_may_have_been_sent(
    browser: Client, inbox: Inbox, owner: Person, answer: str, state: str
) -> None:
    thread_id, email_id = outbound(owner, inbox, browser, "uncertain")
    assert "It was sent" in text_of(browser, f"{LIST}/threads/{thread_id}")
    browser.post(f"{LIST}/emails/{email_id}/settle", {"was_sent": answer})
    assert value(owner, "SELECT delivery_state FROM emails WHERE id = %s", email_id) == state


# --- writing ------------------------------------------------------------------------------------------------


def test_a_mail_that_cannot_be_sent_comes_back_with_its_words(browser: Client, inbox: Inbox) -> None:
    form = {"inbox": str(inbox.id), "to": "not an address", "subject": "Hello", "body_text": "My long letter"}
    response = browser.post(f"{LIST}/new", form)
    assert response.status_code == 422
    assert "Enter at least one address" in response.content.decode()
    assert "My long letter" in response.content.decode()


def test_a_sent_mail_forgets_its_draft(browser: Client, inbox: Inbox, owner: Person) -> None:
    draft = {
        "to": "ananya@lumen.example",
        "subject": "Offer",
        "body_html": "<div>Half</div>",
        "inbox": str(inbox.id),
    }
    draft_id = browser.post(f"{LIST}/writing", draft).json()["draft"]
    assert browser.post(f"{LIST}/writing", {**draft, "draft": draft_id}).json() == {"draft": draft_id}
    assert "Offer" in text_of(browser, f"{LIST}/new")
    response = browser.post(f"{LIST}/new", {**draft, "draft": draft_id, "body_text": "Whole"})
    assert response.status_code == 302
    assert value(owner, "SELECT count(*) FROM email_drafts") == 0
    assert "Offer" in text_of(browser, f"{LIST}?view=sent")


def test_a_taken_back_new_mail_opens_as_a_draft(browser: Client, inbox: Inbox, owner: Person) -> None:
    browser.post(
        f"{LIST}/new",
        {"inbox": str(inbox.id), "to": "a@lumen.example", "subject": "Soon", "body_text": "Words <here>"},
    )
    email_id = value(owner, "SELECT id FROM emails WHERE direction = 'outbound'")
    response = browser.post(f"{LIST}/emails/{email_id}/undo")
    page = text_of(browser, response.headers["Location"])
    assert "Soon" in page
    assert "Words &amp;lt;here&amp;gt;" in page
    assert value(owner, "SELECT count(*) FROM email_threads") == 0


def test_a_draft_belongs_to_its_writer(browser: Client, inbox: Inbox, teammate: Person) -> None:
    draft_id = browser.post(f"{LIST}/writing", {"subject": "Mine alone"}).json()["draft"]
    other = teammate.browser()
    assert "Mine alone" not in text_of(other, f"{LIST}/new?draft={draft_id}")
    assert other.post(f"{LIST}/writing/{draft_id}/discard").status_code == 404


# --- settings of inboxes ------------------------------------------------------------------------------------

SETTINGS = "/dashboard/settings/inboxes"
IMAP = {
    "email_address": "info@convergio.test", "name": "Info", "tag": "Info", "colour": "cyan", "reply_mode": "draft",
    "is_active": "1", "imap_host": "imap.convergio.test", "imap_port": "993", "imap_security": "tls",
    "imap_username": "info", "imap_password": "first secret", "smtp_host": "smtp.convergio.test", "smtp_port": "465",
    "smtp_security": "tls", "smtp_username": "", "smtp_password": "",
}  # fmt: skip


def test_an_inbox_is_added_and_its_password_never_shown(browser: Client, owner: Person) -> None:
    response = browser.post(f"{SETTINGS}/new", IMAP)
    page = text_of(browser, response.headers["Location"])
    assert "imap.convergio.test" in page
    assert "first secret" not in page
    assert "Leave empty to keep it" in page


def test_saving_an_inbox_with_an_empty_password_keeps_the_stored_one(browser: Client, owner: Person) -> None:
    address = browser.post(f"{SETTINGS}/new", IMAP).headers["Location"].partition("?")[0]
    stored = value(owner, "SELECT secrets_encrypted FROM inboxes")
    browser.post(address, {**IMAP, "imap_password": "", "name": "Information"})
    assert value(owner, "SELECT name FROM inboxes") == "Information"
    assert value(owner, "SELECT secrets_encrypted FROM inboxes") == stored


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("imap_port", "many", "A port is a number"),
        ("imap_host", "", "Enter the servers"),
        ("email_address", "nobody", "address"),
        ("reply_mode", "always", "Choose one of the offered words"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(
    browser: Client, field: str, typed: str, sentence: str
) -> None:
    response = browser.post(f"{SETTINGS}/new", {**IMAP, field: typed})
    assert response.status_code == 422
    assert sentence in response.content.decode().partition(f'id="f-{field}-more"')[2][:200]


def test_the_last_inbox_stays_and_one_with_mail_is_switched_off(
    browser: Client, inbox: Inbox, owner: Person
) -> None:
    receive(inbox)
    response = browser.post(f"{SETTINGS}/{inbox.id}/delete")
    assert response.status_code == 409
    assert "last active inbox" in response.content.decode()
    make_inbox(owner.workspace, "hello@convergio.test")
    assert browser.post(f"{SETTINGS}/{inbox.id}/delete").headers["Location"] == f"{SETTINGS}?done=off"
    assert "Switched off" in text_of(browser, SETTINGS)


def test_the_connection_test_says_for_each_half_what_came_of_it(
    browser: Client, owner: Person, tmp_path: object
) -> None:
    inbox = make_inbox(owner.workspace, maildir_path=f"{tmp_path}/gone", outbox_path=f"{tmp_path}")
    page = browser.post(f"{SETTINGS}/{inbox.id}/test").content.decode()
    assert "Fetching (folder): " in page
    assert "Sending (folder): works." in page


def test_members_may_look_at_inboxes_and_not_change_them(inbox: Inbox, teammate: Person) -> None:
    client = teammate.browser()
    assert "Support" in text_of(client, SETTINGS)
    assert client.get(f"{SETTINGS}/{inbox.id}").status_code == 403
    assert client.post(f"{SETTINGS}/{inbox.id}/delete").status_code == 403


# --- other workspaces ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("get", LIST + "/threads/{thread}"),
        ("post", LIST + "/threads/{thread}/reply"),
        ("post", LIST + "/drafts/{reply}/approve"),
        ("post", LIST + "/drafts/{reply}/reject"),
        ("get", LIST + "/emails/{email}/body"),
        ("get", LIST + "/emails/{email}/files/0"),
        ("get", LIST + "/emails/{email}/images/0"),
        ("post", LIST + "/emails/{email}/undo"),
        ("post", LIST + "/emails/{email}/retry"),
        ("post", LIST + "/emails/{email}/settle"),
        ("get", SETTINGS + "/{inbox}"),
        ("post", SETTINGS + "/{inbox}/test"),
        ("post", SETTINGS + "/{inbox}/delete"),
    ],
)
def test_an_outsider_finds_nothing(
    inbox: Inbox, owner: Person, outsider: Person, verb: str, path: str
) -> None:
    thread_id = receive(inbox)
    places = {
        "thread": thread_id,
        "reply": reply_of(owner, thread_id),
        "email": value(owner, "SELECT id FROM emails"),
        "inbox": inbox.id,
    }
    response = getattr(outsider.browser(), verb)(
        path.format(**places), {"body_text": "Hello", "was_sent": "1"}
    )
    assert response.status_code == 404
    assert value(owner, "SELECT count(*) FROM emails") == 1
