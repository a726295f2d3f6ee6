"""Invoices are numbered without gaps, say what the law asks for, and stay as they were issued."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError, connection, transaction

from convergio.billing import checks
from convergio.billing.errors import BadInvoice, NotInvoiceable
from convergio.billing.invoicing import queries
from convergio.billing.invoicing.actions import issue_invoice, pay_invoice, void_invoice
from convergio.billing.invoicing.credit_notes import issue_credit_note
from convergio.billing.invoicing.parties import save_profile
from convergio.billing.invoicing.quotes import quote
from convergio.billing.models import Invoice, SubscriptionPlan
from convergio.core import sql
from convergio.core.errors import InvalidInput, NotFound
from convergio.core.paging import Page
from tests.billing.business import NOON, PRO, SELLER_GSTIN, clock, gstin, sell, seller
from tests.cast import Person, make_person
from tests.jobs import run_jobs

__all__ = ["clock", "seller"]


def all_holds() -> bool:
    assert list(checks.broken()) == []
    return True


@pytest.mark.django_db
def test_an_invoice_says_who_sold_what_to_whom(owner: Person, clock: Any) -> None:
    save_profile(
        owner.user.id,
        name="Nia Traders LLP",
        address=["Linking Road", " ", "Mumbai"],
        gstin=gstin("27").lower(),
    )
    invoice = Invoice.objects.get(id=sell(owner).id)
    assert (invoice.number, invoice.status, invoice.paid_at) == ("CB/26-27/000001", "paid", NOON)
    assert (invoice.subtotal, invoice.tax, invoice.total) == (1_694_06, 304_94, 1_999_00)
    assert invoice.seller["gstin"] == SELLER_GSTIN
    assert invoice.buyer == {
        "name": "Nia Traders LLP",
        "address": ["Linking Road", "Mumbai"],
        "state": "27",
        "country": "IN",
        "gstin": gstin("27"),
        "email": "owner@convergio.test",
    }
    assert invoice.lines[0]["sac"] == "997331"
    assert [tax["kind"] for tax in invoice.tax_lines] == ["CGST", "SGST"]
    assert all_holds()


@pytest.mark.django_db
def test_a_buyer_without_profile_is_named_by_the_account(owner: Person) -> None:
    invoice = sell(owner)
    assert (invoice.buyer["name"], invoice.terms["place_of_supply"]) == ("Owner", "27")


@pytest.mark.django_db
def test_numbers_run_on_and_every_year_begins_at_one(owner: Person) -> None:
    last_second = datetime(2027, 3, 31, 18, 29, 59, tzinfo=UTC)  # 23:59:59 in India
    with time_machine.travel(last_second, tick=False) as moving:
        numbers = [sell(owner).number, sell(owner).number]
        moving.shift(timedelta(seconds=1))
        numbers += [sell(owner).number, sell(owner).number]
    assert numbers == ["CB/26-27/000001", "CB/26-27/000002", "CB/27-28/000001", "CB/27-28/000002"]
    assert all_holds()


@pytest.mark.django_db
def test_a_number_is_at_most_16_characters_and_then_refused(owner: Person, settings: Any, clock: Any) -> None:
    settings.INVOICE_PREFIX = "ABC"
    assert len(sell(owner).number) == 16
    sql.execute("UPDATE invoice_counters SET last_number = 999999")
    with pytest.raises(NotInvoiceable, match="used up"):
        sell(owner)


@pytest.mark.django_db
def test_what_is_undone_gives_its_number_back(owner: Person, clock: Any) -> None:
    sell(owner)

    def sell_and_fail() -> None:
        with transaction.atomic():
            assert sell(owner).number == "CB/26-27/000002"
            raise InterruptedError

    with pytest.raises(InterruptedError):
        sell_and_fail()
    assert sell(owner).number == "CB/26-27/000002"
    assert all_holds()


@pytest.mark.django_db
def test_a_later_number_never_has_an_earlier_date(owner: Person, clock: Any) -> None:
    first = sell(owner)
    clock.shift(timedelta(hours=-3))  # a second machine whose clock is behind
    assert sell(owner).issued_at == first.issued_at
    assert all_holds()


@pytest.mark.django_db
def test_another_seller_needs_a_series_of_its_own(owner: Person, settings: Any, clock: Any) -> None:
    sell(owner)
    settings.SELLER_GSTIN, settings.SELLER_STATE = gstin("29", "AAACC1234F"), "29"
    with pytest.raises(NotInvoiceable, match="another seller"):
        sell(owner)
    settings.INVOICE_PREFIX = "KA"
    assert sell(owner).number == "KA/26-27/000001"
    assert all_holds()


@pytest.mark.django_db
def test_one_payment_has_one_invoice(owner: Person, clock: Any) -> None:
    first = sell(owner, payment="pay_1")
    assert sell(owner, payment="pay_1").id == first.id
    assert sell(owner, payment="pay_2").number == "CB/26-27/000002"
    assert all_holds()


def test_fifty_at_once_leave_no_gap_and_no_double(committed: None) -> None:
    person, start = make_person("owner"), Barrier(50)

    def issue(number: int) -> str:
        try:
            if number < 50:
                start.wait()
            with transaction.atomic():
                # Every payment is told twice, and every fifth time the transaction fails after the invoice.
                invoice = sell(person, payment=f"pay_{number // 2}")
                if number % 10 == 4:
                    raise InterruptedError
                return invoice.number
        except InterruptedError:
            return ""
        finally:
            connection.close()

    with ThreadPoolExecutor(50) as pool:
        numbers = list(pool.map(issue, range(100)))
    rows = list(Invoice.objects.order_by("series_number").values_list("series_number", "gateway_id"))
    assert [number for number, _ in rows] == list(range(1, 51))
    assert len({payment for _, payment in rows}) == 50
    assert numbers.count("") == 10
    assert all_holds()


@pytest.mark.django_db
def test_later_changes_do_not_reach_what_was_issued(owner: Person, settings: Any) -> None:
    plan = SubscriptionPlan.objects.get(slug="pro")
    invoice = sell(owner, replace(PRO, unit_price=plan.price))
    before, pdf = Invoice.objects.values().get(), queries.invoice_pdf(owner.user.id, invoice.id)
    SubscriptionPlan.objects.update(price=1)
    save_profile(owner.user.id, name="Another name", address=["Elsewhere"], state="29")
    settings.SELLER_NAME, settings.GST_RATE = "Somebody else", 2800
    assert Invoice.objects.values().get() == before
    assert queries.invoice_pdf(owner.user.id, invoice.id) == pdf


@pytest.mark.django_db
@pytest.mark.parametrize(
    "attempt",
    [
        "UPDATE invoices SET total = total + 1, subtotal = subtotal + 1",
        "UPDATE invoices SET buyer = '{}'",
        "UPDATE invoices SET number = 'X'",
        "UPDATE invoices SET issued_at = now()",
        "UPDATE invoices SET status = 'issued'",
        "UPDATE invoices SET status = 'void'",
        "UPDATE invoices SET paid_at = now()",
        "UPDATE invoices SET gateway_id = 'other'",
        "DELETE FROM invoices",
        "UPDATE credit_notes SET reason = 'x'",
        "DELETE FROM credit_notes",
        "UPDATE invoices SET credited = 0",
    ],
)
def test_the_database_refuses_to_change_what_was_issued(owner: Person, attempt: str) -> None:
    issue_credit_note(sell(owner).id, reason="goodwill", amount=100)
    with pytest.raises(DatabaseError, match=r"frozen|goes from"), transaction.atomic():
        sql.execute(attempt)


@pytest.mark.django_db
def test_an_open_invoice_is_paid_once_or_void(owner: Person) -> None:
    first = issue_invoice(owner.user, lines=[PRO], paid_at=None)
    second = issue_invoice(owner.user, lines=[PRO], paid_at=None)
    assert first.status == "issued"
    pay_invoice(first.id, paid_at=NOON, gateway_id="UTR 1")
    with pytest.raises(NotInvoiceable, match="has an invoice already"):
        pay_invoice(second.id, paid_at=NOON, gateway_id="UTR 1")
    void_invoice(second.id)
    for invoice in (first, second):
        with pytest.raises(NotInvoiceable):
            pay_invoice(invoice.id, paid_at=NOON)
        with pytest.raises(NotInvoiceable):
            void_invoice(invoice.id)
    rows = Invoice.objects.order_by("id").values_list("status", "paid_at", "gateway_id")
    assert list(rows) == [("paid", NOON, "UTR 1"), ("void", None, "")]
    assert all_holds()


@pytest.mark.django_db
def test_nothing_is_sold_before_somebody_sells(owner: Person, settings: Any) -> None:
    settings.SELLER_NAME = ""
    with pytest.raises(NotInvoiceable, match="CONVERGIO_SELLER_NAME"):
        quote(owner.user, [PRO])


@pytest.mark.django_db
def test_an_unknown_currency_is_refused(owner: Person) -> None:
    with pytest.raises(BadInvoice, match="Invoices are in INR"):
        sell(owner, currency="JPY")
    assert not Invoice.objects.exists()


@pytest.mark.django_db
def test_a_quote_is_what_the_invoice_will_say(owner: Person) -> None:
    save_profile(owner.user.id, name="Müller", address=["Berlin"], country="DE")
    quoted = quote(owner.user, [PRO])
    invoice = sell(owner)
    assert (quoted.totals.total, quoted.totals.tax) == (invoice.total, invoice.tax) == (1_999_00, 0)
    assert invoice.terms["wording"] == quoted.supply.terms.wording


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"name": "  "}, "needs a name"),
        ({"name": "x" * 121}, "needs a name"),
        ({"address": ["line"] * 7}, "at most 6 lines"),
        ({"address": ["x" * 121]}, "at most 6 lines"),
        ({"state": "99"}, "a state from the list"),
        ({"country": "XX"}, "a country from the list"),
        ({"gstin": "27AAPFU0939F1ZA"}, "check digit"),
        ({"gstin": gstin("29"), "state": "27"}, "registered in Karnataka, not in Maharashtra"),
        ({"country": "DE", "gstin": gstin("29")}, "are for addresses in India"),
        ({"country": "DE", "state": "29"}, "are for addresses in India"),
    ],
)
def test_a_profile_that_would_make_wrong_invoices_is_refused(
    owner: Person, wrong: Any, sentence: str
) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        save_profile(owner.user.id, **{"name": "Nia", "address": [], **wrong})


@pytest.mark.django_db
def test_a_user_sees_their_own_invoices_only(owner: Person, outsider: Person) -> None:
    ids = [sell(owner).id for _ in range(3)]
    note = issue_credit_note(ids[0], reason="goodwill", amount=10_00)
    run_jobs()
    page = queries.list_invoices(owner.user.id, Page(limit=2))
    assert [row.id for row in page] == ids[:0:-1]
    assert [row.id for row in queries.list_invoices(owner.user.id, Page(cursor=ids[1]))] == [ids[0]]
    assert queries.count_invoices(owner.user.id) == 3
    assert [row.number for row in queries.credit_notes_of(owner.user.id, ids)] == [note.number]
    assert queries.credit_note_pdf(owner.user.id, note.id).startswith(b"%PDF")
    assert queries.list_invoices(outsider.user.id, Page()) == []
    assert queries.credit_notes_of(outsider.user.id, ids) == []
    for read, wanted in ((queries.invoice_pdf, ids[0]), (queries.credit_note_pdf, note.id)):
        with pytest.raises(NotFound):
            read(outsider.user.id, wanted)


_COPY = """
INSERT INTO invoices (user_id, number, series, series_number, status, subtotal, tax, total, credited, lines, tax_lines,
  issued_at, paid_at)
SELECT user_id, {number}, series, {place}, {status}, {subtotal}, tax, {subtotal} + tax, {credited}, {lines}, tax_lines,
  {issued_at}, {paid_at} FROM invoices
"""
_RIGHT = {
    "number": "'CB/26-27/000002'",
    "place": "2",
    "status": "status",
    "subtotal": "subtotal",
    "credited": "0",
    "lines": "lines",
    "issued_at": "issued_at",
    "paid_at": "paid_at",
}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        ({"subtotal": "subtotal + 1"}, "sum of their lines"),
        (
            {"lines": 'lines || \'[{"taxable": 5, "tax": -5}, {"taxable": -5, "tax": 5}]\''},
            "less than nothing",
        ),
        ({"number": "'CB/26-27/000003'", "place": "3"}, "none missing"),
        ({"number": "'CB/26-27/02'"}, "spelled as its series"),
        ({"issued_at": "issued_at - interval '1 day'"}, "earlier date"),
        ({"issued_at": "issued_at + interval '1 year'"}, "earlier date"),
        ({"credited": "5"}, "within their invoice"),
        ({"status": "'refunded'"}, "refunded when all of it"),
        ({"status": "'issued'"}, "refunded when all of it"),
        ({"paid_at": "NULL"}, "refunded when all of it"),
    ],
)
def test_every_damage_to_invoices_breaks_its_invariant(
    owner: Person, clock: Any, damage: dict[str, str], sentence: str
) -> None:
    sell(owner)
    sql.execute("UPDATE invoice_counters SET last_number = 2")
    with transaction.atomic():
        sql.execute(_COPY.format(**_RIGHT))
        assert all_holds()
        transaction.set_rollback(True)
    sql.execute(_COPY.format(**(_RIGHT | damage)))
    assert any(sentence in told for told, _ in checks.broken())


@pytest.mark.django_db
def test_a_note_that_its_invoice_does_not_know_breaks_an_invariant(owner: Person, clock: Any) -> None:
    issue_credit_note(sell(owner).id, reason="goodwill", amount=10_00)
    sql.execute("UPDATE invoice_counters SET last_number = 2 WHERE left(series, 2) = 'CN'")
    sql.execute(
        "INSERT INTO credit_notes (invoice_id, number, series, series_number, reason, subtotal, tax, total, lines, "
        "tax_lines, issued_at) SELECT invoice_id, 'CN/26-27/000002', series, 2, reason, subtotal, tax, total, lines, "
        "tax_lines, issued_at FROM credit_notes"
    )
    assert [told for told, _ in checks.broken()] == [
        "Credit notes are within their invoice, which knows their sum."
    ]
