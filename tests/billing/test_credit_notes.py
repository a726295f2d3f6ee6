"""Credit notes take back an invoice in parts that sum to it exactly, and never more than is left."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from convergio.billing import checks
from convergio.billing.errors import BadInvoice, NotInvoiceable
from convergio.billing.invoicing.actions import issue_invoice
from convergio.billing.invoicing.credit_notes import divide, issue_credit_note, left_of
from convergio.billing.invoicing.rows import Party, Totals
from convergio.billing.invoicing.supply import decide_supply
from convergio.billing.invoicing.taxes import Item, tax_items
from convergio.billing.models import CreditNote, Invoice
from convergio.core.errors import NotFound
from tests.billing.business import PRO, SELLER_GSTIN, clock, sell, seller
from tests.billing.test_gst import BUYERS, ITEMS
from tests.cast import Person, make_person

__all__ = ["clock", "seller"]
TRAINING = Item("Training", 999_99, quantity=3, sac="999293", rate=500)


def state(invoice: Invoice) -> tuple[str, int]:
    assert list(checks.broken()) == []
    invoice = Invoice.objects.get(id=invoice.id)
    return invoice.status, invoice.credited


@pytest.mark.django_db
def test_a_whole_refund_takes_back_every_line_and_tax(owner: Person, clock: Any) -> None:
    invoice = sell(owner, PRO, TRAINING)
    note = issue_credit_note(invoice.id, reason="Returned within 7 days")
    assert note.number == "CN/26-27/000001"
    assert (note.lines, note.tax_lines, note.total) == (invoice.lines, invoice.tax_lines, invoice.total)
    assert state(invoice) == ("refunded", invoice.total)


@pytest.mark.django_db
def test_parts_sum_to_the_invoice_and_keep_the_halves_equal(owner: Person) -> None:
    invoice = sell(owner, PRO, TRAINING)
    notes = [
        issue_credit_note(invoice.id, reason="part", amount=amount) for amount in (1_000_01, 33, 1_234_56)
    ]
    assert state(invoice) == ("paid", 2_234_90)
    notes.append(issue_credit_note(invoice.id, reason="rest"))
    assert state(invoice) == ("refunded", invoice.total)
    assert sum(note.tax for note in notes) == invoice.tax
    for note in notes:
        central, of_state, *_ = (tax["amount"] for tax in note.tax_lines)
        assert central == of_state


@pytest.mark.django_db
@pytest.mark.parametrize("amount", [0, -1, 1_999_01])
def test_no_more_than_the_invoice_and_no_less_than_something(owner: Person, amount: int) -> None:
    invoice = sell(owner)
    with pytest.raises(NotInvoiceable, match="what is left"):
        issue_credit_note(invoice.id, reason="x", amount=amount)
    assert state(invoice) == ("paid", 0)
    assert not CreditNote.objects.exists()


@pytest.mark.django_db
def test_nothing_is_left_after_everything(owner: Person) -> None:
    invoice = sell(owner)
    issue_credit_note(invoice.id, reason="x", amount=1_999_00)
    with pytest.raises(NotInvoiceable):
        issue_credit_note(invoice.id, reason="x")
    with pytest.raises(NotInvoiceable):
        issue_credit_note(invoice.id, reason="x", amount=1)


@pytest.mark.django_db
def test_what_was_not_paid_is_not_credited(owner: Person) -> None:
    invoice = issue_invoice(owner.user, lines=[PRO], paid_at=None)
    with pytest.raises(NotInvoiceable, match="paid invoice"):
        issue_credit_note(invoice.id, reason="x")
    with pytest.raises(NotFound):
        issue_credit_note(0, reason="x")
    with pytest.raises(BadInvoice, match="says why"):
        issue_credit_note(invoice.id, reason=" ")


@pytest.mark.django_db
def test_one_refund_has_one_note(owner: Person) -> None:
    invoice = sell(owner)
    made = [
        issue_credit_note(invoice.id, reason="x", gateway="fake", gateway_id="rfnd_1").id for _ in range(2)
    ]
    assert len(set(made)) == 1
    assert state(invoice) == ("refunded", 1_999_00)


def test_of_many_refunds_at_once_only_as_many_are_made_as_fit(committed: None) -> None:
    invoice = sell(make_person("owner"), replace(PRO, unit_price=1_000_00))

    def refund(_number: int) -> bool:
        try:
            issue_credit_note(invoice.id, reason="x", amount=70_00)
            return True
        except NotInvoiceable:
            return False
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(refund, range(24))) == 14
    assert state(invoice) == ("paid", 980_00)


@given(ITEMS, BUYERS, st.booleans(), st.lists(st.integers(1, 10**6), max_size=8))
def test_however_an_invoice_is_taken_back_nothing_is_lost_and_nothing_exceeded(
    items: list[Item], buyer: Party, inclusive: bool, wishes: list[int]
) -> None:
    supply = decide_supply(Party("S", state="27", gstin=SELLER_GSTIN), buyer, prices_include_tax=inclusive)
    whole = tax_items(items, supply, sac="997331", rate=1800)
    notes: list[Totals] = []
    for wish in [*wishes, 10**18]:
        left = left_of(whole, notes)
        if amount := min(wish, left.total):
            note = divide(left, amount)
            assert note.total == amount
            assert note.tax == sum(tax.amount for tax in note.tax_lines)
            for part, rest in zip(note.lines, left.lines, strict=True):
                assert 0 <= part.taxable <= rest.taxable
                assert 0 <= part.tax <= rest.tax
            for taken, tax in zip(note.tax_lines, left.tax_lines, strict=True):
                assert 0 <= taken.amount <= tax.amount
            notes.append(note)
    nothing = left_of(whole, notes)
    assert not any(line.total for line in nothing.lines)
    assert not any(tax.amount or tax.taxable for tax in nothing.tax_lines)
