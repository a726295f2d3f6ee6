"""What the pages of billing send."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from django.http import HttpRequest, QueryDict

from convergio.accounts.forms import number, typed
from convergio.billing import gateways
from convergio.billing.queries import ProfileRow
from convergio.core.errors import AppError


@dataclass
class BuyForm:
    """A package, how many times, and by which gateway. `seen` is the total that the buyer agreed to."""

    package: str
    quantity: int
    gateway: str
    key: str
    seen: int = 0

    @classmethod
    def of(cls, values: QueryDict) -> BuyForm:
        """From an address or a posted form; whoever chooses no gateway gets the first."""
        ways = [gateway.name for gateway in gateways.enabled()]
        chosen = values.get("gateway", "")
        return cls(
            package=values.get("package", "")[:50],
            quantity=number(values.get("quantity", "1")),
            gateway=chosen if chosen in ways or not ways else ways[0],
            key=values.get("key", "")[:64] or uuid4().hex,
            seen=number(values.get("total")),
        )

    @property
    def idempotency_key(self) -> str:
        """The same form sent twice is one purchase; changed after going back it is another."""
        return f"page:{self.key}:{self.package}:{self.quantity}:{self.gateway}"

    def address(self) -> str:
        """Where this form is shown as it is filled in."""
        values = {"package": self.package, "quantity": self.quantity, "gateway": self.gateway}
        return f"/dashboard/settings/tokens/buy?{urlencode(values)}"


@dataclass
class ProfileForm:
    """The billing details as typed, with what does not fit."""

    name: str
    address: list[str]
    state: str
    country: str
    gstin: str
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, profile: ProfileRow) -> ProfileForm:
        return cls(profile.name, list(profile.address), profile.state, profile.country, profile.gstin)

    @classmethod
    def sent(cls, request: HttpRequest) -> ProfileForm:
        return cls(
            name=typed(request, "name"),
            address=typed(request, "address").splitlines(),
            state=typed(request, "state"),
            country=typed(request, "country"),
            gstin=typed(request, "gstin"),
        )

    def fields(self) -> Mapping[str, Any]:
        """As the action takes them."""
        return {
            "name": self.name,
            "address": self.address,
            "state": self.state,
            "country": self.country,
            "gstin": self.gstin,
        }

    def refuse(self, error: AppError) -> None:
        """Say it at the field that it is about."""
        self.errors[str(error.facts.get("field", "name"))] = error.message
