"""Mail rules 1 to 6, 13, 24 and 25: a real Dovecot synced into the database."""

from __future__ import annotations

import os
from collections.abc import Iterator

import psycopg
import pytest

from convergio.accounts.actor import Actor
from convergio.accounts.models import Workspace
from convergio.core import sql
from convergio.mail.actions import mark_read
from convergio.mail.mailboxes import open_mailbox
from convergio.mail.mailboxes.protocol import Mailbox
from convergio.mail.models import AutoReply, Email, EmailDelivery, EmailThread, Inbox, InboxFolder
from convergio.mail.sync import sync_inbox
from convergio.mail.sync_store import InboxStore
from convergio.work.models import Task
from tests.jobs import run_jobs
from tests.mail.live import inbox_on
from tests.mail.sample import raw_message
from tests.mail.servers import Account, flags_of, imap_of


@pytest.fixture
def inbox(workspace: Workspace, account: Account) -> Inbox:
    return inbox_on(account, workspace)


@pytest.fixture
def store(inbox: Inbox) -> InboxStore:
    return InboxStore(inbox.workspace_id, inbox.id)


@pytest.fixture
def mailbox(account: Account) -> Iterator[Mailbox]:
    opened = open_mailbox(account.settings)
    yield opened
    opened.close()


def _question(number: int | str, account: Account) -> bytes:
    return raw_message(number).replace(b"support@mail.test", account.address.encode())


def _renumber(account: Account) -> None:
    """Make Dovecot number the folder anew under another UIDVALIDITY."""
    owner = account.maildir.stat()
    for path in account.maildir.glob("dovecot*"):
        path.unlink()
    uidlist = account.maildir / "dovecot-uidlist"
    uidlist.write_text("3 V4242 N100 Gabcdefabcdefabcdefabcdefabcdef12\n")
    os.chown(uidlist, owner.st_uid, owner.st_gid)


def test_rule_1_and_6_the_cursor_is_stored_with_the_mail(
    account: Account, mailbox: Mailbox, store: InboxStore
) -> None:
    for number in range(3):
        account.deliver(raw_message(number))
    assert sync_inbox(mailbox, store).fetched == 3
    folder = InboxFolder.objects.get(name="INBOX")
    assert (folder.last_uid, folder.role) == (3, "inbox")
    assert sync_inbox(mailbox, store).fetched == 0
    assert Email.objects.count() == Task.objects.count() == EmailThread.objects.count() == 3


def test_rule_3_a_sync_without_news_fetches_nothing_again(
    account: Account, mailbox: Mailbox, store: InboxStore
) -> None:
    account.deliver(raw_message(1))
    sync_inbox(mailbox, store)
    before = list(EmailDelivery.objects.values_list("id", "uid"))
    assert sync_inbox(mailbox, store).fetched == 0
    assert list(EmailDelivery.objects.values_list("id", "uid")) == before


def test_rule_2_fetching_leaves_a_message_unread_here_and_there(
    account: Account, mailbox: Mailbox, store: InboxStore
) -> None:
    account.deliver(raw_message(1))
    sync_inbox(mailbox, store)
    assert not Email.objects.get().is_read
    assert "\\Seen" not in flags_of(account, "1")[0]


def test_rule_2_what_a_person_reads_here_is_seen_on_the_server_and_unread_again(
    account: Account, mailbox: Mailbox, store: InboxStore, actor: Actor
) -> None:
    account.deliver(raw_message(1))
    sync_inbox(mailbox, store)
    email = Email.objects.get()

    mark_read(actor, [email.id], is_read=True)
    sync_inbox(mailbox, store)
    assert "\\Seen" in flags_of(account, "1")[0]
    assert EmailDelivery.objects.get().seen_wanted is None

    mark_read(actor, [email.id], is_read=False)
    sync_inbox(mailbox, store)
    assert "\\Seen" not in flags_of(account, "1")[0]
    assert not Email.objects.get().is_read


def test_rule_2_what_is_read_elsewhere_is_read_here(
    account: Account, mailbox: Mailbox, store: InboxStore
) -> None:
    account.deliver(raw_message(1))
    account.deliver(raw_message(2))
    sync_inbox(mailbox, store)
    client = imap_of(account)
    client.store("1", "+FLAGS", "\\Seen")
    client.logout()

    sync_inbox(mailbox, store)
    read = EmailDelivery.objects.get(uid=1).email
    assert read.is_read
    assert read.thread.unread_count == 0
    assert not EmailDelivery.objects.get(uid=2).email.is_read


def test_rule_2_a_persons_decision_here_wins_over_the_servers_old_state(
    account: Account, mailbox: Mailbox, store: InboxStore, actor: Actor
) -> None:
    account.deliver(raw_message(1))
    account.deliver(raw_message(2))
    sync_inbox(mailbox, store)
    email = EmailDelivery.objects.get(uid=1).email
    mark_read(actor, [email.id], is_read=True)
    client = imap_of(account)
    client.store("1", "+FLAGS", "\\Flagged")
    client.logout()

    sync_inbox(mailbox, store)
    assert Email.objects.get(id=email.id).is_read
    assert "\\Seen" in flags_of(account, "1")[0]


def test_rule_4_a_renumbered_folder_makes_no_duplicates_and_no_replies(
    account: Account, mailbox: Mailbox, store: InboxStore
) -> None:
    sync_inbox(mailbox, store)
    for number in range(4):
        account.deliver(_question(number, account))
    sync_inbox(mailbox, store)
    run_jobs(also_scheduled=True)
    drafts = AutoReply.objects.count()
    assert drafts == 4

    mailbox.close()
    _renumber(account)
    result = sync_inbox(mailbox, store)
    run_jobs(also_scheduled=True)
    assert result.restarted == ("INBOX",)
    assert Email.objects.count() == Task.objects.count() == EmailDelivery.objects.count() == 4
    assert AutoReply.objects.count() == drafts
    assert InboxFolder.objects.get(name="INBOX").uidvalidity == 4242
    assert set(EmailDelivery.objects.values_list("uid", flat=True)) == {100, 101, 102, 103}


def test_rule_4_read_states_go_both_ways_after_renumbering(
    account: Account, mailbox: Mailbox, store: InboxStore, actor: Actor
) -> None:
    account.deliver(raw_message(1))
    sync_inbox(mailbox, store)
    mailbox.close()
    _renumber(account)
    sync_inbox(mailbox, store)
    mark_read(actor, [Email.objects.get().id], is_read=True)
    sync_inbox(mailbox, store)
    assert "\\Seen" in flags_of(account, "1")[0]


def test_rule_5_a_next_uid_below_the_cursor_rescans(
    account: Account, mailbox: Mailbox, store: InboxStore
) -> None:
    account.deliver(raw_message(1))
    sync_inbox(mailbox, store)
    sql.execute("UPDATE inbox_folders SET last_uid = 500 WHERE name = 'INBOX'")
    account.deliver(raw_message(2))
    assert sync_inbox(mailbox, store).restarted == ("INBOX",)
    assert Email.objects.count() == EmailDelivery.objects.count() == 2


def test_rule_13_mail_that_was_there_first_is_never_answered_and_what_comes_after_is(
    account: Account, mailbox: Mailbox, store: InboxStore
) -> None:
    account.deliver(_question("old", account))
    sync_inbox(mailbox, store)
    account.deliver(_question("new", account))
    sync_inbox(mailbox, store)
    run_jobs(also_scheduled=True)
    assert [reply.email.message_id for reply in AutoReply.objects.all()] == ["new@client.example"]
    assert Email.objects.get(message_id="old@client.example").is_backfill


def test_rule_24_a_message_in_two_of_our_inboxes_is_one_row_with_two_deliveries(
    account: Account, mailbox: Mailbox, store: InboxStore, inbox: Inbox, mail_servers: object
) -> None:
    other = mail_servers.account()  # type: ignore[attr-defined]
    second = inbox_on(other, inbox.workspace)
    for one in (account, other):
        one.deliver(raw_message(1))
    sync_inbox(mailbox, store)
    elsewhere = open_mailbox(other.settings)
    sync_inbox(elsewhere, InboxStore(inbox.workspace_id, second.id))
    elsewhere.close()
    assert (Email.objects.count(), EmailDelivery.objects.count(), Task.objects.count()) == (1, 2, 1)


def test_rule_2_of_two_copies_the_one_in_the_inbox_is_marked_as_read(
    account: Account, mailbox: Mailbox, store: InboxStore, actor: Actor
) -> None:
    for folder in ("", "Sent"):
        account.deliver(raw_message(1), folder=folder)
    sync_inbox(mailbox, store)
    mark_read(actor, [Email.objects.get().id], is_read=True)
    sync_inbox(mailbox, store)
    assert "\\Seen" in flags_of(account, "1")[0]
    assert EmailDelivery.objects.values_list("folder__name", flat=True).get() == "INBOX"


def test_mail_in_sent_from_our_own_address_is_outbound(
    account: Account, mailbox: Mailbox, store: InboxStore
) -> None:
    raw = raw_message(1).replace(b"client@client.example", account.address.encode(), 1)
    account.deliver(raw, folder="Sent")
    sync_inbox(mailbox, store)
    email = Email.objects.get()
    assert (email.direction, email.delivery_state, email.is_read) == ("outbound", "sent", True)
    assert not Task.objects.exists()


def test_a_message_that_vanished_on_the_server_stays_here(
    account: Account, mailbox: Mailbox, store: InboxStore
) -> None:
    for number in range(3):
        account.deliver(raw_message(number))
    sync_inbox(mailbox, store)
    client = imap_of(account)
    client.store("2", "+FLAGS", "\\Deleted")
    client.expunge()
    client.logout()
    sync_inbox(mailbox, store)
    assert Email.objects.count() == 3
    assert set(EmailDelivery.objects.values_list("uid", flat=True)) == {1, None, 3}


@pytest.fixture
def refusing_database(database_urls: tuple[str, str], django_db_setup: None) -> Iterator[None]:
    """A database that refuses one subject. Ask for it before the inbox."""
    with psycopg.connect(database_urls[0], autocommit=True) as owner:
        owner.execute("ALTER TABLE emails ADD CONSTRAINT poison CHECK (subject <> 'Question 3') NOT VALID")
    yield
    with psycopg.connect(database_urls[0], autocommit=True) as owner:
        owner.execute("ALTER TABLE emails DROP CONSTRAINT poison")


def test_rule_14_one_refused_message_stalls_no_inbox(
    refusing_database: None, account: Account, mailbox: Mailbox, store: InboxStore
) -> None:
    for number in range(7):
        account.deliver(raw_message(number))
    sync_inbox(mailbox, store)
    assert Email.objects.count() == 7
    kept = Email.objects.exclude(parse_error=None).get()
    assert bytes(kept.raw_source) == raw_message(3)
    assert InboxFolder.objects.get(name="INBOX").last_uid == 7
    assert sync_inbox(mailbox, store).fetched == 0
