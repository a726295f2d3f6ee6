"""The sentence for each way in which DATABASE_URL can be wrong."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from convergio.core.embedded_pg import EmbeddedPostgres
from convergio.core.faults import ConfigurationFault
from convergio.core.pg_check import require_usable_database
from tests.support.postgres import session_postgres


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    with session_postgres() as running:
        yield running


def complaint(url: str) -> str:
    with pytest.raises(ConfigurationFault) as fault:
        require_usable_database(url)
    return str(fault.value)


def test_a_database_that_opens_is_accepted(server: EmbeddedPostgres) -> None:
    require_usable_database(server.app_url)


def test_an_address_of_something_else_is_named() -> None:
    assert complaint("mysql://someone@127.0.0.1/mail").startswith(
        "DATABASE_URL is not an address of PostgreSQL"
    )


def test_a_server_that_is_not_there_is_named_without_the_password() -> None:
    sentence = complaint("postgresql://someone:hunter2@127.0.0.1:1/mail")
    assert sentence == (
        "DATABASE_URL (127.0.0.1, database mail) does not open: Connection refused. "
        "Correct the address, or start that server."
    )


def test_a_database_that_is_not_there_is_named(server: EmbeddedPostgres) -> None:
    sentence = complaint(server.app_url.replace("/convergio?", "/elsewhere?"))
    assert 'does not open: database "elsewhere" does not exist.' in sentence


def test_a_server_older_than_15_is_refused() -> None:
    with server_of_version("14.12") as port:
        sentence = complaint(f"postgresql://someone@127.0.0.1:{port}/mail?sslmode=disable&gssencmode=disable")
    assert sentence == (
        "PostgreSQL 14 at DATABASE_URL (127.0.0.1, database mail) is too old: "
        "Convergio needs 15 or newer, so upgrade that server."
    )


@contextmanager
def server_of_version(version: str) -> Iterator[int]:
    """A server that lets one client in and tells its version (the protocol's start-up messages, version 3.0)."""
    parameter = b"server_version\0" + version.encode() + b"\0"
    welcome = (
        b"R" + struct.pack("!ii", 8, 0)  # AuthenticationOk
        + b"S" + struct.pack("!i", 4 + len(parameter)) + parameter  # ParameterStatus
        + b"K" + struct.pack("!iii", 12, 1, 1)  # BackendKeyData
        + b"Z" + struct.pack("!i", 5) + b"I"  # ReadyForQuery
    )  # fmt: skip
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client, _ = listener.accept()
            with client:
                client.recv(4096)
                client.sendall(welcome)
                client.recv(4096)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(timeout=10)
