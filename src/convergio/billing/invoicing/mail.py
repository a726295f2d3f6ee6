"""Invoices and credit notes by mail, with the PDF. Run as jobs."""

from __future__ import annotations

from convergio.billing.invoicing.gst import INDIA
from convergio.billing.invoicing.pdf import render_credit_note, render_invoice
from convergio.billing.models import CreditNote, Invoice
from convergio.core.clock import now
from convergio.core.money import format_amount
from convergio.core.system_mail import Attachment, send_notice

_INVOICE = """Hello {name},

attached is your invoice {number} of {date} over {total}. {payment}

Your invoices are also in Convergio under Settings, Billing.

{seller}
"""
_CREDIT_NOTE = """Hello {name},

attached is the credit note {number} of {date} over {total}, for your invoice {invoice}.

Reason: {reason}

{seller}
"""


def mail_invoice(invoice_id: int) -> None:
    """Send it once; what was mailed before is left. Raises ProviderError."""
    invoice = Invoice.objects.get(id=invoice_id)
    if invoice.mailed_at is not None or not invoice.buyer["email"]:
        return
    paid = (
        "It is paid, nothing is left to do." if invoice.paid_at else "It is open until we have your payment."
    )
    text = _INVOICE.format(**_words(invoice, invoice), payment=paid)
    _send(invoice, f"Invoice {invoice.number}", text=text, number=invoice.number, pdf=render_invoice(invoice))
    Invoice.objects.filter(id=invoice.id).update(mailed_at=now())


def mail_credit_note(credit_note_id: int) -> None:
    """Send it. Raises ProviderError."""
    note = CreditNote.objects.select_related("invoice").get(id=credit_note_id)
    if not note.invoice.buyer["email"]:
        return
    text = _CREDIT_NOTE.format(**_words(note, note.invoice), invoice=note.invoice.number, reason=note.reason)
    pdf = render_credit_note(note)
    _send(note.invoice, f"Credit note {note.number}", text=text, number=note.number, pdf=pdf)


def file_name(number: str) -> str:
    """CB-26-27-000123.pdf; slashes do not go into names of files."""
    return f"{number.replace('/', '-')}.pdf"


def _words(document: Invoice | CreditNote, invoice: Invoice) -> dict[str, str]:
    local = document.issued_at.astimezone(INDIA)
    return {
        "name": invoice.buyer["name"],
        "number": document.number,
        "date": f"{local.day} {local:%B %Y}",
        "total": format_amount(document.total, document.currency),
        "seller": invoice.seller["name"],
    }


def _send(invoice: Invoice, subject: str, *, text: str, number: str, pdf: bytes) -> None:
    send_notice(
        to=invoice.buyer["email"],
        subject=subject,
        text=text,
        attachments=[Attachment(file_name(number), "application/pdf", pdf)],
    )
