"""Invoices of token purchases: quoted before money is taken, issued in the transaction that credits the tokens.

Money that was paid is credited even where its invoice cannot be issued (the seller's settings were taken away, the
numbers are used up). Such a purchase is a difference that staff see, and `issue_missing` tries again until it is done.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
import structlog
from django.conf import settings
from django.db import transaction

from convergio.accounts.models import User
from convergio.billing.invoicing.actions import issue_invoice
from convergio.billing.invoicing.credit_notes import issue_credit_note
from convergio.billing.invoicing.numbering import require_number
from convergio.billing.invoicing.quotes import Quote, quote
from convergio.billing.invoicing.taxes import Item
from convergio.billing.paid import PaidPurchase, RefundedPurchase, on_purchase_paid, on_purchase_refunded
from convergio.billing.purchases import report
from convergio.core import sql
from convergio.core.clock import now
from convergio.core.errors import AppError
from convergio.core.money import indian

log = structlog.get_logger(__name__)

MISSING = "document_missing"

_SOLD = """
SELECT p.id, p.user_id, k.name, k.price, p.quantity, p.tokens, p.bonus_tokens, p.amount, p.currency, p.gateway,
  p.gateway_id, p.payment_id, p.paid_at, p.invoice_id
FROM token_purchases p JOIN token_packages k ON k.id = p.package_id WHERE p.id = %s FOR UPDATE OF p
"""
_SET_INVOICE = "UPDATE token_purchases SET invoice_id = %s WHERE id = %s"
_REFUNDS = (
    "SELECT id, amount, reason FROM token_refunds WHERE purchase_id = %s AND status = 'done' ORDER BY id"
)
_MISSING = """
SELECT purchase_id FROM gateway_differences
WHERE kind = %s AND resolved_at IS NULL AND purchase_id IS NOT NULL ORDER BY id LIMIT 100
"""
_OPEN_AGAIN = "UPDATE gateway_differences SET resolved_at = NULL WHERE kind = %s AND purchase_id = %s"
_RESOLVE = "UPDATE gateway_differences SET resolved_at = %s WHERE kind = %s AND purchase_id = %s"


class _Sold(msgspec.Struct):
    id: int
    user_id: int
    package: str
    price: int
    quantity: int
    tokens: int
    bonus_tokens: int
    amount: int
    currency: str
    gateway: str
    gateway_id: str
    payment_id: str
    paid_at: datetime | None
    invoice_id: int | None

    def line(self) -> Item:
        """At the package's price of today, as a quote of today has it."""
        text = describe(
            self.package, tokens=self.tokens // self.quantity, bonus=self.bonus_tokens // self.quantity
        )
        return Item(text, self.price, self.quantity)

    def paid_line(self) -> Item:
        """At what was paid, where the price changed since the order."""
        if self.amount % self.quantity == 0:
            return Item(self.line().description, self.amount // self.quantity, self.quantity)
        return Item(describe(self.package, tokens=self.tokens, bonus=self.bonus_tokens), self.amount)


def describe(package: str, *, tokens: int, bonus: int) -> str:
    """What the invoice and the gateway call a package."""
    more = f" and {indian(bonus)} bonus tokens" if bonus else ""
    return f"{package} package: {indian(tokens)} AI tokens{more}"


def quote_sale(user: User, item: Item, *, currency: str) -> Quote:
    """What the invoice would say, for who is about to take money. Raises NotInvoiceable, BadInvoice where none could
    be issued."""
    quoted = quote(user, [item], currency=currency)
    require_number(settings.INVOICE_PREFIX, quoted.seller.gstin)
    return quoted


@on_purchase_paid
def invoice_purchase(purchase: PaidPurchase) -> None:
    """Called once, in the transaction that credits the tokens."""
    _bring_up_to_date(purchase.purchase_id)


@on_purchase_refunded
def credit_refund(refund: RefundedPurchase) -> None:
    """Called once for each refund, in the transaction that notes it."""
    _bring_up_to_date(refund.purchase_id)


def issue_missing() -> int:
    """Issue what could not be issued when money came or went; the answer is how many purchases are complete now."""
    return sum(_bring_up_to_date(purchase_id) for purchase_id in sql.fetch_column(_MISSING, [MISSING]))


def _bring_up_to_date(purchase_id: int) -> bool:
    """The invoice of a paid purchase and a credit note for each of its refunds, each once.

    Whatever goes wrong with a document is undone alone: the credit or refund around it is the buyer's and stays.
    """
    try:
        with transaction.atomic():
            _issue(purchase_id)
            sql.execute(_RESOLVE, [now(), MISSING, purchase_id])
    except AppError as error:
        _report(purchase_id, error.message)
    except Exception:
        log.exception("billing.document_failed", purchase_id=purchase_id)
        _report(purchase_id, "It failed by a fault of ours, which the log has.")
    else:
        return True
    return False


def _issue(purchase_id: int) -> None:
    sold = sql.fetch_one(_Sold, _SOLD, [purchase_id])
    assert sold is not None  # purchases are never removed
    invoice_id = sold.invoice_id or _issue_invoice(sold)
    for refund_id, amount, reason in sql.fetch_rows(_REFUNDS, [purchase_id]):
        issue_credit_note(
            invoice_id,
            reason=reason or "Refund",
            amount=amount,
            gateway=sold.gateway,
            gateway_id=f"token_refunds:{refund_id}",
        )


def _issue_invoice(sold: _Sold) -> int:
    """Over exactly what was paid: as quoted, or, where the price or the tax changed since, with the tax inside."""
    user = User.objects.get(id=sold.user_id)
    line, inclusive = sold.line(), settings.PRICES_INCLUDE_TAX
    if quote(user, [line], currency=sold.currency).totals.total != sold.amount:
        line, inclusive = sold.paid_line(), True
    invoice = issue_invoice(
        user,
        lines=[line],
        paid_at=sold.paid_at,
        gateway=sold.gateway,
        gateway_id=sold.payment_id or sold.gateway_id,
        currency=sold.currency,
        prices_include_tax=inclusive,
    )
    sql.execute(_SET_INVOICE, [invoice.id, sold.id])
    return invoice.id


def _report(purchase_id: int, why: str) -> None:
    (gateway,) = sql.fetch_column("SELECT gateway FROM token_purchases WHERE id = %s", [purchase_id])
    detail = f"Paid or refunded without its invoice or credit note; it is tried again. {why}"
    report(
        MISSING, gateway=gateway, subject=f"purchase:{purchase_id}", purchase_id=purchase_id, detail=detail
    )
    sql.execute(_OPEN_AGAIN, [MISSING, purchase_id])
