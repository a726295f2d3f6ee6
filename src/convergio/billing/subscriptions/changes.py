"""What moving to another plan means now: at once for a price, or from the next period on."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from convergio.billing.errors import NotNow
from convergio.billing.subscriptions.events import ChangeScheduled, State, Version
from convergio.billing.subscriptions.machine import advance
from convergio.billing.subscriptions.periods import Period
from convergio.billing.subscriptions.plans import gross
from convergio.billing.subscriptions.proration import rest_of_period
from convergio.core.money import format_amount

# Gateways take no less: one rupee, a dollar.
LEAST_CHARGE = 100


class Preview(msgspec.Struct, frozen=True):
    """What a change would be. `amount` (minor units, tax included) is due now, and `tokens` come with it now.

    `kind` is upgrade (now, for the amount), scheduled (at `effective_at`, for nothing), dropped (an earlier change is
    taken back) or cancel (to Free).
    """

    kind: Literal["upgrade", "scheduled", "dropped", "cancel"]
    plan_slug: str
    plan_name: str
    amount: int
    currency: str
    tokens: int
    effective_at: datetime
    sentence: str


def preview(user_id: int, state: State, wanted: Version, *, moment: datetime) -> Preview:
    """Raises NotNow where the plan cannot be changed, or is that one already."""
    if wanted.price and state.version.currency != wanted.currency:
        raise NotNow("Plans in another currency are subscribed to anew, when this one has ended.")
    advance(state, ChangeScheduled(wanted), moment)  # refuses where there is nothing to change
    assert state.period_start is not None
    assert state.period_end is not None
    if wanted.slug == state.version.slug:
        return _same(state, wanted)
    if not wanted.price:
        return _preview("cancel", state, wanted)
    if wanted.price > state.version.price and state.status == "active":
        period = Period(state.period_start, state.period_end)
        rest = rest_of_period(state.version, wanted, period=period, moment=moment)
        amount = gross(user_id, wanted.name, rest.amount)
        if amount >= LEAST_CHARGE:
            return _preview("upgrade", state, wanted, amount=amount, tokens=rest.tokens, at=moment)
    return _preview("scheduled", state, wanted)


def _same(state: State, wanted: Version) -> Preview:
    if state.next_version is None:
        raise NotNow(f"This is the present plan: {state.version.name}.")
    return _preview("dropped", state, wanted)


def _preview(
    kind: Literal["upgrade", "scheduled", "dropped", "cancel"],
    state: State,
    wanted: Version,
    *,
    amount: int = 0,
    tokens: int = 0,
    at: datetime | None = None,
) -> Preview:
    assert state.period_end is not None
    month = format_amount(wanted.price, wanted.currency)
    sentences = {
        "upgrade": f"{wanted.name} begins as soon as {format_amount(amount, wanted.currency)} for the rest of this "
        f"period is paid, and brings {tokens:,} AI tokens now; then it costs {month} a month.",
        "scheduled": f"{wanted.name} begins with the next period for {month} a month; nothing is charged now.",
        "dropped": f"{wanted.name} goes on; the change that was planned is dropped.",
        "cancel": f"{state.version.name} holds until its period ends, and then Free begins.",
    }
    return Preview(
        kind,
        wanted.slug,
        wanted.name,
        amount,
        wanted.currency,
        tokens,
        at or state.period_end,
        sentences[kind],
    )
