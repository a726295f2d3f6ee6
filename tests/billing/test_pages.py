"""Settings, AI tokens and Billing as people use them, without script."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from convergio.accounts.models import User, UserSession, WorkspaceMember
from convergio.billing.methods import refresh_methods
from convergio.billing.models import BillingProfile, Invoice, PaymentMethod, TokenPackage, TokenPurchase
from convergio.billing.refunds import refund_purchase
from convergio.billing.transfers import record_transfer
from tests.billing.buying import buy, tokens
from tests.billing.sellers import Seller
from tests.billing.servers.loopback import Fault
from tests.cast import Person

TOKENS, BUY = "/dashboard/settings/tokens", "/dashboard/settings/tokens/buy"
BILLING = "/dashboard/settings/billing"


def field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, name
    return found[1]


def text(answer: Any) -> str:
    """What a person reads."""
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def filled(client: Client, **chosen: Any) -> dict[str, Any]:
    """The form as the page offers it for this choice."""
    page = client.get(BUY, {"package": "growth", **chosen}).content.decode()
    form = {name: field(page, name) for name in ("key", "package", "total")}
    return {"quantity": 1, "gateway": "fake", **form, **chosen}


def go_to_pay(client: Client, **chosen: Any) -> Any:
    answer = client.post(BUY, filled(client, **chosen))
    assert answer.status_code == 302, text(answer)
    return client.get(answer["Location"])


def test_packages_say_their_price_and_the_tax_in_it(fake: Seller, owner: Person, settings: Any) -> None:
    page = text(owner.browser().get(TOKENS))
    assert "Growth ₹1,999 includes 18 % GST 25,000 tokens and 2,500 on top" in page
    settings.PRICES_INCLUDE_TAX = False
    assert "Growth ₹2,358.82 ₹1,999 plus 18 % GST" in text(owner.browser().get(TOKENS))
    settings.SELLER_GSTIN = ""
    assert "Growth ₹1,999 No GST is charged" in text(owner.browser().get(TOKENS))


def test_a_purchase_from_the_card_to_the_invoice(fake: Seller, owner: Person) -> None:
    client = owner.browser()
    checkout = go_to_pay(client, quantity=2)
    assert "No money moves" in text(checkout)
    purchase = TokenPurchase.objects.get()
    assert (purchase.status, purchase.amount) == ("pending", 399_800)
    page = client.get(f"{TOKENS}/purchases/{purchase.id}")
    assert 'hx-trigger="every 4s' in page.content.decode()
    paid = client.post(f"{TOKENS}/checkout/{purchase.id}/test", {"outcome": "pay"}, follow=True)
    assert "55,000 AI tokens are on the balance" in text(paid)
    assert "every 4s" not in paid.content.decode()
    assert tokens(owner) == 55_000
    invoice = Invoice.objects.get()
    pdf = client.get(f"{BILLING}/invoices/{invoice.id}.pdf")
    assert (pdf["Content-Type"], pdf.content[:5]) == ("application/pdf", b"%PDF-")
    assert invoice.number in text(client.get(BILLING))
    again = client.get(f"{TOKENS}/checkout/{purchase.id}")
    assert again["Location"] == f"{TOKENS}/purchases/{purchase.id}"


def test_a_declined_payment_is_told_and_can_be_tried_again(fake: Seller, owner: Person) -> None:
    client = owner.browser()
    go_to_pay(client)
    purchase = TokenPurchase.objects.get()
    page = client.post(f"{TOKENS}/checkout/{purchase.id}/test", {"outcome": "decline"}, follow=True)
    assert "The payment was declined: You chose to decline it. Nothing was credited." in text(page)
    assert tokens(owner) == 0
    assert "No money moves" in text(client.get(f"{TOKENS}/checkout/{purchase.id}"))
    client.post(f"{TOKENS}/checkout/{purchase.id}/test", {"outcome": "pay"})
    assert tokens(owner) == 27_500


def test_a_closed_tab_is_asked_for_by_hand(fake: Seller, owner: Person) -> None:
    checkout = buy(owner, fake)
    fake.side.pay(checkout.order.id)
    page = owner.browser().post(f"{TOKENS}/checkout/{checkout.purchase.id}/ask", follow=True)
    assert "27,500 AI tokens are on the balance" in text(page)


def test_the_total_that_was_seen_is_charged_or_shown_anew(fake: Seller, owner: Person) -> None:
    client = owner.browser()
    form = filled(client)
    for change in ({"quantity": 3}, {"total": 1}, {"total": ""}):
        answer = client.post(BUY, form | change)
        assert (answer.status_code, TokenPurchase.objects.count()) == (409, 0)
        assert "The total has changed" in text(answer)
    TokenPackage.objects.filter(slug="growth").update(price=250_000)
    assert "Pay ₹2,500" in text(client.post(BUY, form))
    looked = client.post(BUY, form | {"quantity": 3, "look": "1"})
    assert "Pay ₹7,500" in text(looked)
    assert TokenPurchase.objects.count() == 0


@pytest.mark.parametrize("quantity", ["0", "-1", "21", "1000000000000", "9" * 40, "two", "1.5", ""])
def test_absurd_quantities_stay_on_the_form(fake: Seller, owner: Person, quantity: str) -> None:
    client = owner.browser()
    form = filled(client) | {"quantity": quantity}
    shown = client.get(BUY, {"package": "growth", "quantity": quantity})
    assert "1 to 20 times" in text(shown)
    assert client.post(BUY, form).status_code in (400, 409, 422)
    assert TokenPurchase.objects.count() == 0


def test_sending_the_form_twice_buys_once_and_two_tabs_buy_twice(fake: Seller, owner: Person) -> None:
    client = owner.browser()
    first, second = filled(client), filled(client)
    one, same, other = client.post(BUY, first), client.post(BUY, first), client.post(BUY, second)
    assert one["Location"] == same["Location"] != other["Location"]
    changed = client.post(BUY, first | filled(client, quantity=2) | {"key": first["key"]})
    assert changed.status_code == 302
    assert TokenPurchase.objects.count() == 3


def test_a_gateway_that_is_down_keeps_everything(razorpay: Seller, owner: Person) -> None:
    client = owner.browser()
    razorpay.server.faults += [Fault("GET", "/v1/orders", "down")]
    form = filled(client, gateway="razorpay", quantity=2)
    answer = client.post(BUY, form)
    assert answer.status_code == 503
    shown = answer.content.decode()
    assert "Nothing was charged. Try again" in text(answer)
    assert (field(shown, "key"), 'value="2"' in shown) == (form["key"], True)
    assert client.post(BUY, form)["Location"].startswith(f"{TOKENS}/checkout/")
    assert TokenPurchase.objects.count() == 1
    razorpay.server.faults += [Fault("GET", "/v1/orders", "down")]
    purchase = TokenPurchase.objects.get()
    page = client.get(f"{TOKENS}/checkout/{purchase.id}", follow=True)
    assert "Razorpay does not answer right now. Nothing is lost" in text(page)


def test_razorpays_script_may_run_on_its_page_alone(razorpay: Seller, owner: Person) -> None:
    client = owner.browser()
    page = go_to_pay(client, gateway="razorpay")
    assert 'src="https://checkout.razorpay.com/v1/checkout.js"' in page.content.decode()
    policy = dict(part.strip().split(" ", 1) for part in page["Content-Security-Policy"].split(";"))
    ordinary = client.get(TOKENS)["Content-Security-Policy"]
    plain = dict(part.strip().split(" ", 1) for part in ordinary.split(";"))
    origins = f"'self' https://checkout.razorpay.com https://cdn.razorpay.com {razorpay.server.url}"
    assert {name for name in policy if policy[name] != plain[name] and name != "style-src"} == {
        "script-src",
        "frame-src",
    }
    assert policy["script-src"] == policy["frame-src"] == origins
    assert "razorpay" not in ordinary
    assert page["Cross-Origin-Opener-Policy"] == "same-origin-allow-popups"
    assert client.get(TOKENS)["Cross-Origin-Opener-Policy"] == "same-origin"


def test_what_razorpay_signed_ends_in_tokens_and_forgeries_do_not(
    razorpay: Seller, owner: Person, outsider: Person
) -> None:
    checkout = buy(owner, razorpay)
    razorpay.side.pay(checkout.order.id)
    fields = {"gateway": "razorpay", **razorpay.side.come_back(checkout.order.id)}
    assert owner.browser().post(f"{TOKENS}/return", fields | {"razorpay_signature": "0"}).status_code == 400
    assert outsider.browser().post(f"{TOKENS}/return", fields).status_code == 404
    assert tokens(owner) == 0
    page = owner.browser().post(f"{TOKENS}/return", fields, follow=True)
    assert "27,500 AI tokens are on the balance" in text(page)


def test_stripes_page_is_linked_and_comes_back_by_its_session(stripe: Seller, owner: Person) -> None:
    client = owner.browser()
    page = go_to_pay(client, gateway="stripe")
    purchase = TokenPurchase.objects.get()
    assert re.search(r'href="[^"]+" data-forward', page.content.decode())
    assert page["Content-Security-Policy"] == page["Content-Security-Policy"].replace("http", "")
    stripe.side.pay(purchase.gateway_id)
    done = client.get(TOKENS, {"session_id": purchase.gateway_id}, follow=True)
    assert "27,500 AI tokens are on the balance" in text(done)
    assert client.get(f"{TOKENS}/return", {"session_id": "cs_other"}).status_code == 404
    assert client.get(f"{TOKENS}/return").status_code == 404


def test_a_transfer_says_where_to_and_what_happens_next(
    bank: Seller, owner: Person, outsider: Person
) -> None:
    client = owner.browser()
    page = text(go_to_pay(client, gateway="manual"))
    purchase = TokenPurchase.objects.get()
    assert "Bank of Example" in page
    assert str(purchase.reference) in page
    waiting = text(client.get(f"{TOKENS}/purchases/{purchase.id}"))
    assert "We wait for your transfer" in waiting
    record_transfer(
        outsider.user.id, purchase_id=purchase.id, amount=199_900, currency="INR", bank_reference="UTR1"
    )
    assert "27,500 AI tokens are on the balance" in text(client.get(f"{TOKENS}/purchases/{purchase.id}"))


def test_the_test_payment_is_not_there_for_real_gateways(fake: Seller, owner: Person, settings: Any) -> None:
    checkout = buy(owner, fake)
    path = f"{TOKENS}/checkout/{checkout.purchase.id}/test"
    settings.FAKE_GATEWAY = False
    assert owner.browser().post(path, {"outcome": "pay"}).status_code == 404
    settings.FAKE_GATEWAY = True
    TokenPurchase.objects.update(gateway="manual")
    assert owner.browser().post(path, {"outcome": "pay"}).status_code == 404
    assert tokens(owner) == 0


def test_buying_takes_a_fresh_sign_in_and_keeps_the_choice(fake: Seller, owner: Person) -> None:
    client = owner.browser()
    form = filled(client, quantity=3)
    UserSession.objects.update(authenticated_at="2020-01-01T00:00:00Z")
    answer = client.post(BUY, form)
    assert answer["Location"].startswith(
        "/confirm?next=%2Fdashboard%2Fsettings%2Ftokens%2Fbuy%3Fpackage%3Dgrowth"
    )
    assert "quantity%3D3" in answer["Location"]
    assert TokenPurchase.objects.count() == 0


def test_the_owner_is_told_less_than_staff_when_nothing_can_be_sold(
    fake: Seller, owner: Person, settings: Any
) -> None:
    settings.SELLER_NAME = ""
    page = text(owner.browser().get(TOKENS))
    assert "Nothing can be bought here yet" in page
    assert "CONVERGIO_" not in page
    assert "Growth ₹1,999" in page
    assert "Pay ₹" not in text(owner.browser().get(BUY, {"package": "growth"}))
    User.objects.filter(id=owner.user.id).update(is_staff=True)
    assert "CONVERGIO_SELLER_NAME" in text(owner.browser().get(TOKENS))
    settings.SELLER_NAME, settings.FAKE_GATEWAY = "Convergio", False
    assert "No way to pay is switched on" in text(owner.browser().get(TOKENS))


def test_members_see_the_balance_and_admins_the_purchases(
    fake: Seller, owner: Person, teammate: Person
) -> None:
    checkout = buy(owner, fake)
    member = teammate.browser()
    page = text(member.get(TOKENS))
    assert "0 left" in page
    assert "Owner owns this workspace and can buy tokens for it" in page
    assert "Purchases" not in page
    assert 'href="/dashboard/settings/billing"' not in member.get(TOKENS).content.decode()
    assert member.get(BILLING).status_code == 403
    assert member.get(BUY, {"package": "growth"}).status_code == 403
    WorkspaceMember.objects.filter(user=teammate.user).update(role="admin")
    assert "Purchases 1" in text(member.get(TOKENS))
    assert "Invoices" not in text(member.get(BILLING))
    assert member.get(f"{TOKENS}/purchases/{checkout.purchase.id}").status_code == 200
    assert member.get(f"{TOKENS}/checkout/{checkout.purchase.id}").status_code == 403


def test_billing_details_are_kept_and_what_is_wrong_stands_at_its_field(owner: Person) -> None:
    client = owner.browser()
    form = {"name": "Lotus Studio", "address": "1 Lake Road\r\nPune", "country": "IN", "state": "27"}
    answer = client.post(f"{BILLING}/details", form | {"gstin": "27AAAFN4321K1Z0"})
    assert answer.status_code == 422
    assert "check digit does not fit" in text(answer)
    assert "1 Lake Road" in text(answer)
    assert BillingProfile.objects.count() == 0
    saved = client.post(f"{BILLING}/details", form | {"gstin": ""}, follow=True)
    assert "Billing details saved" in text(saved)
    assert BillingProfile.objects.get().address == ["1 Lake Road", "Pune"]
    UserSession.objects.update(authenticated_at="2020-01-01T00:00:00Z")
    stale = client.post(f"{BILLING}/details", form | {"name": "Another"})
    assert (stale.status_code, BillingProfile.objects.get().name) == (403, "Lotus Studio")
    assert "Confirm that it is you" in text(stale)


def test_saved_methods_are_shown_and_removed(fake: Seller, owner: Person) -> None:
    client = owner.browser()
    assert "None kept" in text(client.get(BILLING))
    refresh_methods(owner.actor, gateway="fake")
    assert "Fake ending 0000" in text(client.get(BILLING))
    assert "up to date" in text(client.post(f"{BILLING}/payment-methods/look", follow=True))
    method = PaymentMethod.objects.get()
    page = client.post(f"{BILLING}/payment-methods/{method.id}/forget", follow=True)
    assert "Payment method removed" in text(page)
    assert "None kept" in text(client.post(f"{BILLING}/payment-methods/look", follow=True))


def test_credit_notes_stand_below_their_invoice(fake: Seller, owner: Person, outsider: Person) -> None:
    checkout = buy(owner, fake)
    fake.side.pay(checkout.order.id)
    client = owner.browser()
    client.post(f"{TOKENS}/checkout/{checkout.purchase.id}/ask")
    refund_purchase(
        outsider.user.id, purchase_id=checkout.purchase.id, reason="Asked by phone", amount=100_00
    )
    page = text(client.get(BILLING))
    assert re.search(
        r"CB/\d\d-\d\d/000001 .* Paid .* CN/\d\d-\d\d/000001 .* Credit note: Asked by phone .* -₹100", page
    )
    assert "₹100 sent back" in text(client.get(TOKENS))


def test_the_list_pages_ask_the_same_few_questions(
    fake: Seller, owner: Person, django_assert_max_num_queries: Any
) -> None:
    for _ in range(12):
        checkout = buy(owner, fake)
        fake.side.pay(checkout.order.id)
        owner.browser().post(f"{TOKENS}/checkout/{checkout.purchase.id}/ask")
    client = owner.browser()
    with django_assert_max_num_queries(24):
        assert client.get(TOKENS).status_code == 200
    with django_assert_max_num_queries(20):
        assert client.get(BILLING).status_code == 200
