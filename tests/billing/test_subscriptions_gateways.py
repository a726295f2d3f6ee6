"""Plans through Razorpay, Stripe and bank transfers: lost answers, gateways that are down, what staff write down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from convergio.billing.errors import NotNow
from convergio.billing.methods import customer_of
from convergio.billing.models import Invoice, SubscriptionOrder, SubscriptionPlan
from convergio.billing.reconciliation import reconcile_gateway
from convergio.billing.subscriptions.actions import cancel, change_plan, resume
from convergio.billing.subscriptions.jobs import look_at_subscriptions, reconcile_subscriptions, settle_orders
from convergio.billing.subscriptions.look import look
from convergio.billing.subscriptions.queries import list_steps, waiting_transfers
from convergio.billing.subscriptions.rows import claim_due
from convergio.billing.subscriptions.sync import follow, sync
from convergio.billing.transfers import record_plan_transfer
from convergio.core import sql
from convergio.core.clock import now
from convergio.core.errors import Conflict, NotFound, ProviderError
from tests.billing.buying import deliver, differences
from tests.billing.sellers import Seller
from tests.billing.servers.loopback import Fault
from tests.billing.subscribing import (
    DAY,
    START,
    begin,
    books,
    clock,
    grants,
    history,
    look_around,
    notices,
    paid,
    shop,
    subscribed,
    terms,
    tokens,
    walk,
)
from tests.cast import Person
from tests.jobs import run_jobs

__all__ = ["clock", "shop"]
pytestmark = pytest.mark.usefixtures("shop")
PRO, ENTERPRISE = 1_999_00, 9_999_00


def razorpay_contract(owner: Person, razorpay: Seller) -> str:
    checkout = begin(owner, gateway="razorpay")
    assert checkout.subscription is not None
    assert checkout.subscription.url
    razorpay.server.agree(checkout.subscription.id)
    sync(owner.user.id)
    return checkout.subscription.id


def test_razorpay_charges_each_month_and_its_webhook_brings_it(
    razorpay: Seller, owner: Person, clock: Any
) -> None:
    contract = razorpay_contract(owner, razorpay)
    assert (terms(owner).status, terms(owner).period_end) == ("active", START + 30 * DAY)
    clock.shift(30 * DAY)
    razorpay.server.debit(contract)
    deliver(razorpay, razorpay.server.subscription_webhook("subscription.charged", contract))
    run_jobs()
    assert (paid(owner), tokens(owner)) == ([PRO, PRO], 50_000)
    assert len({invoice.gateway_id for invoice in Invoice.objects.all()}) == 2
    reconcile_gateway(razorpay.gateway)  # its orders for the charges are known
    assert differences() == []


def test_a_refused_debit_is_past_due_and_a_later_one_counts(
    razorpay: Seller, owner: Person, clock: Any
) -> None:
    contract = razorpay_contract(owner, razorpay)
    clock.shift(30 * DAY)
    razorpay.server.debit(contract, works=False)
    look_around()
    assert terms(owner).status == "past_due"
    clock.shift(2 * DAY)
    razorpay.server.debit(contract)
    look_around()
    assert (terms(owner).status, paid(owner)) == ("active", [PRO, PRO])


def test_razorpay_hears_of_a_cancellation_late_and_then_takes_none_back(
    razorpay: Seller, owner: Person, clock: Any
) -> None:
    contract = razorpay_contract(owner, razorpay)
    cancel(owner.actor)
    assert not razorpay.gateway.fetch_subscription(contract).cancel_at_period_end
    assert resume(owner.actor).status == "active"
    cancel(owner.actor)
    walk(clock, 29)
    assert razorpay.gateway.fetch_subscription(contract).cancel_at_period_end
    with pytest.raises(NotNow, match="has gone to the payment provider"):
        resume(owner.actor)
    walk(clock, 2)
    assert terms(owner).status == "free"
    assert razorpay.gateway.fetch_subscription(contract).status == "cancelled"


def test_a_cancellation_in_the_last_days_is_told_at_once(razorpay: Seller, owner: Person, clock: Any) -> None:
    contract = razorpay_contract(owner, razorpay)
    clock.shift(29 * DAY)
    cancel(owner.actor)
    assert razorpay.gateway.fetch_subscription(contract).cancel_at_period_end
    walk(clock, 2)
    assert (terms(owner).status, paid(owner)) == ("free", [PRO])


def test_a_cancelled_trial_is_ended_before_its_first_debit(
    razorpay: Seller, owner: Person, clock: Any
) -> None:
    SubscriptionPlan.objects.filter(slug="pro").update(trial_days=10)
    contract = razorpay_contract(owner, razorpay)
    assert (terms(owner).status, tokens(owner)) == ("trialing", 16_667)
    cancel(owner.actor)
    walk(clock, 9)
    assert (terms(owner).status, terms(owner).plan_slug) == ("cancelling", "pro")
    assert razorpay.gateway.fetch_subscription(contract).status == "cancelled"
    walk(clock, 2)
    assert (terms(owner).status, paid(owner)) == ("free", [])


def test_a_charge_after_a_cancellation_is_granted_and_shown_to_staff(
    razorpay: Seller, owner: Person, clock: Any
) -> None:
    contract = razorpay_contract(owner, razorpay)
    cancel(owner.actor)
    clock.shift(30 * DAY)
    razorpay.server.debit(contract)
    look_around()
    assert (terms(owner).status, paid(owner), tokens(owner)) == ("cancelling", [PRO, PRO], 50_000)
    assert differences() == ["charged_after_cancel"]
    walk(clock, 31)
    assert (terms(owner).status, paid(owner)) == ("free", [PRO, PRO])


def test_a_gateway_that_is_down_at_checkout_leaves_one_to_go_on_with(razorpay: Seller, owner: Person) -> None:
    razorpay.server.faults += [
        Fault("POST", "/v1/customers", "down"),
        Fault("POST", "/v1/subscriptions", "answer_lost"),
    ]
    for _ in range(2):
        with pytest.raises(ProviderError) as refusal:
            begin(owner, gateway="razorpay", key="k1")
        assert refusal.value.kind == "retry"
        assert terms(owner).status == "pending"
    checkout = begin(owner, gateway="razorpay", key="k1")
    assert checkout.subscription is not None
    made = [thing for thing in razorpay.server.things.values() if thing["entity"] == "subscription"]
    assert [thing["id"] for thing in made] == [checkout.subscription.id]
    assert history(owner) == ["subscribed"]


def test_a_contract_whose_answer_was_lost_is_known_by_its_webhook(razorpay: Seller, owner: Person) -> None:
    razorpay.server.faults.append(Fault("POST", "/v1/subscriptions", "answer_lost"))
    with pytest.raises(ProviderError):
        begin(owner, gateway="razorpay")
    (contract,) = (
        name for name, thing in razorpay.server.things.items() if thing["entity"] == "subscription"
    )
    razorpay.server.agree(contract)
    deliver(razorpay, razorpay.server.subscription_webhook("subscription.activated", contract))
    run_jobs()
    assert (terms(owner).status, paid(owner)) == ("active", [PRO])


def test_a_wrong_key_leaves_no_checkout(razorpay: Seller, owner: Person, settings: Any) -> None:
    settings.RAZORPAY_KEY_SECRET = "wrong"
    with pytest.raises(ProviderError) as refusal:
        begin(owner, gateway="razorpay")
    assert refusal.value.kind == "auth"
    assert history(owner) == ["subscribed", "abandoned"]


def test_a_gateway_that_is_down_at_renewal_is_asked_again(
    razorpay: Seller, owner: Person, clock: Any
) -> None:
    contract = razorpay_contract(owner, razorpay)
    clock.shift(30 * DAY)
    razorpay.server.debit(contract)
    razorpay.server.faults += [
        Fault("GET", "/v1/subscriptions/[^/]+", "down"),
        Fault("GET", "/v1/invoices", "answer_lost"),
    ]
    assert claim_due() == [owner.user.id]
    for _ in range(2):
        with pytest.raises(ProviderError) as refusal:
            look(owner.user.id)
        assert refusal.value.kind == "retry"
        assert (terms(owner).status, paid(owner)) == ("active", [PRO])
    assert claim_due() == []
    clock.shift(DAY / 24)
    look_at_subscriptions(0)
    run_jobs(also_scheduled=True)
    assert (paid(owner), grants(owner)) == ([PRO, PRO], [50_000, 50_000])


def test_reconciliation_finds_what_no_webhook_told(razorpay: Seller, owner: Person, clock: Any) -> None:
    contract = razorpay_contract(owner, razorpay)
    clock.shift(30 * DAY)
    razorpay.server.debit(contract)
    reconcile_subscriptions(0)
    reconcile_subscriptions(0)
    assert (paid(owner), differences()) == ([PRO, PRO], ["credited_late"])
    del razorpay.server.things[Invoice.objects.order_by("-id")[0].gateway_id]
    for name, thing in list(razorpay.server.things.items()):
        if thing["entity"] == "invoice" and thing["payment_id"] not in razorpay.server.things:
            del razorpay.server.things[name]
    reconcile_subscriptions(0)
    assert differences() == ["credited_late", "paid_here_only"]


def test_stripe_begins_changes_and_ends_a_plan(stripe: Seller, owner: Person) -> None:
    stripe.server.attach_card(customer_of(owner.actor, gateway="stripe"))
    checkout = begin(owner, gateway="stripe")
    assert checkout.subscription is not None
    deliver(
        stripe, stripe.server.subscription_webhook("customer.subscription.updated", checkout.subscription.id)
    )
    run_jobs()
    assert (terms(owner).status, paid(owner), tokens(owner)) == ("active", [PRO], 50_000)
    order = change_plan(owner.actor, plan="enterprise").order
    assert order is not None
    assert 7_990_00 < SubscriptionOrder.objects.get().amount <= 8_000_00
    stripe.side.pay(order.id)
    settle_orders(0)
    assert (terms(owner).plan_slug, len(paid(owner))) == ("enterprise", 2)
    sync(owner.user.id)
    found = stripe.gateway.fetch_subscription(checkout.subscription.id)
    assert sql.fetch_value("SELECT count(*) FROM gateway_plans WHERE gateway_id = %s", [found.plan_id]) == 1
    cancel(owner.actor)
    assert stripe.gateway.fetch_subscription(checkout.subscription.id).cancel_at_period_end
    assert resume(owner.actor).status == "active"
    reconcile_subscriptions(0)
    assert differences() == []


def transfer(order: SubscriptionOrder, staff: Person, **wrong: Any) -> str:
    facts = {"amount": order.amount, "currency": "INR", "bank_reference": "UTR1", **wrong}
    return record_plan_transfer(staff.user.id, order_id=order.id, **facts)


def newest_order() -> SubscriptionOrder:
    return SubscriptionOrder.objects.order_by("-id")[0]


def test_bank_transfers_are_asked_for_each_month(
    bank: Seller, owner: Person, outsider: Person, clock: Any, settings: Any, tmp_path: Path
) -> None:
    settings.DATA_DIR = tmp_path
    checkout = begin(owner, gateway="manual")
    assert checkout.order is not None
    assert "account 0001" in checkout.order.client["details"]
    walk(clock, 2)
    assert terms(owner).status == "pending"
    (waiting,) = waiting_transfers()
    assert (waiting.order_id, waiting.email, waiting.amount, waiting.plan_name) == (
        newest_order().id,
        owner.user.email,
        PRO,
        "Pro",
    )
    assert transfer(newest_order(), outsider) == "paid"
    assert (terms(owner).status, terms(owner).period_start) == ("active", START + 2 * DAY)
    with pytest.raises(Conflict):
        transfer(newest_order(), outsider)
    with pytest.raises(NotFound):
        record_plan_transfer(outsider.user.id, order_id=0, amount=1, currency="INR", bank_reference="x")
    walk(clock, 23)
    run_jobs()
    assert [step.event for step in list_steps(owner.user.id)] == ["noticed", "charged", "subscribed"]
    assert list_steps(owner.user.id)[0].facts["coming"]["slug"] == "pro"
    (subject, text), *_ = notices(tmp_path)
    assert subject == "Please transfer ₹1,999.00 for Pro"
    assert newest_order().reference in text
    assert transfer(newest_order(), outsider) == "received"
    assert (paid(owner), terms(owner).period_start) == ([PRO], START + 2 * DAY)
    walk(clock, 6)
    assert (paid(owner), tokens(owner), terms(owner).status) == ([PRO, PRO], 50_000, "active")
    assert newest_order().status == "paid"


def test_a_transfer_that_does_not_come_is_past_due_and_one_within_14_days_counts(
    bank: Seller, owner: Person, outsider: Person, clock: Any
) -> None:
    begin(owner, gateway="manual")
    transfer(newest_order(), outsider)
    walk(clock, 33)
    assert terms(owner).status == "past_due"
    assert transfer(newest_order(), outsider) == "paid"
    assert (terms(owner).status, paid(owner)) == ("active", [PRO, PRO])
    walk(clock, 31 + 15)
    assert (terms(owner).status, newest_order().status) == ("free", "expired")
    assert transfer(newest_order(), outsider) == "mismatch"  # too late: staff send it back
    assert differences() == ["subscription_order"]


def test_another_amount_by_transfer_is_not_taken_for_the_month(
    bank: Seller, owner: Person, outsider: Person
) -> None:
    begin(owner, gateway="manual")
    assert transfer(newest_order(), outsider, amount=100) == "mismatch"
    assert (terms(owner).status, paid(owner)) == ("pending", [])
    cancel(owner.actor)
    assert terms(owner).status == "free"


def test_an_upgrade_by_transfer_holds_when_staff_saw_it(
    bank: Seller, owner: Person, outsider: Person, clock: Any
) -> None:
    begin(owner, gateway="manual")
    transfer(newest_order(), outsider)
    clock.shift(14 * DAY)
    assert change_plan(owner.actor, plan="enterprise").order is not None
    assert transfer(newest_order(), outsider) == "paid"
    assert (terms(owner).plan_slug, paid(owner)) == ("enterprise", [PRO, 4_000_00])
    walk(clock, 10)
    assert newest_order().amount == ENTERPRISE
    cancel(owner.actor)
    assert newest_order().status == "expired"


def test_answers_that_come_out_of_order_do_no_harm(fake: Seller, owner: Person, clock: Any) -> None:
    contract = subscribed(owner, fake)
    books(fake).expire_card(contract)
    clock.shift(28 * DAY)
    refused = books(fake).fetch_subscription(contract), books(fake).subscription_payments(contract)
    books(fake).expire_card(contract, reason="")
    sync(owner.user.id)
    assert paid(owner) == [PRO, PRO]

    follow(owner.user.id, *refused, moment=now())
    assert (terms(owner).status, paid(owner)) == ("active", [PRO, PRO])
