"""Registrations, places and years of the Indian goods and services tax, and the taxes that follow from them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convergio.billing.errors import BadInvoice
from convergio.billing.invoicing import gst
from convergio.billing.invoicing.countries import COUNTRIES
from convergio.billing.invoicing.rows import Party, Totals
from convergio.billing.invoicing.supply import Supply, decide_supply
from convergio.billing.invoicing.taxes import Item, tax_items
from tests.billing.business import PRO, SELLER_GSTIN, gstin

SELLER = Party("Convergio", state="27", gstin=SELLER_GSTIN)
IN_STATE = Party("Nia Traders", state="27", gstin=gstin("27"))
ELSEWHERE = Party("Asha Rao", state="29")
ABROAD = Party("Müller", country="DE")


def test_published_examples_of_registrations_hold() -> None:
    # Widely printed examples of the check digit, the second with a letter, the first with its digits exchanged below.
    assert gst.gstin_problem("27AAPFU0939F1ZV") == ""
    assert gst.gstin_problem("29AAGCB7383J1Z4") == ""


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        ("", "this one has 0"),
        ("27AAPFU0939F1Z", "this one has 14"),
        ("27AAPFU0939F1ZA", "check digit does not fit"),
        ("27AAPFU9039F1ZV", "check digit does not fit"),
        ("27aapfu0939f1zv", "a PAN"),
        ("27AAPF10939F1ZV", "a PAN"),
        ("27AAPFU0939F0ZV", "a PAN"),
        ("27AAPFU0939F1XV", "a PAN"),
        ("२७AAPFU0939F1ZV", "a PAN"),
        (gstin("99"), "99 is none"),
    ],
)
def test_a_wrong_registration_is_told_what_is_wrong(number: str, sentence: str) -> None:
    assert sentence in gst.gstin_problem(number)


@given(st.integers(0, 14), st.sampled_from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
def test_no_single_wrong_character_passes(position: int, character: str) -> None:
    right = SELLER_GSTIN
    wrong = right[:position] + character + right[position + 1 :]
    assert (gst.gstin_problem(wrong) == "") is (wrong == right)


@pytest.mark.parametrize(
    ("moment", "year"),
    [
        (datetime(2027, 3, 31, 18, 29, 59, tzinfo=UTC), "26-27"),  # 23:59:59 in India
        (datetime(2027, 3, 31, 18, 30, tzinfo=UTC), "27-28"),  # midnight
        (datetime(2027, 1, 1, tzinfo=UTC), "26-27"),
        (datetime(2099, 4, 1, tzinfo=UTC), "99-00"),
    ],
)
def test_the_financial_year_begins_in_april_at_midnight_in_india(moment: datetime, year: str) -> None:
    assert gst.financial_year(moment) == year


def test_every_country_has_a_name() -> None:
    assert len(COUNTRIES) == 249
    assert (COUNTRIES["IN"], COUNTRIES["CI"], COUNTRIES["ZW"]) == ("India", "Côte d’Ivoire", "Zimbabwe")
    assert all(len(code) == 2 and code.isupper() and name[0].isalpha() for code, name in COUNTRIES.items())


def taxed(buyer: Party, *items: Item, seller: Party = SELLER, **more: Any) -> tuple[Supply, Totals]:
    supply = decide_supply(seller, buyer, **more)
    return supply, tax_items(items or [PRO], supply, sac="997331", rate=1800)


def amounts(totals: Totals) -> list[tuple[str, int, int]]:
    return [(tax.kind, tax.rate, tax.amount) for tax in totals.tax_lines]


def test_within_the_state_central_and_state_tax_are_equal() -> None:
    _, totals = taxed(IN_STATE)
    assert amounts(totals) == [("CGST", 900, 179_91), ("SGST", 900, 179_91)]
    assert (totals.subtotal, totals.total) == (1_999_00, 2_358_82)


def test_in_a_union_territory_the_second_half_is_its_own() -> None:
    ladakh = Party("Seller", state="38", gstin=gstin("38"))
    _, totals = taxed(Party("Buyer", state="38"), seller=ladakh)
    assert [kind for kind, _, _ in amounts(totals)] == ["CGST", "UTGST"]


def test_between_states_the_tax_is_integrated() -> None:
    supply, totals = taxed(ELSEWHERE)
    assert amounts(totals) == [("IGST", 1800, 359_82)]
    assert (supply.terms.supply, supply.terms.place_of_supply) == ("interstate", "29")


def test_the_place_of_a_registered_buyer_is_that_of_the_number() -> None:
    assert taxed(Party("Buyer", state="", gstin=gstin("33")))[0].terms.place_of_supply == "33"


def test_a_buyer_of_unknown_state_is_where_the_seller_is() -> None:
    supply, totals = taxed(Party("Buyer"))
    assert supply.terms.place_of_supply == "27"
    assert [kind for kind, _, _ in amounts(totals)] == ["CGST", "SGST"]


def test_exports_under_an_undertaking_bear_no_tax_and_say_so() -> None:
    supply, totals = taxed(ABROAD, lut="AD270426000123X", prices_include_tax=True)
    assert (totals.tax_lines, totals.total) == ([], 1_999_00)
    assert supply.terms.place_of_supply == gst.OUTSIDE_INDIA
    assert supply.terms.wording == [
        "Supply meant for export under letter of undertaking without payment of integrated tax. LUT: AD270426000123X."
    ]


def test_exports_without_an_undertaking_are_on_payment_of_tax() -> None:
    supply, totals = taxed(ABROAD)
    assert amounts(totals) == [("IGST", 1800, 359_82)]
    assert supply.terms.wording == ["Supply meant for export on payment of integrated tax."]


def test_under_reverse_charge_nothing_is_charged_and_it_is_said() -> None:
    supply, totals = taxed(IN_STATE, reverse_charge=True)
    assert (totals.tax, totals.total) == (0, 1_999_00)
    assert supply.terms.reverse_charge
    assert "payable by the recipient under reverse charge" in supply.terms.wording[0]


def test_reverse_charge_is_not_for_buyers_without_a_registration() -> None:
    supply, totals = taxed(ELSEWHERE, reverse_charge=True)
    assert totals.tax == 359_82
    assert not supply.terms.reverse_charge


def test_a_seller_without_registration_charges_no_tax() -> None:
    supply, totals = taxed(IN_STATE, seller=Party("Seller", state="27"))
    assert (totals.tax_lines, totals.total, supply.terms.title) == ([], 1_999_00, "Invoice")


def test_a_price_with_tax_inside_stays_the_price() -> None:
    _, totals = taxed(IN_STATE, prices_include_tax=True)
    assert amounts(totals) == [("CGST", 900, 152_47), ("SGST", 900, 152_47)]
    assert (totals.subtotal, totals.total) == (1_694_06, 1_999_00)


def test_each_code_and_rate_is_taxed_by_itself() -> None:
    items = [PRO, Item("Training", 100_00, sac="999293", rate=500), replace(PRO, quantity=2)]
    _, totals = taxed(ELSEWHERE, *items)
    assert [(tax.sac, tax.rate, tax.taxable) for tax in totals.tax_lines] == [
        ("997331", 1800, 5_997_00),
        ("999293", 500, 100_00),
    ]
    assert [line.description for line in totals.lines] == [item.description for item in items]


@pytest.mark.parametrize(
    ("items", "sentence"),
    [
        ([], "at least one line"),
        ([Item(" ", 1)], "what was sold"),
        ([Item("x", -1)], "A price is from 0"),
        ([Item("x", 10**12 + 1)], "A price is from 0"),
        ([Item("x", 10**12), Item("x", 1)], "at most ₹1,000 crore"),
        ([Item("x", 1, quantity=0)], "A quantity is from 1"),
        ([Item("x", 1, quantity=-5)], "A quantity is from 1"),
        ([Item("x", 1, quantity=10**12)], "A quantity is from 1"),
        ([Item("x", 10, discount=11)], "A discount"),
        ([Item("x", 10, discount=-1)], "A discount"),
        ([Item("x", 10, sac="12345")], "accounting code"),
        ([Item("x", 10, rate=-2)], "rate of tax"),
        ([Item("x", 10, rate=10_002)], "rate of tax"),
        ([Item("x", 10, rate=25)], "rate of tax"),
    ],
)
def test_what_cannot_be_invoiced_is_refused(items: list[Item], sentence: str) -> None:
    with pytest.raises(BadInvoice, match=sentence):
        tax_items(items, decide_supply(SELLER, IN_STATE), sac="997331", rate=1800)


ITEMS = st.lists(
    st.builds(
        lambda price, quantity, part, rate, sac: Item(
            "x", price, quantity, discount=price * quantity * part // 100, rate=rate * 2, sac=sac
        ),
        st.one_of(st.integers(0, 12), st.integers(0, 10**6)),
        st.integers(1, 50),
        st.integers(0, 100),
        st.one_of(st.just(900), st.integers(0, 5_000)),
        st.sampled_from(["997331", "998314"]),
    ),
    min_size=1,
    max_size=12,
)
BUYERS = st.sampled_from([IN_STATE, ELSEWHERE, ABROAD, Party("Buyer")])


@given(ITEMS, BUYERS, st.booleans(), st.sampled_from(["", "LUT"]), st.booleans())
def test_whatever_is_sold_nothing_is_lost_and_nothing_negative(
    items: list[Item], buyer: Party, inclusive: bool, lut: str, reverse: bool
) -> None:
    supply = decide_supply(SELLER, buyer, lut=lut, reverse_charge=reverse, prices_include_tax=inclusive)
    totals = tax_items(items, supply, sac="997331", rate=1800)
    price = sum(item.unit_price * item.quantity - item.discount for item in items)
    assert totals.tax == sum(tax.amount for tax in totals.tax_lines)
    assert (totals.total if supply.terms.prices_include_tax else totals.subtotal) == price
    assert all(line.taxable >= 0 and line.tax >= 0 for line in totals.lines)
    for tax in totals.tax_lines:
        assert abs(tax.amount * 10_000 - tax.taxable * tax.rate) <= 10_000 + tax.rate
    halves = [tax.amount for tax in totals.tax_lines if tax.kind != "IGST"]
    assert halves[::2] == halves[1::2]
