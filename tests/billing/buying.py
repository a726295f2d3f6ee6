"""A buyer's steps, and what is left of them in the books."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from django.test import Client

from convergio.billing import checks, webhooks
from convergio.billing.models import GatewayDifference, TokenBalance, TokenLedgerEntry, TokenPurchase
from convergio.billing.payments import Checkout, begin_purchase
from convergio.core.models import InboundEvent
from tests.billing.sellers import Seller
from tests.cast import Person


def buy(person: Person, seller: Seller, *, key: str = "", **wanted: Any) -> Checkout:
    """Growth: 25,000 tokens and 2,500 on top for 1,999 rupees."""
    return begin_purchase(
        person.actor,
        gateway=seller.name,
        idempotency_key=key or uuid4().hex,
        **{"package": "growth", **wanted},
    )


def deliver(seller: Seller, message: tuple[bytes, dict[str, str]]) -> Any:
    """POST a webhook as the gateway does, without any session."""
    body, headers = message
    client = Client(enforce_csrf_checks=True)
    return client.post(
        f"/api/webhooks/{seller.name}", data=body, content_type="application/json", headers=headers
    )


def deliver_one(
    chance: random.Random, seller: Seller, under_way: list[tuple[bytes, dict[str, str]]]
) -> Iterator[int]:
    """One of the messages under way, which may come again later; some are lost. Yields the answer's status."""
    if under_way:
        message = chance.choice(under_way)
        if chance.random() < 0.6:
            under_way.remove(message)
        if chance.random() < 0.7:
            yield deliver(seller, message).status_code


def replay_one(chance: random.Random) -> None:
    """As staff do, whatever became of it."""
    kept = list(InboundEvent.objects.values_list("id", flat=True))
    if kept:
        webhooks.replay(chance.choice(kept))


def status(checkout: Checkout) -> str:
    return TokenPurchase.objects.get(id=checkout.purchase.id).status


def tokens(person: Person) -> int:
    """The balance, after every invariant was checked."""
    assert list(checks.broken()) == []
    balance = TokenBalance.objects.filter(user=person.user).first()
    return balance.tokens if balance else 0


def credited(checkout: Checkout) -> list[tuple[str, int]]:
    rows = TokenLedgerEntry.objects.filter(cause=checkout.purchase.cause).order_by("id")
    return [(row.kind, row.tokens) for row in rows]


def differences() -> list[str]:
    return list(GatewayDifference.objects.order_by("id").values_list("kind", flat=True))
