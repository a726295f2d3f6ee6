"""A scripted server on loopback, for the faults that a real server cannot be made to show."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from convergio.mail.mailboxes.protocol import MailboxSettings


class Conversation:
    """One connection, line by line; `heard` keeps what the client said."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._file = connection.makefile("rb")
        self.heard: list[bytes] = []

    def say(self, *lines: str) -> None:
        self._connection.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def send(self, content: bytes) -> None:
        self._connection.sendall(content)

    def hear(self) -> bytes:
        line = self._file.readline()
        if not line:
            raise EOFError
        self.heard.append(line.rstrip(b"\r\n"))
        return self.heard[-1]

    def hear_message(self) -> list[bytes]:
        """Lines up to the final dot."""
        start = len(self.heard)
        while self.hear() != b".":
            pass
        return self.heard[start:-1]

    def close(self) -> None:
        self._file.close()
        self._connection.close()


Script = Callable[[Conversation], None]


@dataclass
class LineServer:
    port: int
    conversations: list[Conversation] = field(default_factory=list)


@contextmanager
def line_server(*scripts: Script) -> Iterator[LineServer]:
    """Answers the first connection with the first script and so on; the last one is used again and again."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.1)
        server = LineServer(listening.getsockname()[1])
        thread = threading.Thread(target=_serve, args=(listening, server, scripts, stop), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            stop.set()
            thread.join(12)


def _serve(
    listening: socket.socket, server: LineServer, scripts: tuple[Script, ...], stop: threading.Event
) -> None:
    while not stop.is_set():
        try:
            connection, _ = listening.accept()
        except TimeoutError:
            continue
        connection.settimeout(10)
        conversation = Conversation(connection)
        server.conversations.append(conversation)
        script = scripts[min(len(server.conversations), len(scripts)) - 1]
        with suppress(EOFError, OSError):
            script(conversation)
        conversation.close()


def imap_settings(port: int, **changes: Any) -> MailboxSettings:
    """An account on a scripted IMAP server."""
    return MailboxSettings(
        **{
            "kind": "imap",
            "email_address": "a@mail.test",
            "imap_host": "127.0.0.1",
            "imap_port": port,
            "imap_security": "plain",
            "imap_username": "a",
            "imap_password": "b",
            "allow_private_hosts": True,
            "timeout": 5.0,
            **changes,
        }
    )
