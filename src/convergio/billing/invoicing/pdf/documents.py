"""What an invoice and a credit note say and where: heads, parties, lines, taxes, totals, wording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from convergio.billing.invoicing.countries import COUNTRIES
from convergio.billing.invoicing.gst import INDIA, STATES, place_name
from convergio.billing.invoicing.pdf import tables
from convergio.billing.invoicing.pdf.sheet import (
    ACCENT,
    GREEN,
    GREY,
    LEFT,
    RED,
    RIGHT,
    TOP,
    WIDTH,
    Colour,
    Sheet,
)
from convergio.billing.invoicing.rows import Party, Terms, Totals, frozen
from convergio.billing.models import CreditNote, Invoice
from convergio.core.money import amount_in_words

_FOOT = "Issued electronically under the Information Technology Act, 2000; no signature is needed."

_OF_NOTES = "Quantities and unit prices are the invoice's; the amounts are what is credited of them."


@dataclass(frozen=True, slots=True)
class Document:
    """Either of the two, ready to be drawn."""

    title: str
    number: str
    issued_at: datetime
    seller: Party
    buyer: Party
    terms: Terms
    totals: Totals
    currency: str
    details: Sequence[tuple[str, str]]
    notes: Sequence[str]
    sum_label: str
    stamp: tuple[str, str, Colour] | None = None


def invoice_document(invoice: Invoice) -> bytes:
    """The PDF of an invoice."""
    terms = msgspec.convert(invoice.terms, Terms)
    details = [("Invoice number", invoice.number), ("Invoice date", _date(invoice.issued_at))]
    if invoice.paid_at:
        details.append(("Paid on", _date(invoice.paid_at)))
    is_open = invoice.status == "issued"
    return _draw(
        Document(
            title=terms.title,
            number=invoice.number,
            issued_at=invoice.issued_at,
            seller=msgspec.convert(invoice.seller, Party),
            buyer=msgspec.convert(invoice.buyer, Party),
            terms=terms,
            totals=frozen(invoice),
            currency=invoice.currency,
            details=[*details, *_details_of_supply(terms)],
            notes=terms.wording,
            sum_label="Amount due" if is_open else "Total",
            stamp=_stamp(invoice),
        )
    )


def credit_note_document(note: CreditNote) -> bytes:
    """The PDF of a credit note."""
    invoice = note.invoice
    terms = msgspec.convert(invoice.terms, Terms)
    return _draw(
        Document(
            title="Credit note",
            number=note.number,
            issued_at=note.issued_at,
            seller=msgspec.convert(invoice.seller, Party),
            buyer=msgspec.convert(invoice.buyer, Party),
            terms=terms,
            totals=frozen(note),
            currency=note.currency,
            details=[
                ("Credit note number", note.number),
                ("Credit note date", _date(note.issued_at)),
                ("For invoice", invoice.number),
                ("Invoice date", _date(invoice.issued_at)),
                *_details_of_supply(terms),
            ],
            notes=[f"Reason: {note.reason}", _OF_NOTES, *terms.wording],
            sum_label="Total credited",
        )
    )


def _stamp(invoice: Invoice) -> tuple[str, str, Colour] | None:
    if invoice.status == "paid" and invoice.paid_at:
        return ("PAID", _date(invoice.paid_at), GREEN)
    if invoice.status == "refunded":
        return ("REFUNDED", "see the credit notes", GREY)
    if invoice.status == "void":
        return ("VOID", "not to be paid", RED)
    return None


def _details_of_supply(terms: Terms) -> list[tuple[str, str]]:
    if terms.supply == "untaxed":
        return []
    return [
        ("Place of supply", place_name(terms.place_of_supply)),
        ("Reverse charge", "Yes" if terms.reverse_charge else "No"),
    ]


def _draw(document: Document) -> bytes:
    sheet = Sheet(
        title=f"{document.title} {document.number}",
        author=document.seller.name,
        moment=document.issued_at,
        foot=_FOOT,
    )
    y = _head(sheet, document)
    y = _parties(sheet, document, y)
    y = tables.lines(sheet, y + 9, document.totals, document.terms, currency=document.currency)
    y = _sums(sheet, document, y + 6)
    if document.totals.tax_lines:
        y = tables.taxes(sheet, y + 7, document.totals.tax_lines, currency=document.currency)
    _notes(sheet, document, y + 8)
    return bytes(sheet.output())


def _head(sheet: Sheet, document: Document) -> float:
    sheet.panel(LEFT, TOP, 3.2, 9, ACCENT)
    sheet.paragraph(LEFT + 7, TOP + 0.9, document.seller.name, width=100, size=16, bold=True)
    sheet.write_at(
        LEFT, TOP, document.title.upper(), size=10, bold=True, colour=ACCENT, width=WIDTH, align="R"
    )
    sheet.write_at(LEFT, TOP + 5.2, document.number, size=12, bold=True, width=WIDTH, align="R")
    lines = sheet.height_of(document.seller.name, width=100, size=16, bold=True)
    y = TOP + max(lines, 10) + 5
    sheet.rule(y)
    return y + 7


def _parties(sheet: Sheet, document: Document, y: float) -> float:
    ends = [
        _party(sheet, LEFT, y, "From", document.seller),
        _party(sheet, LEFT + 60, y, "Billed to", document.buyer),
    ]
    x, line = LEFT + 121, y
    for label, value in document.details:
        sheet.write_at(x, line, label, size=8.5, colour=GREY)
        sheet.write_at(x + 30, line, value, size=8.5, bold=True, width=RIGHT - x - 30, align="R")
        line += 5.4
    return max(*ends, line)


def _party(sheet: Sheet, x: float, y: float, label: str, party: Party) -> float:
    sheet.write_at(x, y, label, size=8, colour=GREY)
    y = sheet.paragraph(x, y + 4.8, party.name, width=54, size=10, bold=True) + 0.8
    place = STATES.get(party.state, "") if party.country == "IN" else COUNTRIES[party.country]
    for text in (*party.address, place, party.email):
        if text:
            y = sheet.paragraph(x, y, text, width=54, size=8.5)
    if party.gstin:
        sheet.write_at(x, y + 1.4, "GSTIN", size=8.5, colour=GREY)
        sheet.write_at(x + 11.5, y + 1.4, party.gstin, size=8.5, bold=True)
        y += 6
    return y


def _sums(sheet: Sheet, document: Document, y: float) -> float:
    """Amount in words and the stamp on the left, the sums on the right; never divided over two pages."""
    rows = tables.sums(document.totals)
    y = tables.room_for(sheet, y, 20 + 5.6 * len(rows))
    words = amount_in_words(document.totals.total, document.currency)
    sheet.write_at(LEFT, y, "Amount in words", size=8, colour=GREY)
    left = sheet.paragraph(LEFT, y + 4.6, words, width=82, size=9.5)
    if document.stamp:
        word, below, colour = document.stamp
        sheet.stamp(LEFT + 4, left + 6, word, below, colour)
        left += 28
    right = tables.draw_sums(
        sheet, y, rows, (document.sum_label, document.totals.total), currency=document.currency
    )
    return max(left, right)


def _notes(sheet: Sheet, document: Document, y: float) -> None:
    if not document.notes:
        return
    text = "\n".join(document.notes)
    height = sheet.height_of(text, width=WIDTH - 10, size=8.5)
    y = tables.room_for(sheet, y, height + 7)
    sheet.panel(LEFT, y, WIDTH, height + 7)
    sheet.paragraph(LEFT + 5, y + 3.5, text, width=WIDTH - 10, size=8.5)


def _date(moment: datetime) -> str:
    local = moment.astimezone(INDIA)
    return f"{local.day} {local:%b %Y}"
