"""Mail rules 39 and 42 to 44: handing a message over once, and knowing when it is not known."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable

import pytest

from convergio.core.errors import ProviderError
from convergio.mail.errors import UncertainDelivery
from convergio.mail.mailboxes import open_mailbox
from convergio.mail.mailboxes.protocol import MailboxSettings
from tests.mail.line_server import Conversation, Script, line_server
from tests.mail.sample import raw_message
from tests.mail.servers import Account, MailServers, delivered

pytestmark = pytest.mark.usefixtures("smtp_server")

ME = "support@mail.test"
YOU = "you@client.example"


class Boundary:
    """Counts how often the caller was told that the message may be delivered from now on."""

    passed = 0

    def __call__(self) -> None:
        self.passed += 1


@pytest.fixture
def boundary() -> Boundary:
    return Boundary()


def test_a_line_that_begins_with_a_dot_and_bare_line_ends_arrive_as_they_were(
    account: Account, boundary: Boundary
) -> None:
    raw = b"Subject: dots\nMessage-ID: <dots@mail.test>\n\n.\n..two\n.start\nend"

    open_mailbox(account.settings).send(account.address, [account.address], raw, boundary)

    [received] = delivered(account, 1)
    assert received.endswith(b"\n\n.\n..two\n.start\nend\n")
    assert boundary.passed == 1


def test_rule_43_a_connection_lost_before_the_final_dot_was_certainly_not_sent(boundary: Boundary) -> None:
    def closes_at_data(conversation: Conversation) -> None:
        _until_data(conversation)

    with pytest.raises(ProviderError) as failure:
        _send(closes_at_data, boundary)

    assert failure.value.kind == "retry"
    assert boundary.passed == 0


def test_rule_43_no_answer_after_the_final_dot_is_uncertain(boundary: Boundary) -> None:
    def closes_after_dot(conversation: Conversation) -> None:
        _until_data(conversation)
        conversation.say("354 go on")
        conversation.hear_message()

    with pytest.raises(UncertainDelivery):
        _send(closes_after_dot, boundary)

    assert boundary.passed == 1


def test_rule_43_silence_after_the_final_dot_is_uncertain(boundary: Boundary) -> None:
    def waits_after_dot(conversation: Conversation) -> None:
        _until_data(conversation)
        conversation.say("354 go on")
        conversation.hear_message()
        conversation.hear()

    with pytest.raises(UncertainDelivery):
        _send(waits_after_dot, boundary)


def test_rule_43_nonsense_after_the_final_dot_is_uncertain(boundary: Boundary) -> None:
    with pytest.raises(UncertainDelivery):
        _send(_answers_the_dot("what?"), boundary)


def test_rule_43_an_uncertain_delivery_is_nothing_that_a_retry_picks_up() -> None:
    assert not isinstance(UncertainDelivery(), ProviderError)


def test_the_boundary_comes_after_the_payload_and_before_the_dot() -> None:
    heard_at_boundary: list[bytes] = []
    conversations: list[Conversation] = []

    def keeps(conversation: Conversation) -> None:
        conversations.append(conversation)
        _answers_the_dot("250 taken")(conversation)

    def note() -> None:
        deadline = time.monotonic() + 5
        while b"last line" not in conversations[0].heard and time.monotonic() < deadline:
            time.sleep(0.01)
        heard_at_boundary.extend(conversations[0].heard)

    _send(keeps, note, raw=raw_message(1, body="last line"))

    assert b"last line" in heard_at_boundary
    assert b"." not in heard_at_boundary


def test_rule_44_an_error_on_quit_after_the_confirmation_is_success(boundary: Boundary) -> None:
    def closes_at_quit(conversation: Conversation) -> None:
        _until_data(conversation)
        conversation.say("354 go on")
        conversation.hear_message()
        conversation.say("250 taken")

    _send(closes_at_quit, boundary)

    assert boundary.passed == 1


@pytest.mark.parametrize(
    ("recipient", "kind"), [("busy", "retry"), ("refused", "permanent"), ("unknown", "permanent")]
)
def test_rule_44_a_refused_recipient_is_retried_on_4xx_and_not_on_5xx(
    account: Account, boundary: Boundary, recipient: str, kind: str
) -> None:
    with pytest.raises(ProviderError) as failure:
        open_mailbox(account.settings).send(
            account.address, [f"{recipient}@mail.test"], raw_message(1), boundary
        )

    assert failure.value.kind == kind
    assert boundary.passed == 0


@pytest.mark.parametrize(
    ("subject", "kind"), [("defer the content", "retry"), ("refuse the content", "permanent")]
)
def test_rule_44_a_refused_content_is_retried_on_4xx_and_not_on_5xx(
    account: Account, boundary: Boundary, subject: str, kind: str
) -> None:
    raw = raw_message(1).replace(b"Question 1", subject.encode())

    with pytest.raises(ProviderError) as failure:
        open_mailbox(account.settings).send(account.address, [account.address], raw, boundary)

    assert failure.value.kind == kind
    assert "content is not wanted" in failure.value.message or "come back later" in failure.value.message


def test_some_refused_recipients_are_reported_and_the_others_get_it(
    account: Account, mail_servers: MailServers, boundary: Boundary
) -> None:
    other = mail_servers.account()
    recipients = ["refused@mail.test", account.address, "busy@mail.test", other.address]

    result = open_mailbox(account.settings).send(account.address, recipients, raw_message(1), boundary)

    assert {address: refusal.kind for address, refusal in result.refused.items()} == {
        "refused@mail.test": "permanent",
        "busy@mail.test": "retry",
    }
    assert result.refused["refused@mail.test"].code == 550
    assert len(delivered(account, 1)) == len(delivered(other, 1)) == 1


def test_all_refused_and_one_of_them_only_for_now_is_retried(account: Account, boundary: Boundary) -> None:
    recipients = ["refused@mail.test", "busy@mail.test"]

    with pytest.raises(ProviderError) as failure:
        open_mailbox(account.settings).send(account.address, recipients, raw_message(1), boundary)

    assert failure.value.kind == "retry"


def test_a_wrong_password_asks_for_a_new_sign_in(account: Account, boundary: Boundary) -> None:
    mailbox = open_mailbox(account.with_settings(smtp_password="wrong"))

    with pytest.raises(ProviderError) as failure:
        mailbox.send(account.address, [account.address], raw_message(1), boundary)

    assert failure.value.kind == "auth"


@pytest.mark.parametrize("code", [451, 454, 500, 503, 535])
def test_a_server_that_repeats_the_login_does_not_make_us_tell_the_password(
    boundary: Boundary, code: int
) -> None:
    def repeats(conversation: Conversation) -> None:
        conversation.say("220 ready")
        while not conversation.hear().startswith(b"AUTH"):
            conversation.say("250-mail.test", "250 AUTH PLAIN")
        conversation.say(f"{code} cannot do {conversation.heard[-1].decode()} secret-word")
        conversation.hear()

    with pytest.raises(ProviderError) as failure:
        _send(repeats, boundary, smtp_username="ann", smtp_password="secret-word")

    assert "secret-word" not in failure.value.message
    assert base64.b64encode(b"\0ann\0secret-word").decode() not in failure.value.message


def test_a_message_over_the_servers_limit_is_refused_before_it_is_sent(
    account: Account, boundary: Boundary
) -> None:
    with pytest.raises(ProviderError) as failure:
        open_mailbox(account.settings).send(
            account.address, [account.address], raw_message(1, size=3_000_000), boundary
        )

    assert failure.value.kind == "permanent"
    assert "send fewer or smaller attachments" in failure.value.message


def test_rule_39_the_null_sender_is_used_where_the_server_takes_it(
    account: Account, boundary: Boundary
) -> None:
    result = open_mailbox(account.settings).send("", [account.address], raw_message(1), boundary)

    [received] = delivered(account, 1)
    assert received.startswith(b"Return-path: <>")
    assert result.envelope_from == ""


def test_rule_39_a_server_without_null_sender_gets_the_inbox_address(boundary: Boundary) -> None:
    def refuses_null_sender(conversation: Conversation) -> None:
        conversation.say("220 ready")
        while (line := conversation.hear()) != b"DATA":
            conversation.say("550 no empty senders" if b"FROM:<>" in line else "250 fine")
        conversation.say("354 go on")
        conversation.hear_message()
        conversation.say("250 taken")

    result = _send(refuses_null_sender, boundary, sender="")

    assert result == ME


def test_a_large_message_is_not_cut_by_the_timeout_of_a_slow_line(boundary: Boundary) -> None:
    def reads_slowly(conversation: Conversation) -> None:
        _until_data(conversation)
        conversation.say("354 go on")
        for count, _ in enumerate(iter(conversation.hear, b".")):
            if count % 4_000 == 0:
                time.sleep(0.05)
        conversation.say("250 taken")

    _send(reads_slowly, boundary, raw=raw_message(1, size=6_000_000), timeout=0.8)

    assert boundary.passed == 1


def _send(
    script: Script,
    before_commit: Callable[[], None],
    *,
    sender: str = ME,
    raw: bytes = raw_message(1),
    timeout: float = 2.0,
    **account: str,
) -> str:
    with line_server(script) as server:
        settings = MailboxSettings(
            kind="imap",
            email_address=ME,
            smtp_host="127.0.0.1",
            smtp_port=server.port,
            smtp_security="plain",
            allow_private_hosts=True,
            timeout=timeout,
            confirmation_timeout=1.0,
            **account,  # type: ignore[arg-type]  # user name and password
        )
        return open_mailbox(settings).send(sender, [YOU], raw, before_commit).envelope_from


def _until_data(conversation: Conversation) -> None:
    """Play an SMTP server that agrees to everything up to DATA."""
    conversation.say("220 ready")
    while conversation.hear() != b"DATA":
        conversation.say("250 fine")


def _answers_the_dot(answer: str) -> Script:
    def script(conversation: Conversation) -> None:
        _until_data(conversation)
        conversation.say("354 go on")
        conversation.hear_message()
        conversation.say(answer)
        conversation.hear()
        conversation.say("221 bye")

    return script
