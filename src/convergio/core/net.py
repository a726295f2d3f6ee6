"""Connections to hosts that users enter: resolved once, checked, and pinned to the checked addresses."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from convergio.core.errors import ProviderError

# RFC 6052: a translator turns these into the IPv4 address of the last 32 bits.
_NAT64 = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host name with the addresses it was allowed to mean. Connecting never asks the resolver again."""

    host: str
    port: int
    addresses: tuple[str, ...]

    @property
    def is_loopback(self) -> bool:
        return all(_effective(address).is_loopback for address in self.addresses)

    def connect(self, timeout: float) -> socket.socket:
        """A TCP socket with `timeout` seconds on every operation; OSError when no address answers."""
        failure: OSError | None = None
        for address in self.addresses:
            try:
                return socket.create_connection((address, self.port), timeout)
            except OSError as error:
                failure = error
        raise failure or OSError("no address to connect to")


def guard_host(host: str, port: int, *, allow_private_hosts: bool) -> Endpoint:
    """Resolve `host` and refuse private, loopback and link-local addresses unless they are allowed.

    The returned addresses are the ones to connect to: asking the resolver a second time would let a
    name answer with a public address for the check and a private one for the connection.
    """
    if not host or not 0 < port < 65536:
        raise ProviderError("permanent", "The server needs a host name and a port between 1 and 65535.")
    addresses = _resolve(host, port)
    allowed = tuple(address for address in addresses if allow_private_hosts or _is_public(address))
    if not allowed:
        raise ProviderError(
            "permanent",
            f"The server {host} is in a private network; use a public host name, or let the operator allow "
            "private hosts with CONVERGIO_ALLOW_PRIVATE_HOSTS.",
        )
    return Endpoint(host, port, allowed)


def _resolve(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ProviderError(
            "retry", f"The server name {host} could not be found; check how it is written."
        ) from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _is_public(address: str) -> bool:
    effective = _effective(address)
    return effective.is_global and not effective.is_multicast


def _effective(address: str) -> IPv4Address | IPv6Address:
    """The address that packets end up at: IPv4 wrapped into IPv6 counts as that IPv4 address."""
    parsed = ip_address(address)
    if isinstance(parsed, IPv4Address):
        return parsed
    if parsed in _NAT64:
        return IPv4Address(int(parsed) & 0xFFFFFFFF)
    return parsed.ipv4_mapped or parsed.sixtofour or parsed
