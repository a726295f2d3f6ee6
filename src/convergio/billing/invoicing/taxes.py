"""From what is sold to lines and taxes that sum exactly.

Tax is computed once for everything of one code and rate, rounded half up to the paisa, and then divided over the
lines by the largest remainder: so the lines sum to the table of taxes, and the table to the total.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from convergio.billing.errors import BadInvoice
from convergio.billing.invoicing.gst import is_sac
from convergio.billing.invoicing.rows import Line, TaxLine, Totals
from convergio.billing.invoicing.supply import Supply
from convergio.core.money import BASIS_POINTS, share, split

MOST_OF_A_THING = 1_000_000
# Rs 1,000 crore; far from what a column or a gateway cannot hold.
MOST = 10**12


@dataclass(frozen=True, slots=True)
class Item:
    """What is sold, before tax is looked at. The discount is off the whole line."""

    description: str
    unit_price: int
    quantity: int = 1
    discount: int = 0
    sac: str = ""
    rate: int | None = None


def tax_items(items: Sequence[Item], supply: Supply, *, sac: str, rate: int) -> Totals:
    """Compute lines and taxes; `sac` and `rate` are for items that name none. Raises BadInvoice."""
    if not items:
        raise BadInvoice("An invoice has at least one line.")
    complete = [_complete(item, sac, rate) for item in items]
    prices = [_price(item) for item in complete]
    if sum(prices) > MOST:
        raise BadInvoice("An invoice is over at most ₹1,000 crore.")
    lines: dict[int, Line] = {}
    tax_lines: list[TaxLine] = []
    for group in _groups(complete):
        amounts, taxes = _tax_group([prices[index] for index in group], complete[group[0]], supply)
        tax_lines += taxes
        for index, (taxable, tax) in zip(group, amounts, strict=True):
            lines[index] = _line(complete[index], taxable, tax)
    return Totals([lines[index] for index in range(len(items))], tax_lines)


def _tax_group(
    prices: Sequence[int], item: Item, supply: Supply
) -> tuple[list[tuple[int, int]], list[TaxLine]]:
    """(taxable, tax) of each price, and the taxes on all of them together."""
    kinds, rate = supply.taxes, item.rate or 0
    if not kinds:
        return [(price, 0) for price in prices], []
    # Halves are computed alone, so that the central and the state's tax are always equal.
    part_rate = rate // len(kinds)
    inclusive = supply.terms.prices_include_tax
    whole = BASIS_POINTS + (rate if inclusive else 0)
    part = share(sum(prices), part_rate, whole)
    taxes = split(part * len(kinds), prices)
    amounts = [(price - tax if inclusive else price, tax) for price, tax in zip(prices, taxes, strict=True)]
    taxable = sum(amount for amount, _ in amounts)
    return amounts, [TaxLine(kind, item.sac, part_rate, taxable, part) for kind in kinds]  # type: ignore[arg-type]


def _groups(items: Sequence[Item]) -> list[list[int]]:
    """Positions of the items that share a code and a rate, in the order in which these first occur."""
    groups: dict[tuple[str, int | None], list[int]] = {}
    for index, item in enumerate(items):
        groups.setdefault((item.sac, item.rate), []).append(index)
    return list(groups.values())


def _complete(item: Item, sac: str, rate: int) -> Item:
    item = replace(item, sac=item.sac or sac, rate=rate if item.rate is None else item.rate)
    if not item.description.strip():
        raise BadInvoice("A line says what was sold.")
    if not is_sac(item.sac):
        raise BadInvoice("A service accounting code is 99 and four digits.")
    if item.rate is None or not 0 <= item.rate <= BASIS_POINTS or item.rate % 2:
        raise BadInvoice("A rate of tax is from 0 to 100 %, and its half is whole hundredths of a percent.")
    return item


def _price(item: Item) -> int:
    if not 1 <= item.quantity <= MOST_OF_A_THING:
        raise BadInvoice(f"A quantity is from 1 to {MOST_OF_A_THING:,}.")
    if not 0 <= item.unit_price <= MOST:
        raise BadInvoice("A price is from 0 to ₹1,000 crore.")
    price = item.unit_price * item.quantity
    if not 0 <= item.discount <= price:
        raise BadInvoice("A discount is from nothing to the price of its line.")
    return price - item.discount


def _line(item: Item, taxable: int, tax: int) -> Line:
    return Line(
        description=item.description,
        sac=item.sac,
        quantity=item.quantity,
        unit_price=item.unit_price,
        discount=item.discount,
        rate=item.rate or 0,
        taxable=taxable,
        tax=tax,
    )
