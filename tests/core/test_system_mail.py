"""The product's own notices: an SMTP conversation, or files."""

from __future__ import annotations

import base64
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from convergio.core.errors import ProviderError
from convergio.core.system_mail import Attachment, send_notice
from tests.mail.line_server import Conversation, LineServer, line_server


def send() -> None:
    send_notice(to="nia@convergio.test", subject="Your new password", text="Grüße\n.\nlast")


def conversation(*, recipient: str = "250 ok", login: str = "235 ok") -> Any:
    def script(peer: Conversation) -> None:
        peer.say("220 test")
        while True:
            line = peer.hear().upper()
            if line.startswith(b"EHLO"):
                peer.say("250-test", "250 AUTH PLAIN")
            elif line.startswith(b"AUTH"):
                peer.say(login)
            elif line.startswith(b"RCPT"):
                peer.say(recipient)
            elif line == b"DATA":
                peer.say("354 go on")
                peer.hear_message()
                peer.say("250 taken")
            else:
                peer.say("250 ok")

    return script


def address(server: LineServer) -> str:
    return f"smtp://desk%40convergio.test:p%2Fw@127.0.0.1:{server.port}"


def test_it_signs_in_and_hands_the_notice_over(settings: Any) -> None:
    with line_server(conversation()) as server:
        settings.SYSTEM_SMTP_URL = address(server)
        send()
    heard = server.conversations[0].heard
    assert b"AUTH PLAIN " + base64.b64encode(b"\0desk@convergio.test\0p/w") in heard
    assert any(line.lower() == b"rcpt to:<nia@convergio.test>" for line in heard)
    assert b"Auto-Submitted: auto-generated" in heard


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (conversation(recipient="550 unknown"), "permanent"),
        (conversation(recipient="450 later"), "retry"),
        (conversation(login="535 wrong"), "auth"),
        (lambda peer: peer.say("421 busy"), "retry"),
    ],
)
def test_a_refusal_says_whether_trying_again_can_help(settings: Any, script: Any, kind: str) -> None:
    with line_server(script) as server:
        settings.SYSTEM_SMTP_URL = address(server)
        with pytest.raises(ProviderError) as caught:
            send()
    assert caught.value.kind == kind
    assert "p/w" not in str(caught.value)


def test_a_server_that_is_not_there_is_tried_again(settings: Any) -> None:
    settings.SYSTEM_SMTP_URL = "smtp://127.0.0.1:1"
    with pytest.raises(ProviderError) as caught:
        send()
    assert caught.value.kind == "retry"


def test_without_a_server_the_notice_is_a_file(settings: Any, tmp_path: Path) -> None:
    settings.SYSTEM_SMTP_URL, settings.DATA_DIR = "", tmp_path
    send()
    (path,) = (tmp_path / "outbox").iterdir()
    message = message_from_bytes(path.read_bytes(), policy=policy.default)
    assert path.suffix == ".eml"
    assert (message["To"], message.get_content()) == ("nia@convergio.test", "Grüße\n.\nlast\n")


def test_files_go_with_a_notice_byte_for_byte(settings: Any, tmp_path: Path) -> None:
    settings.SYSTEM_SMTP_URL, settings.DATA_DIR = "", tmp_path
    files = [
        Attachment("Rechnung für Nia.pdf", "application/pdf", bytes(range(256)) * 3),
        Attachment("a.csv", "text/csv", b"a,b\r\n"),
    ]
    send_notice(to="nia@convergio.test", subject="Files", text="Here they are.", attachments=files)
    (path,) = (tmp_path / "outbox").iterdir()
    message = message_from_bytes(path.read_bytes(), policy=policy.default)
    body = message.get_body()
    assert body is not None
    assert body.get_content() == "Here they are.\n"
    found = [
        (part.get_filename(), part.get_content_type(), part.get_payload(decode=True))
        for part in message.iter_attachments()
    ]
    assert found == [tuple(file) for file in files]
