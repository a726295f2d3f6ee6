"""Who sells and who buys: the seller from the settings, the buyer from their billing profile."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings

from convergio.accounts.models import User
from convergio.billing.errors import NoSeller
from convergio.billing.invoicing.countries import COUNTRIES
from convergio.billing.invoicing.gst import STATES, gstin_problem
from convergio.billing.invoicing.rows import Party
from convergio.billing.models import BillingProfile
from convergio.core.errors import InvalidInput

_LINES, _LENGTH = 6, 120


def seller() -> Party:
    """Who sells. Raises NoSeller while nobody is named: ask before money is taken."""
    if not settings.SELLER_NAME:
        raise NoSeller
    return Party(
        name=settings.SELLER_NAME,
        address=settings.SELLER_ADDRESS,
        state=settings.SELLER_STATE,
        gstin=settings.SELLER_GSTIN,
    )


def buyer(user: User) -> Party:
    """Who buys, as their billing profile has it; without one, the account's name in India."""
    profile = BillingProfile.objects.filter(user_id=user.id).first()
    if profile is None:
        return Party(name=user.company or user.name or user.email, email=user.email)
    return Party(
        name=profile.name,
        address=profile.address,
        state=profile.state,
        country=profile.country,
        gstin=profile.gstin,
        email=user.email,
    )


def save_profile(
    user_id: int, *, name: str, address: Sequence[str], state: str = "", country: str = "IN", gstin: str = ""
) -> BillingProfile:
    """Keep what invoices from now on say of the buyer; those issued stay as they are. Raises InvalidInput."""
    name, gstin = name.strip(), gstin.strip().upper()
    lines = [line.strip() for line in address if line.strip()]
    if not name or len(name) > _LENGTH:
        raise InvalidInput(
            "bad_profile", f"An invoice needs a name of at most {_LENGTH} characters.", field="name"
        )
    if len(lines) > _LINES or any(len(line) > _LENGTH for line in lines):
        raise InvalidInput(
            "bad_profile", f"An address has at most {_LINES} lines of {_LENGTH} characters.", field="address"
        )
    state = _checked_place(state, country, gstin)
    profile, _ = BillingProfile.objects.update_or_create(
        user_id=user_id,
        defaults={"name": name, "address": lines, "state": state, "country": country, "gstin": gstin},
    )
    return profile


def _checked_place(state: str, country: str, gstin: str) -> str:
    """The state's code; of a registered buyer it is in the number."""
    if country not in COUNTRIES:
        raise InvalidInput("bad_profile", "Choose a country from the list.", field="country")
    if country != "IN":
        if state or gstin:
            field = "gstin" if gstin else "state"
            raise InvalidInput(
                "bad_profile", "A state's code and a GSTIN are for addresses in India.", field=field
            )
        return ""
    if gstin and (problem := gstin_problem(gstin)):
        raise InvalidInput("bad_gstin", problem, field="gstin")
    if state and state not in STATES:
        raise InvalidInput("bad_profile", "Choose a state from the list.", field="state")
    if gstin and state and gstin[:2] != state:
        raise InvalidInput(
            "bad_gstin",
            f"The GSTIN is registered in {STATES[gstin[:2]]}, not in {STATES[state]}.",
            field="gstin",
        )
    return gstin[:2] or state
