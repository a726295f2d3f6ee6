"""Credit notes: an invoice or a part of it is taken back, never more than what is left of it.

A part is divided by what is left of each line and tax, so that all notes of an invoice sum to it exactly, line by
line and tax by tax.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from django.conf import settings
from django.db import transaction

from convergio.billing.errors import BadInvoice, NotInvoiceable
from convergio.billing.invoicing import jobs
from convergio.billing.invoicing.numbering import next_number
from convergio.billing.invoicing.rows import Line, TaxLine, Totals, frozen
from convergio.billing.models import CreditNote, Invoice
from convergio.core import sql
from convergio.core.errors import NotFound
from convergio.core.jobs import enqueue
from convergio.core.money import share, split

# Whoever comes second waits here, and finds what the first left.
_LOCK = "SELECT status, total - credited FROM invoices WHERE id = %s FOR UPDATE"
_TAKE = """
UPDATE invoices SET credited = credited + %(amount)s,
  status = CASE WHEN credited + %(amount)s = total THEN 'refunded' ELSE status END
WHERE id = %(id)s
"""


def issue_credit_note(
    invoice_id: int, *, reason: str, amount: int | None = None, gateway: str = "", gateway_id: str = ""
) -> CreditNote:
    """Take back `amount` with its taxes, or all that is left, in the transaction that notes the refund.

    `gateway_id` names the refund: a second call for it answers the note that exists. Raises NotInvoiceable when the
    invoice is not paid or less is left of it.
    """
    if not reason.strip():
        raise BadInvoice("A credit note says why.")
    with transaction.atomic():
        status, left = _locked(invoice_id)
        if existing := _existing(gateway, gateway_id):
            return existing
        taken = left if amount is None else amount
        if status != "paid" or not 0 < taken <= left:
            raise NotInvoiceable("Only what is left of a paid invoice can be credited.")
        note = _write(invoice_id, reason.strip(), amount=taken, refund=(gateway, gateway_id))
        sql.execute(_TAKE, {"id": invoice_id, "amount": taken})
        enqueue(jobs.mail_credit_note, credit_note_id=note.id)
        return note


def _locked(invoice_id: int) -> tuple[str, int]:
    """Status and what is left of an invoice, held until the transaction ends. Raises NotFound."""
    for status, left in sql.fetch_rows(_LOCK, [invoice_id]):
        return status, left
    raise NotFound("invoice")


def _existing(gateway: str, gateway_id: str) -> CreditNote | None:
    return CreditNote.objects.filter(gateway=gateway, gateway_id=gateway_id).exclude(gateway_id="").first()


def _write(invoice_id: int, reason: str, *, amount: int, refund: tuple[str, str]) -> CreditNote:
    invoice = Invoice.objects.get(id=invoice_id)
    notes = invoice.credit_notes.order_by("id")
    totals = divide(left_of(frozen(invoice), [frozen(note) for note in notes]), amount)
    number = next_number(settings.CREDIT_NOTE_PREFIX, invoice.seller["gstin"])
    return CreditNote.objects.create(
        invoice=invoice,
        number=number.text,
        series=number.series,
        series_number=number.position,
        reason=reason,
        subtotal=totals.subtotal,
        tax=totals.tax,
        total=totals.total,
        currency=invoice.currency,
        lines=msgspec.to_builtins(totals.lines),
        tax_lines=msgspec.to_builtins(totals.tax_lines),
        gateway=refund[0],
        gateway_id=refund[1],
        issued_at=number.issued_at,
    )


def left_of(whole: Totals, taken: Sequence[Totals]) -> Totals:
    """What is left of each line and tax. Notes keep the order of their invoice."""
    lines = [
        msgspec.structs.replace(
            line,
            taxable=line.taxable - sum(part.lines[index].taxable for part in taken),
            tax=line.tax - sum(part.lines[index].tax for part in taken),
        )
        for index, line in enumerate(whole.lines)
    ]
    taxes = [
        msgspec.structs.replace(
            tax,
            taxable=tax.taxable - sum(part.tax_lines[index].taxable for part in taken),
            amount=tax.amount - sum(part.tax_lines[index].amount for part in taken),
        )
        for index, tax in enumerate(whole.tax_lines)
    ]
    return Totals(lines, taxes)


def divide(left: Totals, amount: int) -> Totals:
    """Take `amount` from what is left, in proportion: first over codes and rates, then over their lines and taxes."""
    groups: dict[tuple[str, int], list[int]] = {}
    for index, line in enumerate(left.lines):
        groups.setdefault((line.sac, line.rate), []).append(index)
    kinds = len(left.tax_lines) // len(
        groups
    )  # as taxes.py writes them: every group has all kinds, in its order
    amounts = split(amount, [sum(left.lines[index].total for index in group) for group in groups.values()])
    lines: dict[int, Line] = {}
    taxes: list[TaxLine] = []
    for number, (group, part) in enumerate(zip(groups.values(), amounts, strict=True)):
        of_group = Totals(
            [left.lines[index] for index in group], left.tax_lines[number * kinds : (number + 1) * kinds]
        )
        divided = _divide_group(of_group, part)
        lines |= dict(zip(group, divided.lines, strict=True))
        taxes += divided.tax_lines
    return Totals([lines[index] for index in range(len(left.lines))], taxes)


def _divide_group(left: Totals, amount: int) -> Totals:
    of_taxes = [tax.amount for tax in left.tax_lines]
    parts = _with_equal_halves(amount, left.subtotal, of_taxes)
    taxable, *taxes = parts or split(amount, [left.subtotal, *of_taxes])
    taxables = split(taxable, [line.taxable for line in left.lines])
    line_taxes = split(sum(taxes), [line.tax for line in left.lines])
    replace = msgspec.structs.replace
    return Totals(
        [
            replace(line, taxable=part, tax=tax)
            for line, part, tax in zip(left.lines, taxables, line_taxes, strict=True)
        ],
        [replace(line, taxable=taxable, amount=tax) for line, tax in zip(left.tax_lines, taxes, strict=True)],
    )


def _with_equal_halves(amount: int, taxable: int, taxes: Sequence[int]) -> list[int] | None:
    """Central and state's tax stay equal where a note of so few paise can do it; None where not."""
    if not amount or len(taxes) != 2 or taxes[0] != taxes[1]:
        return None
    half = share(amount, taxes[0], taxable + sum(taxes))
    half = max(half, -((taxable - amount) // 2))  # no more than what is left of the taxable value
    if 2 * half > amount or half > taxes[0]:
        return None
    return [amount - 2 * half, half, half]
