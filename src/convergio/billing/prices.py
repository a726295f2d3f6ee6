"""What a page says of a price before anything is bought: the total, and what of it is tax."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from convergio.accounts.models import User
from convergio.billing.invoicing.quotes import Quote
from convergio.billing.offers import Offer, list_offers


@dataclass(frozen=True, slots=True)
class Price:
    """In minor units; `rate` like "18 %", empty where no tax is charged. `included`: the shown price holds the tax."""

    subtotal: int
    tax: int
    total: int
    rate: str
    included: bool


@dataclass(frozen=True, slots=True)
class Card:
    """A package to choose from; without a price while nothing can be sold."""

    offer: Offer
    price: Price | None


def cards(user: User | None) -> list[Card]:
    """All packages with what this buyer would pay for one; no buyer while nothing can be sold."""
    return [Card(offer, None if user is None else price_of(offer.quote(user))) for offer in list_offers()]


def price_of(quote: Quote) -> Price:
    """The totals of a quote."""
    totals = quote.totals
    rate = sum(tax.rate for tax in totals.tax_lines)
    return Price(
        subtotal=totals.subtotal,
        tax=totals.tax,
        total=totals.total,
        rate=f"{rate / 100:g} %" if totals.tax_lines else "",
        included=quote.supply.terms.prices_include_tax,
    )


def tax_words() -> str:
    """What stands beside a price that is the same for everybody."""
    if not settings.SELLER_GSTIN:
        return ""
    rate = f"{settings.GST_RATE / 100:g} % GST"
    return f"includes {rate}" if settings.PRICES_INCLUDE_TAX else f"plus {rate}"
