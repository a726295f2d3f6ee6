"""Mail rules 8 to 11 and 45: the IMAP connection itself."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event

import pytest

from convergio.core.errors import ProviderError
from convergio.mail.mailboxes import open_mailbox
from convergio.mail.mailboxes.folders import ListedFolder, assign_roles, folders_to_sync
from convergio.mail.mailboxes.protocol import FolderRole, Mailbox, MailboxSettings
from tests.mail.line_server import Conversation, Script, imap_settings, line_server
from tests.mail.sample import raw_message
from tests.mail.servers import Account, MailServers, flags_of


@pytest.fixture
def mailbox(account: Account) -> Iterator[Mailbox]:
    opened = open_mailbox(account.settings)
    yield opened
    opened.close()


@pytest.fixture
def trusted(mail_servers: MailServers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust the servers' certificate the way an operator with an authority of their own does."""
    monkeypatch.setenv("SSL_CERT_FILE", str(mail_servers.certificate))


@pytest.mark.usefixtures("trusted", "smtp_server")
def test_it_signs_in_over_tls(account: Account, mail_servers: MailServers) -> None:
    mailbox = open_mailbox(
        account.with_settings(
            imap_security="tls",
            imap_port=mail_servers.imaps_port,
            smtp_security="tls",
            smtp_port=mail_servers.smtps_port,
        )
    )

    report = mailbox.check()

    assert report.incoming.success, report.incoming.error
    assert report.outgoing.success, report.outgoing.error


@pytest.mark.usefixtures("trusted", "smtp_server")
def test_it_signs_in_over_starttls(account: Account) -> None:
    report = open_mailbox(account.with_settings(imap_security="starttls", smtp_security="starttls")).check()

    assert report.incoming.success, report.incoming.error
    assert report.outgoing.success, report.outgoing.error


@pytest.mark.usefixtures("trusted")
def test_it_idles_over_tls(account: Account, mail_servers: MailServers) -> None:
    mailbox = open_mailbox(account.with_settings(imap_security="tls", imap_port=mail_servers.imaps_port))
    mailbox.status("INBOX")

    assert not mailbox.wait("INBOX", 1.5, Event())
    account.deliver(raw_message(1))
    assert mailbox.wait("INBOX", 10, Event())
    mailbox.close()


@pytest.mark.usefixtures("smtp_server")
def test_a_certificate_that_nobody_signed_is_refused_with_its_reason(
    account: Account, mail_servers: MailServers
) -> None:
    report = open_mailbox(
        account.with_settings(
            imap_security="tls", imap_port=mail_servers.imaps_port, smtp_security="starttls"
        )
    ).check()

    assert report.incoming.kind == "permanent"
    assert "certificate of 127.0.0.1 was not accepted" in report.incoming.error
    assert report.outgoing.kind == "permanent"


def test_tls_against_a_plain_port_says_what_to_check(account: Account) -> None:
    report = open_mailbox(account.with_settings(imap_security="tls")).check()

    assert "did not speak TLS" in report.incoming.error


@pytest.mark.usefixtures("smtp_server")
def test_rule_11_a_wrong_password_is_an_auth_error_on_each_side(account: Account) -> None:
    wrong = account.with_settings(imap_password="wrong", smtp_password="wrong")

    report = open_mailbox(wrong).check()

    assert (report.incoming.kind, report.outgoing.kind) == ("auth", "auth")
    assert "wrong" not in report.incoming.error + report.outgoing.error


def test_rule_11_a_closed_port_is_no_auth_error(account: Account) -> None:
    report = open_mailbox(account.with_settings(imap_port=1, smtp_port=1)).check()

    assert (report.incoming.kind, report.outgoing.kind) == ("retry", "retry")


def test_rule_11_a_login_refused_for_now_is_no_auth_error() -> None:
    def unavailable(conversation: Conversation) -> None:
        conversation.say("* OK [CAPABILITY IMAP4rev1] ready")
        while True:
            tag, command, *_ = conversation.hear().decode().split()
            refused = command == "LOGIN"
            conversation.say(f"{tag} NO [UNAVAILABLE] the directory is away" if refused else f"{tag} OK done")

    with line_server(unavailable) as server, pytest.raises(ProviderError) as failure:
        open_mailbox(imap_settings(server.port)).status("INBOX")

    assert failure.value.kind == "retry"


def test_it_does_not_send_a_password_in_the_clear_to_another_machine() -> None:
    settings = MailboxSettings(
        kind="imap",
        email_address="a@mail.test",
        imap_host="192.0.2.1",
        imap_security="plain",
        smtp_host="192.0.2.1",
        smtp_security="plain",
        allow_private_hosts=True,
    )

    report = open_mailbox(settings).check()

    assert "in the clear" in report.incoming.error
    assert "in the clear" in report.outgoing.error


def test_a_server_whose_answers_cannot_be_understood_is_a_finding_of_the_connection_test() -> None:
    def says_nothing_but_ok(conversation: Conversation) -> None:
        conversation.say("* OK [CAPABILITY IMAP4rev1] ready")
        while True:
            conversation.say(f"{conversation.hear().decode().split()[0]} OK done")

    with line_server(says_nothing_but_ok) as server:
        report = open_mailbox(imap_settings(server.port)).check()

    assert (report.incoming.success, report.incoming.kind) == (False, "retry")
    assert "cannot be understood" in report.incoming.error


def test_the_settings_show_no_password(account: Account) -> None:
    assert account.settings.imap_password not in repr(account.settings)


def test_it_connects_again_after_the_connection_broke() -> None:
    with line_server(_hangs_up, _imap_until_idle()) as server:
        mailbox = open_mailbox(imap_settings(server.port))
        with pytest.raises(ProviderError):
            mailbox.status("INBOX")

        assert mailbox.status("INBOX").exists == 7
        mailbox.close()


def test_rule_10_special_use_wins_over_names() -> None:
    listed = [
        ListedFolder((b"\\HasNoChildren",), "Sent", "/"),
        ListedFolder((b"\\HasNoChildren", b"\\Sent"), "Verschickt", "/"),
        ListedFolder((b"\\HasNoChildren",), "INBOX", "/"),
    ]

    assert [folder.role for folder in assign_roles(listed)] == [
        FolderRole.OTHER,
        FolderRole.SENT,
        FolderRole.INBOX,
    ]


def test_rule_10_without_special_use_the_name_decides_below_any_prefix() -> None:
    listed = [
        ListedFolder((), "INBOX", "."),
        ListedFolder((), "INBOX.Gesendete Objekte", "."),
        ListedFolder((), "INBOX.Spam", "."),
        ListedFolder((), "INBOX.Papierkorb", "."),
        ListedFolder((b"\\Noselect",), "Sent", "."),
    ]

    assert [folder.role for folder in assign_roles(listed)] == [
        FolderRole.INBOX,
        FolderRole.SENT,
        FolderRole.JUNK,
        FolderRole.TRASH,
    ]


def test_rule_10_all_mail_is_not_read_beside_the_inbox() -> None:
    listed = [
        ListedFolder((b"\\All",), "[Gmail]/All Mail", "/"),
        ListedFolder((b"\\Sent",), "[Gmail]/Sent Mail", "/"),
        ListedFolder((), "INBOX", "/"),
    ]

    assert [folder.name for folder in folders_to_sync(assign_roles(listed))] == ["INBOX", "[Gmail]/Sent Mail"]


def test_rule_10_the_server_names_its_folders(mailbox: Mailbox) -> None:
    assert {folder.name: folder.role for folder in mailbox.folders()} == {
        "INBOX": FolderRole.INBOX,
        "Sent": FolderRole.SENT,
        "Spam": FolderRole.JUNK,
    }


def test_rule_45_a_sent_message_is_filed_once_and_as_read(account: Account, mailbox: Mailbox) -> None:
    assert mailbox.append_sent(raw_message(1), "1@client.example")
    assert not mailbox.append_sent(raw_message(1), "1@client.example")

    [flags] = flags_of(account, "1:*", folder="Sent")
    assert "\\Seen" in flags


@pytest.mark.parametrize("host", ["smtp.office365.com", "smtp.mail.me.com", "smtp.gmail.com"])
def test_rule_45_providers_that_file_sent_mail_themselves_are_left_alone(account: Account, host: str) -> None:
    mailbox = open_mailbox(account.with_settings(smtp_host=host))

    assert not mailbox.append_sent(raw_message(1), "1@client.example")
    assert mailbox.status("Sent").exists == 0
    mailbox.close()


def test_a_message_announced_while_another_command_ran_is_not_slept_over(
    account: Account, mailbox: Mailbox
) -> None:
    mailbox.status("INBOX")
    account.deliver(raw_message(1))
    list(mailbox.fetch_since("INBOX", 0))
    mailbox.find_by_message_id("INBOX", "x@client.example")

    assert mailbox.wait("INBOX", 30, Event())


def test_rule_8_a_goodbye_during_idle_is_a_failure_to_try_again() -> None:
    with line_server(_imap_until_idle("* BYE shutting down")) as server:
        mailbox = open_mailbox(imap_settings(server.port))
        mailbox.status("INBOX")
        with pytest.raises(ProviderError) as failure:
            mailbox.wait("INBOX", 20, Event())

    assert failure.value.kind == "retry"


def test_rule_8_a_silent_close_during_idle_is_noticed_at_once() -> None:
    with line_server(_imap_until_idle()) as server:
        mailbox = open_mailbox(imap_settings(server.port))
        mailbox.status("INBOX")
        with pytest.raises(ProviderError) as failure:
            mailbox.wait("INBOX", 20, Event())

    assert failure.value.kind == "retry"


def test_rule_8_news_in_the_same_packet_as_the_idle_answer_is_seen() -> None:
    def news(conversation: Conversation) -> None:
        tag = _until_idle(conversation)
        conversation.say("+ idling", "* 8 EXISTS")
        assert conversation.hear() == b"DONE"
        conversation.say(f"{tag} OK done")
        conversation.hear()

    with line_server(news) as server:
        mailbox = open_mailbox(imap_settings(server.port))
        mailbox.status("INBOX")
        assert mailbox.wait("INBOX", 5, Event())
        mailbox.close()


def test_rule_8_idle_is_given_anew_before_anybody_forgets_the_connection() -> None:
    def idles_again_and_again(conversation: Conversation) -> None:
        tag = _until_idle(conversation)
        while True:
            conversation.say("+ idling")
            assert conversation.hear() == b"DONE"
            conversation.say(f"{tag} OK done")
            tag = conversation.hear().decode().split()[0]

    with line_server(idles_again_and_again) as server:
        mailbox = open_mailbox(imap_settings(server.port, idle_seconds=0.2))
        mailbox.status("INBOX")
        assert not mailbox.wait("INBOX", 1.5, Event())
        mailbox.close()

    assert 3 <= sum(b"IDLE" in line for line in server.conversations[0].heard) <= 8
    assert imap_settings(1).idle_seconds <= 9 * 60


def test_rule_9_a_server_that_says_nothing_ends_in_a_timeout() -> None:
    with line_server(_says_nothing) as server:
        mailbox = open_mailbox(imap_settings(server.port, timeout=0.5))
        with pytest.raises(ProviderError) as failure:
            mailbox.status("INBOX")

    assert failure.value.kind == "retry"


def _imap_until_idle(*farewell: str) -> Script:
    def script(conversation: Conversation) -> None:
        _until_idle(conversation)
        conversation.say("+ idling", *farewell)

    return script


def _hangs_up(_: Conversation) -> None:
    """Close the connection before a word."""


def _says_nothing(conversation: Conversation) -> None:
    conversation.hear()


def _until_idle(conversation: Conversation) -> str:
    """Play an IMAP server with one folder until the client idles; returns the tag of IDLE."""
    conversation.say("* OK [CAPABILITY IMAP4rev1 IDLE] ready")
    while True:
        tag, command, *_ = conversation.hear().decode().split()
        if command == "IDLE":
            return tag
        if command == "EXAMINE":
            conversation.say("* 7 EXISTS", "* 0 RECENT", "* FLAGS (\\Seen)")
            conversation.say("* OK [UIDVALIDITY 1] ok", "* OK [UIDNEXT 8] ok")
        if command == "CAPABILITY":
            conversation.say("* CAPABILITY IMAP4rev1 IDLE")
        conversation.say(f"{tag} OK done")
