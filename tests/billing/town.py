"""Many customers who try, buy, change, fail to pay, leave and come back over months, by chance but repeatably."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from convergio.billing import checks, ledger
from convergio.billing.models import (
    Invoice,
    SubscriptionPayment,
    TokenBalance,
    TokenPurchase,
    UserSubscription,
)
from convergio.billing.payments import complete_purchase
from convergio.billing.refunds import refund_purchase
from convergio.billing.reservations import Purpose, Usage, reserve, settle
from convergio.billing.subscriptions.actions import cancel, change_plan, resume
from convergio.billing.subscriptions.jobs import settle_orders
from convergio.billing.subscriptions.sync import sync
from convergio.core import sql
from convergio.core.clock import now
from convergio.core.errors import AppError
from tests.billing.buying import buy
from tests.billing.sellers import Seller
from tests.billing.subscribing import begin, books, look_around
from tests.cast import Person, make_person

# About how often somebody does something of their own.
_DAYS_BETWEEN = 45


@dataclass(frozen=True)
class Seen:
    """What the months came to."""

    payments: int
    amount: int
    upgrades: int
    failed: int
    given_up: int
    refunds: int
    events: int


@dataclass
class Town:
    clock: Any
    seller: Seller
    chance: random.Random
    people: list[Person]
    contracts: dict[int, list[str]] = field(default_factory=dict)
    refunds: int = 0

    def day(self) -> None:
        """Whoever wants to acts, in the order of chance; then the jobs of the day."""
        for person in self.people:
            if self.chance.random() < 1 / _DAYS_BETWEEN:
                act = self.chance.choice(self._acts())
                with suppress(AppError):  # refused in the state that it is in
                    act(person)
        self.clock.shift(timedelta(hours=24))
        ledger.lapse_due()
        while look_around():
            pass

    def _acts(self) -> list[Callable[[Person], None]]:
        return [
            self.begin,
            self.begin,
            self.begin,
            self.upgrade,
            self.upgrade,
            self.downgrade,
            self.fail,
            self.recover,
            self.leave,
            self.stay,
            self.use,
            self.buy_and_return,
        ]

    def begin(self, person: Person) -> None:
        plan = self.chance.choice(["pro", "pro", "enterprise"])
        checkout = begin(person, plan)
        assert checkout.subscription is not None
        contract = checkout.subscription.id
        mine = self.contracts.setdefault(person.user.id, [])
        if contract not in mine:
            mine.append(contract)
        if self.chance.random() < 0.9:  # the others close the tab
            books(self.seller).agree(contract)
            sync(person.user.id)

    def upgrade(self, person: Person) -> None:
        order = change_plan(person.actor, plan="enterprise").order
        if order is not None and self.chance.random() < 0.8:
            self.seller.side.pay(order.id)
            settle_orders(0)

    def downgrade(self, person: Person) -> None:
        change_plan(person.actor, plan="pro")

    def fail(self, person: Person) -> None:
        for contract in self.contracts.get(person.user.id, [])[-1:]:
            books(self.seller).expire_card(contract)

    def recover(self, person: Person) -> None:
        for contract in self.contracts.get(person.user.id, [])[-1:]:
            books(self.seller).expire_card(contract, reason="")

    def leave(self, person: Person) -> None:
        cancel(person.actor)

    def stay(self, person: Person) -> None:
        resume(person.actor)

    def use(self, person: Person) -> None:
        held = reserve(Purpose(person.workspace.id, "draft", "emails:1"), tokens=900)
        settle(held, Usage("scripted", self.chance.randint(1, 900), 0))

    def buy_and_return(self, person: Person) -> None:
        checkout = buy(person, self.seller, package="starter")
        self.seller.side.pay(checkout.order.id)
        complete_purchase(checkout.purchase.id)
        if self.chance.random() < 0.5:
            refund_purchase(person.user.id, purchase_id=checkout.purchase.id, reason="Test")
            self.refunds += 1

    def compare(self) -> None:
        """Our books are the gateway's, to the paisa."""
        ours = Counter(SubscriptionPayment.objects.filter(kind="period").values_list("gateway_id", "amount"))
        theirs = Counter(
            (payment.id, payment.amount)
            for contracts in self.contracts.values()
            for contract in contracts
            for payment in books(self.seller).subscription_payments(contract)
            if payment.status == "paid"
        )
        assert ours == theirs
        assert max(ours.values(), default=1) == 1


def live(clock: Any, seller: Seller, *, customers: int, days: int, seed: int) -> Seen:
    """Let so many customers live for so many days, and check that every book agrees with every other."""
    people = [make_person(f"customer{number}") for number in range(customers)]
    # The machine's own clock made them now; they signed up one after another over a month.
    for number, person in enumerate(people):
        sql.execute(
            "UPDATE users SET created_at = %s WHERE id = %s",
            [now() + timedelta(hours=number % 720), person.user.id],
        )
    town = Town(clock, seller, random.Random(seed), people)
    clock.shift(timedelta(days=30))
    for _ in range(days):
        town.day()
    town.compare()
    assert list(checks.broken()) == []
    return _seen(town)


def _seen(town: Town) -> Seen:
    payments = SubscriptionPayment.objects.all()
    events = Counter(sql.fetch_column("SELECT event::text FROM subscription_events"))
    assert Invoice.objects.count() == payments.count()
    assert TokenBalance.objects.filter(tokens__lt=0).count() == 0
    assert UserSubscription.objects.filter(user__in=[person.user for person in town.people]).count() == len(
        town.people
    )
    assert TokenPurchase.objects.filter(status="refunded").count() == town.refunds
    return Seen(
        payments=payments.count(),
        amount=sum(payments.values_list("amount", flat=True)),
        upgrades=events["upgraded"],
        failed=events["charge_failed"],
        given_up=events["given_up"],
        refunds=town.refunds,
        events=events.total(),
    )
