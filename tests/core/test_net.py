"""Hosts that users enter: which addresses they may mean, and that nobody asks twice."""

from __future__ import annotations

import socket

import pytest

from convergio.core.errors import ProviderError
from convergio.core.net import Endpoint, guard_host


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.8",
        "172.16.4.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104
        "224.0.0.1",
        "::1",
        "fe80::1",
        "fd00::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:7f00:1::1",
    ],
)
def test_a_private_address_is_refused_unless_the_operator_allows_it(address: str) -> None:
    with pytest.raises(ProviderError) as failure:
        guard_host(address, 993, allow_private_hosts=False)

    assert failure.value.kind == "permanent"
    assert "private network" in failure.value.message
    assert guard_host(address, 993, allow_private_hosts=True).addresses == (address,)


def test_a_name_that_means_this_machine_is_refused() -> None:
    with pytest.raises(ProviderError, match="private network"):
        guard_host("localhost", 993, allow_private_hosts=False)


@pytest.mark.parametrize("address", ["8.8.8.8", "2a00:1450:4001::5"])
def test_a_public_address_is_let_through(address: str) -> None:
    endpoint = guard_host(address, 993, allow_private_hosts=False)

    assert endpoint.addresses == (address,)
    assert not endpoint.is_loopback


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_port_out_of_range_is_refused(port: int) -> None:
    with pytest.raises(ProviderError, match="between 1 and 65535"):
        guard_host("8.8.8.8", port, allow_private_hosts=False)


def test_an_unknown_name_says_what_to_check() -> None:
    with pytest.raises(ProviderError, match="could not be found") as failure:
        guard_host("no-such-host.invalid", 993, allow_private_hosts=False)

    assert failure.value.kind == "retry"


def test_connecting_uses_the_checked_address_and_not_the_name() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        endpoint = Endpoint("no-such-host.invalid", listening.getsockname()[1], ("127.0.0.1",))

        with endpoint.connect(2.0) as connection:
            assert connection.getpeername()[0] == "127.0.0.1"
            assert connection.gettimeout() == 2.0


def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        endpoint = Endpoint("mail.test", listening.getsockname()[1], ("::1", "127.0.0.1"))

        with endpoint.connect(2.0) as connection:
            assert connection.getpeername()[0] == "127.0.0.1"
