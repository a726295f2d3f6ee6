"""Random lives of purchases: buyers pay, are declined, pay wrongly; webhooks come twice, late, in any order or never.

After reconciliation our books are the gateway's, each paid purchase is credited and announced once, and the ledger's
invariants hold.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest
from django.db import transaction

from convergio.billing import paid
from convergio.billing.models import TokenPurchase
from convergio.billing.payments import Checkout, complete_purchase
from convergio.billing.reconciliation import reconcile_gateway
from convergio.billing.refunds import refund_purchase
from convergio.core.errors import AppError
from tests.billing.buying import buy, credited, deliver, deliver_one, replay_one, tokens
from tests.billing.sellers import Seller, fake_seller
from tests.cast import Person, make_person
from tests.jobs import run_jobs

_EVENTS = ("payment.authorized", "payment.paid", "payment.failed", "payment.refunded", "order.closed")


@dataclass
class World:
    """One buyer, a few purchases, and webhooks that are on their way."""

    chance: random.Random
    buyer: Person
    seller: Seller
    checkouts: list[Checkout] = field(default_factory=list)
    under_way: list[tuple[bytes, dict[str, str]]] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)

    def step(self) -> None:
        steps = (self.buy, self.pay, self.pay, self.decline, self.deliver, self.deliver, self.deliver)
        more = (self.work, self.refund_there, self.refund_here, self.replay, self.forge, self.come_back)
        self.chance.choice(steps + more)()

    def buy(self) -> None:
        self.checkouts.append(buy(self.buyer, self.seller, package=self.chance.choice(("starter", "growth"))))

    def pay(self) -> None:
        order_id = self._order()
        asked = self.seller.gateway.fetch_payment(order_id)
        if asked.status in ("pending", "failed"):
            wrongly = self.chance.random() < 0.15
            held = self.chance.random() < 0.3
            self.seller.side.pay(order_id, amount=asked.amount - 1 if wrongly else None, held=held)
            self._tell(order_id)

    def decline(self) -> None:
        order_id = self._order()
        if self.seller.gateway.fetch_payment(order_id).status == "pending":
            self.seller.side.decline(order_id, reason="The card has expired")
            self._tell(order_id)

    def deliver(self) -> None:
        self.answers.update(deliver_one(self.chance, self.seller, self.under_way))

    def forge(self) -> None:
        if self.under_way:
            body, headers = self.chance.choice(self.under_way)
            assert (
                deliver(self.seller, (body.replace(b"payment", b"paymemt") + b" ", headers)).status_code
                == 400
            )

    def work(self) -> None:
        run_jobs()

    def replay(self) -> None:
        replay_one(self.chance)

    def come_back(self) -> None:
        if self.checkouts:
            complete_purchase(self.chance.choice(self.checkouts).purchase.id)

    def refund_there(self) -> None:
        payment = self.seller.gateway.fetch_payment(self._order())
        left = payment.amount - payment.refunded
        if payment.status == "paid" and left:
            reference = f"there{self.chance.random()}"
            self.seller.gateway.refund(payment, amount=self.chance.randint(1, left), reference=reference)
            self._tell(payment.order_id)

    def refund_here(self) -> None:
        if self.checkouts:
            try:
                with transaction.atomic():
                    refund_purchase(
                        self.buyer.user.id,
                        purchase_id=self.chance.choice(self.checkouts).purchase.id,
                        reason="Test",
                        amount=self.chance.choice((None, 1_000)),
                    )
            except AppError:  # nothing to refund, or less than was asked for
                pass

    def _order(self) -> str:
        if not self.checkouts:
            self.buy()
        return self.chance.choice(self.checkouts).order.id

    def _tell(self, order_id: str) -> None:
        for _ in range(self.chance.randint(0, 3)):
            self.under_way.append(self.seller.side.webhook(self.chance.choice(_EVENTS), order_id))


@contextmanager
def counted() -> Iterator[Counter[int]]:
    """How often each purchase was announced as paid."""
    told: Counter[int] = Counter()

    def count(purchase: paid.PaidPurchase) -> None:
        told[purchase.purchase_id] += 1

    paid.on_purchase_paid(count)
    try:
        yield told
    finally:
        paid._paid.remove(count)


def live(seed: int, *, buyer: Person, seller: Seller) -> int:
    """One random sequence to its end, checked; the answer is how many purchases were paid."""
    world = World(random.Random(seed), buyer, seller)
    with counted() as told:
        for _ in range(world.chance.randint(5, 25)):
            world.step()
        run_jobs()
        for _ in range(2):
            reconcile_gateway(seller.gateway)
    assert set(world.answers) <= {200}
    for checkout in world.checkouts:
        _compare(seed, seller, checkout, told)
    assert tokens(buyer) >= 0
    return len(told)


def _compare(seed: int, seller: Seller, checkout: Checkout, told: Counter[int]) -> None:
    theirs = seller.gateway.fetch_payment(checkout.order.id)
    ours = TokenPurchase.objects.get(id=checkout.purchase.id)
    is_right = theirs.status == "paid" and theirs.amount == ours.amount
    where = f"seed {seed}, purchase {ours.id}"
    assert (ours.status in ("paid", "refunded")) == is_right, where
    assert told[ours.id] == is_right, where
    assert credited(checkout) == (
        [(kind, count) for kind, count in (("purchase", ours.tokens), ("bonus", ours.bonus_tokens)) if count]
        if is_right
        else []
    ), where
    if is_right:
        assert ours.refunded == theirs.refunded, where
        assert (ours.status == "refunded") == (theirs.refunded == theirs.amount), where


def run(settings: Any, folder: Path, seeds: range) -> int:
    """Each sequence starts with empty books on both sides; the answer is how many purchases were paid."""
    settled = 0
    with fake_seller(settings, folder) as seller:
        for seed in seeds:
            with transaction.atomic():
                settled += live(seed, buyer=make_person(f"owner{seed}"), seller=seller)
                transaction.set_rollback(True)
            rmtree(folder / "fake-gateway", ignore_errors=True)
    return settled


@pytest.mark.django_db
@pytest.mark.once
def test_60_random_sequences_end_as_the_gateway_says(settings: Any, tmp_path: Path) -> None:
    assert run(settings, tmp_path, range(60)) > 30
