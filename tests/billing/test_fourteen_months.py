"""Fourteen months of one customer in seconds: tried, bought, changed, failed, lost, come back, and left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from convergio.billing.models import Invoice, SubscriptionPlan
from convergio.billing.payments import complete_purchase
from convergio.billing.subscriptions.actions import cancel, change_plan, resume
from convergio.billing.subscriptions.jobs import settle_orders
from tests.billing.buying import buy
from tests.billing.sellers import Seller, fake_seller
from tests.billing.subscribing import (
    START,
    books,
    clock,
    grants,
    history,
    paid,
    shop,
    subscribed,
    terms,
    tokens,
    walk,
)
from tests.billing.town import live
from tests.cast import Person

__all__ = ["clock", "shop"]
pytestmark = pytest.mark.usefixtures("shop")
PRO, ENTERPRISE = 1_999_00, 9_999_00


def test_fourteen_months_of_one_customer(fake: Seller, owner: Person, clock: Any) -> None:
    owner.user.__class__.objects.filter(id=owner.user.id).update(created_at=START)

    # January: on Free. 5 February: Pro.
    walk(clock, 5)
    assert (terms(owner).plan_slug, tokens(owner)) == ("free", 1_000)
    contract = subscribed(owner, fake)
    checkout = buy(owner, fake, package="starter")
    fake.side.pay(checkout.order.id)
    complete_purchase(checkout.purchase.id)
    assert tokens(owner) == 1_000 + 50_000 + 5_000

    # March and April: renewed. 19 April: half of the month to Enterprise.
    walk(clock, 28 + 31 + 15)
    order = change_plan(owner.actor, plan="enterprise").order
    assert order is not None
    fake.side.pay(order.id)
    settle_orders(0)
    assert paid(owner) == [PRO, PRO, PRO, 4_000_00]
    assert tokens(owner) == 5_000 + 50_000 + 225_000

    # May: the card has expired; another one after five days.
    books(fake).expire_card(contract)
    walk(clock, 20)
    assert (terms(owner).status, tokens(owner)) == ("past_due", 5_000)
    books(fake).expire_card(contract, reason="")
    walk(clock, 1)
    assert (paid(owner)[4:], tokens(owner)) == ([ENTERPRISE], 505_000)

    # June: down to Pro, whose price staff have just raised and lower again: what was bought stays for July and August.
    SubscriptionPlan.objects.filter(slug="pro").update(price=2_199_00)
    change_plan(owner.actor, plan="pro")
    walk(clock, 31)
    SubscriptionPlan.objects.filter(slug="pro").update(price=PRO)
    walk(clock, 61)
    assert paid(owner)[5:] == [2_199_00] * 3
    assert terms(owner).price == 2_199_00

    # September: nobody pays any more, and after 14 days it is Free, with what was bought.
    books(fake).expire_card(contract, reason="Account closed.")
    walk(clock, 46)
    assert (terms(owner).status, terms(owner).plan_slug, tokens(owner)) == ("free", "free", 6_000)
    assert [event for event in history(owner) if "failed" in event] == [
        *["charge_failed", "retry_failed"],
        *["charge_failed", "retry_failed", "retry_failed", "retry_failed"],
    ]

    # October to January: Pro anew at the old price; cancelled, resumed, cancelled.
    walk(clock, 10)
    second = subscribed(owner, fake)
    assert second != contract
    cancel(owner.actor)
    walk(clock, 20)
    resume(owner.actor)
    walk(clock, 40)
    cancel(owner.actor)
    walk(clock, 40)
    assert paid(owner)[8:] == [PRO] * 2
    walk(clock, 76)
    assert (terms(owner).status, tokens(owner)) == ("free", 6_000)

    assert len(paid(owner)) == 10
    assert len(Invoice.objects.filter(user=owner.user)) == 10 + 1  # the tokens that were bought
    assert (
        grants(owner).count(1_000) == 8
    )  # from 31 January, 31 August, 30 September, 30 November, then monthly
    assert sum(grants(owner)) == 50_000 * 3 + 225_000 + 500_000 + 50_000 * 3 + 50_000 * 2 + 1_000 * 8


@pytest.mark.django_db
def test_fourteen_months_of_a_few_random_customers(settings: Any, tmp_path: Path, clock: Any) -> None:
    with fake_seller(settings, tmp_path) as seller:
        seen = live(clock, seller, customers=6, days=425, seed=7)
    assert seen.payments > 20
