"""What staff do about money in the back office: refunds, transfers, adjustments, differences, messages; all logged."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from convergio.accounts.models import User
from convergio.billing.ledger import credit
from convergio.billing.models import (
    CreditNote,
    GatewayDifference,
    PlanVersion,
    SubscriptionOrder,
    SubscriptionPayment,
    SubscriptionPlan,
    SubscriptionRefund,
    TokenLedgerEntry,
    TokenPurchase,
    TokenRefund,
)
from convergio.billing.payments import Checkout, complete_purchase
from convergio.billing.purchases import report
from convergio.core.models import InboundEvent
from tests.billing.buying import buy, deliver, status, tokens
from tests.billing.sellers import Seller
from tests.billing.servers.loopback import Fault
from tests.billing.subscribing import begin, subscribed, terms
from tests.cast import Person, make_person
from tests.jobs import run_jobs
from tests.site.test_back_office import signed_in

PURCHASES = "/admin/billing/tokenpurchase"
PLAN_PAYMENTS = "/admin/billing/subscriptionpayment"


@pytest.fixture
def staff(db: None) -> Client:
    return signed_in(_operator())


def _operator() -> Person:
    person = make_person("operator")
    User.objects.filter(id=person.user.id).update(is_staff=True)
    return person


def paid(person: Person, seller: Seller) -> Checkout:
    checkout = buy(person, seller)
    seller.side.pay(checkout.order.id)
    assert complete_purchase(checkout.purchase.id) == "paid"
    return checkout


def log() -> list[str]:
    return [entry.change_message for entry in LogEntry.objects.order_by("id")]


def test_a_refund_takes_a_reason_and_ends_in_a_credit_note(
    fake: Seller, owner: Person, staff: Client
) -> None:
    checkout = paid(owner, fake)
    page = f"{PURCHASES}/{checkout.purchase.id}"
    assert f"{page}/refund/" in staff.get(f"{page}/change/").content.decode()
    refused = staff.post(f"{page}/refund/", {"amount": "", "reason": " "})
    assert (refused.status_code, TokenRefund.objects.count()) == (422, 0)
    done = staff.post(f"{page}/refund/", {"amount": "50000", "reason": "Asked by phone"})
    assert done["Location"] == f"{page}/change/"
    too_much = staff.post(f"{page}/refund/", {"amount": "149901", "reason": "Again"})
    assert "At most 149900 paise" in too_much.content.decode()
    staff.post(f"{page}/refund/", {"amount": "", "reason": "The rest"})
    assert (status(checkout), tokens(owner)) == ("refunded", 0)
    assert [note.reason for note in CreditNote.objects.order_by("id")] == ["Asked by phone", "The rest"]
    assert log() == [
        "₹500.00 sent back (done): Asked by phone",
        "All that was left sent back (done): The rest",
    ]
    assert staff.get(f"{page}/refund/").status_code == 404


def test_a_months_payment_is_sent_back_and_the_page_says_that_the_plan_goes_on(
    fake: Seller, owner: Person, staff: Client
) -> None:
    subscribed(owner, fake)
    payment = SubscriptionPayment.objects.get()
    page = f"{PLAN_PAYMENTS}/{payment.id}"
    assert owner.user.email in staff.get(f"{PLAN_PAYMENTS}/").content.decode()
    assert f"{page}/refund/" in staff.get(f"{page}/change/").content.decode()
    assert "Their plan goes on" in staff.get(f"{page}/refund/").content.decode()
    refused = staff.post(f"{page}/refund/", {"amount": "", "reason": " "})
    assert (refused.status_code, SubscriptionRefund.objects.count()) == (422, 0)
    done = staff.post(f"{page}/refund/", {"amount": "50000", "reason": "Asked by phone"})
    assert done["Location"] == f"{page}/change/"
    too_much = staff.post(f"{page}/refund/", {"amount": "149901", "reason": "Again"})
    assert "At most 149900 paise" in too_much.content.decode()
    staff.post(f"{page}/refund/", {"amount": "", "reason": "The rest"})
    assert (terms(owner).status, tokens(owner)) == ("active", 0)
    assert [note.reason for note in CreditNote.objects.order_by("id")] == ["Asked by phone", "The rest"]
    assert log() == [
        "₹500.00 sent back (done): Asked by phone. The plan goes on.",
        "All that was left sent back (done): The rest. The plan goes on.",
    ]
    assert staff.get(f"{page}/refund/").status_code == 404
    assert "Asked by phone" in staff.get(f"{page}/change/").content.decode()


@pytest.mark.parametrize("amount", ["-1", "0", "1e9", "x", "9" * 30])
def test_absurd_amounts_are_refused(fake: Seller, owner: Person, staff: Client, amount: str) -> None:
    checkout = paid(owner, fake)
    answer = staff.post(f"{PURCHASES}/{checkout.purchase.id}/refund/", {"amount": amount, "reason": "x"})
    assert answer.status_code == 422
    assert TokenRefund.objects.count() == 0
    assert log() == []


def test_a_gateway_that_refuses_a_refund_is_told(razorpay: Seller, owner: Person, staff: Client) -> None:
    checkout = paid(owner, razorpay)
    payment = TokenPurchase.objects.get().payment_id
    razorpay.server.faults.append(Fault("POST", f"/v1/payments/{payment}/refund", "down"))
    staff.post(f"{PURCHASES}/{checkout.purchase.id}/refund/", {"reason": "Asked"})
    assert TokenRefund.objects.get().status == "pending"
    assert log() == ["All that was left sent back (pending): Asked"]


def test_a_transfer_is_written_down_once(bank: Seller, owner: Person, staff: Client) -> None:
    checkout = buy(owner, bank)
    page = f"{PURCHASES}/{checkout.purchase.id}"
    assert staff.get(f"{page}/refund/").status_code == 404
    body = {"amount": "199900", "currency": "inr", "bank_reference": "UTR42"}
    assert staff.post(f"{page}/transfer/", body)["Location"] == f"{page}/change/"
    assert (status(checkout), tokens(owner)) == ("paid", 27_500)
    assert log() == ["Transfer of 199900 (minor units of INR), bank's reference UTR42; now paid"]
    assert staff.post(f"{page}/transfer/", body).status_code == 404


def test_a_plans_transfer_begins_its_period(bank: Seller, owner: Person, staff: Client) -> None:
    begin(owner, gateway="manual")
    order = SubscriptionOrder.objects.get()
    page = f"/admin/billing/subscriptionorder/{order.id}"
    body = {"amount": str(order.amount), "currency": "INR", "bank_reference": "UTR43"}
    assert staff.post(f"{page}/transfer/", body)["Location"] == f"{page}/change/"
    assert (terms(owner).plan_slug, terms(owner).status) == ("pro", "active")
    assert "UTR43" in log()[0]


def test_an_adjustment_needs_a_reason_and_never_goes_below_nothing(owner: Person, staff: Client) -> None:
    credit(owner.user.id, "purchase", tokens=100, cause="token_purchases:0")
    page = f"/admin/billing/tokenbalance/{owner.user.id}"
    for body in (
        {"tokens": "5", "reason": " "},
        {"tokens": "0", "reason": "x"},
        {"tokens": "-101", "reason": "x"},
    ):
        assert staff.post(f"{page}/adjust/", body).status_code == 422
    assert staff.post(f"{page}/adjust/", {"tokens": "9" * 15, "reason": "x"}).status_code == 422
    staff.post(f"{page}/adjust/", {"tokens": "50", "reason": "Sorry for the outage"})
    staff.post(f"{page}/adjust/", {"tokens": "-30", "reason": "Credited twice"})
    entries = TokenLedgerEntry.objects.filter(kind="adjustment").order_by("id")
    assert [(entry.tokens, entry.reason) for entry in entries] == [
        (50, "Sorry for the outage"),
        (-30, "Credited twice"),
    ]
    assert all(entry.member.email == "operator@convergio.test" for entry in entries if entry.member)
    assert log() == ["50 tokens: Sorry for the outage", "-30 tokens: Credited twice"]
    ledger = staff.get(f"/admin/billing/tokenledgerentry/?user__id__exact={owner.user.id}").content.decode()
    assert "Credited twice" in ledger


def test_a_difference_is_resolved_and_logged(fake: Seller, owner: Person, staff: Client) -> None:
    report("paid_twice", gateway="fake", subject="order1", detail="Paid 100 more than once.")
    row = GatewayDifference.objects.get()
    answer = staff.post(
        "/admin/billing/gatewaydifference/",
        {"action": "resolve", "_selected_action": [str(row.id)]},
        follow=True,
    )
    assert "1 differences are resolved." in answer.content.decode()
    row.refresh_from_db()
    assert row.resolved_at is not None
    assert log() == ["Resolved: Paid 100 more than once."]
    assert (
        "order1" not in staff.get("/admin/billing/gatewaydifference/?resolved_at__isempty=1").content.decode()
    )


def test_a_gateways_message_is_handled_again(fake: Seller, owner: Person, staff: Client) -> None:
    checkout = buy(owner, fake)
    deliver(fake, fake.side.webhook("payment.paid", checkout.order.id))  # before the payment, as may happen
    run_jobs()
    fake.side.pay(checkout.order.id)
    event = InboundEvent.objects.get()
    InboundEvent.objects.create(source="calcom", external_id="other", payload=b"x")
    page = staff.get("/admin/core/inboundevent/").content.decode()
    assert event.external_id in page
    assert "calcom" not in page
    body = {"action": "handle_again", "_selected_action": [str(event.id)]}
    assert (
        "1 events will be handled again."
        in staff.post("/admin/core/inboundevent/", body, follow=True).content.decode()
    )
    run_jobs()
    assert tokens(owner) == 27_500
    assert log() == ["Handle again"]


def test_a_changed_plan_is_a_new_version(staff: Client) -> None:
    plan = SubscriptionPlan.objects.get(slug="pro")
    form = {"name": "Pro", "price": "249900", "currency": "INR", "monthly_tokens": "50000", "is_active": "on"}
    answer = staff.post(f"/admin/billing/subscriptionplan/{plan.id}/change/", form | {"trial_days": ""})
    assert answer.status_code == 302, answer.content.decode()
    versions = PlanVersion.objects.filter(plan=plan).order_by("number")
    assert [(one.number, one.price, one.trial_days) for one in versions] == [(1, 199_900, 0), (2, 249_900, 0)]
    assert (
        "1: Pro, 199900 INR, 50000 tokens"
        in staff.get(f"/admin/billing/subscriptionplan/{plan.id}/change/").content.decode()
    )
    assert len(log()) == 1


def test_changes_take_a_fresh_sign_in_and_staff(
    fake: Seller, owner: Person, outsider: Person, db: None
) -> None:
    checkout = paid(owner, fake)
    page = f"{PURCHASES}/{checkout.purchase.id}/refund/"
    subscribed(owner, fake)
    of_plan = f"{PLAN_PAYMENTS}/{SubscriptionPayment.objects.get().id}/refund/"
    stale = signed_in(_operator(), fresh=False)
    for address in (page, of_plan):
        assert stale.post(address, {"reason": "x"})["Location"].startswith("/confirm?next=")
        for person in (owner, outsider):
            assert signed_in(person).post(address, {"reason": "x"}).status_code == 404
    assert (TokenRefund.objects.count(), SubscriptionRefund.objects.count()) == (0, 0)
