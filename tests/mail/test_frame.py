"""The frame that shows one message: sandboxed, silent, with its own pictures by signed address (rules 47 to 49)."""

from __future__ import annotations

import re
from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client

from convergio.core.tenancy import workspace_scope
from convergio.mail.ingest import Arrival, store_messages
from convergio.mail.models import EmailThread, Inbox
from tests.cast import Person
from tests.mail.api import inbox_of
from tests.mail.messages import receiver_of

PIXEL = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
HTML = (
    '<p onclick="x()">Hello</p><script>alert(1)</script><img src="cid:logo@lumen">'
    '<img src="https://tracker.example/open.gif"><form action="https://evil.example"><input name="a"></form>'
)


@pytest.fixture
def support(owner: Person) -> Inbox:
    return inbox_of(owner)


def message(content: bytes = PIXEL) -> bytes:
    return (
        "Message-ID: <html@lumen.example>\r\nFrom: a@lumen.example\r\nTo: support@convergio.test\r\nSubject: Design\r\n"
        "MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n\r\n"
        f"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{HTML}\r\n"
        "--b\r\nContent-Type: image/png\r\nContent-ID: <logo@lumen>\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        f"{b64encode(content).decode()}\r\n--b--\r\n"
    ).encode()


def frame_of(inbox: Inbox, content: bytes = PIXEL) -> str:
    """The path of the frame of a stored message."""
    [stored] = store_messages(receiver_of(inbox), [Arrival(raw=message(content))])
    return f"/dashboard/commboost/emails/{stored.email_id}/body"


def picture_in(answer: str) -> str:
    found = re.search(r'src="(/mail-images/[^"]+)"', answer)
    assert found
    return found[1]


def test_the_frame_runs_nothing_and_loads_nothing_from_elsewhere(owner: Person, support: Inbox) -> None:
    answer = owner.browser().get(frame_of(support))
    text = answer.content.decode()
    assert "Hello" in text
    for dangerous in ("script", "onclick", "tracker.example", "<form", "<input"):
        assert dangerous not in text
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "allow-scripts" not in policy
    assert "frame-ancestors 'self'" in policy
    assert "https:" not in policy


@pytest.mark.parametrize("html", [HTML, "<b>" * 40_001 + HTML, ""], ids=["shown", "as text", "no html"])
def test_rule_49_an_inline_file_that_the_mail_does_not_show_stands_among_the_attachments(
    owner: Person, support: Inbox, html: str
) -> None:
    plan = (
        b"--b\r\nContent-Type: application/pdf\r\nContent-ID: <plan@lumen>\r\n"
        b"Content-Disposition: inline; filename=plan.pdf\r\n\r\n%PDF-\r\n--b--"
    )
    logo = b'\r\nContent-Disposition: inline; filename="logo.png"\r\nContent-ID: <logo'
    raw = message().replace(b"\r\nContent-ID: <logo", logo).replace(b"--b--", plan)
    raw = raw.replace(HTML.encode(), html.encode() or b"Hello")
    [stored] = store_messages(receiver_of(support), [Arrival(raw=raw)])
    page = owner.browser().get(f"/dashboard/commboost/threads/{stored.thread_id}").content.decode()
    assert page.count(">plan.pdf<") == 1
    assert ("logo.png" in page) is (html != HTML)
    with workspace_scope(owner.workspace.id):
        assert EmailThread.objects.get().has_attachments


def test_remote_pictures_are_loaded_when_the_reader_asks(owner: Person, support: Inbox) -> None:
    answer = owner.browser().get(f"{frame_of(support)}?images=1")
    assert "https://tracker.example/open.gif" in answer.content.decode()
    assert "img-src 'self' data: https: http:" in answer["Content-Security-Policy"]


def test_an_embedded_picture_needs_no_cookie_but_its_signature(owner: Person, support: Inbox) -> None:
    path = picture_in(owner.browser().get(frame_of(support)).content.decode())
    answer = Client().get(path)
    assert (answer.status_code, answer.content, answer["Content-Type"]) == (200, PIXEL, "image/png")
    assert answer["X-Content-Type-Options"] == "nosniff"
    *head, signature = path.split("/")
    forged = ["/".join([*head, signature[:-1] + ("0" if signature[-1] != "0" else "1")]), path[:-1]]
    for position in (2, 3, 4, 5):  # another workspace, message, picture, expiry
        pieces = path.split("/")
        pieces[position] = str(int(pieces[position]) + 1)
        forged.append("/".join(pieces))
    assert [Client().get(one).status_code for one in forged] == [404] * len(forged)


def test_the_address_of_a_picture_grows_old(owner: Person, support: Inbox) -> None:
    path = picture_in(owner.browser().get(frame_of(support)).content.decode())
    with time_machine.travel(datetime.now(UTC) + timedelta(days=3), tick=False):
        assert Client().get(path).status_code == 404


def test_what_only_claims_to_be_a_picture_is_bytes(owner: Person, support: Inbox) -> None:
    path = picture_in(owner.browser().get(frame_of(support, b"<svg onload=alert(1)>")).content.decode())
    assert Client().get(path)["Content-Type"] == "application/octet-stream"


def test_an_outsider_does_not_see_the_frame(owner: Person, outsider: Person, support: Inbox) -> None:
    assert outsider.browser().get(frame_of(support)).status_code == 404
