"""Invoices and credit notes to download, for the owner who was billed."""

from __future__ import annotations

from django.http import HttpResponse

from convergio.accounts.actor import Actor
from convergio.accounts.permissions import require
from convergio.billing.invoicing import queries
from convergio.billing.invoicing.mail import file_name
from convergio.billing.invoicing.pdf import render_credit_note, render_invoice
from convergio.billing.payers import payer_of

_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"


def invoice_file(actor: Actor, invoice_id: int) -> HttpResponse:
    """The PDF. Raises NotAllowed, NotFound, also for another owner's invoice."""
    require(actor, "billing.edit")
    payer_id = payer_of(actor).id
    invoice = queries.find_invoice(payer_id, invoice_id)
    return _answer(invoice.number, render_invoice(invoice))


def credit_note_file(actor: Actor, note_id: int) -> HttpResponse:
    """The same of a credit note."""
    require(actor, "billing.edit")
    payer_id = payer_of(actor).id
    note = queries.find_credit_note(payer_id, note_id)
    return _answer(note.number, render_credit_note(note))


def _answer(number: str, pdf: bytes) -> HttpResponse:
    response = HttpResponse(pdf, content_type="application/pdf")
    response.headers["Content-Disposition"] = f'attachment; filename="{file_name(number)}"'
    response.headers["Content-Security-Policy"] = _POLICY
    return response
