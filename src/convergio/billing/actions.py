"""What an owner changes of billing beside buying and subscribing."""

from __future__ import annotations

from collections.abc import Sequence

from convergio.accounts import activity
from convergio.accounts.actor import Actor
from convergio.accounts.permissions import require, require_fresh
from convergio.billing.invoicing import parties
from convergio.billing.payers import payer_of


def save_profile(
    actor: Actor,
    *,
    name: str,
    address: Sequence[str],
    state: str = "",
    country: str = "IN",
    gstin: str = "",
    ip: str | None = None,
) -> None:
    """What invoices from now on say of the buyer. Raises InvalidInput, FreshSignInRequired, NotAllowed."""
    require(actor, "billing.edit")
    require_fresh(actor)
    parties.save_profile(
        payer_of(actor).id, name=name, address=address, state=state, country=country, gstin=gstin
    )
    activity.record(actor, "billing.profile_changed", ip=ip)
