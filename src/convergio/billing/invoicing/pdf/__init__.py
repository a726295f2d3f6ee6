"""Invoices and credit notes as PDF, from their frozen rows alone: the same row gives the same bytes.

fpdf2 draws. It is loaded at the first document: 60 MB that most processes never need.
"""

from __future__ import annotations

from convergio.billing.models import CreditNote, Invoice


def render_invoice(invoice: Invoice) -> bytes:
    """The invoice as it was issued, with a stamp of what became of it."""
    from convergio.billing.invoicing.pdf.documents import invoice_document  # noqa: PLC0415 - see above

    return invoice_document(invoice)


def render_credit_note(note: CreditNote) -> bytes:
    """The credit note; its `invoice` is read."""
    from convergio.billing.invoicing.pdf.documents import credit_note_document  # noqa: PLC0415 - see above

    return credit_note_document(note)
