"""A plan is bought, renewed, changed, cancelled and lost; every step is written down, and tokens follow the money."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connections, transaction

from convergio.accounts.errors import NotAllowed
from convergio.accounts.models import User
from convergio.billing import checks
from convergio.billing.errors import KeyUsedForAnother, NotInvoiceable, NotNow, UnknownGateway
from convergio.billing.gateways.protocol import ForgedMessage
from convergio.billing.ledger import credit
from convergio.billing.models import Invoice, SubscriptionPlan, UserSubscription
from convergio.billing.subscriptions.actions import (
    cancel,
    change_plan,
    finish_subscription_checkout,
    preview_change,
    refresh,
    resume,
)
from convergio.billing.subscriptions.jobs import look_at_subscriptions, settle_orders
from convergio.billing.subscriptions.sync import sync
from convergio.core import sql
from convergio.core.clock import now
from convergio.core.errors import InvalidInput, NotFound
from tests.billing.business import SELLER_GSTIN
from tests.billing.buying import deliver, differences
from tests.billing.sellers import Seller, fake_seller
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
    row,
    shop,
    subscribed,
    terms,
    tokens,
    walk,
)
from tests.cast import Person, make_person
from tests.jobs import run_jobs

__all__ = ["clock", "shop"]
pytestmark = pytest.mark.usefixtures("shop", "clock")
PRO, ENTERPRISE = 1_999_00, 9_999_00


def settle_upgrade(seller: Seller, order_id: str) -> None:
    seller.side.pay(order_id)
    settle_orders(0)


def test_a_plan_begins_with_its_first_payment(fake: Seller, owner: Person) -> None:
    checkout = begin(owner)
    assert checkout.subscription is not None
    assert (terms(owner).status, terms(owner).plan_slug, terms(owner).next_plan_slug) == (
        "pending",
        "free",
        "pro",
    )
    sync(owner.user.id)
    assert terms(owner).status == "pending"
    books(fake).agree(checkout.subscription.id)
    for _ in range(2):
        sync(owner.user.id)
    now_have = terms(owner)
    assert (now_have.status, now_have.plan_slug, now_have.monthly_tokens) == ("active", "pro", 50_000)
    assert (now_have.period_start, now_have.period_end) == (START, START + 28 * DAY)
    assert (paid(owner), grants(owner), history(owner)) == ([PRO], [50_000], ["subscribed", "charged"])
    invoice = Invoice.objects.get()
    assert (invoice.total, invoice.status, invoice.gateway) == (PRO, "paid", "fake")
    assert invoice.lines[0]["description"] == "Pro plan, 31 Jan 2099 to 28 Feb 2099"


def test_every_month_is_charged_invoiced_and_granted_once(fake: Seller, owner: Person, clock: Any) -> None:
    subscribed(owner, fake)
    ends = []
    for _ in range(4):
        walk(clock, 31)
        ends.append(terms(owner).period_end - timedelta(hours=-5, minutes=-30))
    assert [(end.month, end.day) for end in ends] == [(3, 31), (4, 30), (5, 31), (6, 30)]
    assert paid(owner) == [PRO] * 5
    assert grants(owner).count(50_000) == 5
    assert Invoice.objects.count() == 5
    assert tokens(owner) == 50_000  # what was not spent lapsed with its period


def test_the_bought_version_stays_at_every_renewal(fake: Seller, owner: Person, clock: Any) -> None:
    subscribed(owner, fake)
    SubscriptionPlan.objects.filter(slug="pro").update(price=2_499_00, monthly_tokens=60_000)
    walk(clock, 29)
    assert paid(owner) == [PRO, PRO]
    assert (terms(owner).price, terms(owner).monthly_tokens) == (PRO, 50_000)
    subscribed(other := make_person("outsider"), fake)
    assert (paid(other), terms(other).monthly_tokens) == ([2_499_00], 60_000)


def test_on_free_the_allowance_comes_each_month_and_lapses(owner: Person, clock: Any) -> None:
    User.objects.filter(id=owner.user.id).update(created_at=START)
    assert look_around() == 1
    assert (tokens(owner), look_around()) == (1_000, 0)
    walk(clock, 28)
    credit(owner.user.id, "purchase", tokens=30, cause="token_purchases:1")
    assert terms(owner).period_start == START + 28 * DAY
    walk(clock, 31)
    assert (tokens(owner), grants(owner)) == (1_030, [1_000] * 3)
    assert history(owner) == []


def test_the_job_costs_what_is_due(owner: Person, django_assert_num_queries: Any, clock: Any) -> None:
    look_around()
    with django_assert_num_queries(1):
        look_at_subscriptions(0)
    clock.shift(32 * DAY)
    look_at_subscriptions(0)
    assert "billing.look_at_subscription" in run_jobs(also_scheduled=True)
    assert grants(owner) == [1_000, 1_000]


def test_an_upgrade_is_paid_for_the_rest_of_the_period(fake: Seller, owner: Person, clock: Any) -> None:
    contract = subscribed(owner, fake)
    clock.shift(14 * DAY)  # half of the 28 days are left
    seen = preview_change(owner.actor, plan="enterprise")
    assert (seen.kind, seen.amount, seen.tokens) == ("upgrade", (ENTERPRISE - PRO) // 2, 225_000)
    change = change_plan(owner.actor, plan="enterprise")
    assert change.order is not None
    assert change_plan(owner.actor, plan="enterprise").order == change.order
    settle_orders(0)
    assert (terms(owner).plan_slug, paid(owner)) == ("pro", [PRO])
    settle_upgrade(fake, change.order.id)
    settle_orders(0)
    assert (terms(owner).plan_slug, terms(owner).status) == ("enterprise", "active")
    assert (paid(owner), grants(owner)) == ([PRO, 4_000_00], [50_000, 225_000])
    assert look_around() == 1  # moves the contract
    walk(clock, 14)
    assert (paid(owner)[2:], tokens(owner)) == ([ENTERPRISE], 500_000)
    assert books(fake).fetch_subscription(contract).status == "active"
    assert "upgraded" in history(owner)


def test_an_upgrade_in_the_last_moments_begins_with_the_next_period(
    fake: Seller, owner: Person, clock: Any
) -> None:
    subscribed(owner, fake)
    clock.move_to(START + 28 * DAY - timedelta(seconds=1))
    change = change_plan(owner.actor, plan="enterprise")
    assert (change.preview.kind, change.order) == ("scheduled", None)
    walk(clock, 1)
    assert (paid(owner), terms(owner).plan_slug) == ([PRO, ENTERPRISE], "enterprise")


def test_an_upgrade_that_is_paid_after_its_period_is_staffs_to_send_back(
    fake: Seller, owner: Person, clock: Any
) -> None:
    subscribed(owner, fake)
    order = change_plan(owner.actor, plan="enterprise").order
    assert order is not None
    clock.shift(29 * DAY)
    look_around()
    fake.side.pay(order.id)
    sync(owner.user.id)
    assert (terms(owner).plan_slug, paid(owner)) == ("pro", [PRO, PRO])
    assert differences() == ["subscription_order"]


def test_another_amount_than_asked_upgrades_nothing(fake: Seller, owner: Person) -> None:
    subscribed(owner, fake)
    order = change_plan(owner.actor, plan="enterprise").order
    assert order is not None
    fake.side.pay(order.id, amount=100)
    settle_orders(0)
    assert (terms(owner).plan_slug, paid(owner), differences()) == ("pro", [PRO], ["subscription_order"])


def test_a_smaller_plan_begins_with_the_next_period(fake: Seller, owner: Person, clock: Any) -> None:
    subscribed(owner, fake, "enterprise")
    change = change_plan(owner.actor, plan="pro")
    assert (change.preview.kind, change.preview.amount, change.order) == ("scheduled", 0, None)
    assert (terms(owner).plan_slug, terms(owner).next_plan_slug) == ("enterprise", "pro")
    walk(clock, 29)
    assert (paid(owner), tokens(owner)) == ([ENTERPRISE, PRO], 50_000)
    assert (terms(owner).plan_slug, terms(owner).next_plan_slug) == ("pro", "")


def test_a_planned_change_can_be_dropped(fake: Seller, owner: Person, clock: Any) -> None:
    subscribed(owner, fake, "enterprise")
    with pytest.raises(NotNow, match="the present plan"):
        change_plan(owner.actor, plan="enterprise")
    change_plan(owner.actor, plan="pro")
    assert change_plan(owner.actor, plan="enterprise").preview.kind == "dropped"
    walk(clock, 29)
    assert paid(owner) == [ENTERPRISE, ENTERPRISE]


def test_a_mandate_that_cannot_be_moved_goes_on_as_it_was(fake: Seller, owner: Person, clock: Any) -> None:
    contract = subscribed(owner, fake)
    books(fake).fix_mandate(contract)
    order = change_plan(owner.actor, plan="enterprise").order
    assert order is not None
    settle_upgrade(fake, order.id)
    look_around()
    assert (terms(owner).plan_slug, terms(owner).next_plan_slug) == ("enterprise", "pro")
    assert history(owner)[-1] == "change_refused"
    walk(clock, 29)
    assert (terms(owner).plan_slug, paid(owner)[2:], differences()) == ("pro", [PRO], [])


def test_a_cancelled_plan_holds_until_its_period_ends(fake: Seller, owner: Person, clock: Any) -> None:
    subscribed(owner, fake)
    credit(owner.user.id, "purchase", tokens=77, cause="token_purchases:1")
    left = cancel(owner.actor)
    assert (left.status, left.cancel_at_period_end, left.next_plan_slug) == ("cancelling", True, "free")
    with pytest.raises(NotNow, match="cancelled already"):
        cancel(owner.actor)
    walk(clock, 27)
    assert (terms(owner).plan_slug, tokens(owner)) == ("pro", 50_077)
    walk(clock, 2)
    assert (terms(owner).plan_slug, terms(owner).status) == ("free", "free")
    assert (paid(owner), tokens(owner)) == ([PRO], 1_077)
    walk(clock, 40)
    assert paid(owner) == [PRO]
    with pytest.raises(NotNow, match="no paid plan"):
        cancel(owner.actor)


def test_a_cancellation_can_be_taken_back(fake: Seller, owner: Person, clock: Any) -> None:
    subscribed(owner, fake)
    with pytest.raises(NotNow, match="No cancellation"):
        resume(owner.actor)
    cancel(owner.actor)
    walk(clock, 20)
    assert resume(owner.actor).status == "active"
    walk(clock, 10)
    assert paid(owner) == [PRO, PRO]


def test_to_free_is_a_cancellation(fake: Seller, owner: Person) -> None:
    subscribed(owner, fake)
    assert change_plan(owner.actor, plan="free").preview.kind == "cancel"
    assert terms(owner).status == "cancelling"


def test_a_trial_comes_once_and_is_charged_at_its_end(fake: Seller, owner: Person, clock: Any) -> None:
    SubscriptionPlan.objects.filter(slug="pro").update(trial_days=15)
    checkout = begin(owner)
    assert checkout.subscription is not None
    books(fake).agree(checkout.subscription.id)
    sync(owner.user.id)
    assert (terms(owner).status, terms(owner).plan_slug, tokens(owner)) == ("trialing", "pro", 25_000)
    assert terms(owner).period_end == START + 15 * DAY
    walk(clock, 16)
    assert (terms(owner).status, paid(owner), tokens(owner)) == ("active", [PRO], 50_000)
    cancel(owner.actor)
    walk(clock, 32)
    subscribed(owner, fake)
    assert history(owner).count("trial_started") == 1


def test_a_cancelled_trial_costs_nothing_and_can_be_resumed(fake: Seller, owner: Person, clock: Any) -> None:
    SubscriptionPlan.objects.filter(slug="pro").update(trial_days=10)
    checkout = begin(owner)
    assert checkout.subscription is not None
    books(fake).agree(checkout.subscription.id)
    sync(owner.user.id)
    cancel(owner.actor)
    assert resume(owner.actor).status == "trialing"
    cancel(owner.actor)
    walk(clock, 12)
    assert (terms(owner).status, paid(owner)) == ("free", [])


def test_an_expired_card_is_reminded_of_and_given_up_after_14_days(
    fake: Seller, owner: Person, clock: Any, settings: Any, tmp_path: Path
) -> None:
    settings.DATA_DIR = tmp_path
    contract = subscribed(owner, fake)
    credit(owner.user.id, "purchase", tokens=5, cause="token_purchases:1")
    books(fake).expire_card(contract)
    walk(clock, 28)
    assert (terms(owner).status, terms(owner).plan_slug, tokens(owner)) == ("past_due", "pro", 5)
    with pytest.raises(NotNow, match="payment is open"):
        change_plan(owner.actor, plan="enterprise")
    walk(clock, 13)
    assert history(owner)[2:] == ["noticed", "charge_failed", "retry_failed", "retry_failed", "retry_failed"]
    walk(clock, 1)
    assert (terms(owner).status, terms(owner).plan_slug, tokens(owner)) == ("free", "free", 1_005)
    assert books(fake).fetch_subscription(contract).status == "cancelled"
    books(fake).expire_card(contract, reason="")
    walk(clock, 31)
    assert paid(owner) == [PRO]
    run_jobs()
    mails = notices(tmp_path)
    assert sorted(subject for subject, _ in mails) == [
        "Your account is on Free now",
        "Your payment for Pro did not go through",
        *["Your payment for Pro is still open"] * 3,
        "Your plan renews on 28 February 2099",
    ]
    assert any("The bank says: The card has expired." in text for _, text in mails)


def test_a_payment_that_works_at_last_brings_the_month(fake: Seller, owner: Person, clock: Any) -> None:
    contract = subscribed(owner, fake)
    books(fake).expire_card(contract)
    walk(clock, 31)
    assert terms(owner).status == "past_due"
    books(fake).expire_card(contract, reason="")
    walk(clock, 1)
    assert (terms(owner).status, paid(owner), tokens(owner)) == ("active", [PRO, PRO], 50_000)
    assert terms(owner).period_start == START + 28 * DAY  # the days that were open are not given again
    subscribed_again = row(owner)
    assert (subscribed_again.past_due_since, subscribed_again.reminders) == (None, 0)


def test_past_due_can_be_cancelled_at_once(fake: Seller, owner: Person, clock: Any) -> None:
    contract = subscribed(owner, fake)
    books(fake).expire_card(contract)
    walk(clock, 29)
    assert cancel(owner.actor).status == "free"
    assert books(fake).fetch_subscription(contract).status == "cancelled"


def test_the_job_that_slept_reminds_once(fake: Seller, owner: Person, clock: Any) -> None:
    contract = subscribed(owner, fake)
    books(fake).expire_card(contract)
    walk(clock, 28)
    clock.shift(9 * DAY)
    look_around()
    look_around()
    assert history(owner).count("retry_failed") == 1
    walk(clock, 4)
    assert history(owner).count("retry_failed") == 2


def test_months_that_nobody_looked_at_are_all_followed(fake: Seller, owner: Person, clock: Any) -> None:
    subscribed(owner, fake)
    clock.shift(100 * DAY)
    look_around()
    assert paid(owner) == [PRO] * 4
    assert terms(owner).period_end > now()


def test_a_contract_that_ends_at_the_gateway_holds_until_what_was_paid_is_over(
    fake: Seller, owner: Person, clock: Any
) -> None:
    contract = subscribed(owner, fake)
    books(fake).cancel_subscription(contract, when="now")
    sync(owner.user.id)
    assert terms(owner).status == "cancelling"
    with pytest.raises(NotNow, match="subscribe anew"):
        resume(owner.actor)
    walk(clock, 29)
    assert terms(owner).status == "free"
    subscribed(owner, fake)


def test_a_checkout_nobody_finishes_is_given_up(fake: Seller, owner: Person, clock: Any) -> None:
    checkout = begin(owner)
    assert checkout.subscription is not None
    walk(clock, 4)
    assert (terms(owner).status, history(owner)[-1]) == ("free", "abandoned")
    assert books(fake).fetch_subscription(checkout.subscription.id).status == "cancelled"
    begin(owner, "enterprise")
    assert cancel(owner.actor).status == "free"


def test_a_charge_for_a_contract_that_was_ended_still_counts(fake: Seller, owner: Person, clock: Any) -> None:
    """The gateway took money just before it heard of the end."""
    contract = subscribed(owner, fake)
    books(fake).expire_card(contract)
    walk(clock, 28)
    cancel(owner.actor)
    book = books(fake)._contract(contract)
    book.refusal = ""
    book.subscription = book.subscription.__class__(
        contract,
        "past_due",
        book.subscription.plan_id,
        period_end=now(),
        reference=book.subscription.reference,
    )
    books(fake)._write("subscriptions", contract, book)
    sync(owner.user.id)
    assert (terms(owner).status, paid(owner)) == ("cancelling", [PRO, PRO])


def test_the_same_key_and_a_second_tab_are_one_checkout(fake: Seller, owner: Person) -> None:
    first = begin(owner, key="tab-1")
    assert begin(owner, key="tab-1").subscription == first.subscription
    assert begin(owner, key="tab-2").subscription == first.subscription
    with pytest.raises(KeyUsedForAnother):
        begin(owner, "enterprise", key="tab-1")
    with pytest.raises(NotNow, match="checkout is open"):
        begin(owner, "enterprise", key="tab-3")
    assert first.subscription is not None
    books(fake).agree(first.subscription.id)
    sync(owner.user.id)
    assert begin(owner, key="tab-1").subscription is None
    with pytest.raises(NotNow, match="a subscription already"):
        begin(owner, key="tab-4")
    assert paid(owner) == [PRO]


def test_a_checkout_that_is_open_keeps_the_price_it_was_opened_at(fake: Seller, owner: Person) -> None:
    begin(owner)
    sql.execute("UPDATE subscription_plans SET price = 1 WHERE slug = 'pro'")
    checkout = begin(owner)
    assert checkout.subscription is not None
    books(fake).agree(checkout.subscription.id)
    sync(owner.user.id)
    assert (paid(owner), terms(owner).price) == ([PRO], PRO)


def test_what_cannot_be_subscribed_to_is_refused(
    fake: Seller, owner: Person, teammate: Person, settings: Any
) -> None:
    with pytest.raises(NotNow, match="Free needs no subscription"):
        begin(owner, "free")
    with pytest.raises(NotFound):
        begin(owner, "infinite")
    with pytest.raises(UnknownGateway):
        begin(owner, gateway="stripe")
    with pytest.raises(InvalidInput):
        begin(owner, key="x" * 256)
    for act in (cancel, resume, refresh):
        with pytest.raises(NotAllowed):
            act(teammate.actor)
    with pytest.raises(NotAllowed):
        begin(teammate)
    with pytest.raises(NotNow):
        preview_change(owner.actor, plan="pro")
    settings.SELLER_NAME = ""
    with pytest.raises(NotInvoiceable):
        begin(owner)
    assert history(owner) == []


def test_the_buyer_who_comes_back_has_the_plan(fake: Seller, owner: Person, outsider: Person) -> None:
    checkout = begin(owner)
    assert checkout.subscription is not None
    books(fake).agree(checkout.subscription.id)
    fields = books(fake).come_back(checkout.subscription.id)
    with pytest.raises(NotFound):
        finish_subscription_checkout(outsider.actor, gateway="fake", fields=fields)
    with pytest.raises(ForgedMessage):
        finish_subscription_checkout(owner.actor, gateway="fake", fields={**fields, "signature": "x"})
    assert finish_subscription_checkout(owner.actor, gateway="fake", fields=fields).status == "active"
    order = change_plan(owner.actor, plan="enterprise").order
    assert order is not None
    fake.side.pay(order.id)
    back = finish_subscription_checkout(owner.actor, gateway="fake", fields=books(fake).come_back(order.id))
    assert back.plan_slug == "enterprise"


def test_webhooks_bring_plans_and_upgrades(fake: Seller, owner: Person) -> None:
    checkout = begin(owner)
    assert checkout.subscription is not None
    notice = books(fake).notice("subscription.charged", order_id=checkout.subscription.id)
    assert deliver(fake, notice).status_code == 200
    run_jobs()
    assert terms(owner).status == "pending"  # a webhook creates nothing that the API does not confirm
    books(fake).agree(checkout.subscription.id)
    for _ in range(3):
        deliver(fake, books(fake).notice("subscription.charged", order_id=checkout.subscription.id))
    deliver(fake, books(fake).notice("subscription.charged", order_id="fake_subscription_of_others"))
    run_jobs()
    assert (terms(owner).status, paid(owner)) == ("active", [PRO])
    order = change_plan(owner.actor, plan="enterprise").order
    assert order is not None
    fake.side.pay(order.id)
    deliver(fake, books(fake).notice("payment.paid", order_id=order.id))
    run_jobs()
    assert terms(owner).plan_slug == "enterprise"


def test_a_charge_of_another_amount_grants_nothing(fake: Seller, owner: Person) -> None:
    checkout = begin(owner)
    assert checkout.subscription is not None
    sql.execute("UPDATE gateway_plans SET amount = 1")
    books(fake).agree(checkout.subscription.id)
    sync(owner.user.id)
    assert (terms(owner).status, paid(owner), differences()) == ("pending", [], ["mismatch"])


def test_a_charge_for_a_deactivated_account_is_granted_and_shown_to_staff(
    fake: Seller, owner: Person, clock: Any
) -> None:
    subscribed(owner, fake)
    User.objects.filter(id=owner.user.id).update(is_active=False)
    walk(clock, 29)
    assert (paid(owner), differences()) == ([PRO, PRO], ["payer_deactivated"])


def test_tax_on_top_is_charged_and_invoiced(fake: Seller, owner: Person, settings: Any, clock: Any) -> None:
    settings.PRICES_INCLUDE_TAX, settings.SELLER_GSTIN = False, SELLER_GSTIN
    subscribed(owner, fake)
    walk(clock, 29)
    assert paid(owner) == [PRO + 35_982, PRO + 35_982]
    invoice = Invoice.objects.order_by("-id")[0]
    assert (invoice.subtotal, invoice.tax, invoice.total) == (PRO, 35_982, PRO + 35_982)


def test_history_cannot_be_changed(fake: Seller, owner: Person) -> None:
    subscribed(owner, fake)
    for attempt in ("UPDATE subscription_events SET event = 'x'", "DELETE FROM subscription_events"):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            sql.execute(attempt)


def test_two_tabs_at_once_make_one_subscription(committed: None, settings: Any, tmp_path: Path) -> None:
    owner = make_person("owner")
    with fake_seller(settings, tmp_path) as seller:

        def tab(number: int) -> str:
            try:
                checkout = begin(owner, key=f"tab-{number}")
                assert checkout.subscription is not None
                return checkout.subscription.id
            finally:
                connections.close_all()

        with ThreadPoolExecutor(4) as pool:
            contracts = set(pool.map(tab, range(8)))
        assert len(contracts) == 1
        books(seller).agree(contracts.pop())

        def follow(_: int) -> str:
            try:
                return sync(owner.user.id).status
            finally:
                connections.close_all()

        with ThreadPoolExecutor(4) as pool:
            assert set(pool.map(follow, range(8))) == {"active"}
        assert (paid(owner), grants(owner), history(owner)) == ([PRO], [50_000], ["subscribed", "charged"])
        assert UserSubscription.objects.count() == 1


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE subscription_payments SET amount = amount + 1",
        "UPDATE subscription_payments SET gateway_id = gateway_id || 'x' WHERE kind = 'upgrade'",
        "UPDATE subscription_payments SET tokens = tokens + 1",
        "UPDATE subscription_payments SET kind = 'upgrade', tokens = 0 WHERE kind = 'period'",
        "UPDATE subscription_payments SET period_start = period_start - interval '1 second' WHERE kind = 'period'",
        "UPDATE subscription_payments SET period_end = period_end - interval '1 second'",
        "UPDATE user_subscriptions SET version_id = next_version_id, next_version_id = NULL",
        "UPDATE user_subscriptions SET period_end = period_end + interval '1 day'",
        "UPDATE user_subscriptions SET cancel_at_period_end = true",
        "UPDATE user_subscriptions SET status = 'past_due'",
        "UPDATE user_subscriptions SET look_at = NULL",
        "UPDATE user_subscriptions SET plan_id = (SELECT id FROM subscription_plans WHERE slug = 'free')",
        (
            "INSERT INTO subscription_events (user_id, from_state, to_state, event, moment)"
            " SELECT user_id, 'past_due', 'active', 'charged', now() FROM user_subscriptions"
        ),
        "UPDATE subscription_orders SET status = 'expired'",
    ],
)
def test_damage_to_a_subscription_breaks_an_invariant(
    fake: Seller, owner: Person, clock: Any, damage: str
) -> None:
    subscribed(owner, fake)
    order = change_plan(owner.actor, plan="enterprise").order
    assert order is not None
    settle_upgrade(fake, order.id)
    walk(clock, 29)
    change_plan(owner.actor, plan="pro")
    assert list(checks.broken()) == []
    assert sql.execute(damage)
    assert list(checks.broken()) != []
