"""Random lives of a subscription: webhooks come twice, late, in any order or never, and the clock goes on.

After reconciliation our books are the gateway's: every charge is credited once, and the invariants hold.
"""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest
from django.db import transaction

from convergio.billing import checks, ledger, webhooks
from convergio.billing.gateways.protocol import SubscriptionPayment
from convergio.billing.models import Invoice, TokenLedgerEntry
from convergio.billing.models import SubscriptionPayment as Paid
from convergio.billing.subscriptions.actions import cancel, change_plan, resume
from convergio.billing.subscriptions.jobs import reconcile_subscriptions, settle_orders
from convergio.billing.subscriptions.queries import current_terms
from convergio.billing.subscriptions.reconciliation import reconcile_refunds
from convergio.billing.subscriptions.refunds import refund_payment
from convergio.core.clock import now
from convergio.core.errors import AppError
from convergio.core.models import InboundEvent
from tests.billing.buying import deliver, deliver_one, replay_one
from tests.billing.sellers import Seller, fake_seller
from tests.billing.subscribing import START, begin, books, clock, look_around, shop
from tests.cast import Person, make_person

__all__ = ["clock", "shop"]
pytestmark = pytest.mark.usefixtures("shop")
_EVENTS = ("subscription.charged", "subscription.pending", "subscription.cancelled", "subscription.unknown")


@dataclass
class Life:
    """One subscriber, their contracts and orders, and webhooks that are on their way."""

    chance: random.Random
    person: Person
    seller: Seller
    clock: Any
    contracts: list[str] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)
    under_way: list[tuple[bytes, dict[str, str]]] = field(default_factory=list)

    def step(self) -> None:
        often = (self.begin, self.begin, self.agree, *[self.wait] * 4, self.deliver, self.deliver)
        seldom = (
            self.fail,
            self.recover,
            self.upgrade,
            self.pay,
            self.downgrade,
            self.leave,
            self.stay,
            self.end_there,
            self.work,
            self.look,
            self.replay,
            self.forge,
            self.refund,
            self.refund_there,
        )
        with suppress(AppError):  # refused in the state that it is in
            self.chance.choice(often + seldom)()

    def begin(self) -> None:
        checkout = begin(self.person, self.chance.choice(("pro", "enterprise")))
        if checkout.subscription and checkout.subscription.id not in self.contracts:
            self.contracts.append(checkout.subscription.id)
        if self.chance.random() < 0.7:
            self.agree()

    def agree(self) -> None:
        for contract in self.contracts[-1:]:
            if books(self.seller).fetch_subscription(contract).status == "pending":
                books(self.seller).agree(contract)
                self._tell(contract)

    def wait(self) -> None:
        self.clock.shift(timedelta(days=self.chance.randint(1, 20)))
        ledger.lapse_due()
        for contract in self.contracts:
            self._tell(contract)

    def fail(self) -> None:
        for contract in self.contracts[-1:]:
            books(self.seller).expire_card(contract)

    def recover(self) -> None:
        for contract in self.contracts[-1:]:
            books(self.seller).expire_card(contract, reason="")
            self._tell(contract)

    def upgrade(self) -> None:
        order = change_plan(self.person.actor, plan="enterprise").order
        if order is not None:
            self.orders.append(order.id)

    def pay(self) -> None:
        for order_id in self.orders[-1:]:
            if self.seller.gateway.fetch_payment(order_id).status == "pending":
                self.seller.side.pay(order_id)
                self.under_way.append(self.seller.side.webhook("payment.paid", order_id))

    def downgrade(self) -> None:
        change_plan(self.person.actor, plan="pro")

    def leave(self) -> None:
        cancel(self.person.actor)

    def stay(self) -> None:
        resume(self.person.actor)

    def end_there(self) -> None:
        if self.contracts and self.chance.random() < 0.3:
            books(self.seller).cancel_subscription(self.contracts[-1], when="now")
            self._tell(self.contracts[-1])

    def deliver(self) -> None:
        assert set(deliver_one(self.chance, self.seller, self.under_way)) <= {200}

    def forge(self) -> None:
        if self.under_way:
            body, headers = self.chance.choice(self.under_way)
            assert deliver(self.seller, (body + b" ", headers)).status_code == 400

    def work(self) -> None:
        _handle_all()

    def look(self) -> None:
        look_around()

    def replay(self) -> None:
        replay_one(self.chance)

    def refund(self) -> None:
        for payment in Paid.objects.filter(user=self.person.user).order_by("-id")[:3]:
            amount = self.chance.choice((None, 1, payment.amount // 3))
            refund_payment(self.person.user.id, payment_id=payment.id, reason="Test", amount=amount)

    def refund_there(self) -> None:
        """By hand, of payments of the last weeks: these are what the daily comparison asks for."""
        recent = Paid.objects.filter(user=self.person.user, paid_at__gt=now() - timedelta(days=40))
        for payment in recent.order_by("-id")[:1]:
            charge = self.seller.gateway.fetch_charge(payment.gateway_id)
            amount = self.chance.randint(1, payment.amount // 2)
            self.seller.gateway.refund(charge, amount=amount, reference=f"by-hand-{charge.refunded}")
            reconcile_refunds()

    def _tell(self, contract: str) -> None:
        for _ in range(self.chance.randint(0, 2)):
            message = books(self.seller).notice(self.chance.choice(_EVENTS), order_id=contract)
            self.under_way.append(message)

    def charges(self) -> list[SubscriptionPayment]:
        return [
            payment
            for contract in self.contracts
            for payment in books(self.seller).subscription_payments(contract)
            if payment.status == "paid"
        ]


def _handle_all() -> None:
    """What the workers of webhooks do; mails with their PDF are not of interest here."""
    for event_id in InboundEvent.objects.filter(handled_at=None).values_list("id", flat=True):
        with suppress(AppError):
            webhooks.handle(event_id)


def live(seed: int, *, person: Person, seller: Seller, clock: Any) -> int:
    """One random sequence to its end, checked; the answer is how many charges there were."""
    life = Life(random.Random(seed), person, seller, clock)
    for _ in range(life.chance.randint(15, 45)):
        life.step()
    _handle_all()
    for _ in range(2):
        settle_orders(0)
        reconcile_subscriptions(0)
        look_around()
    where = f"seed {seed}"
    assert list(checks.broken()) == [], where
    charges = life.charges()
    ours = list(Paid.objects.filter(user=person.user, kind="period"))
    assert sorted((one.gateway_id, one.amount) for one in ours) == sorted(
        (one.id, one.amount) for one in charges
    ), where
    payments = list(Paid.objects.filter(user=person.user))
    assert Invoice.objects.filter(user=person.user).count() == len(payments), where
    for one in payments:
        assert seller.gateway.fetch_charge(one.gateway_id).refunded == one.invoice.credited, where
    granted = TokenLedgerEntry.objects.filter(user=person.user, cause__startswith="subscription_payments:")
    assert sum(entry.tokens for entry in granted) == sum(one.tokens for one in payments), where
    for contract in life.contracts[:-1]:  # at most one contract can still charge
        assert books(seller).fetch_subscription(contract).status == "cancelled", where
    assert current_terms(person.user.id).period_end > current_terms(person.user.id).period_start
    return len(charges)


def run(settings: Any, folder: Path, clock: Any, seeds: range) -> int:
    """Each sequence starts with empty books on both sides; the answer is how many charges there were."""
    charged = 0
    with fake_seller(settings, folder) as seller:
        for seed in seeds:
            clock.move_to(START)
            with transaction.atomic():
                charged += live(seed, person=make_person(f"owner{seed}"), seller=seller, clock=clock)
                transaction.set_rollback(True)
            rmtree(folder / "fake-gateway", ignore_errors=True)
    return charged


@pytest.mark.django_db
@pytest.mark.once
def test_100_random_lives_end_as_the_gateway_says(settings: Any, tmp_path: Path, clock: Any) -> None:
    assert run(settings, tmp_path, clock, range(100)) > 100
