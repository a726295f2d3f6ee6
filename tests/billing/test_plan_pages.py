"""Choosing, changing, cancelling and resuming a plan, by page and by REST."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from convergio.accounts.models import UserSession, WorkspaceMember
from convergio.billing.models import Invoice, SubscriptionOrder, SubscriptionPlan, UserSubscription
from convergio.billing.subscriptions.queries import current_terms
from convergio.core.models import Activity
from convergio.core.tenancy import workspace_scope
from tests.billing.sellers import Seller
from tests.billing.subscribing import books, subscribed, terms
from tests.billing.test_pages import field, text
from tests.cast import Person

BILLING = "/dashboard/settings/billing"
CHOOSE = f"{BILLING}/plan"


def choose(client: Client, plan: str = "pro", gateway: str = "fake") -> Any:
    """Subscribe by the form; the answer is the page on which it is paid."""
    page = client.get(CHOOSE, {"plan": plan}).content.decode()
    form = {"plan": plan, "key": field(page, "key"), "gateway": gateway}
    answer = client.post(CHOOSE, form)
    assert answer["Location"] == f"{CHOOSE}/checkout", text(answer)
    return client.get(answer["Location"])


def pay(client: Client, outcome: str = "pay") -> Any:
    return client.post(f"{CHOOSE}/test", {"outcome": outcome}, follow=True)


def test_plans_are_compared_with_their_prices(fake: Seller, owner: Person) -> None:
    page = text(owner.browser().get(BILLING))
    assert "Free Your plan ₹0 a month free of charge 1,000 AI tokens 100 emails 50 AI replies" in page
    assert (
        "Pro ₹1,999 a month includes 18 % GST 50,000 AI tokens 5,000 emails 2,500 AI replies Choose Pro"
        in page
    )
    assert "Enterprise ₹9,999 a month includes 18 % GST 5,00,000 AI tokens Unlimited emails" in page


def test_a_plan_is_chosen_paid_changed_cancelled_and_resumed(fake: Seller, owner: Person) -> None:
    client = owner.browser()
    look = text(client.get(CHOOSE, {"plan": "pro"}))
    assert "Each month ₹1,999 , ₹304.94 of it 18 % GST" in look
    checkout = text(choose(client))
    assert "Plan Pro To pay ₹1,999 each month" in checkout
    assert "No money moves" in checkout
    waiting = client.get(BILLING)
    assert "A plan is chosen and not paid yet" in text(waiting)
    assert 'hx-trigger="every 6s"' in waiting.content.decode()
    paid = text(pay(client))
    assert "Pro Your plan" in paid
    assert (terms(owner).status, terms(owner).plan_slug) == ("active", "pro")
    assert Invoice.objects.get().number in paid

    preview = text(client.get(CHOOSE, {"plan": "enterprise"}))
    assert "Enterprise begins as soon as ₹" in preview
    assert "and change" in preview
    answer = client.post(CHOOSE, {"plan": "enterprise"})
    assert answer["Location"] == f"{CHOOSE}/checkout"
    upgrade = text(client.get(answer["Location"]))
    assert "Plan Enterprise To pay ₹" in upgrade
    assert "each month" not in upgrade
    assert "A payment for the plan is open" in text(client.get(BILLING))
    pay(client)
    assert terms(owner).plan_slug == "enterprise"

    assert "Change on" in text(client.get(CHOOSE, {"plan": "pro"}))
    assert "Plan change noted" in text(client.post(CHOOSE, {"plan": "pro"}, follow=True))
    assert terms(owner).next_plan_slug == "pro"
    assert "Keep Enterprise" in text(client.get(BILLING))
    client.post(CHOOSE, {"plan": "enterprise"})
    assert terms(owner).next_plan_slug == ""

    assert "Plan cancelled" in text(client.post(f"{CHOOSE}/cancel", follow=True))
    assert terms(owner).status == "cancelling"
    assert "The plan goes on" in text(client.post(f"{CHOOSE}/resume", follow=True))
    assert terms(owner).status == "active"
    with workspace_scope(owner.workspace.id):
        done = set(
            Activity.objects.filter(action__startswith="billing.plan").values_list("action", flat=True)
        )
    assert done == {f"billing.plan_{word}" for word in ("chosen", "changed", "cancelled", "resumed")}


def test_a_choice_that_is_not_paid_can_be_dropped(fake: Seller, owner: Person) -> None:
    client = owner.browser()
    choose(client)
    assert "declined; nothing was changed" in text(pay(client, "decline"))
    assert terms(owner).status == "pending"
    client.post(f"{CHOOSE}/cancel")
    assert terms(owner).status == "free"
    assert client.get(f"{CHOOSE}/checkout")["Location"] == BILLING


def test_two_tabs_choose_one_subscription(fake: Seller, owner: Person) -> None:
    client = owner.browser()
    first, second = choose(client), choose(client)
    assert text(first) == text(second)
    pay(client)
    assert pay(client).status_code == 404
    assert Invoice.objects.count() == 1


def test_a_closed_tab_is_asked_for_by_hand(fake: Seller, owner: Person) -> None:
    client = owner.browser()
    choose(client)
    (contract,) = (books(fake).folder / "subscriptions").glob("*.json")
    books(fake).agree(contract.stem)
    assert current_terms(owner.user.id).status == "pending"
    assert "Ask the payment provider now" in text(client.get(BILLING))
    assert "Pro Your plan" in text(client.post(f"{CHOOSE}/ask", follow=True))


def test_a_plan_by_bank_transfer_says_where_to(bank: Seller, owner: Person) -> None:
    page = text(choose(owner.browser(), gateway="manual"))
    assert "Bank of Example" in page
    assert "Transfer exactly ₹1,999" in page
    assert SubscriptionOrder.objects.get().reference in page


def test_a_failed_renewal_is_said_with_the_way_out(fake: Seller, owner: Person) -> None:
    subscribed(owner, fake)
    assert UserSubscription.objects.filter(user=owner.user).update(status="past_due") == 1
    page = text(owner.browser().get(BILLING))
    assert "The last payment for this plan failed" in page
    assert "Pay now" in page


@pytest.mark.parametrize(
    "path", ["plan", "plan/checkout", "plan/cancel", "plan/resume", "plan/ask", "plan/test"]
)
def test_only_the_owner_changes_the_plan(fake: Seller, owner: Person, teammate: Person, path: str) -> None:
    WorkspaceMember.objects.filter(user=teammate.user).update(role="admin")
    client = teammate.browser()
    assert "Choose Pro" not in text(client.get(BILLING))
    verb = client.get if path == "plan/checkout" else client.post
    assert verb(f"{BILLING}/{path}", {"plan": "pro", "gateway": "fake"}).status_code == 403
    assert current_terms(owner.user.id).status == "free"


def test_changing_the_plan_takes_a_fresh_sign_in(fake: Seller, owner: Person) -> None:
    client = owner.browser()
    page = client.get(CHOOSE, {"plan": "pro"}).content.decode()
    UserSession.objects.update(authenticated_at="2020-01-01T00:00:00Z")
    answer = client.post(CHOOSE, {"plan": "pro", "key": field(page, "key"), "gateway": "fake"})
    assert answer["Location"].startswith("/confirm?next=")
    assert client.post(f"{CHOOSE}/cancel")["Location"].startswith("/confirm?next=")
    assert current_terms(owner.user.id).status == "free"


def test_an_outsiders_checkout_is_not_found(fake: Seller, owner: Person, outsider: Person) -> None:
    choose(owner.browser())
    (contract,) = (books(fake).folder / "subscriptions").glob("*.json")
    fields = {"gateway": "fake", **books(fake).come_back(contract.stem)}
    assert outsider.browser().post(f"{CHOOSE}/return", fields).status_code == 404
    assert owner.browser().post(f"{CHOOSE}/return", fields | {"signature": "0"}).status_code == 400


def test_what_is_not_sold_cannot_be_chosen(fake: Seller, owner: Person, settings: Any) -> None:
    client = owner.browser()
    assert client.get(CHOOSE, {"plan": "gold"}).status_code == 404
    SubscriptionPlan.objects.filter(slug="pro").update(is_active=False)
    assert client.get(CHOOSE, {"plan": "pro"}).status_code == 404
    settings.SELLER_NAME = ""
    page = text(client.get(BILLING))
    assert "Nothing can be bought here yet" in page
    assert "Choose Enterprise" not in page


def test_the_same_over_rest(fake: Seller, owner: Person) -> None:
    client = owner.program()
    assert client.get("/api/settings/billing/subscription").json()["plan_slug"] == "free"
    assert [one["slug"] for one in client.get("/api/settings/billing/plans").json()] == [
        "free",
        "pro",
        "enterprise",
    ]

    def post(path: str, **body: str) -> Any:
        return client.post(f"/api/settings/billing/{path}", body, content_type="application/json")

    begun = post("subscribe", plan="pro")
    assert (begun.status_code, begun.json()["terms"]["status"]) == (201, "pending")
    (contract,) = (books(fake).folder / "subscriptions").glob("*.json")
    books(fake).agree(contract.stem)
    owner.browser().post(f"{CHOOSE}/ask")
    preview = client.get("/api/settings/billing/change?plan=enterprise").json()
    assert preview["kind"] == "upgrade"
    changed = post("change", plan="enterprise").json()
    assert changed["order_id"] == SubscriptionOrder.objects.get().gateway_id
    assert SubscriptionOrder.objects.get().amount == pytest.approx(preview["amount"], abs=5_00)
    assert post("cancel").json()["status"] == "cancelling"
    assert post("resume").json()["status"] == "active"
    refused = post("resume")
    assert (refused.status_code, refused.json()["code"]) == (409, "subscription_state")
    UserSession.objects.update(authenticated_at="2020-01-01T00:00:00Z")
    assert post("cancel").json()["code"] == "fresh_sign_in_required"
