"""Buying over REST: whose it is, what the browser cannot decide, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from convergio.accounts.api_keys import issue_api_key
from convergio.accounts.models import UserSession, WorkspaceMember
from convergio.billing.methods import refresh_methods
from convergio.billing.models import CreditNote, Invoice, PaymentMethod, TokenPurchase
from convergio.billing.payments import complete_purchase
from convergio.billing.refunds import refund_purchase
from convergio.core.models import Activity
from convergio.core.tenancy import workspace_scope
from tests.billing.buying import deliver, tokens
from tests.billing.sellers import Seller
from tests.billing.servers.loopback import Fault
from tests.cast import Person
from tests.jobs import run_jobs

PURCHASE = "/api/settings/tokens/purchase"


def post(client: Client, path: str, body: dict[str, Any], **headers: str) -> Any:
    return client.post(path, body, content_type="application/json", headers=headers)


def bought(person: Person, seller: Seller, **wanted: Any) -> dict[str, Any]:
    """A purchase, paid at the gateway and told by its webhook."""
    body = {"package": "growth", "gateway": seller.name, **wanted}
    answer = post(person.program(), PURCHASE, body)
    assert answer.status_code == 201, answer.content
    made: dict[str, Any] = answer.json()
    seller.side.pay(made["order_id"])
    deliver(seller, seller.side.webhook(seller.paid_event, made["order_id"]))
    run_jobs()
    return made


def test_packages_are_listed_with_their_price(owner: Person, teammate: Person) -> None:
    for person in (owner, teammate):
        found = person.program().get("/api/settings/tokens/packages").json()
        assert [(one["slug"], one["price"]) for one in found][:2] == [
            ("starter", 49_900),
            ("growth", 199_900),
        ]


def test_a_purchase_answers_what_checkout_needs_and_ends_in_tokens(
    online_seller: Seller, owner: Person
) -> None:
    made = bought(owner, online_seller, quantity=2)
    assert (made["purchase"]["amount"], made["purchase"]["status"]) == (399_800, "pending")
    assert bool(made["url"]) is (online_seller.name == "stripe")
    assert bool(made["client"]) is (online_seller.name != "stripe")
    row = owner.program().get(f"/api/settings/tokens/purchases/{made['purchase']['id']}").json()
    assert (row["status"], row["invoice_number"]) == ("paid", Invoice.objects.get().number)
    assert tokens(owner) == 55_000


def test_the_first_gateway_is_the_default_and_none_is_said(
    fake: Seller, owner: Person, settings: Any
) -> None:
    answer = post(owner.program(), PURCHASE, {"package": "growth"})
    assert answer.json()["purchase"]["gateway"] == "fake"
    settings.FAKE_GATEWAY = False
    answer = post(owner.program(), PURCHASE, {"package": "growth"})
    assert (answer.status_code, answer.json()["code"]) == (409, "no_way_to_pay")


def test_the_amount_of_the_browser_is_ignored(fake: Seller, owner: Person) -> None:
    body = {
        "package": "growth",
        "amount": 1,
        "price": 1,
        "currency": "USD",
        "tokens": 10**9,
        "status": "paid",
    }
    made = post(owner.program(), PURCHASE, body).json()["purchase"]
    assert (made["amount"], made["currency"], made["tokens"], made["status"]) == (
        199_900,
        "INR",
        25_000,
        "pending",
    )


@pytest.mark.parametrize("quantity", [0, -1, 21, 10**12, 10**30])
def test_absurd_quantities_get_a_sentence(fake: Seller, owner: Person, quantity: int) -> None:
    answer = post(owner.program(), PURCHASE, {"package": "growth", "quantity": quantity})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_quantity")
    assert TokenPurchase.objects.count() == 0


@pytest.mark.parametrize(
    "body", [{"package": "none"}, {"package": "growth", "gateway": "paypal"}, {"package": "\0"}]
)
def test_what_is_not_sold_is_not_found(fake: Seller, owner: Person, body: dict[str, str]) -> None:
    assert post(owner.program(), PURCHASE, body).status_code in (400, 404)
    assert TokenPurchase.objects.count() == 0


def test_one_key_is_one_purchase(fake: Seller, owner: Person) -> None:
    client = owner.program()
    first, second = (post(client, PURCHASE, {"package": "growth"}, idempotency_key="tab") for _ in range(2))
    assert first.json() == second.json()
    other = post(client, PURCHASE, {"package": "starter"}, idempotency_key="tab")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    assert post(client, PURCHASE, {"package": "growth"}, idempotency_key="x" * 256).status_code == 400
    assert TokenPurchase.objects.count() == 1


def test_a_gateway_that_is_down_keeps_the_purchase_for_the_same_key(razorpay: Seller, owner: Person) -> None:
    razorpay.server.faults.append(Fault("GET", "/v1/orders", "down"))
    client = owner.program()
    answer = post(client, PURCHASE, {"package": "growth"}, idempotency_key="once")
    assert answer.status_code == 503
    assert TokenPurchase.objects.get().status == "pending"
    assert post(client, PURCHASE, {"package": "growth"}, idempotency_key="once").status_code == 201
    assert TokenPurchase.objects.count() == 1


def test_nothing_is_sold_without_a_seller(fake: Seller, owner: Person, settings: Any) -> None:
    settings.SELLER_NAME = ""
    answer = post(owner.program(), PURCHASE, {"package": "growth"})
    assert (answer.status_code, answer.json()["code"]) == (409, "not_invoiceable")
    assert "who sells" in answer.json()["error"]


def test_only_a_person_who_just_signed_in_buys(fake: Seller, owner: Person, teammate: Person) -> None:
    assert post(teammate.program(), PURCHASE, {"package": "growth"}).json()["code"] == "not_allowed"
    _, key = issue_api_key(user_id=owner.user.id, workspace_id=owner.workspace.id, name="n8n")
    by_key = Client(headers={"X-API-Key": key})
    assert post(by_key, PURCHASE, {"package": "growth"}).json()["code"] == "session_required"
    assert by_key.get("/api/settings/billing/invoices").status_code == 200
    client = owner.program()
    UserSession.objects.update(authenticated_at="2020-01-01T00:00:00Z")
    assert post(client, PURCHASE, {"package": "growth"}).json()["code"] == "fresh_sign_in_required"
    assert TokenPurchase.objects.count() == 0


def test_admins_see_their_workspaces_purchases_and_members_none(
    fake: Seller, owner: Person, teammate: Person
) -> None:
    bought(owner, fake)
    member = teammate.program()
    assert member.get("/api/settings/tokens/purchases").status_code == 403
    WorkspaceMember.objects.filter(user=teammate.user).update(role="admin")
    answer = member.get("/api/settings/tokens/purchases")
    assert (len(answer.json()), answer["X-Total-Count"]) == (1, "1")
    TokenPurchase.objects.update(workspace=None)
    assert member.get("/api/settings/tokens/purchases").json() == []
    assert len(owner.program().get("/api/settings/tokens/purchases").json()) == 1
    for path in ("invoices", "payment-methods", "profile"):
        assert member.get(f"/api/settings/billing/{path}").status_code == 403


def test_papers_are_downloaded_by_whom_they_bill_only(
    fake: Seller, owner: Person, outsider: Person, teammate: Person
) -> None:
    made = bought(owner, fake)
    refund_purchase(outsider.user.id, purchase_id=made["purchase"]["id"], reason="Asked by phone", amount=100)
    (invoice,) = owner.program().get("/api/settings/billing/invoices").json()
    assert (invoice["total"], invoice["credited"]) == (199_900, 100)
    (note,) = owner.program().get(f"/api/settings/billing/invoices/{invoice['id']}/credit-notes").json()
    paths = [f"invoices/{invoice['id']}.pdf", f"credit-notes/{note['id']}.pdf"]
    for path in (f"/api/settings/billing/{one}" for one in paths):
        answer = owner.program().get(path)
        assert (answer["Content-Type"], answer.content[:5]) == ("application/pdf", b"%PDF-")
        assert answer["Content-Disposition"].startswith('attachment; filename="C')
        assert outsider.program().get(path).status_code == 404
        assert teammate.program().get(path).status_code == 403
    assert CreditNote.objects.get().reason == "Asked by phone"


def test_the_billing_profile_is_kept_and_says_what_is_wrong(owner: Person, teammate: Person) -> None:
    path = "/api/settings/billing/profile"
    client = owner.program()
    assert client.get(path).json()["name"] == "Owner"
    wanted = {"name": "Lotus Studio", "address": ["Pune"], "gstin": "27AAAFN4321K1Z0"}
    refused = client.patch(path, wanted, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_gstin")
    assert "check digit" in refused.json()["error"]
    kept = client.patch(path, wanted | {"gstin": "", "state": "27"}, content_type="application/json")
    assert kept.json() == {
        "name": "Lotus Studio",
        "address": ["Pune"],
        "state": "27",
        "country": "IN",
        "gstin": "",
    }
    changed = client.patch(path, {"address": ["Nagpur"]}, content_type="application/json").json()
    assert (changed["name"], changed["address"]) == ("Lotus Studio", ["Nagpur"])
    assert teammate.program().patch(path, wanted, content_type="application/json").status_code == 403
    with workspace_scope(owner.workspace.id):
        assert Activity.objects.filter(action="billing.profile_changed").count() == 2


def test_a_saved_method_is_forgotten_at_its_gateway(fake: Seller, owner: Person, settings: Any) -> None:
    refresh_methods(owner.actor, gateway="fake")
    (method,) = owner.program().get("/api/settings/billing/payment-methods").json()
    path = f"/api/settings/billing/payment-methods/{method['id']}"
    settings.FAKE_GATEWAY = False
    assert owner.program().delete(path).json()["code"] == "gateway_off"
    settings.FAKE_GATEWAY = True
    assert owner.program().delete(path).status_code == 204
    assert PaymentMethod.objects.count() == 0
    refresh_methods(owner.actor, gateway="fake")
    assert PaymentMethod.objects.count() == 0


def test_what_happens_is_in_the_workspaces_log(fake: Seller, owner: Person, outsider: Person) -> None:
    made = bought(owner, fake)
    refund_purchase(outsider.user.id, purchase_id=made["purchase"]["id"], reason="Asked")
    page = owner.browser().get("/dashboard/settings/activity?kind=billing").content.decode()
    for words in (
        "began a purchase: Growth package, quantity 1, ₹1,999.00",
        "received ₹1,999.00 and credited 27,500 AI tokens",
        "sent ₹1,999.00 of purchase",
    ):
        assert words in page
    assert complete_purchase(made["purchase"]["id"]) == "refunded"
