"""The gateway's books and ours, side by side: what is safe is repaired, the rest is shown to staff."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from convergio.billing import jobs
from convergio.billing.methods import forget_method, refresh_methods
from convergio.billing.models import GatewayDifference, PaymentMethod, TokenPurchase
from convergio.billing.payments import complete_purchase
from convergio.billing.reconciliation import reconcile, reconcile_gateway
from convergio.core import sql
from convergio.core.clock import now
from convergio.core.errors import NotFound
from tests.billing.buying import buy, credited, differences, status, tokens
from tests.billing.sellers import Seller
from tests.billing.servers.loopback import Fault
from tests.cast import Person


def test_a_payment_whose_webhook_was_lost_is_credited_once(online_seller: Seller, owner: Person) -> None:
    lost, unpaid, known = (buy(owner, online_seller) for _ in range(3))
    online_seller.side.pay(lost.order.id)
    online_seller.side.pay(known.order.id)
    complete_purchase(known.purchase.id)
    for _ in range(2):
        reconcile_gateway(online_seller.gateway)
    assert [status(one) for one in (lost, unpaid, known)] == ["paid", "pending", "paid"]
    assert credited(lost) == [("purchase", 25_000), ("bonus", 2_500)]
    assert tokens(owner) == 55_000
    assert differences() == ["credited_late"]
    assert GatewayDifference.objects.get().purchase_id == lost.purchase.id


def test_differences_are_shown_once_and_dated_anew(seller: Seller, owner: Person) -> None:
    seller.side.pay(seller.order("notourpurchase"))
    checkout = buy(owner, seller)
    seller.side.pay(checkout.order.id, amount=1)
    for _ in range(3):
        reconcile_gateway(seller.gateway)
    assert sorted(differences()) == ["mismatch", "unknown_order"]
    assert tokens(owner) == 0


def test_what_is_paid_only_here_is_a_difference(fake: Seller, owner: Person) -> None:
    checkout = buy(owner, fake)
    fake.side.pay(checkout.order.id)
    complete_purchase(checkout.purchase.id)
    fake.side.gateway._set(checkout.order.id, status="pending")
    reconcile_gateway(fake.gateway)
    assert differences() == ["paid_here_only"]
    assert tokens(owner) == 27_500


def test_an_order_that_the_gateway_does_not_know_is_a_difference(razorpay: Seller, owner: Person) -> None:
    checkout = buy(owner, razorpay)
    razorpay.side.pay(checkout.order.id)
    complete_purchase(checkout.purchase.id)
    sql.execute("UPDATE token_purchases SET gateway_id = 'order_gone', reference = 'gone'")
    reconcile_gateway(razorpay.gateway)
    assert sorted(differences()) == ["missing_order", "unknown_order"]


def test_refunds_made_at_the_gateway_are_followed(seller: Seller, owner: Person) -> None:
    checkout = buy(owner, seller)
    seller.side.pay(checkout.order.id)
    complete_purchase(checkout.purchase.id)
    payment = seller.gateway.fetch_payment(checkout.order.id)
    seller.gateway.refund(payment, amount=99_950, reference="by-hand")
    for _ in range(2):
        reconcile_gateway(seller.gateway)
    assert TokenPurchase.objects.get().refunded == 99_950
    assert tokens(owner) == 27_500 - 13_750
    seller.gateway.refund(payment, amount=99_950, reference="by-hand-2")
    reconcile_gateway(seller.gateway)
    assert (status(checkout), tokens(owner)) == ("refunded", 0)


def test_many_pages_are_compared(razorpay: Seller, owner: Person) -> None:
    for number in range(205):
        razorpay.order(f"other{number}")
    checkout = buy(owner, razorpay)
    razorpay.side.pay(checkout.order.id)
    reconcile_gateway(razorpay.gateway)
    assert status(checkout) == "paid"


def test_one_gateway_that_is_down_does_not_hold_up_the_others(
    razorpay: Seller, stripe: Seller, owner: Person
) -> None:
    razorpay.server.faults.append(Fault("GET", "/v1/orders", "down"))
    checkout = buy(owner, stripe)
    stripe.side.pay(checkout.order.id)
    reconcile()
    assert (status(checkout), tokens(owner)) == ("paid", 27_500)


def test_what_nobody_paid_expires_and_is_credited_all_the_same_later(fake: Seller, owner: Person) -> None:
    checkout = buy(owner, fake)
    with time_machine.travel(now() + timedelta(days=8), tick=False):
        reconcile()
        assert status(checkout) == "expired"
        fake.side.pay(checkout.order.id)
        assert complete_purchase(checkout.purchase.id) == "paid"
        assert tokens(owner) == 27_500


def test_the_jobs_settle_what_no_webhook_told(fake: Seller, owner: Person) -> None:
    checkout = buy(owner, fake)
    fake.side.pay(checkout.order.id)
    jobs.settle_payments(0)
    assert status(checkout) == "paid"
    jobs.reconcile(0)
    assert differences() == []
    assert tokens(owner) == 27_500


def test_saved_methods_are_copied_and_forgotten(razorpay: Seller, owner: Person, outsider: Person) -> None:
    refresh_methods(owner.actor, gateway="razorpay")
    refresh_methods(owner.actor, gateway="razorpay")
    found = PaymentMethod.objects.order_by("kind")
    assert [(method.kind, method.label) for method in found] == [
        ("card", "Visa ending 4366"),
        ("upi", "owner@okbank"),
    ]
    assert str(found[0].expires_on) == "2028-02-29"
    with pytest.raises(NotFound):
        forget_method(outsider.actor, method_id=found[0].id)
    forget_method(owner.actor, method_id=found[0].id)
    assert [method.kind for method in PaymentMethod.objects.all()] == ["upi"]
    refresh_methods(owner.actor, gateway="razorpay")
    assert PaymentMethod.objects.count() == 1
