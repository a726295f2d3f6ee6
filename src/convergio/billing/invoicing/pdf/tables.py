"""The tables of a document: what was sold, the taxes on it, the sums. Rows go on over pages, heads are repeated."""

from __future__ import annotations

from collections.abc import Sequence

from convergio.billing.invoicing.pdf.sheet import (
    BOTTOM,
    GREY,
    INK,
    LEFT,
    RIGHT,
    SHADE,
    TOP,
    WIDTH,
    Align,
    Sheet,
)
from convergio.billing.invoicing.rows import Line, TaxLine, Terms, Totals
from convergio.core.money import CURRENCIES, format_amount, plain_amount

_NAME = 68.0
# (width, heading) of the columns right of what was sold; they are flush right.
_COLUMNS = ((12.0, "Qty"), (24.0, "Unit price"), (25.0, "Taxable value"), (22.0, "GST"), (25.0, "Amount"))
_OF_TAX = ("Taxable value", "GST")
_SUMS = 78.0


def room_for(sheet: Sheet, y: float, height: float) -> float:
    """Where a block of this height can begin: here, or on a new page."""
    if y + height <= BOTTOM:
        return y
    sheet.add_page()
    return TOP


def lines(sheet: Sheet, y: float, totals: Totals, terms: Terms, *, currency: str) -> float:
    """The table of what was sold; the answer is where it ends."""
    y = _head(sheet, room_for(sheet, y, 30), terms, currency)
    for line in totals.lines:
        height = sheet.height_of(line.description, width=_NAME - 4, size=9.5, bold=True) + 9.8
        if y + height > BOTTOM:
            sheet.add_page()
            y = _head(sheet, TOP, terms, currency)
        _row(sheet, y, line, terms, currency=currency, is_taxed=bool(totals.tax_lines))
        y += height
        sheet.rule(y)
    return y


def _head(sheet: Sheet, y: float, terms: Terms, currency: str) -> float:
    tax = "incl. tax" if terms.prices_include_tax else "excl. tax"
    below = {
        "Unit price": "" if terms.supply == "untaxed" else tax,
        "Amount": f"in {CURRENCIES[currency].symbol}",
    }
    sheet.panel(LEFT, y, WIDTH, 11)
    sheet.write_at(LEFT + 4, y + 2.4, "Description", size=8, bold=True, colour=GREY)
    for x, width, heading in _places(terms):
        sheet.write_at(x, y + 2.4, heading, size=8, bold=True, colour=GREY, width=width, align="R")
        sheet.write_at(x, y + 6, below.get(heading, ""), size=7, colour=GREY, width=width, align="R")
    return y + 11


def _row(sheet: Sheet, y: float, line: Line, terms: Terms, *, currency: str, is_taxed: bool) -> None:
    cells = {
        "Qty": f"{line.quantity:,}",
        "Unit price": plain_amount(line.unit_price, currency),
        "Taxable value": plain_amount(line.taxable, currency),
        "GST": plain_amount(line.tax, currency),
        "Amount": plain_amount(line.total, currency),
    }
    top = y + 3.2
    for x, width, heading in _places(terms):
        is_last = heading == "Amount"
        sheet.write_at(x, top, cells[heading], size=9, bold=is_last, width=width, align="R", even=True)
        if heading == "GST":
            rate = percent(line.rate if is_taxed or terms.reverse_charge else 0)
            sheet.write_at(x, top + 4.6, rate, size=7.5, colour=GREY, width=width, align="R")
    below = sheet.paragraph(LEFT + 4, top - 0.2, line.description, width=_NAME - 4, size=9.5, bold=True)
    more = f"SAC {line.sac}"
    if line.discount:
        more += f", less a discount of {format_amount(line.discount, currency)}"
    sheet.write_at(LEFT + 4, below + 0.5, more, size=7.5, colour=GREY)


def _places(terms: Terms) -> list[tuple[float, float, str]]:
    """(x, width, heading) of each column of amounts; who charges no tax says nothing of it."""
    shown = [column for column in _COLUMNS if terms.supply != "untaxed" or column[1] not in _OF_TAX]
    places, right = [], RIGHT - 4
    for width, heading in reversed(shown):
        places.append((right - width + 2, width - 2, heading))
        right -= width
    return places[::-1]


def sums(totals: Totals) -> list[tuple[str, int]]:
    """Taxable value and each tax, those of one kind and rate together."""
    taxes: dict[tuple[str, int], int] = {}
    for tax in totals.tax_lines:
        key = (tax.kind, tax.rate)
        taxes[key] = taxes.get(key, 0) + tax.amount
    named = [(f"{kind} {percent(rate)}", amount) for (kind, rate), amount in taxes.items()]
    return [("Taxable value" if named else "Subtotal", totals.subtotal), *named]


def draw_sums(
    sheet: Sheet, y: float, rows: Sequence[tuple[str, int]], total: tuple[str, int], *, currency: str
) -> float:
    """On the right, the total in a box below the others; the answer is where it ends."""
    x = RIGHT - _SUMS
    for label, amount in rows:
        sheet.write_at(x + 4, y, label, size=9, colour=GREY)
        text = format_amount(amount, currency)
        sheet.write_at(x, y, text, size=9, width=_SUMS - 4, align="R", even=True)
        y += 5.6
    sheet.panel(x, y + 1, _SUMS, 12, INK)
    white = (255, 255, 255)
    sheet.write_at(x + 4, y + 4.9, total[0], size=9.5, bold=True, colour=white)
    text = format_amount(total[1], currency)
    sheet.write_at(x + 30, y + 4, text, size=13, bold=True, colour=white, width=_SUMS - 34, align="R")
    return y + 13


def taxes(sheet: Sheet, y: float, tax_lines: Sequence[TaxLine], *, currency: str) -> float:
    """The table of taxes by code and rate; the answer is where it ends."""
    kinds = list(dict.fromkeys(tax.kind for tax in tax_lines))
    groups = [tax_lines[start : start + len(kinds)] for start in range(0, len(tax_lines), len(kinds))]
    width = (WIDTH - 8) / (3 + len(kinds))
    headings = ["SAC", "Taxable value", *kinds, "Total tax"]
    rows = [_tax_row(group, currency) for group in groups]
    y = room_for(sheet, y, 10 + 6 * min(len(rows), 4))
    sheet.panel(LEFT, y, WIDTH, 7, SHADE)
    _cells(sheet, y + 1.9, headings, width, size=7.5, is_head=True)
    y += 7
    for row in rows:
        y = room_for(sheet, y, 7)
        _cells(sheet, y + 1.7, row, width, size=8.5, is_head=False)
        y += 7
        sheet.rule(y)
    return y


def _tax_row(group: Sequence[TaxLine], currency: str) -> list[str]:
    taxes = [f"{plain_amount(tax.amount, currency)}  ({percent(tax.rate)})" for tax in group]
    total = sum(tax.amount for tax in group)
    return [group[0].sac, plain_amount(group[0].taxable, currency), *taxes, plain_amount(total, currency)]


def _cells(sheet: Sheet, y: float, texts: Sequence[str], width: float, *, size: float, is_head: bool) -> None:
    for number, text in enumerate(texts):
        align: Align = "R" if number else "L"
        x = LEFT + 4 + number * width + 2 * bool(number)
        colour = GREY if is_head else INK
        sheet.write_at(
            x, y, text, size=size, bold=is_head, colour=colour, width=width - 2, align=align, even=True
        )


def percent(rate: int) -> str:
    """Basis points as people write them: 18 %, 2.5 %."""
    whole, rest = divmod(rate, 100)
    return f"{whole}{f'.{rest:02d}'.rstrip('0') if rest else ''} %"
