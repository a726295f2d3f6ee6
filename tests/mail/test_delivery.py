"""Mail rules 30 and 42 to 45: out of the outbox, through a real Exim, once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from convergio.accounts.models import Workspace
from convergio.core import clock, sql
from convergio.core.tenancy import workspace_scope
from convergio.mail.delivery import deliver_email
from convergio.mail.inboxes import update_inbox
from convergio.mail.interrupted import lost_emails, recover_interrupted, resolve_uncertain, settle_uncertain
from convergio.mail.mailboxes import open_mailbox
from convergio.mail.models import Email, Inbox
from convergio.mail.outbox import Letter, queue_letter
from convergio.mail.outgoing import Address
from convergio.mail.sync import sync_inbox
from convergio.mail.sync_store import InboxStore
from tests.cast import Person, make_user, make_workspace
from tests.jobs import run_jobs
from tests.mail.line_server import Conversation, line_server
from tests.mail.live import inbox_on, set_passwords, until, value
from tests.mail.servers import DOMAIN, PASSWORD, Account, MailServers, delivered, imap_of

pytestmark = pytest.mark.usefixtures("smtp_server")


@pytest.fixture
def inbox(workspace: Workspace, account: Account) -> Inbox:
    return inbox_on(account, workspace)


@pytest.fixture
def reader(mail_servers: MailServers) -> Account:
    """Somebody who gets mail from us."""
    return mail_servers.account()


def queue(
    inbox: Inbox, *to: str, subject: str = "Your refund", key: str = "letter:1", is_automatic: bool = False
) -> int:
    """Queue a letter that is due at once."""
    with workspace_scope(inbox.workspace_id):
        return queue_letter(
            inbox.workspace_id,
            Letter(
                inbox_id=inbox.id,
                to=[Address(address) for address in to],
                outbox_key=key,
                subject=subject,
                text="It is on its way.",
                is_automatic=is_automatic,
            ),
        )


def row(email_id: int) -> Email:
    return Email.objects.get(id=email_id)


def make_due(email_id: int) -> None:
    sql.execute("UPDATE emails SET send_after = now() - interval '1 second' WHERE id = %s", [email_id])


def sent_copies(account: Account) -> list[str]:
    client = imap_of(account)
    client.select("Sent")
    _, found = client.search(None, "ALL")
    client.logout()
    copies: list[str] = found[0].decode().split()
    return copies


def test_it_leaves_once_and_lies_in_sent_once(inbox: Inbox, account: Account, reader: Account) -> None:
    email_id = queue(inbox, reader.address)
    run_jobs(also_scheduled=True)
    deliver_email(inbox.workspace_id, email_id)
    assert row(email_id).delivery_state == "sent"
    [raw] = delivered(reader, 1)
    assert f"Message-ID: <{row(email_id).message_id}>".encode() in raw
    assert len(sent_copies(account)) == 1
    assert (row(email_id).attempts, row(email_id).last_error) == (1, "")


@pytest.mark.parametrize("is_automatic", [True, False])
def test_rule_39_only_what_a_machine_wrote_leaves_with_the_empty_envelope_sender(
    inbox: Inbox, account: Account, reader: Account, is_automatic: bool
) -> None:
    queue(inbox, reader.address, is_automatic=is_automatic)
    run_jobs(also_scheduled=True)
    [raw] = delivered(reader, 1)
    sender = "" if is_automatic else account.address
    assert raw.lower().startswith(f"return-path: <{sender}>".encode())


def test_rule_45_a_copy_that_is_in_sent_is_not_filed_again(
    inbox: Inbox, account: Account, reader: Account
) -> None:
    email_id = queue(inbox, reader.address)
    account.deliver(bytes(row(email_id).raw_source), folder="Sent")
    run_jobs(also_scheduled=True)
    assert row(email_id).delivery_state == "sent"
    assert len(sent_copies(account)) == 1


def test_rule_25_the_copy_in_sent_comes_back_to_its_record(
    inbox: Inbox, account: Account, reader: Account
) -> None:
    email_id = queue(inbox, reader.address)
    run_jobs(also_scheduled=True)
    mailbox = open_mailbox(account.settings)
    sync_inbox(mailbox, InboxStore(inbox.workspace_id, inbox.id))
    mailbox.close()
    assert Email.objects.count() == 1
    delivery = row(email_id).deliveries.get()
    assert (delivery.folder.name if delivery.folder else "", delivery.uid) == ("Sent", 1)


def test_rule_44_a_temporary_refusal_is_tried_again_with_growing_pauses(inbox: Inbox) -> None:
    email_id = queue(inbox, f"busy@{DOMAIN}")
    pauses = []
    for attempt in (1, 2, 3):
        make_due(email_id)
        deliver_email(inbox.workspace_id, email_id)
        found = row(email_id)
        assert (found.delivery_state, found.attempts) == ("queued", attempt)
        assert "try again later" in found.last_error
        assert found.send_after is not None
        pauses.append(found.send_after - clock.now())
    assert timedelta(seconds=20) < pauses[0] < pauses[1] < pauses[2]


def test_rule_44_a_permanent_refusal_is_not_tried_again(inbox: Inbox) -> None:
    email_id = queue(inbox, f"refused@{DOMAIN}")
    run_jobs(also_scheduled=True)
    found = row(email_id)
    assert (found.delivery_state, found.attempts) == ("failed", 1)
    assert "no such user here" in found.last_error


@pytest.mark.parametrize(
    ("subject", "state"), [("refuse the content", "failed"), ("defer the content", "queued")]
)
def test_rule_44_the_answer_to_the_content_counts_the_same(
    inbox: Inbox, reader: Account, subject: str, state: str
) -> None:
    email_id = queue(inbox, reader.address, subject=subject)
    deliver_email(inbox.workspace_id, email_id)
    assert row(email_id).delivery_state == state
    assert delivered(reader, 1, seconds=0.5) == []


def test_it_gives_up_after_many_temporary_refusals(inbox: Inbox) -> None:
    email_id = queue(inbox, f"busy@{DOMAIN}")
    sql.execute("UPDATE emails SET attempts = 11 WHERE id = %s", [email_id])
    deliver_email(inbox.workspace_id, email_id)
    assert row(email_id).delivery_state == "failed"


def test_who_is_refused_for_good_is_named_and_the_others_have_it(inbox: Inbox, reader: Account) -> None:
    email_id = queue(inbox, reader.address, f"refused@{DOMAIN}")
    run_jobs(also_scheduled=True)
    found = row(email_id)
    assert (found.delivery_state, found.attempts) == ("sent", 1)
    assert found.last_error.startswith(f"refused@{DOMAIN}: ")
    assert len(delivered(reader, 1)) == 1


def test_who_is_refused_for_now_is_tried_again_alone_and_the_others_get_it_once(
    inbox: Inbox, account: Account, reader: Account
) -> None:
    email_id = queue(inbox, reader.address, f"busy@{DOMAIN}", f"refused@{DOMAIN}")
    deliver_email(inbox.workspace_id, email_id)
    found = row(email_id)
    assert (found.delivery_state, found.last_error) == ("queued", f"busy@{DOMAIN}: try again later")
    assert found.delivery_results[reader.address] == "accepted"
    assert len(sent_copies(account)) == 1

    heard: list[list[bytes]] = []
    with line_server(accepts(heard)) as server:
        Inbox.objects.filter(id=inbox.id).update(smtp_port=server.port, smtp_username="")
        make_due(email_id)
        deliver_email(inbox.workspace_id, email_id)
        make_due(email_id)
        deliver_email(inbox.workspace_id, email_id)
    recipients = [line for lines in heard for line in lines if line.upper().startswith(b"RCPT")]
    assert [one.lower() for one in recipients] == [f"rcpt to:<busy@{DOMAIN}>".encode()]
    assert row(email_id).delivery_state == "sent"
    assert row(email_id).last_error == f"refused@{DOMAIN}: no such user here"
    assert len(delivered(reader, 2, seconds=0.5)) == 1
    assert len(sent_copies(account)) == 1


def test_who_is_refused_for_good_in_the_end_does_not_make_a_sent_mail_failed(
    inbox: Inbox, reader: Account
) -> None:
    email_id = queue(inbox, reader.address, f"busy@{DOMAIN}")
    deliver_email(inbox.workspace_id, email_id)
    with line_server(refuses_recipients) as server:
        Inbox.objects.filter(id=inbox.id).update(smtp_port=server.port, smtp_username="")
        make_due(email_id)
        deliver_email(inbox.workspace_id, email_id)
    assert row(email_id).delivery_state == "sent"
    assert row(email_id).last_error.startswith(f"busy@{DOMAIN}: ")


def test_a_refused_login_marks_the_inbox_and_uses_up_no_attempt(
    inbox: Inbox, account: Account, reader: Account, workspace: Workspace
) -> None:
    set_passwords(inbox, account.with_settings(smtp_password="wrong"))
    email_id = queue(inbox, reader.address)
    for _ in range(3):
        make_due(email_id)
        deliver_email(inbox.workspace_id, email_id)
    assert (row(email_id).delivery_state, row(email_id).attempts) == ("queued", 0)
    marked = Inbox.objects.get(id=inbox.id)
    assert marked.state == "sign_in_failed"
    assert "sign in again" in marked.sending_error
    assert sql.fetch_value("SELECT count(*) FROM activity WHERE action = 'inbox.sign_in_failed'") == 1

    person = Person(workspace.owner, workspace, "owner")
    update_inbox(person.actor, inbox.id, {"smtp_password": PASSWORD})
    run_jobs(also_scheduled=True)
    assert row(email_id).delivery_state == "sent"
    assert Inbox.objects.get(id=inbox.id).sending_error == ""
    assert len(delivered(reader, 1)) == 1


def test_secrets_that_do_not_open_are_a_refused_login(inbox: Inbox, reader: Account) -> None:
    sql.execute("UPDATE inboxes SET secrets_encrypted = '\\x0102' WHERE id = %s", [inbox.id])
    email_id = queue(inbox, reader.address)
    deliver_email(inbox.workspace_id, email_id)
    assert (row(email_id).delivery_state, row(email_id).attempts) == ("queued", 0)
    assert Inbox.objects.get(id=inbox.id).state == "sign_in_failed"


def test_a_mail_of_an_inbox_that_is_gone_fails_with_a_sentence(inbox: Inbox, reader: Account) -> None:
    email_id = queue(inbox, reader.address)
    sql.execute("DELETE FROM email_deliveries WHERE email_id = %s", [email_id])
    deliver_email(inbox.workspace_id, email_id)
    assert row(email_id).delivery_state == "failed"
    assert "not there any more" in row(email_id).last_error


def test_it_leaves_from_its_own_inbox_when_another_one_of_ours_got_it_too(
    inbox: Inbox, account: Account, workspace: Workspace, mail_servers: MailServers
) -> None:
    other = mail_servers.account()
    second = inbox_on(other, workspace)
    email_id = queue(inbox, other.address)
    sql.execute(
        """INSERT INTO email_deliveries (workspace_id, email_id, inbox_id, received_at) VALUES (%s, %s, %s, now())""",
        [workspace.id, email_id, second.id],
    )
    deliver_email(inbox.workspace_id, email_id)
    assert len(sent_copies(account)) == 1
    assert sent_copies(other) == []


def test_a_job_that_comes_twice_leaves_a_sent_mail_alone(inbox: Inbox, reader: Account) -> None:
    email_id = queue(inbox, reader.address)
    for _ in range(3):
        deliver_email(inbox.workspace_id, email_id)
    assert (row(email_id).delivery_state, row(email_id).attempts) == ("sent", 1)
    assert len(delivered(reader, 2, seconds=0.5)) == 1


def test_rule_43_silence_after_the_dot_is_uncertain_until_it_is_found_in_sent(
    inbox: Inbox, account: Account
) -> None:
    email_id = queue(inbox, "somebody@client.example")
    with line_server(takes_and_hangs_up) as server:
        Inbox.objects.filter(id=inbox.id).update(smtp_port=server.port, smtp_username="")
        deliver_email(inbox.workspace_id, email_id)
        assert row(email_id).delivery_state == "uncertain"
        make_due(email_id)
        run_jobs(also_scheduled=True)
        deliver_email(inbox.workspace_id, email_id)
        assert len(server.conversations) == 1
    assert row(email_id).delivery_state == "uncertain"

    account.deliver(bytes(row(email_id).raw_source), folder="Sent")
    resolve_uncertain(inbox.workspace_id, email_id)
    assert row(email_id).delivery_state == "sent"


@pytest.mark.parametrize("was_sent", [True, False])
def test_rule_43_a_person_settles_what_is_uncertain(inbox: Inbox, reader: Account, was_sent: bool) -> None:
    email_id = queue(inbox, reader.address)
    with line_server(takes_and_hangs_up) as server:
        Inbox.objects.filter(id=inbox.id).update(smtp_port=server.port, smtp_username="")
        deliver_email(inbox.workspace_id, email_id)
    settings = reader.settings
    Inbox.objects.filter(id=inbox.id).update(
        smtp_port=settings.smtp_port, smtp_username=settings.smtp_username
    )

    assert settle_uncertain(inbox.workspace_id, email_id, was_sent=was_sent)
    assert not settle_uncertain(inbox.workspace_id, email_id, was_sent=False)
    run_jobs(also_scheduled=True)
    assert row(email_id).delivery_state == "sent"
    assert len(delivered(reader, 1, seconds=2)) == (0 if was_sent else 1)


def test_the_rest_of_the_recipients_is_not_settled_by_a_copy_in_sent(
    inbox: Inbox, account: Account, reader: Account
) -> None:
    email_id = queue(inbox, reader.address, f"busy@{DOMAIN}")
    deliver_email(inbox.workspace_id, email_id)
    with line_server(takes_and_hangs_up) as server:
        Inbox.objects.filter(id=inbox.id).update(smtp_port=server.port, smtp_username="")
        make_due(email_id)
        deliver_email(inbox.workspace_id, email_id)
    assert len(sent_copies(account)) == 1
    resolve_uncertain(inbox.workspace_id, email_id)
    assert row(email_id).delivery_state == "uncertain"


def test_a_queued_mail_whose_job_was_lost_is_found(inbox: Inbox, reader: Account) -> None:
    email_id = queue(inbox, reader.address)
    run_jobs_without_sending()
    sql.execute("UPDATE emails SET send_after = now() - interval '1 hour' WHERE id = %s", [email_id])
    assert lost_emails(inbox.workspace_id, overdue=timedelta(minutes=2)) == []
    sql.execute("DELETE FROM procrastinate_jobs")
    assert lost_emails(inbox.workspace_id, overdue=timedelta(minutes=2)) == [email_id]


def run_jobs_without_sending() -> None:
    """Let the announcement queue the delivery, which then waits."""
    sql.execute("UPDATE emails SET send_after = now() + interval '1 hour' WHERE delivery_state = 'queued'")
    run_jobs()


def accepts(heard: list[list[bytes]]) -> Callable[[Conversation], None]:
    def script(conversation: Conversation) -> None:
        heard.append(conversation.heard)
        until_data(conversation)
        conversation.say("354 go on")
        conversation.hear_message()
        conversation.say("250 taken")
        conversation.hear()

    return script


def takes_and_hangs_up(conversation: Conversation) -> None:
    until_data(conversation)
    conversation.say("354 go on")
    conversation.hear_message()


def refuses_recipients(conversation: Conversation) -> None:
    conversation.say("220 ready")
    while line := conversation.hear().upper():
        conversation.say("550 no" if line.startswith(b"RCPT") else "250 ok")


def until_data(conversation: Conversation) -> None:
    conversation.say("220 ready")
    while not conversation.hear().upper().startswith(b"DATA"):
        conversation.say("250 ok")


# A worker that is killed in the middle, as a process of its own with its own connections.

HAND_OVER = """
import sys, django
django.setup()
from convergio.mail.delivery import deliver_email
deliver_email(int(sys.argv[1]), int(sys.argv[2]))
"""


@pytest.fixture
def place(committed: None) -> Workspace:
    return make_workspace(make_user("owner"))


@pytest.fixture
def killed_while(
    place: Workspace, account: Account, database_urls: tuple[str, str]
) -> Callable[..., tuple[Inbox, int]]:
    """Starts a hand-over to a scripted server and kills its process with -9 when the script has come far enough."""

    def run(
        to: str, script: Callable[[Conversation], None], far_enough: Callable[[Any], bool]
    ) -> tuple[Inbox, int]:
        inbox = inbox_on(account, place)
        email_id = queue(inbox, to)
        with line_server(script) as server:
            with workspace_scope(place.id):
                Inbox.objects.filter(id=inbox.id).update(smtp_port=server.port, smtp_username="")
            environment = os.environ | {
                "DATABASE_URL": database_urls[1],
                "DJANGO_SETTINGS_MODULE": "convergio.settings",
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            }
            process = subprocess.Popen(
                [sys.executable, "-c", HAND_OVER, str(place.id), str(email_id)], env=environment
            )
            try:
                until(lambda: server.conversations and far_enough(server.conversations[0]))
                assert recover_interrupted(place.id) == [], "it is being handed over"
            finally:
                process.send_signal(signal.SIGKILL)
                process.wait(10)
        with workspace_scope(place.id):
            settings = account.settings
            Inbox.objects.filter(id=inbox.id).update(
                smtp_port=settings.smtp_port, smtp_username=settings.smtp_username
            )
        return inbox, email_id

    return run


def _state(email_id: int, inbox: Inbox) -> str:
    return str(value(inbox.workspace_id, "SELECT delivery_state FROM emails WHERE id = %s", email_id))


def _recovered(inbox: Inbox) -> list[int]:
    """The dead process's session ends a moment after it."""
    found: list[int] = []

    def look() -> list[int]:
        found.extend(recover_interrupted(inbox.workspace_id))
        return found

    until(look)
    return found


def test_a_worker_killed_before_the_data_leaves_a_mail_that_is_sent_again(
    killed_while: Callable[..., tuple[Inbox, int]], reader: Account
) -> None:
    def waits_at_mail(conversation: Conversation) -> None:
        conversation.say("220 ready")
        while not conversation.hear().upper().startswith(b"MAIL"):
            conversation.say("250 ok")
        conversation.hear()

    def has_asked(conversation: Conversation) -> bool:
        return any(line.upper().startswith(b"MAIL") for line in conversation.heard)

    inbox, email_id = killed_while(reader.address, waits_at_mail, has_asked)
    assert _recovered(inbox) == [email_id]
    assert _state(email_id, inbox) == "queued"
    deliver_email(inbox.workspace_id, email_id)
    assert _state(email_id, inbox) == "sent"
    assert len(delivered(reader, 1)) == 1


def test_a_worker_killed_after_the_dot_leaves_a_mail_that_is_not_sent_again(
    killed_while: Callable[..., tuple[Inbox, int]], reader: Account
) -> None:
    def waits_after_the_dot(conversation: Conversation) -> None:
        takes_and_hangs_up(conversation)
        conversation.hear()

    inbox, email_id = killed_while(reader.address, waits_after_the_dot, lambda one: b"." in one.heard)
    assert _recovered(inbox) == [email_id]
    assert _state(email_id, inbox) == "uncertain"
    deliver_email(inbox.workspace_id, email_id)
    resolve_uncertain(inbox.workspace_id, email_id)
    assert _state(email_id, inbox) == "uncertain"
    assert delivered(reader, 1, seconds=0.5) == []


def test_who_lost_the_lock_does_not_send_the_dot(
    place: Workspace, account: Account, reader: Account, database_urls: tuple[str, str]
) -> None:
    inbox = inbox_on(account, place)
    email_id = queue(inbox, reader.address)
    heard: list[bytes] = []

    def loses_the_database(conversation: Conversation) -> None:
        until_data(conversation)
        heard.extend(conversation.heard)
        _end_hand_overs(database_urls[0])
        time.sleep(0.2)
        conversation.say("354 go on")
        while True:
            heard.append(conversation.hear())

    with line_server(loses_the_database) as server:
        with workspace_scope(place.id):
            Inbox.objects.filter(id=inbox.id).update(smtp_port=server.port, smtp_username="")
        deliver_email(place.id, email_id)
    assert b"." not in heard
    assert _state(email_id, inbox) == "queued"


def _end_hand_overs(owner_url: str) -> None:
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute(
            """SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = 7202
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
        )
