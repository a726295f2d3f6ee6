"""What an invoice would say, before anybody pays: the seller, the buyer, the taxes and the total to charge."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from django.conf import settings

from convergio.accounts.models import User
from convergio.billing.errors import BadInvoice
from convergio.billing.invoicing import parties
from convergio.billing.invoicing.rows import Party, Totals
from convergio.billing.invoicing.supply import Supply, decide_supply
from convergio.billing.invoicing.taxes import Item, tax_items
from convergio.core.money import CURRENCIES


class Quote(msgspec.Struct, frozen=True):
    """What an invoice would say now; checkouts charge its total."""

    seller: Party
    buyer: Party
    supply: Supply
    totals: Totals


def quote(
    user: User,
    items: Sequence[Item],
    *,
    currency: str = "INR",
    reverse_charge: bool = False,
    prices_include_tax: bool | None = None,
) -> Quote:
    """Tax what a user wants to buy; whether prices include the tax is the operator's choice unless it is given.

    Raises BadInvoice, and NotInvoiceable while nobody is named as the seller.
    """
    if currency not in CURRENCIES:
        raise BadInvoice(f"Invoices are in {', '.join(CURRENCIES)}.")
    seller, buyer = parties.seller(), parties.buyer(user)
    inclusive = settings.PRICES_INCLUDE_TAX if prices_include_tax is None else prices_include_tax
    supply = decide_supply(
        seller,
        buyer,
        lut=settings.SELLER_LUT,
        reverse_charge=reverse_charge,
        prices_include_tax=inclusive,
    )
    totals = tax_items(items, supply, sac=settings.SAC_CODE, rate=settings.GST_RATE)
    return Quote(seller, buyer, supply, totals)
