"""The check that comes before the web process listens."""

import socket

import pytest

from convergio.core.faults import PlatformFault
from convergio.core.ports import require_free_port


def test_a_port_in_use_is_named_with_a_remedy() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(PlatformFault) as fault:
            require_free_port("127.0.0.1", port)
        assert str(fault.value) == (
            f"Port {port} on 127.0.0.1 is already in use: stop the program that holds it, "
            "or choose another with --port."
        )
    require_free_port("127.0.0.1", port)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(PlatformFault, match=r"Cannot listen on 192\.0\.2\.1 port 3001"):
        require_free_port("192.0.2.1", 3001)
