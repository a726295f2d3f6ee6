"""Mailing what was issued."""

from __future__ import annotations

from procrastinate.contrib.django import app

from convergio.billing.invoicing import mail
from convergio.core.jobs import RETRIES


@app.task(name="billing.mail_invoice", queue="default", retry=RETRIES)
def mail_invoice(invoice_id: int) -> None:
    """Mail an invoice to its buyer, with the PDF."""
    mail.mail_invoice(invoice_id)


@app.task(name="billing.mail_credit_note", queue="default", retry=RETRIES)
def mail_credit_note(credit_note_id: int) -> None:
    """Mail a credit note to its buyer, with the PDF."""
    mail.mail_credit_note(credit_note_id)
