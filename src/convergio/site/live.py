"""GET /api/events: what changes in the actor's workspace, as server-sent events, until the sign-in ends.

Each event is `event: <name>` and `data: {"ids": [...]}`. `resync` says that some were missed. The stream holds a
thread and no transaction.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from time import monotonic
from typing import cast

import structlog
from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest, HttpResponseNotAllowed, StreamingHttpResponse
from django.http.response import HttpResponseBase

from convergio.accounts.credentials import Credential, credential_of, open_scope
from convergio.accounts.requests import SignedInHttpRequest
from convergio.core.listen import Closed, Event, Subscription, listener
from convergio.core.sql import to_json

log = structlog.get_logger(__name__)

HEARTBEAT = 15.0
# The browser's own wait before it connects again, in milliseconds.
_OPENING = b"retry: 2000\n: open\n\n"
_BEAT = b": still here\n\n"
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class EventStream:
    """The body of the answer. An iterator with `close`, which servers call also when nothing was read yet."""

    def __init__(self, subscription: Subscription, credential: Credential) -> None:
        self._subscription = subscription
        self._credential = credential
        self._parts = self._follow()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._parts)

    def close(self) -> None:
        self._subscription.close()

    def _follow(self) -> Iterator[bytes]:
        # The view's connection goes back: a stream lives for hours and needs one only for each check.
        connection.close()
        listener.wait_until_listening()
        yield _OPENING
        checked = monotonic()
        try:
            while True:
                event = self._subscription.next(HEARTBEAT)
                if event is None or monotonic() - checked >= HEARTBEAT:
                    if not self._still_signed_in():
                        return
                    checked = monotonic()
                yield _BEAT if event is None else _encode(event)
        except Closed:
            return
        finally:
            self.close()

    def _still_signed_in(self) -> bool:
        """Whether the credential holds, and for the same workspace. A database that is away decides nothing."""
        try:
            with transaction.atomic():
                found = open_scope(self._credential)
        except DatabaseError:
            log.warning("live.check_failed")
            return True
        finally:
            connection.close()
        return found is not None and found.actor.workspace_id == self._subscription.workspace_id


def _encode(event: Event) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (event.name.encode(), to_json({"ids": event.ids}))


def stream_events(request: HttpRequest) -> HttpResponseBase:
    """The stream of the actor's workspace. Raises TooMany when this process has no room for another."""
    if request.method != "GET":
        return HttpResponseNotAllowed(["GET"])
    actor = cast(SignedInHttpRequest, request).actor
    credential = credential_of(request)
    assert credential is not None  # the middleware found the actor by it
    stream = EventStream(listener.subscribe(actor.workspace_id), credential)
    return StreamingHttpResponse(stream, content_type="text/event-stream", headers=_HEADERS)


def end_streams_on_signal() -> None:
    """End all streams when the process is told to stop, so that the server need not wait for them.

    The server sets its own signal handlers after it loaded the application and then waits for open answers; the
    wake-up descriptor hears of the signal beside any handler. Call in the main thread.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=_wait_for_stop, args=[reading], name="stop", daemon=True).start()


def _wait_for_stop(reading: int) -> None:
    while True:
        if set(os.read(reading, 64)) & {signal.SIGTERM, signal.SIGINT}:
            listener.stop()
            return
