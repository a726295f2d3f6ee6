"""Refunds send money back once and take tokens back as far as they are unspent."""

from __future__ import annotations

from typing import Any

import pytest

from convergio.billing import paid, reservations
from convergio.billing.errors import NothingToRefund
from convergio.billing.ledger import credit
from convergio.billing.models import TokenLedgerEntry, TokenPurchase, TokenRefund
from convergio.billing.payments import Checkout, complete_purchase
from convergio.billing.refunds import UNDER_WAY, pending_refunds, refund_purchase, send_refund
from convergio.billing.reservations import Purpose, Usage
from convergio.core.clock import now
from convergio.core.errors import InvalidInput, ProviderError
from tests.billing.buying import buy, differences, status, tokens
from tests.billing.sellers import Seller
from tests.billing.servers.loopback import Fault
from tests.cast import Person


def bought(person: Person, seller: Seller) -> Checkout:
    checkout = buy(person, seller)
    seller.side.pay(checkout.order.id)
    assert complete_purchase(checkout.purchase.id) == "paid"
    return checkout


def use(person: Person, amount: int) -> None:
    held = reservations.reserve(Purpose(person.workspace.id, "draft", "emails:1"), tokens=amount)
    reservations.settle(held, Usage("scripted", input_tokens=amount, output_tokens=0))


def refund(staff: Person, checkout: Checkout, **how: Any) -> str:
    return refund_purchase(
        staff.user.id, purchase_id=checkout.purchase.id, **{"reason": "Bought by mistake", **how}
    )


def test_all_of_an_unspent_purchase_goes_back(seller: Seller, owner: Person, outsider: Person) -> None:
    checkout = bought(owner, seller)
    assert refund(outsider, checkout) == "done"
    assert (status(checkout), tokens(owner)) == ("refunded", 0)
    assert seller.gateway.fetch_payment(checkout.order.id).refunded == 199_900
    entry = TokenLedgerEntry.objects.order_by("-id")[0]
    assert (entry.kind, entry.tokens, entry.member_id) == ("adjustment", -27_500, outsider.user.id)
    assert entry.reason == "Refund: Bought by mistake"
    assert complete_purchase(checkout.purchase.id) == "refunded"
    assert TokenRefund.objects.count() == 1
    assert tokens(owner) == 0


def test_spent_and_other_tokens_are_left_alone(fake: Seller, owner: Person, outsider: Person) -> None:
    credit(owner.user.id, "grant", tokens=1_000, cause="period:1")
    checkout = bought(owner, fake)
    use(owner, 20_000)  # 1,000 of the grant, since it came first, and 19,000 that were bought
    assert refund(outsider, checkout) == "done"
    assert tokens(owner) == 0
    other = bought(owner, fake)
    credit(owner.user.id, "grant", tokens=500, cause="period:2")
    assert refund(outsider, other) == "done"
    assert tokens(owner) == 500
    assert list(TokenRefund.objects.order_by("id").values_list("tokens", flat=True)) == [8_500, 27_500]


def test_tokens_held_for_a_call_stay(fake: Seller, owner: Person, outsider: Person) -> None:
    checkout = bought(owner, fake)
    held = reservations.reserve(Purpose(owner.workspace.id, "draft", "emails:1"), tokens=10_000)
    assert refund(outsider, checkout) == "done"
    assert tokens(owner) == 10_000
    reservations.settle(held, Usage("scripted", input_tokens=10_000, output_tokens=0))
    assert tokens(owner) == 0


def test_parts_take_exactly_what_the_whole_takes(seller: Seller, owner: Person, outsider: Person) -> None:
    checkout = bought(owner, seller)
    for part in (1, 66_666, 33_333):
        assert refund(outsider, checkout, amount=part) == "done"
    assert (status(checkout), TokenPurchase.objects.get().refunded) == ("paid", 100_000)
    with pytest.raises(NothingToRefund):
        refund(outsider, checkout, amount=99_901)
    assert refund(outsider, checkout) == "done"
    assert (status(checkout), tokens(owner)) == ("refunded", 0)
    with pytest.raises(NothingToRefund) as refusal:
        refund(outsider, checkout)
    assert refusal.value.facts["left"] == 0


def test_what_is_not_paid_cannot_be_refunded(fake: Seller, owner: Person, outsider: Person) -> None:
    checkout = buy(owner, fake)
    with pytest.raises(NothingToRefund):
        refund(outsider, checkout)
    fake.side.pay(checkout.order.id)
    complete_purchase(checkout.purchase.id)
    for absurd in (0, -1, 10**12):
        with pytest.raises(NothingToRefund):
            refund(outsider, checkout, amount=absurd)
    with pytest.raises(InvalidInput):
        refund(outsider, checkout, reason=" ")
    assert tokens(owner) == 27_500


def test_a_refund_whose_answer_was_lost_is_not_paid_twice(
    razorpay: Seller, owner: Person, outsider: Person
) -> None:
    checkout = bought(owner, razorpay)
    razorpay.server.faults.append(Fault("POST", "/v1/payments/[^/]+/refund", "answer_lost"))
    assert refund(outsider, checkout, amount=100_000) == "pending"
    assert tokens(owner) < 27_500
    complete_purchase(checkout.purchase.id)  # sees the refund at the gateway, and knows that it is ours
    assert pending_refunds() == []  # the first call may still be under way
    TokenRefund.objects.update(created_at=now() - UNDER_WAY)
    (pending,) = pending_refunds()
    assert send_refund(pending) == "done"
    assert send_refund(pending) == "done"
    assert razorpay.gateway.fetch_payment(checkout.order.id).refunded == 100_000
    assert TokenRefund.objects.count() == 1
    assert (status(checkout), pending_refunds()) == ("paid", [])


def test_a_refused_refund_brings_the_tokens_back(razorpay: Seller, owner: Person, outsider: Person) -> None:
    checkout = bought(owner, razorpay)
    payment = razorpay.gateway.fetch_payment(checkout.order.id)
    razorpay.gateway.refund(payment, amount=150_000, reference="by-hand")  # not known here yet
    with pytest.raises(ProviderError) as refusal:
        refund(outsider, checkout)
    assert refusal.value.kind == "permanent"
    assert TokenRefund.objects.get().status == "failed"
    assert differences() == ["refund_failed"]
    assert tokens(owner) == 27_500
    complete_purchase(checkout.purchase.id)
    assert TokenPurchase.objects.get().refunded == 150_000


def test_a_refund_is_told_to_who_writes_credit_notes(fake: Seller, owner: Person, outsider: Person) -> None:
    told: list[paid.RefundedPurchase] = []
    handler = paid.on_purchase_refunded(told.append)
    try:
        checkout = bought(owner, fake)
        refund(outsider, checkout, amount=50_000)
    finally:
        paid._refunded.remove(handler)
    assert [(one.purchase_id, one.amount, one.currency) for one in told] == [
        (checkout.purchase.id, 50_000, "INR")
    ]
