"""A shop that may sell, subscribers, and time that passes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import time_machine

from convergio.billing import checks, ledger
from convergio.billing.gateways.fake import FakeGateway
from convergio.billing.models import (
    SubscriptionEvent,
    SubscriptionPayment,
    TokenBalance,
    TokenLedgerEntry,
    UserSubscription,
)
from convergio.billing.subscriptions.actions import SubscriptionCheckout, subscribe
from convergio.billing.subscriptions.look import look
from convergio.billing.subscriptions.queries import Terms, current_terms
from convergio.billing.subscriptions.rows import claim_due
from convergio.billing.subscriptions.sync import sync
from convergio.core.clock import now
from tests.billing.sellers import Seller
from tests.cast import Person

# Midnight of 31 January in India, after the real now, which the invariants look at.
START = datetime(2099, 1, 30, 18, 30, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def shop(settings: Any) -> None:
    """Somebody is named as the seller."""
    settings.SELLER_NAME, settings.SELLER_STATE, settings.SELLER_GSTIN = "Convergio Test", "27", ""


@pytest.fixture
def clock() -> Iterator[Any]:
    """Time that stands still until it is moved."""
    with time_machine.travel(START, tick=False) as clock:
        yield clock


def look_around() -> int:
    """What the periodic job does; the answer is how many were due."""
    due = claim_due()
    for user_id in due:
        look(user_id)
    return len(due)


def walk(clock: Any, days: float, *, hours: int = 24) -> None:
    """Let time pass, and the periodic jobs run."""
    until = now() + timedelta(days=days)
    while now() < until:
        clock.move_to(min(until, now() + timedelta(hours=hours)))
        ledger.lapse_due()
        look_around()


def begin(person: Person, plan: str = "pro", *, gateway: str = "fake", key: str = "") -> SubscriptionCheckout:
    return subscribe(person.actor, plan=plan, gateway=gateway, idempotency_key=key or uuid4().hex)


def subscribed(person: Person, seller: Seller, plan: str = "pro") -> str:
    """Begun, agreed to and paid; the contract's id at the fake gateway."""
    checkout = begin(person, plan, gateway=seller.name)
    assert checkout.subscription is not None
    books(seller).agree(checkout.subscription.id)
    sync(person.user.id)
    assert terms(person).status == "active"
    return checkout.subscription.id


def books(seller: Seller) -> FakeGateway:
    assert isinstance(seller.gateway, FakeGateway)
    return seller.gateway


def terms(person: Person) -> Terms:
    """After every invariant was checked."""
    assert list(checks.broken()) == []
    return current_terms(person.user.id)


def tokens(person: Person) -> int:
    balance = TokenBalance.objects.filter(user=person.user).first()
    return balance.tokens if balance else 0


def row(person: Person) -> UserSubscription:
    return UserSubscription.objects.get(user=person.user)


def history(person: Person) -> list[str]:
    events = SubscriptionEvent.objects.filter(user=person.user).order_by("id")
    return [event.event for event in events]


def paid(person: Person) -> list[int]:
    payments = SubscriptionPayment.objects.filter(user=person.user).order_by("id")
    return [payment.amount for payment in payments]


def grants(person: Person) -> list[int]:
    entries = TokenLedgerEntry.objects.filter(user=person.user, kind="grant").order_by("id")
    return [entry.tokens for entry in entries]


def notices(folder: Path) -> list[tuple[str, str]]:
    """Subject and text of what was mailed to subscribers, without the invoices."""
    mails = [
        message_from_bytes(path.read_bytes(), policy=policy.default)
        for path in (folder / "outbox").glob("*.eml")
    ]
    texts = [(str(mail["Subject"]), mail.get_body()) for mail in mails]
    return [(subject, body.get_content()) for subject, body in texts if body and "Invoice" not in subject]
