"""The address that the web process listens on."""

import errno
import socket

from convergio.core.faults import ConfigurationFault


def require_free_port(host: str, port: int) -> None:
    """Raise ConfigurationFault when nobody could listen on `host`:`port` now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: a port in TIME_WAIT from the last run is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigurationFault(_sentence(error, host, port)) from error


def _sentence(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is already in use: stop the program that holds it, "
            "or choose another with --port."
        )
    if error.errno == errno.EACCES:
        return f"Port {port} needs privileges that this user lacks: choose one above 1023 with --port."
    return f"Cannot listen on {host} port {port} ({error.strerror}): choose another address."
