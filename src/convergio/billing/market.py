"""Whether anything can be bought here, and whom a page has to tell what."""

from __future__ import annotations

from django.conf import settings

from convergio.accounts.actor import Actor
from convergio.accounts.models import User
from convergio.billing import gateways
from convergio.billing.errors import NotInvoiceable
from convergio.billing.invoicing.numbering import require_number
from convergio.billing.invoicing.parties import seller

_FOR_BUYERS = (
    "Nothing can be bought here yet. Whoever runs this installation has not finished setting up sales."
)


def why_closed(actor: Actor) -> str:
    """Why nothing can be bought, empty when it can: what to set for staff, and no names of settings for others."""
    why = _reason()
    if not why:
        return ""
    return why if _is_staff(actor) else _FOR_BUYERS


def _reason() -> str:
    try:
        require_number(settings.INVOICE_PREFIX, seller().gstin)
    except NotInvoiceable as error:
        return error.message
    if not gateways.enabled():
        return "No way to pay is switched on: set up Razorpay, Stripe or bank transfer (deployment guide)."
    return ""


def _is_staff(actor: Actor) -> bool:
    return User.objects.filter(id=actor.require_user(), is_staff=True).exists()
