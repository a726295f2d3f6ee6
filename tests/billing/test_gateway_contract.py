"""What every gateway keeps to, the fake one as the real ones through their own SDKs."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from convergio.billing.gateways.protocol import ForgedMessage, PlanTerms, SubscriptionRequest
from convergio.core.clock import now
from convergio.core.errors import ProviderError
from tests.billing.sellers import Seller, request

TERMS = PlanTerms("plan-pro-1", "Pro", 199_900, "INR")


def test_a_reference_makes_one_order(seller: Seller) -> None:
    order = seller.gateway.create_order(request())
    assert seller.gateway.create_order(request()).id == order.id
    assert seller.gateway.create_order(request("reference0002")).id != order.id
    payment = seller.gateway.fetch_payment(order.id)
    assert (payment.order_id, payment.reference) == (order.id, "reference0001")
    assert (payment.amount, payment.currency, payment.status, payment.refunded) == (
        49_900,
        "INR",
        "pending",
        0,
    )


def test_a_paid_order_says_what_was_paid(seller: Seller) -> None:
    order_id = seller.order()
    seller.side.pay(order_id)
    payment = seller.gateway.fetch_payment(order_id)
    assert payment.id
    assert (payment.status, payment.amount, payment.currency) == ("paid", 49_900, "INR")


@pytest.mark.parametrize(("amount", "currency"), [(100, "INR"), (49_900, "USD")])
def test_another_amount_or_currency_is_told_as_it_is(seller: Seller, amount: int, currency: str) -> None:
    order_id = seller.order()
    seller.side.pay(order_id, amount=amount, currency=currency)
    payment = seller.gateway.fetch_payment(order_id)
    assert (payment.status, payment.amount, payment.currency) == ("paid", amount, currency)


def test_all_orders_of_a_time_are_listed_with_their_payments(seller: Seller) -> None:
    first, second = seller.order("listed01"), seller.order("listed02", 100_000)
    seller.side.pay(second)
    listed = {
        payment.order_id: payment for payment in seller.gateway.payments_since(now() - timedelta(days=1))
    }
    assert listed[first].status == "pending"
    assert (listed[second].status, listed[second].amount, listed[second].reference) == (
        "paid",
        100_000,
        "listed02",
    )
    assert not list(seller.gateway.payments_since(now() + timedelta(days=1)))


def test_a_refund_is_made_once_for_its_reference(seller: Seller) -> None:
    order_id = seller.order()
    seller.side.pay(order_id)
    payment = seller.gateway.fetch_payment(order_id)
    refund = seller.gateway.refund(payment, amount=10_000, reference="refund1")
    assert (refund.amount, refund.currency, refund.status) == (10_000, "INR", "done")
    assert seller.gateway.refund(payment, amount=10_000, reference="refund1").id == refund.id
    assert seller.gateway.fetch_payment(order_id).refunded == 10_000
    seller.gateway.refund(payment, amount=39_900, reference="refund2")
    payment = seller.gateway.fetch_payment(order_id)
    assert (payment.status, payment.refunded) == ("paid", 49_900)


def test_more_than_was_paid_is_not_refunded(seller: Seller) -> None:
    order_id = seller.order()
    seller.side.pay(order_id)
    with pytest.raises(ProviderError) as refusal:
        seller.gateway.refund(seller.gateway.fetch_payment(order_id), amount=49_901, reference="refund1")
    assert refusal.value.kind == "permanent"
    assert seller.gateway.fetch_payment(order_id).refunded == 0


def test_a_payment_is_found_by_its_own_id_and_sent_back(seller: Seller) -> None:
    order_id = seller.order()
    seller.order("another0001")
    seller.side.pay(order_id)
    charge = seller.gateway.fetch_charge(seller.gateway.fetch_payment(order_id).id)
    assert (charge.status, charge.amount, charge.currency, charge.refunded) == ("paid", 49_900, "INR", 0)
    assert seller.gateway.refund(charge, amount=10_000, reference="refund1").status == "done"
    assert seller.gateway.fetch_payment(order_id).refunded == 10_000
    for unknown in ("pay_unknown", "fake_charge_unknown_1"):
        with pytest.raises(ProviderError) as refusal:
            seller.gateway.fetch_charge(unknown)
        assert refusal.value.kind == "permanent"


def test_a_subscriptions_payment_is_sent_back_once_for_its_reference(online_seller: Seller) -> None:
    gateway = online_seller.gateway
    contract = _agreed(online_seller, "sub-reference-4")
    (paid,) = gateway.subscription_payments(contract)
    charge = gateway.fetch_charge(paid.id)
    assert (charge.status, charge.amount, charge.currency, charge.refunded) == ("paid", 199_900, "INR", 0)
    refund = gateway.refund(charge, amount=10_000, reference="refund3")
    assert (refund.amount, refund.currency, refund.status) == (10_000, "INR", "done")
    assert gateway.refund(charge, amount=10_000, reference="refund3").id == refund.id
    assert gateway.fetch_charge(paid.id).refunded == 10_000
    with pytest.raises(ProviderError) as refusal:
        gateway.refund(charge, amount=189_901, reference="refund4")
    assert refusal.value.kind == "permanent"
    gateway.refund(charge, amount=189_900, reference="refund5")
    assert (gateway.fetch_charge(paid.id).status, gateway.fetch_charge(paid.id).refunded) == ("paid", 199_900)
    assert [one.status for one in gateway.subscription_payments(contract)] == ["paid"]


def _agreed(seller: Seller, reference: str) -> str:
    """A subscription whose first period is paid."""
    customer = seller.gateway.create_customer(reference="user5", name="Owner", email="owner@convergio.test")
    if seller.name == "stripe":
        seller.server.attach_card(customer)
    wanted = SubscriptionRequest(reference, customer, seller.gateway.create_plan(TERMS))
    contract = seller.gateway.create_subscription(wanted).id
    if seller.name != "stripe":
        (seller.server or seller.side.gateway).agree(contract)
    return contract


def test_an_unknown_order_is_a_permanent_error(seller: Seller) -> None:
    with pytest.raises(ProviderError) as refusal:
        seller.gateway.fetch_payment("cs_unknown")
    assert refusal.value.kind == "permanent"


def test_an_authorized_payment_is_captured_once(online_seller: Seller) -> None:
    order_id = online_seller.order()
    online_seller.side.pay(order_id, held=True)
    held = online_seller.gateway.fetch_payment(order_id)
    assert held.status == "authorized"
    assert online_seller.gateway.capture(held).status == "paid"
    assert online_seller.gateway.fetch_payment(order_id).amount == 49_900


def test_a_declined_payment_says_why(online_seller: Seller) -> None:
    order_id = online_seller.order()
    online_seller.side.decline(order_id, reason="Your card was declined.")
    payment = online_seller.gateway.fetch_payment(order_id)
    assert (payment.status, payment.reason) == ("failed", "Your card was declined.")


def test_a_webhook_names_its_order(online_seller: Seller) -> None:
    order_id = online_seller.order()
    online_seller.side.pay(order_id)
    body, headers = online_seller.side.webhook(online_seller.paid_event, order_id, event_id="evt_1")
    event = online_seller.gateway.verify_webhook(body, headers)
    assert (event.id, event.kind, event.name) == ("evt_1", "payment", online_seller.paid_event)
    assert event.order_id == order_id
    assert online_seller.gateway.read_event(body, headers) == event
    assert online_seller.gateway.verify_webhook(body, {key.lower(): value for key, value in headers.items()})


def test_what_was_not_signed_is_refused(seller: Seller) -> None:
    order_id = seller.order()
    seller.side.pay(order_id)
    body, headers = seller.side.webhook(seller.paid_event, order_id)
    wrong = {key: value.replace("a", "b").replace("1", "2") for key, value in headers.items()}
    for forged, with_headers in (
        (body + b" ", headers),
        (body[:-9], headers),
        (b"", headers),
        (body, {}),
        (body, wrong),
        (body, dict.fromkeys(headers, "")),
        (body, dict.fromkeys(headers, "é☂")),
    ):
        with pytest.raises(ForgedMessage):
            seller.gateway.verify_webhook(forged, with_headers)


def test_checkout_brings_back_the_order(seller: Seller) -> None:
    order_id = seller.order()
    seller.side.pay(order_id)
    assert seller.gateway.verify_checkout(seller.side.come_back(order_id)) == order_id


def test_a_subscription_is_begun_changed_cancelled_and_resumed(online_seller: Seller) -> None:
    gateway = online_seller.gateway
    customer = gateway.create_customer(reference="user1", name="Owner", email="owner@convergio.test")
    plan, bigger = gateway.create_plan(TERMS), gateway.create_plan(PlanTerms("big", "Big", 999_900, "INR"))
    assert gateway.create_plan(TERMS) == plan
    if online_seller.name == "stripe":
        online_seller.server.attach_card(customer)
    begun = gateway.create_subscription(SubscriptionRequest("sub-reference-1", customer, plan))
    assert gateway.create_subscription(SubscriptionRequest("sub-reference-1", customer, plan)).id == begun.id
    if online_seller.name == "razorpay":
        assert begun.url
        online_seller.server.agree(begun.id)
    elif online_seller.name == "fake":
        online_seller.side.gateway.agree(begun.id)
    active = gateway.fetch_subscription(begun.id)
    assert (active.status, active.plan_id, active.cancel_at_period_end) == ("active", plan, False)
    assert active.period_start is not None
    assert active.period_end is not None
    assert timedelta(days=27) < active.period_end - active.period_start < timedelta(days=32)
    assert active.reference == "sub-reference-1"
    (first,) = gateway.subscription_payments(begun.id)
    assert (first.amount, first.currency, first.status) == (199_900, "INR", "paid")
    assert (first.period_start, first.period_end) == (active.period_start, active.period_end)
    assert gateway.change_subscription(begun.id, plan_id=bigger, when="now").plan_id == bigger
    assert gateway.cancel_subscription(begun.id, when="period_end").cancel_at_period_end
    assert gateway.takes_back_cancellation == (online_seller.name != "razorpay")
    if online_seller.name == "razorpay":
        with pytest.raises(ProviderError):
            gateway.resume_subscription(begun.id)
    else:
        assert not gateway.resume_subscription(begun.id).cancel_at_period_end
    assert gateway.cancel_subscription(begun.id, when="now").status == "cancelled"
    assert gateway.fetch_subscription(begun.id).status == "cancelled"


def test_a_trial_is_agreed_to_and_charged_at_its_end(online_seller: Seller) -> None:
    gateway = online_seller.gateway
    customer = gateway.create_customer(reference="user3", name="Owner", email="owner@convergio.test")
    plan = gateway.create_plan(TERMS)
    begun = gateway.create_subscription(SubscriptionRequest("sub-reference-2", customer, plan, 14))
    if online_seller.name == "stripe":
        assert online_seller.server.last_form["trial_period_days"] == "14"
        return  # localstripe begins no trial; what Stripe is asked is checked against its description
    agree = online_seller.server.agree if online_seller.server else online_seller.side.gateway.agree
    agree(begun.id)
    trial = gateway.fetch_subscription(begun.id)
    assert trial.status == "trialing"
    assert trial.period_end is not None
    assert timedelta(days=13) < trial.period_end - now() <= timedelta(days=14)
    assert gateway.subscription_payments(begun.id) == []


@pytest.mark.parametrize("name", ["fake", "razorpay"])  # localstripe has no second period
def test_a_refused_charge_is_past_due_until_it_works(request: pytest.FixtureRequest, name: str) -> None:
    seller: Seller = request.getfixturevalue(name)
    gateway, side = seller.gateway, seller.server or seller.side.gateway
    customer = gateway.create_customer(reference="user4", name="Owner", email="owner@convergio.test")
    wanted = SubscriptionRequest("sub-reference-3", customer, gateway.create_plan(TERMS))
    contract = gateway.create_subscription(wanted).id
    side.agree(contract)
    end = gateway.fetch_subscription(contract).period_end
    assert end is not None
    if name == "fake":
        side.expire_card(contract)
    else:
        side.debit(contract, works=False)
    with time_machine.travel(end + timedelta(hours=1), tick=False):
        late = gateway.fetch_subscription(contract)
        assert (late.status, late.period_end) == ("past_due", end)
        paid, open_ = gateway.subscription_payments(contract)
        assert (paid.status, paid.period_end, open_.period_start) == ("paid", end, end)
        assert open_.status != "paid"


def test_saved_methods_are_shown_without_numbers_and_forgotten(online_seller: Seller) -> None:
    gateway = online_seller.gateway
    customer = gateway.create_customer(reference="user2", name="Owner", email="owner@convergio.test")
    if online_seller.name == "stripe":
        online_seller.server.attach_card(customer)
    methods = gateway.saved_methods(customer)
    card = next(method for method in methods if method.kind == "card")
    assert card.label.split(" ending ")[1].isdecimal()
    assert len(card.label.split(" ending ")[1]) == 4
    assert card.expires_on is not None
    assert (card.expires_on + timedelta(days=1)).day == 1
    gateway.forget_method(customer, card.id)
    assert card.id not in {method.id for method in gateway.saved_methods(customer)}


def test_bank_transfers_repeat_nothing(bank: Seller) -> None:
    assert not bank.gateway.is_recurring
    with pytest.raises(ProviderError) as refusal:
        bank.gateway.create_subscription(SubscriptionRequest("r", "c", "p"))
    assert refusal.value.kind == "permanent"
