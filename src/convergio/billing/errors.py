"""What billing refuses, in one sentence each."""

from __future__ import annotations

from datetime import datetime

from convergio.core.errors import Conflict, InvalidInput, OverQuota


class OutOfTokens(OverQuota):
    """The balance does not hold what a call can cost at most; the call was not made."""

    def __init__(self, *, needed: int, available: int, resets_at: datetime | None = None) -> None:
        when = f" The next allowance comes on {resets_at:%d %b}." if resets_at else ""
        super().__init__(
            "out_of_tokens",
            f"This takes up to {needed:,} AI tokens and {available:,} are left; nothing was asked of the model.{when}",
            needed=needed,
            balance=available,
            resets_at=resets_at,
        )


class BadInvoice(InvalidInput):
    """What shall be invoiced or credited cannot be; nothing was written."""

    def __init__(self, message: str) -> None:
        super().__init__("bad_invoice", message)


class NotInvoiceable(Conflict):
    """The state of an invoice, or of the set-up, does not allow it; nothing was written."""

    def __init__(self, message: str) -> None:
        super().__init__("not_invoiceable", message)
