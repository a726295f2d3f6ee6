"""Which taxes a sale bears: from where the seller and the buyer are, and what the invoice has to say about it.

Integrated Goods and Services Tax Act 2017, sections 7, 8, 12 and 16; CGST Rules 2017, rule 46.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from convergio.billing.invoicing.gst import OUTSIDE_INDIA, UNION_TERRITORIES
from convergio.billing.invoicing.rows import Party, Terms

EXPORT_WITHOUT_TAX = (
    "Supply meant for export under letter of undertaking without payment of integrated tax. LUT: {lut}."
)
EXPORT_WITH_TAX = "Supply meant for export on payment of integrated tax."
REVERSE_CHARGE = "Tax is payable by the recipient under reverse charge; none is charged here."
NOT_REGISTERED = "The seller is not registered under GST; no tax is charged."


_with = msgspec.structs.replace


class Supply(msgspec.Struct, frozen=True):
    """The kinds of tax that are charged (none, one of the whole rate or two of half of it), and the invoice's terms."""

    taxes: tuple[str, ...]
    terms: Terms


def decide_supply(
    seller: Party,
    buyer: Party,
    *,
    lut: str = "",
    reverse_charge: bool = False,
    prices_include_tax: bool = False,
) -> Supply:
    """Decide by the seller's and the buyer's place. A buyer in India without a known state is where the seller is.

    Reverse charge is for registered buyers; for others it is not asked for.
    """
    place = _place_of_supply(seller, buyer)
    terms = Terms("Tax invoice", "state", place, False, prices_include_tax)
    # Where no tax is charged, the price holds none.
    untaxed = _with(terms, prices_include_tax=False)
    if not seller.gstin:
        return Supply((), _with(untaxed, title="Invoice", supply="untaxed", wording=[NOT_REGISTERED]))
    if place == OUTSIDE_INDIA and lut:
        return Supply((), _with(untaxed, supply="export", wording=[EXPORT_WITHOUT_TAX.format(lut=lut)]))
    if place == OUTSIDE_INDIA:
        return Supply(("IGST",), _with(terms, supply="export", wording=[EXPORT_WITH_TAX]))
    is_inside = place == seller.state
    kind: Literal["state", "interstate"] = "state" if is_inside else "interstate"
    if reverse_charge and buyer.gstin:
        return Supply((), _with(untaxed, supply=kind, reverse_charge=True, wording=[REVERSE_CHARGE]))
    second = "UTGST" if place in UNION_TERRITORIES else "SGST"
    return Supply(("CGST", second) if is_inside else ("IGST",), _with(terms, supply=kind))


def _place_of_supply(seller: Party, buyer: Party) -> str:
    """Section 12(2): a registered buyer's place, else the address on record, else the seller's place."""
    if buyer.country != "IN":
        return OUTSIDE_INDIA
    return buyer.gstin[:2] or buyer.state or seller.state
