"""Who is calling: address, device and program, as far as they can be believed."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from django.conf import settings
from django.http import HttpRequest

Address = IPv4Address | IPv6Address
_LONGEST_AGENT = 500


@dataclass(frozen=True, slots=True)
class Client:
    """Where a sign-in comes from. `ip` is None on a Unix socket."""

    ip: str | None = None
    user_agent: str = ""

    @property
    def device(self) -> str:
        """The browser and system in words, like "Firefox on Ubuntu"."""
        # ua-parser compiles hundreds of patterns; only a sign-in needs them.
        from user_agents import parse  # noqa: PLC0415

        agent = parse(self.user_agent)
        return f"{agent.browser.family} on {agent.os.family}" if self.user_agent else ""


def client_of(request: HttpRequest) -> Client:
    """The caller of this request."""
    agent = request.META.get("HTTP_USER_AGENT", "").replace("\0", "")[:_LONGEST_AGENT]
    return Client(ip=client_ip(request), user_agent=agent)


def client_ip(request: HttpRequest) -> str | None:
    """The caller's address. X-Forwarded-For counts only as far as CONVERGIO_TRUSTED_PROXIES vouch for it."""
    address = _parse(request.META.get("REMOTE_ADDR", ""))
    if settings.TRUSTED_PROXIES and address is not None:
        address = _behind_proxies(address, request.META.get("HTTP_X_FORWARDED_FOR", ""))
    return None if address is None else str(address)


def _behind_proxies(address: Address, forwarded: str) -> Address:
    """Walk from the nearest hop outwards while each one is ours; the first stranger is the caller."""
    for hop in reversed(forwarded.split(",")):
        if not any(address in network for network in settings.TRUSTED_PROXIES):
            break
        before = _parse(hop.strip())
        if before is None:
            break
        address = before
    return address


def _parse(text: str) -> Address | None:
    """An address with or without port or brackets; IPv4 written as IPv6 becomes IPv4 again."""
    bare = text.partition("]")[0].lstrip("[") if text.startswith("[") else text
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ip_address(bare)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
