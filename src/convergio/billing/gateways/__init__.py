"""The gateways of this installation; a new one is a file and a line here. Each is off while its settings are unset."""

from __future__ import annotations

from collections.abc import Callable

from convergio.billing.errors import UnknownGateway
from convergio.billing.gateways import fake, manual, razorpay, stripe
from convergio.billing.gateways.protocol import Gateway

# In the order in which checkout offers them; each makes itself from the settings, or answers None.
GATEWAYS: dict[str, Callable[[], Gateway | None]] = {
    "razorpay": razorpay.from_settings,
    "stripe": stripe.from_settings,
    "manual": manual.from_settings,
    "fake": fake.from_settings,
}


def find(name: str) -> Gateway:
    """Raises UnknownGateway for one that does not exist or is off."""
    gateway = GATEWAYS[name]() if name in GATEWAYS else None
    if gateway is None:
        raise UnknownGateway(name)
    return gateway


def enabled() -> list[Gateway]:
    """What buyers can choose from; the first is the default."""
    return [gateway for make in GATEWAYS.values() if (gateway := make()) is not None]
