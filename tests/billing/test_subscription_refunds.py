"""Refunds of plans send money back once, take the month's unspent tokens back, and leave the plan as it is."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from convergio.billing import checks
from convergio.billing.errors import NothingToRefund, NotInvoiceable
from convergio.billing.ledger import credit
from convergio.billing.methods import customer_of
from convergio.billing.models import (
    CreditNote,
    GatewayDifference,
    Invoice,
    SubscriptionOrder,
    SubscriptionPayment,
    SubscriptionRefund,
    TokenLedgerEntry,
)
from convergio.billing.reconciliation import reconcile_gateway
from convergio.billing.subscriptions.actions import change_plan
from convergio.billing.subscriptions.jobs import reconcile_subscriptions, settle_orders
from convergio.billing.subscriptions.refunds import pending_refunds, refund_payment, send_refund
from convergio.billing.subscriptions.sync import sync
from convergio.billing.transfers import record_plan_transfer
from convergio.core import sql
from convergio.core.errors import InvalidInput, NotFound, ProviderError
from tests.billing.buying import deliver, differences
from tests.billing.sellers import Seller, fake_seller
from tests.billing.servers.loopback import Fault
from tests.billing.subscribing import DAY, begin, books, clock, shop, subscribed, terms, tokens, walk
from tests.billing.test_refunds import use
from tests.cast import Person, make_person
from tests.jobs import run_jobs

__all__ = ["clock", "shop"]
pytestmark = pytest.mark.usefixtures("shop")
PRO = 1_999_00


def paid_month(person: Person, seller: Seller) -> SubscriptionPayment:
    """The first month of Pro: 50,000 tokens for 1,999 rupees."""
    if seller.name == "stripe":
        seller.server.attach_card(customer_of(person.actor, gateway="stripe"))
    checkout = begin(person, gateway=seller.name)
    if checkout.subscription is None:
        order = SubscriptionOrder.objects.get()
        facts: dict[str, Any] = {"amount": PRO, "currency": "INR", "bank_reference": "UTR1"}
        record_plan_transfer(person.user.id, order_id=order.id, **facts)
    else:
        if seller.name != "stripe":
            (seller.server or books(seller)).agree(checkout.subscription.id)
        sync(person.user.id)
    assert (terms(person).status, tokens(person)) == ("active", 50_000)
    return SubscriptionPayment.objects.get()


def refund(staff: Person, payment: SubscriptionPayment, **how: Any) -> str:
    return refund_payment(staff.user.id, payment_id=payment.id, **{"reason": "Bought by mistake", **how})


def refunded_there(seller: Seller, payment: SubscriptionPayment) -> int:
    return seller.gateway.fetch_charge(payment.gateway_id).refunded


def test_all_of_an_unspent_month_goes_back_and_the_plan_goes_on(
    seller: Seller, owner: Person, outsider: Person
) -> None:
    payment = paid_month(owner, seller)
    assert refund(outsider, payment) == "done"
    assert (terms(owner).status, terms(owner).plan_slug, tokens(owner)) == ("active", "pro", 0)
    assert refunded_there(seller, payment) == PRO
    entry = TokenLedgerEntry.objects.order_by("-id")[0]
    assert (entry.kind, entry.tokens, entry.member_id) == ("adjustment", -50_000, outsider.user.id)
    assert entry.reason == "Refund: Bought by mistake"
    note = CreditNote.objects.get()
    assert (note.total, note.reason, note.invoice_id) == (PRO, "Bought by mistake", payment.invoice_id)
    assert Invoice.objects.get().status == "refunded"
    with pytest.raises(NothingToRefund) as refusal:
        refund(outsider, payment)
    assert refusal.value.facts["left"] == 0
    reconcile_subscriptions(0)
    reconcile_gateway(seller.gateway)
    assert (SubscriptionRefund.objects.count(), differences()) == (1, [])


def test_parts_take_exactly_what_the_whole_takes(seller: Seller, owner: Person, outsider: Person) -> None:
    payment = paid_month(owner, seller)
    for part in (1, 66_666, 33_333):
        assert refund(outsider, payment, amount=part) == "done"
    assert tokens(owner) == 50_000 - 50_000 * 100_000 // PRO
    with pytest.raises(NothingToRefund):
        refund(outsider, payment, amount=99_901)
    assert refund(outsider, payment) == "done"
    assert (terms(owner).status, tokens(owner), refunded_there(seller, payment)) == ("active", 0, PRO)
    assert [note.total for note in CreditNote.objects.order_by("id")] == [1, 66_666, 33_333, 99_900]


def test_spent_and_other_tokens_are_left_alone(fake: Seller, owner: Person, outsider: Person) -> None:
    payment = paid_month(owner, fake)
    credit(owner.user.id, "purchase", tokens=700, cause="token_purchases:0")
    use(owner, 20_000)
    assert refund(outsider, payment, amount=100) == "done"  # 25 of the tokens
    assert refund(outsider, payment) == "done"
    assert tokens(owner) == 700
    taken = SubscriptionRefund.objects.order_by("id").values_list("tokens", flat=True)
    assert list(taken) == [25, 29_975]


def test_an_upgrade_is_refunded_by_itself(fake: Seller, owner: Person, outsider: Person, clock: Any) -> None:
    subscribed(owner, fake)
    clock.shift(15 * DAY)
    order = change_plan(owner.actor, plan="enterprise").order
    assert order is not None
    fake.side.pay(order.id)
    settle_orders(0)
    upgrade = SubscriptionPayment.objects.get(kind="upgrade")
    before = tokens(owner)
    assert refund(outsider, upgrade) == "done"
    assert (terms(owner).plan_slug, tokens(owner)) == ("enterprise", before - upgrade.tokens)
    assert fake.gateway.fetch_payment(order.id).refunded == upgrade.amount


def test_after_its_month_money_goes_back_and_no_tokens(
    fake: Seller, owner: Person, outsider: Person, clock: Any
) -> None:
    subscribed(owner, fake)
    walk(clock, 31)
    first, second = SubscriptionPayment.objects.order_by("id")
    assert refund(outsider, first) == "done"
    assert (tokens(owner), SubscriptionRefund.objects.get().tokens) == (50_000, 0)
    assert (refunded_there(fake, first), refunded_there(fake, second)) == (PRO, 0)
    assert terms(owner).status == "active"


def test_absurd_amounts_and_a_missing_reason_are_refused(
    fake: Seller, owner: Person, outsider: Person
) -> None:
    payment = paid_month(owner, fake)
    for absurd in (0, -1, PRO + 1, 10**12):
        with pytest.raises(NothingToRefund):
            refund(outsider, payment, amount=absurd)
    with pytest.raises(InvalidInput):
        refund(outsider, payment, reason=" ")
    with pytest.raises(NotFound):
        refund_payment(outsider.user.id, payment_id=0, reason="Nobody's")
    assert (SubscriptionRefund.objects.count(), tokens(owner)) == (0, 50_000)


def test_a_refund_whose_answer_was_lost_is_not_paid_twice(
    razorpay: Seller, owner: Person, outsider: Person, clock: Any
) -> None:
    payment = paid_month(owner, razorpay)
    razorpay.server.faults.append(Fault("POST", "/v1/payments/[^/]+/refund", "answer_lost"))
    assert refund(outsider, payment, amount=100_000) == "pending"
    assert tokens(owner) == 50_000 - 50_000 * 100_000 // PRO
    assert terms(owner).status == "active"
    reconcile_subscriptions(0)  # sees the refund at the gateway, and knows that it is ours
    assert (SubscriptionRefund.objects.get().status, pending_refunds()) == ("pending", [])
    clock.shift(DAY / 24)
    settle_orders(0)
    assert SubscriptionRefund.objects.get().status == "done"
    assert send_refund(SubscriptionRefund.objects.get().id) == "done"
    assert (refunded_there(razorpay, payment), CreditNote.objects.get().total) == (100_000, 100_000)
    assert (terms(owner).status, pending_refunds()) == ("active", [])


def test_what_is_pending_is_not_left(razorpay: Seller, owner: Person, outsider: Person) -> None:
    payment = paid_month(owner, razorpay)
    razorpay.server.faults.append(Fault("GET", "/v1/payments/[^/]+", "down"))
    assert refund(outsider, payment, amount=PRO - 100) == "pending"
    with pytest.raises(NothingToRefund) as refusal:
        refund(outsider, payment, amount=101)
    assert refusal.value.facts["left"] == 100


def test_a_refused_refund_brings_the_tokens_back_until_the_months_end(
    razorpay: Seller, owner: Person, outsider: Person, clock: Any
) -> None:
    payment = paid_month(owner, razorpay)
    charge = razorpay.gateway.fetch_charge(payment.gateway_id)
    razorpay.gateway.refund(charge, amount=150_000, reference="by-hand")  # not known here yet
    with pytest.raises(ProviderError) as refusal:
        refund(outsider, payment)
    assert refusal.value.kind == "permanent"
    assert (SubscriptionRefund.objects.get().status, differences()) == ("failed", ["refund_failed"])
    assert (terms(owner).status, tokens(owner)) == ("active", 50_000)
    entry = TokenLedgerEntry.objects.get(kind="refund")
    assert (entry.tokens, entry.expires_at) == (50_000, payment.period_end)
    assert CreditNote.objects.count() == 0


def test_a_refund_that_failed_there_later_brings_the_tokens_back(
    razorpay: Seller, owner: Person, outsider: Person, clock: Any
) -> None:
    payment = paid_month(owner, razorpay)
    razorpay.server.refunds_become = "pending"
    assert refund(outsider, payment) == "pending"
    clock.shift(DAY / 24)
    settle_orders(0)
    assert SubscriptionRefund.objects.get().status == "pending"
    (there,) = (thing for thing in razorpay.server.things.values() if thing["entity"] == "refund")
    there["status"] = "failed"
    settle_orders(0)
    assert (SubscriptionRefund.objects.get().status, tokens(owner)) == ("failed", 50_000)
    assert (terms(owner).status, CreditNote.objects.count()) == ("active", 0)
    assert differences() == ["refund_failed"]


def test_a_refund_whose_credit_note_cannot_be_written_is_concluded_later(
    fake: Seller, owner: Person, outsider: Person, settings: Any, clock: Any
) -> None:
    payment = paid_month(owner, fake)
    kept, settings.CREDIT_NOTE_PREFIX = settings.CREDIT_NOTE_PREFIX, "TOO-LONG"
    with pytest.raises(NotInvoiceable, match="used up"):
        refund(outsider, payment)
    assert SubscriptionRefund.objects.get().status == "pending"
    assert "it is tried again" in GatewayDifference.objects.get().detail
    settings.CREDIT_NOTE_PREFIX = kept
    clock.shift(DAY / 24)
    settle_orders(0)
    assert (SubscriptionRefund.objects.get().status, CreditNote.objects.get().total) == ("done", PRO)
    assert (refunded_there(fake, payment), tokens(owner)) == (PRO, 0)
    assert GatewayDifference.objects.get().resolved_at is not None


def test_two_at_once_send_no_more_back_than_was_paid(
    committed: None, settings: Any, tmp_path: Path, shop: None
) -> None:
    owner, staff = make_person("owner"), make_person("operator")
    with fake_seller(settings, tmp_path) as seller:
        payment = paid_month(owner, seller)

        def send(_: int) -> str:
            try:
                return refund(staff, payment, amount=150_000)
            except NothingToRefund:
                return "nothing"
            finally:
                connections.close_all()

        with ThreadPoolExecutor(4) as pool:
            assert sorted(pool.map(send, range(4))) == ["done", "nothing", "nothing", "nothing"]
        assert refunded_there(seller, payment) == 150_000
        assert tokens(owner) == 50_000 - 50_000 * 150_000 // PRO
        assert list(checks.broken()) == []


def test_a_refund_made_at_the_gateway_is_followed(
    online_seller: Seller, owner: Person, outsider: Person
) -> None:
    payment = paid_month(owner, online_seller)
    charge = online_seller.gateway.fetch_charge(payment.gateway_id)
    online_seller.gateway.refund(charge, amount=50_000, reference="by-hand")
    assert refund(outsider, payment, amount=100) == "done"
    for _ in range(2):
        reconcile_subscriptions(0)
        rows = SubscriptionRefund.objects.order_by("id").values_list("amount", "status", "reason")
        assert list(rows)[1:] == [(50_000, "done", "Refunded at the gateway")]
    assert [note.total for note in CreditNote.objects.order_by("id")] == [100, 50_000]
    assert tokens(owner) == 50_000 - 50_000 * 50_100 // PRO
    assert terms(owner).status == "active"


def test_razorpays_webhook_tells_of_a_refund_made_there(razorpay: Seller, owner: Person) -> None:
    payment = paid_month(owner, razorpay)
    razorpay.gateway.refund(
        razorpay.gateway.fetch_charge(payment.gateway_id), amount=PRO, reference="by-hand"
    )
    (there,) = (thing for thing in razorpay.server.things.values() if thing["entity"] == "refund")
    deliver(razorpay, razorpay.server._signed("refund.processed", {"refund": {"entity": there}}))
    run_jobs()
    assert (SubscriptionRefund.objects.get().amount, tokens(owner)) == (PRO, 0)
    assert terms(owner).status == "active"


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE subscription_refunds SET status = 'pending' WHERE status = 'done'",
        "UPDATE subscription_refunds SET status = 'done' WHERE status = 'failed'",
        "UPDATE subscription_refunds SET status = 'lost' WHERE status = 'failed'",
        "UPDATE subscription_refunds SET amount = amount + 1 WHERE status = 'done'",
        "UPDATE subscription_refunds SET tokens = tokens + 1 WHERE status = 'done'",
        "UPDATE subscription_refunds SET tokens = 0 WHERE status = 'failed'",
        (
            "INSERT INTO subscription_refunds (payment_id, reference, amount, status, reason)"
            " SELECT id, 'r', amount, 'pending', 'Again' FROM subscription_payments"
        ),
    ],
)
def test_damage_to_a_refund_breaks_an_invariant(
    razorpay: Seller, owner: Person, outsider: Person, damage: str
) -> None:
    payment = paid_month(owner, razorpay)
    refund(outsider, payment, amount=100_000)
    charge = razorpay.gateway.fetch_charge(payment.gateway_id)
    razorpay.gateway.refund(charge, amount=50_000, reference="by-hand")
    with pytest.raises(ProviderError):
        refund(outsider, payment)
    assert list(checks.broken()) == []
    assert sql.execute(damage)
    assert list(checks.broken()) != []
