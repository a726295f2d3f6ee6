"""Tokens are bought at our price, and credited once when the gateway's own API says that exactly that was paid."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from convergio.accounts.errors import NotAllowed
from convergio.accounts.models import User
from convergio.billing import checks, paid
from convergio.billing.errors import KeyUsedForAnother, QuantityOutOfRange, UnknownGateway
from convergio.billing.gateways.protocol import ForgedMessage
from convergio.billing.models import TokenPackage, TokenPurchase
from convergio.billing.paid import PaidPurchase
from convergio.billing.payments import begin_purchase, complete_purchase, finish_checkout
from convergio.billing.reconciliation import settle_pending
from convergio.billing.transfers import record_transfer
from convergio.core import sql
from convergio.core.errors import Conflict, InvalidInput, NotFound, ProviderError
from tests.billing.buying import buy, credited, differences, status, tokens
from tests.billing.sellers import Seller, fake_seller
from tests.billing.servers.loopback import Fault
from tests.cast import Person, make_person

GROWTH = [("purchase", 25_000), ("bonus", 2_500)]


@pytest.fixture
def announced() -> Iterator[list[PaidPurchase]]:
    """What the seam for invoices was told."""
    told: list[PaidPurchase] = []
    handler = paid.on_purchase_paid(told.append)
    yield told
    paid._paid.remove(handler)


def test_a_purchase_is_credited_once_with_its_bonus(
    seller: Seller, owner: Person, announced: list[PaidPurchase]
) -> None:
    checkout = buy(owner, seller)
    assert complete_purchase(checkout.purchase.id) == "pending"
    assert tokens(owner) == 0
    seller.side.pay(checkout.order.id)
    assert complete_purchase(checkout.purchase.id) == "paid"
    assert complete_purchase(checkout.purchase.id) == "paid"
    assert tokens(owner) == 27_500
    assert credited(checkout) == GROWTH
    assert [(one.purchase_id, one.amount, one.currency) for one in announced] == [
        (checkout.purchase.id, 199_900, "INR")
    ]
    assert announced[0].payment_id == TokenPurchase.objects.get().payment_id != ""
    assert differences() == []


def test_the_price_is_frozen_when_it_is_bought(fake: Seller, owner: Person) -> None:
    checkout = buy(owner, fake, key="k1")
    TokenPackage.objects.filter(slug="growth").update(price=1, tokens=1)
    assert buy(owner, fake, key="k1").purchase.amount == 199_900
    fake.side.pay(checkout.order.id)
    complete_purchase(checkout.purchase.id)
    assert credited(checkout) == GROWTH


@pytest.mark.parametrize(
    ("amount", "currency", "sentence"),
    [
        (100, "INR", "Paid 100 instead of 199900 (minor units of INR)."),
        (199_901, "INR", "Paid 199901 instead of 199900 (minor units of INR)."),
        (199_900, "USD", "Paid in USD instead of INR."),
    ],
)
def test_another_amount_or_currency_credits_nothing_and_shows(
    seller: Seller, owner: Person, amount: int, currency: str, sentence: str
) -> None:
    checkout = buy(owner, seller)
    seller.side.pay(checkout.order.id, amount=amount, currency=currency)
    assert complete_purchase(checkout.purchase.id) == "mismatch"
    assert TokenPurchase.objects.get().problem == sentence
    assert differences() == ["mismatch"]
    assert credited(checkout) == []
    assert tokens(owner) == 0


def test_what_is_only_authorized_is_captured_when_it_fits(online_seller: Seller, owner: Person) -> None:
    checkout, other = buy(owner, online_seller), buy(owner, online_seller)
    online_seller.side.pay(checkout.order.id, held=True)
    online_seller.side.pay(other.order.id, held=True, amount=5_000)
    assert complete_purchase(checkout.purchase.id) == "paid"
    assert complete_purchase(other.purchase.id) == "mismatch"
    assert online_seller.gateway.fetch_payment(other.order.id).status == "authorized"
    assert tokens(owner) == 27_500


def test_a_declined_payment_can_be_followed_by_one_that_works(online_seller: Seller, owner: Person) -> None:
    checkout = buy(owner, online_seller)
    online_seller.side.decline(checkout.order.id, reason="Your card was declined.")
    assert complete_purchase(checkout.purchase.id) == "failed"
    assert TokenPurchase.objects.get().problem == "The payment was declined: Your card was declined."
    online_seller.side.pay(checkout.order.id)
    assert complete_purchase(checkout.purchase.id) == "paid"
    assert tokens(owner) == 27_500


def test_an_expired_card_is_told_in_a_sentence(razorpay: Seller, owner: Person) -> None:
    checkout = buy(owner, razorpay)
    razorpay.side.decline(checkout.order.id, reason="The card has expired. Use another one.")
    assert complete_purchase(checkout.purchase.id) == "failed"
    assert TokenPurchase.objects.get().problem == (
        "The payment was declined: The card has expired. Use another one."
    )
    assert tokens(owner) == 0


def test_the_same_key_is_one_purchase_and_another_key_another(online_seller: Seller, owner: Person) -> None:
    first = buy(owner, online_seller, key="tab-1")
    assert buy(owner, online_seller, key="tab-1") == first
    second = buy(owner, online_seller, key="tab-2")
    assert second.order.id != first.order.id
    with pytest.raises(KeyUsedForAnother):
        buy(owner, online_seller, key="tab-1", package="starter")
    with pytest.raises(KeyUsedForAnother):
        buy(owner, online_seller, key="tab-1", quantity=2)
    for checkout in (first, second):
        online_seller.side.pay(checkout.order.id)
        complete_purchase(checkout.purchase.id)
    assert tokens(owner) == 55_000


@pytest.mark.parametrize("quantity", [-1, 0, 21, 10**12])
def test_absurd_quantities_are_refused(fake: Seller, owner: Person, quantity: int) -> None:
    with pytest.raises(QuantityOutOfRange) as refusal:
        buy(owner, fake, quantity=quantity)
    assert refusal.value.message == "A package can be bought 1 to 20 times at once."
    assert not TokenPurchase.objects.exists()


def test_a_few_at_once_cost_and_bring_that_many(fake: Seller, owner: Person) -> None:
    checkout = buy(owner, fake, quantity=3)
    assert fake.gateway.fetch_payment(checkout.order.id).amount == 3 * 199_900
    fake.side.pay(checkout.order.id)
    complete_purchase(checkout.purchase.id)
    assert tokens(owner) == 82_500


def test_what_is_not_sold_cannot_be_bought(fake: Seller, owner: Person, teammate: Person) -> None:
    with pytest.raises(NotFound):
        buy(owner, fake, package="infinite")
    TokenPackage.objects.filter(slug="growth").update(is_active=False)
    with pytest.raises(NotFound):
        buy(owner, fake)
    with pytest.raises(InvalidInput):
        buy(owner, fake, package="starter", key="x" * 256)
    with pytest.raises(UnknownGateway):
        begin_purchase(owner.actor, package="starter", gateway="stripe", idempotency_key="k")
    with pytest.raises(NotAllowed):
        buy(teammate, fake, package="starter")
    assert not TokenPurchase.objects.exists()


def test_a_gateway_that_is_down_at_checkout_leaves_a_purchase_to_try_again(
    razorpay: Seller, owner: Person, capfd: pytest.CaptureFixture[str]
) -> None:
    razorpay.server.faults += [Fault("GET", "/v1/orders", "down"), Fault("GET", "/v1/orders", "garbage")]
    for _ in range(2):
        with pytest.raises(ProviderError) as refusal:
            buy(owner, razorpay, key="k1")
        assert refusal.value.kind == "retry"
    assert TokenPurchase.objects.get().status == "pending"
    checkout = buy(owner, razorpay, key="k1")
    assert TokenPurchase.objects.get().gateway_id == checkout.order.id
    assert "Connection failed" not in capfd.readouterr().out


@pytest.mark.parametrize(
    ("name", "create"), [("razorpay", "/v1/orders"), ("stripe", "/v1/checkout/sessions")]
)
def test_an_order_whose_answer_was_lost_is_not_made_twice(
    request: pytest.FixtureRequest, owner: Person, name: str, create: str
) -> None:
    seller = request.getfixturevalue(name)
    seller.server.faults.append(Fault("POST", create, "answer_lost"))
    with pytest.raises(ProviderError) as refusal:
        buy(owner, seller, key="k1")
    assert refusal.value.kind == "retry"
    checkout = buy(owner, seller, key="k1")
    since = checkout.purchase.created_at - timedelta(hours=1)
    made = [payment.order_id for payment in seller.gateway.payments_since(since)]
    assert made == [checkout.order.id]


def test_a_time_out_after_the_gateway_charged_is_resolved_by_asking(razorpay: Seller, owner: Person) -> None:
    checkout = buy(owner, razorpay)
    razorpay.side.pay(checkout.order.id, held=True)
    razorpay.server.faults.append(Fault("POST", "/v1/payments/[^/]+/capture", "answer_lost"))
    with pytest.raises(ProviderError) as refusal:
        complete_purchase(checkout.purchase.id)
    assert refusal.value.kind == "retry"
    assert (status(checkout), tokens(owner)) == ("pending", 0)
    assert settle_pending() == 1
    assert (status(checkout), tokens(owner)) == ("paid", 27_500)


@pytest.mark.parametrize("name", ["razorpay", "stripe"])
def test_a_wrong_key_is_the_operators_concern(
    request: pytest.FixtureRequest, settings: Any, owner: Person, name: str
) -> None:
    seller = request.getfixturevalue(name)
    setattr(settings, "RAZORPAY_KEY_SECRET" if name == "razorpay" else "STRIPE_SECRET_KEY", "sk_test_wrong")
    with pytest.raises(ProviderError) as refusal:
        buy(owner, seller)
    assert refusal.value.kind == "auth"
    assert "key of this installation" in refusal.value.message
    assert TokenPurchase.objects.get().status == "failed"


def test_a_gateway_that_is_busy_says_when_to_come_again(razorpay: Seller, owner: Person) -> None:
    razorpay.server.faults.append(Fault("GET", "/v1/orders", "busy"))
    with pytest.raises(ProviderError) as refusal:
        buy(owner, razorpay)
    assert (refusal.value.kind, refusal.value.retry_after) == ("retry", 7.0)


def test_the_buyer_who_comes_back_gets_the_tokens(
    online_seller: Seller, owner: Person, outsider: Person
) -> None:
    checkout = buy(owner, online_seller)
    online_seller.side.pay(checkout.order.id)
    fields = online_seller.side.come_back(checkout.order.id)
    with pytest.raises(NotFound):
        finish_checkout(outsider.actor, gateway=online_seller.name, fields=fields)
    assert tokens(owner) == 0
    found = finish_checkout(owner.actor, gateway=online_seller.name, fields=fields)
    assert (found.id, found.status) == (checkout.purchase.id, "paid")
    assert (tokens(owner), tokens(outsider)) == (27_500, 0)


def test_an_answer_of_checkout_that_nobody_signed_is_refused(online_seller: Seller, owner: Person) -> None:
    checkout = buy(owner, online_seller)
    online_seller.side.pay(checkout.order.id)
    fields = online_seller.side.come_back(checkout.order.id)
    for name in fields:
        with pytest.raises((ForgedMessage, NotFound)):
            finish_checkout(
                owner.actor, gateway=online_seller.name, fields={**fields, name: fields[name] + "0"}
            )
    with pytest.raises(ForgedMessage):
        finish_checkout(owner.actor, gateway=online_seller.name, fields={})
    assert tokens(owner) == 0


def test_a_signed_return_without_payment_credits_nothing(fake: Seller, owner: Person) -> None:
    checkout = buy(owner, fake)
    fields = fake.side.come_back(checkout.order.id)
    assert finish_checkout(owner.actor, gateway="fake", fields=fields).status == "pending"
    assert tokens(owner) == 0


def test_coming_back_while_the_gateway_is_down_leaves_it_pending(razorpay: Seller, owner: Person) -> None:
    checkout = buy(owner, razorpay)
    razorpay.side.pay(checkout.order.id)
    razorpay.server.faults.append(Fault("GET", "/v1/orders/[^/]+", "down"))
    fields = razorpay.side.come_back(checkout.order.id)
    assert finish_checkout(owner.actor, gateway="razorpay", fields=fields).status == "pending"
    assert settle_pending() == 1
    assert tokens(owner) == 27_500


def test_a_payment_for_a_deactivated_account_is_credited_and_shown_to_staff(
    online_seller: Seller, owner: Person
) -> None:
    checkout = buy(owner, online_seller)
    User.objects.filter(id=owner.user.id).update(is_active=False)
    online_seller.side.pay(checkout.order.id)
    assert complete_purchase(checkout.purchase.id) == "paid"
    assert tokens(owner) == 27_500
    assert differences() == ["payer_deactivated"]


def test_paying_an_order_twice_credits_once_and_shows(razorpay: Seller, owner: Person) -> None:
    checkout = buy(owner, razorpay)
    razorpay.side.pay(checkout.order.id)
    razorpay.side.pay(checkout.order.id)
    assert complete_purchase(checkout.purchase.id) == "paid"
    assert tokens(owner) == 27_500
    assert differences() == ["paid_twice"]


def test_a_transfer_is_credited_when_staff_saw_it(bank: Seller, owner: Person, outsider: Person) -> None:
    checkout = buy(owner, bank)
    assert "account 0001" in checkout.order.client["details"]
    facts: dict[str, Any] = {"purchase_id": checkout.purchase.id, "currency": "INR", "bank_reference": "UTR1"}
    with pytest.raises(InvalidInput):
        record_transfer(outsider.user.id, amount=0, **facts)
    assert record_transfer(outsider.user.id, amount=199_900, **facts) == "paid"
    with pytest.raises(Conflict):
        record_transfer(outsider.user.id, amount=199_900, **facts)
    assert tokens(owner) == 27_500


def test_what_follows_from_a_payment_fails_with_it(
    fake: Seller, owner: Person, announced: list[PaidPurchase]
) -> None:
    checkout = buy(owner, fake)
    fake.side.pay(checkout.order.id)

    @paid.on_purchase_paid
    def no_invoice(purchase: PaidPurchase) -> None:
        raise RuntimeError("no invoice number")

    with pytest.raises(RuntimeError):
        complete_purchase(checkout.purchase.id)
    assert (status(checkout), tokens(owner)) == ("pending", 0)
    paid._paid.remove(no_invoice)
    assert complete_purchase(checkout.purchase.id) == "paid"
    assert tokens(owner) == 27_500


def test_many_at_once_credit_once(committed: None, settings: Any, tmp_path: Path) -> None:
    owner = make_person("owner")
    with fake_seller(settings, tmp_path) as seller:
        checkout = buy(owner, seller)
        seller.side.pay(checkout.order.id)

        def complete(_: int) -> str:
            try:
                return complete_purchase(checkout.purchase.id)
            finally:
                connections.close_all()

        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(complete, range(16))) == {"paid"}
        assert credited(checkout) == GROWTH
        assert tokens(owner) == 27_500


def test_two_tabs_with_one_key_at_once_make_one_purchase(
    committed: None, settings: Any, tmp_path: Path
) -> None:
    owner = make_person("owner")
    with fake_seller(settings, tmp_path) as seller:

        def begin(_: int) -> str:
            try:
                return buy(owner, seller, key="same").order.id
            finally:
                connections.close_all()

        with ThreadPoolExecutor(4) as pool:
            assert len(set(pool.map(begin, range(8)))) == 1
        assert TokenPurchase.objects.count() == 1


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE token_purchases SET status = 'pending'",
        "UPDATE token_purchases SET bonus_tokens = bonus_tokens + 1",
        "UPDATE token_purchases SET refunded = 1",
        "UPDATE token_purchases SET status = 'refunded'",
        (
            "INSERT INTO token_refunds (purchase_id, reference, amount, status)"
            " SELECT id, 'r', 1, 'done' FROM token_purchases"
        ),
    ],
)
def test_damage_to_a_purchase_breaks_an_invariant(fake: Seller, owner: Person, damage: str) -> None:
    checkout = buy(owner, fake)
    fake.side.pay(checkout.order.id)
    complete_purchase(checkout.purchase.id)
    assert list(checks.broken()) == []
    sql.execute(damage)
    assert list(checks.broken())
