"""A purchase that is paid has its invoice in the same transaction; one that is refunded its credit note."""

from __future__ import annotations

from typing import Any

import pytest

from convergio.billing.errors import NoSeller, NotInvoiceable
from convergio.billing.invoicing import sales
from convergio.billing.invoicing.parties import save_profile
from convergio.billing.jobs import settle_payments
from convergio.billing.models import CreditNote, GatewayDifference, Invoice, TokenPackage, TokenPurchase
from convergio.billing.payments import Checkout, complete_purchase
from convergio.billing.refunds import refund_purchase
from convergio.core import sql
from tests.billing.buying import buy, credited, differences, status, tokens
from tests.billing.sellers import Seller
from tests.cast import Person
from tests.jobs import run_jobs


def paid(person: Person, seller: Seller, **wanted: Any) -> Checkout:
    checkout = buy(person, seller, **wanted)
    seller.side.pay(checkout.order.id)
    assert complete_purchase(checkout.purchase.id) == "paid"
    return checkout


def test_a_paid_purchase_is_invoiced_once_and_mailed(seller: Seller, owner: Person) -> None:
    checkout = paid(owner, seller, quantity=3)
    complete_purchase(checkout.purchase.id)
    invoice = Invoice.objects.get()
    assert TokenPurchase.objects.get().invoice_id == invoice.id
    assert (invoice.total, invoice.status, invoice.gateway) == (3 * 199_900, "paid", seller.name)
    (line,) = invoice.lines
    assert line["description"] == "Growth package: 25,000 AI tokens and 2,500 bonus tokens"
    assert (line["quantity"], line["unit_price"]) == (3, 199_900)
    assert "billing.mail_invoice" in run_jobs()
    assert tokens(owner) == 3 * 27_500


def test_tax_on_top_is_charged_and_invoiced(fake: Seller, owner: Person, settings: Any) -> None:
    settings.PRICES_INCLUDE_TAX = False
    checkout = paid(owner, fake)
    invoice = Invoice.objects.get()
    assert checkout.purchase.amount == invoice.total == 199_900 + 35_982
    assert (invoice.subtotal, invoice.lines[0]["unit_price"]) == (199_900, 199_900)
    assert tokens(owner) == 27_500


@pytest.mark.parametrize("inclusive", [True, False])
def test_the_invoice_is_over_what_was_paid_whatever_changed_since(
    fake: Seller, owner: Person, settings: Any, inclusive: bool
) -> None:
    settings.PRICES_INCLUDE_TAX = inclusive
    checkout = buy(owner, fake, quantity=3)
    TokenPackage.objects.filter(slug="growth").update(price=1_00)
    save_profile(owner.user.id, name="Lotus Studio", address=[], country="DE")
    settings.SELLER_LUT = "AD270426000123X"
    fake.side.pay(checkout.order.id)
    assert complete_purchase(checkout.purchase.id) == "paid"
    invoice = Invoice.objects.get()
    assert (invoice.total, invoice.buyer["name"]) == (checkout.purchase.amount, "Lotus Studio")
    assert tokens(owner) == 3 * 27_500


def test_nothing_is_begun_that_could_not_be_invoiced(fake: Seller, owner: Person, settings: Any) -> None:
    settings.SELLER_NAME = ""
    with pytest.raises(NoSeller, match="has not said who sells"):
        buy(owner, fake)
    settings.SELLER_NAME = "Another"
    sql.execute(
        "INSERT INTO invoice_counters (series, seller_gstin, last_number, last_issued_at)"
        " SELECT 'CB/' || y || '-' || y + 1, '', 1, now() FROM generate_series(20, 60) AS y"
    )
    with pytest.raises(NotInvoiceable, match="another seller"):
        buy(owner, fake)
    sql.execute(
        "UPDATE invoice_counters SET seller_gstin = %s, last_number = 9999999", [settings.SELLER_GSTIN]
    )
    with pytest.raises(NotInvoiceable, match="used up"):
        buy(owner, fake)
    assert TokenPurchase.objects.count() == 0


def test_money_that_came_is_credited_without_an_invoice_and_invoiced_later(
    fake: Seller, owner: Person, settings: Any
) -> None:
    checkout = buy(owner, fake)
    fake.side.pay(checkout.order.id)
    settings.SELLER_NAME = ""
    assert complete_purchase(checkout.purchase.id) == "paid"
    assert tokens(owner) == 27_500
    assert (Invoice.objects.count(), differences()) == (0, ["document_missing"])
    assert "who sells" in GatewayDifference.objects.get().detail
    settle_payments(0)
    assert Invoice.objects.count() == 0
    settings.SELLER_NAME = "Convergio Software Private Limited"
    settle_payments(0)
    assert TokenPurchase.objects.get().invoice_id == Invoice.objects.get().id
    assert GatewayDifference.objects.get().resolved_at is not None
    assert sales.issue_missing() == 0
    assert tokens(owner) == 27_500


def test_a_fault_of_ours_in_the_invoice_keeps_the_credit(fake: Seller, owner: Person) -> None:
    """A number that is taken already fails in the database, in the middle of the crediting transaction."""
    paid(owner, fake)
    checkout = buy(owner, fake)
    fake.side.pay(checkout.order.id)
    sql.execute("UPDATE invoice_counters SET last_number = last_number - 1")
    assert complete_purchase(checkout.purchase.id) == "paid"
    assert credited(checkout) == [("purchase", 25_000), ("bonus", 2_500)]
    assert (Invoice.objects.count(), differences()) == (1, ["document_missing"])
    sql.execute("UPDATE invoice_counters SET last_number = last_number + 1")
    assert sales.issue_missing() == 1
    assert Invoice.objects.count() == 2
    assert tokens(owner) == 2 * 27_500


def test_a_refund_has_its_credit_note(seller: Seller, owner: Person, outsider: Person) -> None:
    checkout = paid(owner, seller)
    refund: Any = {"purchase_id": checkout.purchase.id, "reason": "Bought by mistake"}
    assert refund_purchase(outsider.user.id, amount=50_000, **refund) == "done"
    assert refund_purchase(outsider.user.id, **refund) == "done"
    notes = CreditNote.objects.order_by("id")
    assert [(note.total, note.reason) for note in notes] == [
        (50_000, "Bought by mistake"),
        (149_900, "Bought by mistake"),
    ]
    assert (Invoice.objects.get().status, status(checkout)) == ("refunded", "refunded")
    assert run_jobs().count("billing.mail_credit_note") == 2
    assert tokens(owner) == 0


def test_a_refund_before_the_invoice_is_credited_when_the_invoice_comes(
    fake: Seller, owner: Person, outsider: Person, settings: Any
) -> None:
    checkout = buy(owner, fake)
    fake.side.pay(checkout.order.id)
    settings.SELLER_NAME = ""
    complete_purchase(checkout.purchase.id)
    done = refund_purchase(outsider.user.id, purchase_id=checkout.purchase.id, reason="Asked", amount=100)
    assert (done, CreditNote.objects.count()) == ("done", 0)
    settings.SELLER_NAME = "Convergio Software Private Limited"
    assert sales.issue_missing() == 1
    assert (Invoice.objects.get().credited, CreditNote.objects.get().total) == (100, 100)
    assert tokens(owner) == 27_500 - 13
