"""What subscribers are told by mail: before a charge, when one failed, and when something ends. Run as jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from django.conf import settings
from procrastinate.contrib.django import app

from convergio.core import sql
from convergio.core.jobs import RETRIES
from convergio.core.money import format_amount
from convergio.core.system_mail import send_notice

_READ = """
SELECT e.event::text, e.facts, e.to_state::text, u.email::text, u.name::text, u.timezone::text,
  o.amount, o.reference::text
FROM subscription_events e JOIN users u ON u.id = e.user_id AND u.is_active
LEFT JOIN subscription_orders o ON o.user_id = e.user_id AND o.kind = 'period' AND o.status = 'pending'
WHERE e.id = %s
"""
_FOOT = "\n\nYour plan and invoices: {address}\n"
_KEEPS = "Your data stays, and so do tokens that you bought; the plan's own tokens lapse with their period."

# Subject and text by event.
_TEXTS = {
    "trial_started": (
        "Your trial of {plan} has begun",
        "Your trial of {plan} runs until {end}. Then it is charged {price} a month, unless you cancel before.",
    ),
    "noticed": (
        "Your plan renews on {end}",
        "{next} renews on {end} for {price}. You need to do nothing. To stop it, cancel before that day.",
    ),
    "charge_failed": (
        "Your payment for {plan} did not go through",
        (
            "The payment for the next month of {plan} did not go through.{reason} We try again over the next days; "
            "until it works, the plan grants no new tokens. Check the card or account that it is charged to."
        ),
    ),
    "retry_failed": (
        "Your payment for {plan} is still open",
        "For {day} days the payment for {plan} has not gone through. Check the card or account that it is charged to. "
        "After 14 days your account goes back to Free. " + _KEEPS,
    ),
    "charged": (
        "Your payment for {plan} went through",
        "The open payment for {plan} went through, and the month's tokens are there. It runs until {end}.",
    ),
    "given_up": (
        "Your account is on Free now",
        "For 14 days the payment did not go through, so your account is on Free now. " + _KEEPS,
    ),
    "period_ended": (
        "Your account is on Free now",
        "Your plan ended, so your account is on Free now. " + _KEEPS,
    ),
    "cancelled": (
        "Your plan is cancelled",
        (
            "{plan} is cancelled and not charged any more. What you paid for holds until {end}; you can resume it "
            "until then."
        ),
    ),
    "ended": (
        "Your plan has ended at the payment provider",
        "The payment provider ended your subscription, so it is not charged any more. What you paid for holds until "
        "its period is over; then your account goes back to Free. " + _KEEPS,
    ),
    "change_refused": (
        "Your next month is on {next}",
        (
            "Your bank's mandate cannot be moved to another plan, so from {end} on it pays for {next} again. To keep "
            "the larger plan, cancel and subscribe to it anew when this month is over."
        ),
    ),
}
_TRANSFER = (
    "Please transfer {price} for {next}",
    (
        "The next month of {next} begins on {end}. Please transfer {price} before that, with the reference "
        "{reference}:\n\n"
        "{details}"
    ),
)
_OPEN_TRANSFER = "Please transfer {price} with the reference {reference}:\n\n{details}\n\n"


class _Told(msgspec.Struct):
    event: str
    facts: dict[str, Any]
    to_state: str
    email: str
    name: str
    timezone: str
    order_amount: int | None
    order_reference: str | None


@app.task(name="billing.mail_subscription_notice", queue="default", retry=RETRIES)
def mail_notice(event_id: int) -> None:
    """Tell the subscriber of one event. Whose account is closed is told nothing. Raises ProviderError."""
    told = sql.fetch_one(_Told, _READ, [event_id])
    if told is None:
        return
    subject, text = _texts(told)
    words = _words(told)
    body = f"Hello {{name}},\n\n{text}{_FOOT}".format(**words)
    send_notice(to=told.email, subject=subject.format(**words), text=body)


def _texts(told: _Told) -> tuple[str, str]:
    subject, text = _TEXTS[told.event]
    if told.order_reference and told.event == "noticed":
        return _TRANSFER
    if told.order_reference and told.to_state == "past_due":
        return subject, _OPEN_TRANSFER + text
    return subject, text


def _words(told: _Told) -> dict[str, object]:
    ends_at, coming = told.facts["ends_at"], told.facts["coming"]
    end = datetime.fromisoformat(ends_at).astimezone(ZoneInfo(told.timezone)) if ends_at else None
    reason = str(told.facts.get("reason") or "").strip().rstrip(".")
    return {
        "name": told.name or told.email,
        "plan": told.facts["plan"],
        "next": coming["name"],
        "end": f"{end.day} {end:%B %Y}" if end else "today",
        "price": format_amount(told.order_amount or coming["price"], coming["currency"]),
        "reason": f" The bank says: {reason}." if reason else "",
        "day": told.facts.get("day", 0),
        "reference": told.order_reference or "",
        "details": settings.BANK_DETAILS,
        "address": f"{settings.PUBLIC_URL}/dashboard/settings/billing",
    }
