"""What an invoice freezes, in the shapes that its jsonb columns hold. Amounts are minor units, rates basis points."""

from __future__ import annotations

from typing import Any, Literal, Protocol

import msgspec


class Party(msgspec.Struct, frozen=True):
    """A seller or buyer as printed. `state` is the code of an Indian state, '' elsewhere; `country` is ISO 3166."""

    name: str
    address: list[str] = []
    state: str = ""
    country: str = "IN"
    gstin: str = ""
    email: str = ""


class Line(msgspec.Struct, frozen=True):
    """One thing sold. `taxable` and `tax` are after the discount and make up `total`."""

    description: str
    sac: str
    quantity: int
    unit_price: int
    discount: int
    rate: int
    taxable: int
    tax: int

    @property
    def total(self) -> int:
        return self.taxable + self.tax


class TaxLine(msgspec.Struct, frozen=True):
    """One kind of tax on everything of one code and rate."""

    kind: Literal["CGST", "SGST", "UTGST", "IGST"]
    sac: str
    rate: int
    taxable: int
    amount: int


class Terms(msgspec.Struct, frozen=True):
    """What else the law wants said. `place_of_supply` is a state's code, 96 outside India."""

    title: str
    supply: Literal["state", "interstate", "export", "untaxed"]
    place_of_supply: str
    reverse_charge: bool
    prices_include_tax: bool
    wording: list[str] = []


class Totals(msgspec.Struct, frozen=True):
    """Lines with their taxes; both sum to the totals exactly."""

    lines: list[Line]
    tax_lines: list[TaxLine]

    @property
    def subtotal(self) -> int:
        return sum(line.taxable for line in self.lines)

    @property
    def tax(self) -> int:
        return sum(line.tax for line in self.lines)

    @property
    def total(self) -> int:
        return self.subtotal + self.tax


class _Document(Protocol):
    lines: Any
    tax_lines: Any


def frozen(document: _Document) -> Totals:
    """The lines and taxes that an invoice's or a credit note's row holds."""
    return Totals(
        msgspec.convert(document.lines, list[Line]), msgspec.convert(document.tax_lines, list[TaxLine])
    )
