"""Events of other processes, heard over one LISTEN connection per process and handed to those who wait for them.

A subscriber gets only its workspace's events. What it cannot take in time is dropped and replaced by RESYNC, which
tells it to look at everything again; the same goes for what was announced while the connection was lost.
"""

from __future__ import annotations

import queue
import threading
from collections import defaultdict
from collections.abc import Callable

import msgspec
import psycopg
import structlog
from django.conf import settings

from convergio.core.errors import TooMany
from convergio.core.events import CHANNEL

log = structlog.get_logger(__name__)

# Each subscriber of a web process holds one of its threads (commands.web starts 64).
MOST_SUBSCRIBERS = 48
MOST_WAITING = 256
_BACK_OFF = (0.2, 30.0)
_CONNECT_SECONDS = 5
_STOP_SECONDS = 1


class Event(msgspec.Struct, frozen=True):
    """What was announced. No ids: more changed than fits, look at everything."""

    name: str
    ids: list[int]


class _Notice(msgspec.Struct):
    event: str
    workspace: int
    ids: list[int]


RESYNC = Event("resync", [])
_notice = msgspec.json.Decoder(_Notice)


class Closed(Exception):
    """The process stops; there will be no more events."""


class Subscription:
    """The events of one workspace from now on. Close it when nobody reads it any more."""

    def __init__(self, workspace_id: int, leave: Callable[[Subscription], None]) -> None:
        self.workspace_id = workspace_id
        self._leave = leave
        self._waiting: queue.Queue[Event | None] = queue.Queue(MOST_WAITING)

    def next(self, timeout: float) -> Event | None:
        """Wait up to `timeout` seconds for an event. Raises Closed."""
        try:
            event = self._waiting.get(timeout=timeout)
        except queue.Empty:
            return None
        if event is None:
            raise Closed
        return event

    def put(self, event: Event | None) -> None:
        """Hand an event over (None: no more will come); only the listener does."""
        try:
            self._waiting.put_nowait(event)
        except queue.Full:
            self._drop()
            self._waiting.put_nowait(RESYNC if event is not None else None)

    def close(self) -> None:
        """Stop listening; may be called twice."""
        self._leave(self)

    def _drop(self) -> None:
        try:
            while True:
                self._waiting.get_nowait()
        except queue.Empty:
            pass


class Listener:
    """The LISTEN connection and its subscribers. The thread starts with the first of them and stays."""

    def __init__(self, url: Callable[[], str], *, most: int = MOST_SUBSCRIBERS) -> None:
        self._url = url
        self._most = most
        self._lock = threading.Lock()
        self._subscribers: dict[int, set[Subscription]] = defaultdict(set)
        self._thread: threading.Thread | None = None
        self._listening = threading.Event()
        self._missed = False
        self._stop = threading.Event()

    def subscribe(self, workspace_id: int) -> Subscription:
        """Begin to collect the workspace's events. Raises TooMany, Closed."""
        subscription = Subscription(workspace_id, self._remove)
        with self._lock:
            if self._stop.is_set():
                raise Closed
            if self.count >= self._most:
                raise TooMany(
                    "Too many windows are open on this server; live updates start when one of them is closed.",
                    retry_after=30,
                    code="too_many_streams",
                )
            self._subscribers[workspace_id].add(subscription)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="listen", daemon=True)
                self._thread.start()
        return subscription

    def wait_until_listening(self) -> None:
        """Return once nothing can be missed any more; without a connection a RESYNC will follow later."""
        self._listening.wait(_CONNECT_SECONDS)

    @property
    def count(self) -> int:
        """How many listen now."""
        return sum(map(len, self._subscribers.values()))

    def stop(self) -> None:
        """Tell every subscriber that it is over, and end the connection. There is no way back."""
        self._stop.set()
        self._tell_all(None)

    def _remove(self, subscription: Subscription) -> None:
        with self._lock:
            self._subscribers[subscription.workspace_id].discard(subscription)
            if not self._subscribers[subscription.workspace_id]:
                del self._subscribers[subscription.workspace_id]

    def _run(self) -> None:
        delay, most = _BACK_OFF
        while not self._stop.is_set():
            try:
                self._listen()
            except psycopg.Error as error:
                delay = _BACK_OFF[0] if self._listening.is_set() else delay
                self._listening.clear()
                self._missed = True
                log.warning("listen.connection_lost", sqlstate=error.sqlstate, retry_in=delay)
                self._stop.wait(delay)
                delay = min(delay * 2, most)

    def _listen(self) -> None:
        with psycopg.connect(
            self._url(),
            autocommit=True,
            connect_timeout=_CONNECT_SECONDS,
            keepalives_idle=30,
            keepalives_interval=10,
            keepalives_count=3,
        ) as connection:
            connection.execute(f"LISTEN {CHANNEL}")
            self._listening.set()
            if self._missed:
                self._missed = False
                self._tell_all(RESYNC)
            while not self._stop.is_set():
                for notification in connection.notifies(timeout=_STOP_SECONDS):
                    self._hand_out(notification.payload)

    def _hand_out(self, payload: str) -> None:
        try:
            notice = _notice.decode(payload)
        except msgspec.DecodeError:
            log.error("listen.foreign_payload", length=len(payload))
            return
        with self._lock:
            subscribers = list(self._subscribers.get(notice.workspace, ()))
        for subscription in subscribers:
            subscription.put(Event(notice.event, notice.ids))

    def _tell_all(self, event: Event | None) -> None:
        with self._lock:
            subscribers = [one for group in self._subscribers.values() for one in group]
        for subscription in subscribers:
            subscription.put(event)


def _direct_url() -> str:
    return str(settings.DATABASE_DIRECT_URL)


listener = Listener(_direct_url)
