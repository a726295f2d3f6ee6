"""Alerts of the balance: each fires once when it crosses its threshold, and is armed again by a refill above it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from convergio.billing.notices import tell
from convergio.billing.subscriptions.queries import current_terms
from convergio.core import sql
from convergio.core.clock import now

# The level in tokens; a percentage is of the plan's allowance for a period.
_LEVEL = "CASE unit WHEN 'tokens' THEN threshold ELSE threshold * %(allowance)s / 100 END"
# Of many processes that see the balance below, one gets the row and tells.
_FIRE = f"""
UPDATE usage_alerts SET armed = false, last_fired_at = %(now)s, allowance = %(allowance)s
WHERE user_id = %(user)s AND armed AND %(left)s <= {_LEVEL}
RETURNING {_LEVEL}, threshold, unit, channel
"""
_FIRE_AT_NOTHING = """
UPDATE usage_alerts SET armed = false, last_fired_at = %(now)s
WHERE user_id = %(user)s AND armed AND threshold = 0 RETURNING 0::bigint, threshold, unit, channel
"""
_ARMED = "SELECT EXISTS (SELECT FROM usage_alerts WHERE user_id = %s AND armed = %s)"
_ARM = f"""
UPDATE usage_alerts SET armed = true FROM token_balances AS balance
WHERE usage_alerts.user_id = %(user)s AND balance.user_id = usage_alerts.user_id AND NOT armed
  AND balance.tokens > {_LEVEL}
"""


class _Fired(msgspec.Struct):
    level: int
    threshold: int
    unit: str
    channel: str


def look(user_id: int, workspace_id: int | None, *, left: int) -> None:
    """After a call was charged: fire what the balance has come down to. `left` is all that the balance holds."""
    if not sql.fetch_value(_ARMED, [user_id, True]):
        return
    terms = current_terms(user_id)
    values = {"user": user_id, "now": now(), "left": left, "allowance": terms.monthly_tokens}
    if fired := sql.fetch_all(_Fired, _FIRE, values):
        subject = f"{left:,} AI tokens are left" if left else "No AI tokens are left"
        until = f"The next allowance comes on {terms.period_end:%d %B %Y}; tokens can be bought at any time."
        text = f"{_crossed(fired)} {left:,} tokens are left. {until}"
        tell(user_id, workspace_id, subject=subject, text=text, channel=_channel(fired))


def look_after_refusal(user_id: int, workspace_id: int, *, needed: int, available: int) -> None:
    """A call did not fit: for who waits for the alert at nothing, that is the same."""
    if fired := sql.fetch_all(_Fired, _FIRE_AT_NOTHING, {"user": user_id, "now": now()}):
        text = (
            f"A call to the model takes up to {needed:,} tokens and {available:,} are free, so it was not made. "
            "Mail still arrives and becomes tasks, and drafts quote your documents without a model. "
            "Tokens can be bought at any time."
        )
        tell(
            user_id,
            workspace_id,
            subject="AI has stopped: too few tokens",
            text=text,
            channel=_channel(fired),
        )


def arm_again(user_id: int) -> None:
    """After a refill, in its transaction: alerts that the balance is above again."""
    if sql.fetch_value(_ARMED, [user_id, False]):
        sql.execute(_ARM, {"user": user_id, "allowance": current_terms(user_id).monthly_tokens})


def _crossed(fired: Sequence[_Fired]) -> str:
    lowest = min(fired, key=lambda one: one.level)
    if lowest.threshold == 0:
        return "Your balance of AI tokens is used up."
    if lowest.unit == "percent":
        return f"Your balance of AI tokens fell to {lowest.threshold} % of your plan's monthly allowance."
    return f"Your balance of AI tokens fell to {lowest.threshold:,}."


def _channel(fired: Sequence[_Fired]) -> str:
    """Several that fire at once are one notice, by every channel that one of them has."""
    channels = {one.channel for one in fired}
    return channels.pop() if len(channels) == 1 else "both"
