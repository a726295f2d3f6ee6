"""What billing refuses, in one sentence each."""

from __future__ import annotations

from datetime import datetime

from convergio.core.errors import Conflict, InvalidInput, NotFound, OverQuota


class OutOfTokens(OverQuota):
    """The balance does not hold what a call can cost at most; the call was not made."""

    def __init__(self, *, needed: int, available: int, resets_at: datetime | None = None) -> None:
        when = f" The next allowance comes on {resets_at:%d %b}." if resets_at else ""
        super().__init__(
            "out_of_tokens",
            f"This takes up to {needed:,} AI tokens and {available:,} are left; nothing was asked of the model.{when}",
            limit="tokens",
            needed=needed,
            balance=available,
            resets_at=resets_at,
        )
        self.needed, self.available = needed, available


class QuotaUsedUp(OverQuota):
    """The plan's emails or AI replies of the period are used up; the model was not asked."""

    def __init__(
        self, limit: str, name: str, *, used: int, quota: int, plan: str, resets_at: datetime
    ) -> None:
        super().__init__(
            "quota_used_up",
            f"All {quota:,} {name} that the plan {plan} has for this month are used; nothing was asked of the model. "
            f"The next month begins on {resets_at:%d %b}.",
            limit=limit,
            used=used,
            quota=quota,
            resets_at=resets_at,
        )


class AlertExists(Conflict):
    """There is an alert at this threshold already."""

    def __init__(self) -> None:
        super().__init__("alert_exists", "You have an alert at this threshold; change that one.")


class TooManyAlerts(Conflict):
    """More alerts would tell less."""

    def __init__(self, most: int) -> None:
        super().__init__("too_many_alerts", f"There can be {most} alerts; delete one first.")


class BadThreshold(InvalidInput):
    """A percentage is 0 to 100, a number of tokens 0 to 10^12."""

    def __init__(self, unit: str) -> None:
        most = (
            "A percentage is a number from 0 to 100."
            if unit == "percent"
            else ("A number of tokens is from 0 to 1,000,000,000,000.")
        )
        super().__init__("invalid_threshold", most, field="threshold")


class BadInvoice(InvalidInput):
    """What shall be invoiced or credited cannot be; nothing was written."""

    def __init__(self, message: str) -> None:
        super().__init__("bad_invoice", message)


class NotInvoiceable(Conflict):
    """The state of an invoice, or of the set-up, does not allow it; nothing was written."""

    def __init__(self, message: str) -> None:
        super().__init__("not_invoiceable", message)


class NoSeller(NotInvoiceable):
    """Nobody is named as the seller, so nothing can be sold."""

    def __init__(self) -> None:
        super().__init__(
            "Nothing can be bought here yet: whoever runs this installation has not said who sells. "
            "The setting is CONVERGIO_SELLER_NAME."
        )


class NoWayToPay(Conflict):
    """No gateway is switched on."""

    def __init__(self) -> None:
        super().__init__(
            "no_way_to_pay",
            "Nothing can be bought here yet: whoever runs this installation has not switched on a way to pay.",
        )


class UnknownGateway(NotFound):
    """The gateway does not exist, or its settings are unset."""

    def __init__(self, name: str) -> None:
        super().__init__("way to pay on this installation")
        self.name = name


class GatewayOff(Conflict):
    """What a gateway keeps can only be removed through it, and it is switched off."""

    def __init__(self, name: str) -> None:
        super().__init__(
            "gateway_off", f"{name.title()} is switched off on this installation, so it cannot be asked."
        )


class QuantityOutOfRange(InvalidInput):
    """A package is bought a few times at once, not minus once and not a billion times."""

    def __init__(self, most: int) -> None:
        super().__init__(
            "invalid_quantity", f"A package can be bought 1 to {most} times at once.", field="quantity"
        )


class KeyUsedForAnother(Conflict):
    """The same Idempotency-Key came with another purchase."""

    def __init__(self) -> None:
        super().__init__(
            "idempotency_key_reused", "This Idempotency-Key was used for another purchase; take a new one."
        )


class NothingToRefund(Conflict):
    """It is not paid, or less of it is left than was asked for."""

    def __init__(self, left: int) -> None:
        super().__init__(
            "nothing_to_refund", f"At most {left} paise of this payment can be refunded.", left=left
        )


class NotNow(Conflict):
    """The subscription's state does not allow this; nothing was changed."""

    def __init__(self, message: str) -> None:
        super().__init__("subscription_state", message)
