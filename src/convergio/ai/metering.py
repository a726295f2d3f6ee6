"""Around every call of a model: hold the most that it can cost, ask, charge what it took, free the rest.

The hold is committed before the call and the charge after it, so call this outside a transaction: what a process that
dies leaves behind is freed by a sweep (billing/reservations.py). A call that fails costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from convergio.ai.interface import Draft, DraftRequest, Model
from convergio.ai.prices import cost_of
from convergio.billing.reservations import Purpose, Usage, reserved, settle
from convergio.core import clock


@dataclass(frozen=True, slots=True)
class Metered:
    """A draft with its cost, and the id of the usage that it was charged as; None for what no model wrote."""

    draft: Draft
    usage_id: int | None = None


def draft_reply(model: Model, request: DraftRequest, purpose: Purpose) -> Metered:
    """Have a reply written. Raises OutOfTokens and QuotaUsedUp before the model is asked; ProviderError."""
    most = model.most_tokens(request)
    if not most:
        return Metered(model.draft_reply(request))
    return metered(lambda: model.draft_reply(request), purpose, most=most)


def metered(call: Callable[[], Draft], purpose: Purpose, *, most: int) -> Metered:
    """The same around any call that takes up to `most` tokens."""
    with reserved(purpose, tokens=most) as held:
        draft = call()
        cost = cost_of(
            draft.model,
            input_tokens=draft.input_tokens,
            output_tokens=draft.output_tokens,
            cached_tokens=draft.cached_tokens,
            at=clock.now(),
        )
        usage = Usage(draft.model, draft.input_tokens, draft.output_tokens, draft.cached_tokens, cost)
        usage_id = settle(held, usage)
        return Metered(replace(draft, cost=cost), usage_id or None)
