"""A user's invoices and credit notes, for screens and REST. Another user's are not found."""

from __future__ import annotations

from datetime import datetime

import msgspec

from convergio.billing.invoicing.pdf import render_credit_note, render_invoice
from convergio.billing.models import CreditNote, Invoice
from convergio.core import sql
from convergio.core.errors import NotFound
from convergio.core.paging import Page

_LIST = """
SELECT id, number, status, subtotal, tax, total, credited, currency, issued_at, paid_at FROM invoices
WHERE user_id = %(user)s AND (%(cursor)s::bigint IS NULL OR id < %(cursor)s)
ORDER BY id DESC LIMIT %(limit)s OFFSET %(offset)s
"""
_COUNT = "SELECT count(*) FROM invoices WHERE user_id = %s"
_NOTES = """
SELECT n.id, n.invoice_id, n.number, n.reason, n.subtotal, n.tax, n.total, n.currency, n.issued_at
FROM credit_notes n JOIN invoices i ON i.id = n.invoice_id
WHERE i.user_id = %(user)s AND n.invoice_id = ANY(%(invoices)s) ORDER BY n.id
"""


class InvoiceRow(msgspec.Struct, frozen=True):
    """A row of the list; amounts in minor units."""

    id: int
    number: str
    status: str
    subtotal: int
    tax: int
    total: int
    credited: int
    currency: str
    issued_at: datetime
    paid_at: datetime | None


class CreditNoteRow(msgspec.Struct, frozen=True):
    """A credit note of one of the user's invoices; amounts in minor units."""

    id: int
    invoice_id: int
    number: str
    reason: str
    subtotal: int
    tax: int
    total: int
    currency: str
    issued_at: datetime


def list_invoices(user_id: int, page: Page) -> list[InvoiceRow]:
    """Newest first."""
    values = {"user": user_id, "cursor": page.cursor, "limit": page.limit, "offset": page.offset}
    return sql.fetch_all(InvoiceRow, _LIST, values)


def count_invoices(user_id: int) -> int:
    """How many invoices the user has."""
    count: int = sql.fetch_value(_COUNT, [user_id])
    return count


def credit_notes_of(user_id: int, invoice_ids: list[int]) -> list[CreditNoteRow]:
    """The notes of these invoices, oldest first."""
    return sql.fetch_all(CreditNoteRow, _NOTES, {"user": user_id, "invoices": invoice_ids})


def find_invoice(user_id: int, invoice_id: int) -> Invoice:
    """The whole invoice. Raises NotFound."""
    invoice = Invoice.objects.filter(id=invoice_id, user_id=user_id).first()
    if invoice is None:
        raise NotFound("invoice")
    return invoice


def invoice_pdf(user_id: int, invoice_id: int) -> bytes:
    """The document to download. Raises NotFound."""
    return render_invoice(find_invoice(user_id, invoice_id))


def find_credit_note(user_id: int, credit_note_id: int) -> CreditNote:
    """The whole note with its invoice. Raises NotFound."""
    notes = CreditNote.objects.select_related("invoice")
    note = notes.filter(id=credit_note_id, invoice__user_id=user_id).first()
    if note is None:
        raise NotFound("credit note")
    return note


def credit_note_pdf(user_id: int, credit_note_id: int) -> bytes:
    """The document to download. Raises NotFound."""
    return render_credit_note(find_credit_note(user_id, credit_note_id))
