"""Issuing invoices, and noting that they were paid or are void."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from django.conf import settings
from django.db import IntegrityError, transaction

from convergio.accounts.models import User
from convergio.billing.errors import NotInvoiceable
from convergio.billing.invoicing import jobs
from convergio.billing.invoicing.numbering import next_number
from convergio.billing.invoicing.quotes import Quote, quote
from convergio.billing.invoicing.taxes import Item
from convergio.billing.models import Invoice
from convergio.core import sql
from convergio.core.jobs import enqueue

_PAY = """
UPDATE invoices SET status = 'paid', paid_at = %(paid_at)s, gateway = %(gateway)s, gateway_id = %(gateway_id)s
WHERE id = %(id)s AND status = 'issued'
"""
_VOID = "UPDATE invoices SET status = 'void' WHERE id = %s AND status = 'issued'"


def issue_invoice(
    user: User,
    *,
    lines: Sequence[Item],
    paid_at: datetime | None,
    gateway: str = "",
    gateway_id: str = "",
    currency: str = "INR",
    reverse_charge: bool = False,
    prices_include_tax: bool | None = None,
) -> Invoice:
    """Write an invoice down for ever and mail it; call it in the transaction that notes the payment.

    `gateway_id` names the payment: a second call for it answers the invoice that exists. Without `paid_at` the
    invoice is open, for a bank transfer. Lines that say what was paid include the tax, whatever the operator's prices
    do. Raises BadInvoice and NotInvoiceable.
    """
    quoted = quote(
        user, lines, currency=currency, reverse_charge=reverse_charge, prices_include_tax=prices_include_tax
    )
    try:
        with transaction.atomic():
            invoice = _write(user, quoted, currency=currency, paid_at=paid_at, payment=(gateway, gateway_id))
    except IntegrityError:  # the number that was taken for it is given back with the savepoint
        existing = (
            Invoice.objects.filter(gateway=gateway, gateway_id=gateway_id).exclude(gateway_id="").first()
        )
        if existing is None:
            raise
        return existing
    enqueue(jobs.mail_invoice, invoice_id=invoice.id)
    return invoice


def pay_invoice(invoice_id: int, *, paid_at: datetime, gateway: str = "manual", gateway_id: str = "") -> None:
    """Note that an open invoice was paid. Raises NotInvoiceable when it is not open, or the payment has an invoice."""
    values = {"id": invoice_id, "paid_at": paid_at, "gateway": gateway, "gateway_id": gateway_id}
    try:
        with transaction.atomic():
            paid = sql.execute(_PAY, values)
    except IntegrityError:
        raise NotInvoiceable("This payment has an invoice already.") from None
    if not paid:
        raise NotInvoiceable("Only an open invoice can be paid.")


def void_invoice(invoice_id: int) -> None:
    """Cancel an open invoice; its number stays used. Raises NotInvoiceable."""
    if not sql.execute(_VOID, [invoice_id]):
        raise NotInvoiceable("Only an open invoice can be void; credit a paid one.")


def _write(
    user: User, quoted: Quote, *, currency: str, paid_at: datetime | None, payment: tuple[str, str]
) -> Invoice:
    totals = quoted.totals
    number = next_number(settings.INVOICE_PREFIX, quoted.seller.gstin)
    return Invoice.objects.create(
        user_id=user.id,
        number=number.text,
        series=number.series,
        series_number=number.position,
        status="issued" if paid_at is None else "paid",
        subtotal=totals.subtotal,
        tax=totals.tax,
        total=totals.total,
        currency=currency,
        seller=msgspec.to_builtins(quoted.seller),
        buyer=msgspec.to_builtins(quoted.buyer),
        terms=msgspec.to_builtins(quoted.supply.terms),
        lines=msgspec.to_builtins(totals.lines),
        tax_lines=msgspec.to_builtins(totals.tax_lines),
        gateway=payment[0],
        gateway_id=payment[1],
        issued_at=number.issued_at,
        paid_at=paid_at,
    )
