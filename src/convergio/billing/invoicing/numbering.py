"""Numbers without gaps: a counter's row is raised in the transaction of the document that bears its number.

A sequence would lose the numbers of transactions that are undone. The row is held until the document commits, so
documents of one series are issued one after another, and a later number never has an earlier date.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from convergio.billing.errors import NotInvoiceable
from convergio.billing.invoicing.gst import financial_year
from convergio.core import sql
from convergio.core.clock import now

# CGST Rules 2017, rule 46 (b).
LONGEST = 16
_NEXT = """
INSERT INTO invoice_counters AS counter (series, seller_gstin, last_number, last_issued_at)
VALUES (%(series)s, %(seller)s, 1, %(now)s)
ON CONFLICT (series) DO UPDATE SET last_number = counter.last_number + 1,
  last_issued_at = greatest(counter.last_issued_at, excluded.last_issued_at)
  WHERE counter.seller_gstin = excluded.seller_gstin
RETURNING series, last_number, last_issued_at
"""

_OWNER = "SELECT seller_gstin, last_number FROM invoice_counters WHERE series = %s"


class Number(msgspec.Struct, frozen=True):
    """A number's place in its series, and the moment at which the document is issued."""

    series: str
    position: int
    issued_at: datetime

    @property
    def text(self) -> str:
        return f"{self.series}/{self.position:06d}"


def next_number(prefix: str, seller_gstin: str) -> Number:
    """Take the next number of the running financial year, inside a transaction. Raises NotInvoiceable."""
    moment = now()
    values = {"series": f"{prefix}/{financial_year(moment)}", "seller": seller_gstin, "now": moment}
    number = sql.fetch_one(Number, _NEXT, values)
    if number is None:
        raise _anothers(values["series"])
    if len(number.text) > LONGEST:
        raise _used_up(number.series)
    return number


def require_number(prefix: str, seller_gstin: str) -> None:
    """Whether a number could be had now, for who is about to take money. Raises NotInvoiceable."""
    series = f"{prefix}/{financial_year(now())}"
    for owner, last in sql.fetch_rows(_OWNER, [series]):
        if owner != seller_gstin:
            raise _anothers(series)
        if len(Number(series, last + 1, now()).text) > LONGEST:
            raise _used_up(series)


def _anothers(series: object) -> NotInvoiceable:
    return NotInvoiceable(
        f"The numbers {series} belong to another seller's GSTIN; set another prefix for this one."
    )


def _used_up(series: str) -> NotInvoiceable:
    return NotInvoiceable(f"The numbers {series} are used up; set another prefix.")
