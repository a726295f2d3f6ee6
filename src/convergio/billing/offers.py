"""Token packages: what can be bought, at which price, and what a buyer will be charged for it."""

from __future__ import annotations

import msgspec

from convergio.accounts.models import User
from convergio.billing.errors import QuantityOutOfRange
from convergio.billing.invoicing.quotes import Quote
from convergio.billing.invoicing.sales import describe, quote_sale
from convergio.billing.invoicing.taxes import Item
from convergio.core import sql
from convergio.core.errors import NotFound

MOST_AT_ONCE = 20

_COLUMNS = "SELECT id, slug, name, tokens, bonus_tokens, price, currency FROM token_packages"


class Offer(msgspec.Struct, frozen=True):
    """A package as it is now; the price in minor units."""

    id: int
    slug: str
    name: str
    tokens: int
    bonus_tokens: int
    price: int
    currency: str

    def item(self, quantity: int) -> Item:
        """The line of an invoice. Raises QuantityOutOfRange."""
        if not 1 <= quantity <= MOST_AT_ONCE:
            raise QuantityOutOfRange(MOST_AT_ONCE)
        return Item(
            describe(self.name, tokens=self.tokens, bonus=self.bonus_tokens), self.price, quantity=quantity
        )

    def quote(self, user: User, quantity: int = 1) -> Quote:
        """What the user would be charged. Raises QuantityOutOfRange, NotInvoiceable, BadInvoice."""
        return quote_sale(user, self.item(quantity), currency=self.currency)


def list_offers() -> list[Offer]:
    """What can be bought, cheapest first."""
    return sql.fetch_all(Offer, f"{_COLUMNS} WHERE is_active ORDER BY price, id")


def find_offer(slug: str) -> Offer:
    """Raises NotFound, also for what is no longer sold."""
    offer = sql.fetch_one(Offer, f"{_COLUMNS} WHERE slug = %s AND is_active", [slug])
    if offer is None:
        raise NotFound("package")
    return offer


def get_offer(package_id: int) -> Offer:
    """The package of a purchase, sold or not."""
    offer = sql.fetch_one(Offer, f"{_COLUMNS} WHERE id = %s", [package_id])
    assert offer is not None  # packages are never removed
    return offer
