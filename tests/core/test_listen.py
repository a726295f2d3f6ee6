"""Announcements over a real LISTEN connection, and what happens when nobody reads them in time."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import psycopg
import pytest

from convergio.core.errors import TooMany
from convergio.core.events import CHANNEL
from convergio.core.listen import MOST_WAITING, RESYNC, Closed, Event, Listener

PATIENCE = 10.0


@pytest.fixture
def listener(admin_server: str) -> Iterator[Listener]:
    listener = Listener(lambda: admin_server, most=2)
    yield listener
    listener.stop()


@pytest.fixture
def speaker(admin_server: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(admin_server, autocommit=True) as connection:
        yield connection


def say(speaker: psycopg.Connection, workspace: int, *ids: int) -> None:
    message = msgspec.json.encode({"event": "task.changed", "workspace": workspace, "ids": ids}).decode()
    speaker.execute("SELECT pg_notify(%s, %s)", [CHANNEL, message])


def test_a_subscriber_hears_its_own_workspace_only(listener: Listener, speaker: psycopg.Connection) -> None:
    ours, theirs = listener.subscribe(1), listener.subscribe(2)
    listener.wait_until_listening()
    say(speaker, 2, 20)
    say(speaker, 1, 10, 11)
    assert ours.next(PATIENCE) == Event("task.changed", [10, 11])
    assert theirs.next(PATIENCE) == Event("task.changed", [20])
    assert ours.next(0.01) is None


def test_a_foreign_payload_on_the_channel_is_passed_over(
    listener: Listener, speaker: psycopg.Connection
) -> None:
    subscription = listener.subscribe(1)
    listener.wait_until_listening()
    for payload in ("", "nonsense", '{"event": 1}'):
        speaker.execute("SELECT pg_notify(%s, %s)", [CHANNEL, payload])
    say(speaker, 1, 10)
    assert subscription.next(PATIENCE) == Event("task.changed", [10])


def test_who_reads_too_slowly_is_told_to_look_at_everything(listener: Listener) -> None:
    subscription = listener.subscribe(1)
    for number in range(MOST_WAITING + 1):
        subscription.put(Event("task.changed", [number]))
    assert subscription.next(PATIENCE) == RESYNC
    assert subscription.next(0.01) is None


def test_there_is_room_for_so_many_and_again_when_one_leaves(listener: Listener) -> None:
    first, _ = listener.subscribe(1), listener.subscribe(2)
    with pytest.raises(TooMany):
        listener.subscribe(3)
    first.close()
    first.close()
    assert listener.count == 1
    listener.subscribe(3)


def test_a_stop_ends_every_subscription_and_admits_no_more(listener: Listener) -> None:
    subscription = listener.subscribe(1)
    listener.stop()
    with pytest.raises(Closed):
        subscription.next(PATIENCE)
    with pytest.raises(Closed):
        listener.subscribe(1)


def test_a_server_that_cannot_be_reached_is_tried_again(
    admin_server: str, speaker: psycopg.Connection
) -> None:
    addresses = iter(["postgresql://nobody@127.0.0.1:1/nothing"])
    listener = Listener(lambda: next(addresses, admin_server))
    subscription = listener.subscribe(1)
    try:
        assert subscription.next(PATIENCE) == RESYNC
        say(speaker, 1, 10)
        assert subscription.next(PATIENCE) == Event("task.changed", [10])
    finally:
        listener.stop()
