"""Mail rules 8 and 11: watchers on real servers, one owner each, and a failing inbox that disturbs nobody."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from convergio.accounts.actor import Actor
from convergio.accounts.models import Workspace
from convergio.core import events
from convergio.core.models import Activity
from convergio.core.tenancy import workspace_scope
from convergio.mail.actions import mark_read
from convergio.mail.models import Email, Inbox
from tests.cast import make_user, make_workspace
from tests.mail.live import inbox_on, set_passwords, until, value, watching
from tests.mail.messages import make_inbox
from tests.mail.sample import raw_message
from tests.mail.servers import Account, MailServers, flags_of


@pytest.fixture
def place(committed: None, settings: Any, database_urls: tuple[str, str]) -> Workspace:
    """A workspace whose rows other connections see."""
    settings.DATABASE_DIRECT_URL = database_urls[1]
    return make_workspace(make_user("owner"))


def _count(workspace: Workspace) -> int:
    return int(value(workspace.id, "SELECT count(*) FROM emails"))


def _state(inbox: Inbox) -> str:
    return str(value(inbox.workspace_id, "SELECT state FROM inboxes WHERE id = %s", inbox.id))


def _ask_to_sync(workspace: Workspace) -> None:
    with workspace_scope(workspace.id):
        events.show("inbox.sync_requested", workspace_id=workspace.id, ids=[])


def test_rule_8_idle_brings_new_mail_at_once(place: Workspace, account: Account) -> None:
    inbox = inbox_on(account, place)
    with watching():
        until(lambda: _state(inbox) == "ok")
        account.deliver(raw_message(1))
        began = time.monotonic()
        until(lambda: _count(place) == 1)
        assert time.monotonic() - began < 2.5


def test_a_read_here_reaches_the_server_without_waiting_for_the_poll(
    place: Workspace, account: Account
) -> None:
    inbox_on(account, place)
    account.deliver(raw_message(1))
    with watching():
        until(lambda: _count(place) == 1)
        with workspace_scope(place.id):
            actor = Actor(workspace_id=place.id, user_id=place.owner_id, role="owner")
            mark_read(actor, [Email.objects.get().id], is_read=True)
        until(lambda: "\\Seen" in flags_of(account, "1")[0], seconds=5)


def test_one_of_two_processes_owns_an_inbox_and_the_other_takes_over(
    place: Workspace, account: Account, database_urls: tuple[str, str]
) -> None:
    inbox = inbox_on(account, place)
    with watching() as first, watching() as second:
        until(lambda: _state(inbox) == "ok")
        time.sleep(1)
        assert len(first._watchers) + len(second._watchers) == 1
        owner, other = (first, second) if first._watchers else (second, first)
        owner.stop()
        until(lambda: not owner._watchers)
        with workspace_scope(place.id):
            events.show("inbox.changed", workspace_id=place.id, ids=[inbox.id])
        until(lambda: other._watchers)
        account.deliver(raw_message(1))
        until(lambda: _count(place) == 1)


def test_rule_11_an_inbox_that_cannot_sign_in_is_named_and_the_others_go_on(
    place: Workspace, account: Account, mail_servers: MailServers
) -> None:
    broken = inbox_on(mail_servers.account(), place)
    set_passwords(broken, account.with_settings(imap_password="wrong"))
    healthy = inbox_on(account, place)
    account.deliver(raw_message(1))
    with watching():
        until(lambda: _count(place) == 1 and _state(healthy) == "ok")
        until(lambda: _state(broken) == "unreachable")
        _ask_to_sync(place)
        until(lambda: _state(broken) == "sign_in_failed")
        until(
            lambda: (
                value(place.id, "SELECT count(*) FROM activity WHERE action = 'inbox.sign_in_failed'") == 1
            )
        )
        error = value(place.id, "SELECT last_error FROM inboxes WHERE id = %s", broken.id)
        assert "sign in again" in error

        set_passwords(broken, account.settings)
        with workspace_scope(place.id):
            events.show("inbox.changed", workspace_id=place.id, ids=[broken.id])
        until(lambda: _state(broken) == "ok")


def test_a_server_that_is_away_and_folders_that_are_missing_disturb_nobody(
    place: Workspace, account: Account, tmp_path: Path
) -> None:
    away = make_inbox(
        place, "away@mail.test", kind="imap", imap_host="127.0.0.1", imap_port=1, imap_security="plain"
    )
    folderless = make_inbox(place, "folderless@mail.test", kind="maildir")
    healthy = inbox_on(account, place)
    account.deliver(raw_message(1))
    with watching():
        until(lambda: _count(place) == 1)
        until(lambda: (_state(away), _state(folderless)) == ("unreachable", "unreachable"))
        until(lambda: _state(healthy) == "ok")


def test_a_message_moved_into_a_maildir_is_taken_up_within_two_seconds(
    place: Workspace, tmp_path: Path
) -> None:
    for name in ("new", "cur", "tmp"):
        (tmp_path / "support" / name).mkdir(parents=True)
    (tmp_path / "outbox").mkdir()
    inbox = make_inbox(
        place,
        maildir_path=str(tmp_path / "support"),
        outbox_path=str(tmp_path / "outbox"),
        reply_mode="draft",
    )
    with watching():
        until(lambda: _state(inbox) == "ok")
        (tmp_path / "support" / "tmp" / "1").write_bytes(raw_message(1))
        (tmp_path / "support" / "tmp" / "1").rename(tmp_path / "support" / "new" / "1")
        began = time.monotonic()
        until(lambda: _count(place) == 1)
        assert time.monotonic() - began < 2.0
        until(lambda: not list((tmp_path / "support" / "new").iterdir()))
    assert [path.name for path in (tmp_path / "support" / "cur").iterdir()] == ["1:2,"]
    with workspace_scope(place.id):
        assert not Email.objects.get().is_backfill


def test_a_lost_database_connection_is_opened_again(
    place: Workspace, account: Account, database_urls: tuple[str, str]
) -> None:
    inbox = inbox_on(account, place)
    with watching():
        until(lambda: _state(inbox) == "ok")
        with psycopg.connect(database_urls[0], autocommit=True) as owner:
            owner.execute(
                """SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = 7203
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
            )
        account.deliver(raw_message(1))
        until(lambda: _count(place) == 1, seconds=30)


def test_an_inbox_that_is_switched_off_is_let_go(place: Workspace, account: Account) -> None:
    inbox = inbox_on(account, place)
    with watching() as watch:
        until(lambda: _state(inbox) == "ok")
        with workspace_scope(place.id):
            Inbox.objects.filter(id=inbox.id).update(is_active=False)
            events.show("inbox.changed", workspace_id=place.id, ids=[inbox.id])
        until(lambda: not watch._watchers)


def test_it_stops_within_a_few_seconds_in_the_middle_of_a_first_sync(
    place: Workspace, account: Account
) -> None:
    inbox_on(account, place)
    for number in range(1500):
        account.deliver(raw_message(number))
    with watching():
        until(lambda: _count(place) >= 100)
        began = time.monotonic()
    assert time.monotonic() - began < 5
    assert _count(place) < 1500
    with workspace_scope(place.id):
        assert not Activity.objects.filter(action="inbox.sign_in_failed").exists()
