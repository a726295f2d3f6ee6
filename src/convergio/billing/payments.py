"""Buying tokens: the price is our table's, the order is the gateway's, and the credit waits for the gateway's word.

The provider is called outside of transactions. A request that comes here must therefore stand in
site.access.without_transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import msgspec
from django.conf import settings
from django.db import transaction

from convergio.accounts.actor import Actor
from convergio.accounts.permissions import require
from convergio.billing import gateways
from convergio.billing.errors import KeyUsedForAnother, QuantityOutOfRange
from convergio.billing.gateways.protocol import Gateway, Order, OrderRequest, Payment
from convergio.billing.purchases import Purchase, find_purchase, get_by_key, get_purchase
from convergio.billing.settlement import mismatch, settle
from convergio.core import sql
from convergio.core.clock import now
from convergio.core.errors import InvalidInput, NotFound, ProviderError

MOST_AT_ONCE = 20
# Where the gateway's page sends the buyer back to.
RETURN_PATH = "/dashboard/settings/tokens"
_LONGEST_KEY = 255

_PAYER = "SELECT u.id, u.email::text FROM workspaces w JOIN users u ON u.id = w.owner_id WHERE w.id = %s"
# Price and tokens are copied at this moment; a later change of the package does not touch what was bought.
_BUY = """
INSERT INTO token_purchases (user_id, workspace_id, package_id, reference, idempotency_key, quantity, tokens,
  bonus_tokens, amount, currency, status, gateway)
SELECT %(user)s, %(workspace)s, id, %(reference)s, %(key)s, %(quantity)s, tokens * %(quantity)s,
  bonus_tokens * %(quantity)s, price * %(quantity)s, currency, 'pending', %(gateway)s
FROM token_packages WHERE slug = %(package)s AND is_active
ON CONFLICT (user_id, idempotency_key) DO NOTHING
"""
_PACKAGE = "SELECT id, name FROM token_packages WHERE slug = %s"
_SET_ORDER = """
UPDATE token_purchases SET gateway_id = %s, problem = '', updated_at = %s,
  status = CASE WHEN status = 'failed' THEN 'pending' ELSE status END
WHERE id = %s AND gateway_id = ''
"""
_NO_ORDER = """
UPDATE token_purchases SET status = 'failed', problem = %s, updated_at = %s
WHERE id = %s AND gateway_id = '' AND status = 'pending'
"""


class Payer(msgspec.Struct, frozen=True):
    """The owner of the actor's workspace, who pays and whose tokens it spends."""

    id: int
    email: str


@dataclass(frozen=True, slots=True)
class Checkout:
    """A purchase, and the order at its gateway that waits to be paid."""

    purchase: Purchase
    order: Order


def payer_of(actor: Actor) -> Payer:
    """Who pays for the actor's workspace."""
    payer = sql.fetch_one(Payer, _PAYER, [actor.workspace_id])
    assert payer is not None  # a workspace has an owner
    return payer


def check_key(idempotency_key: str) -> None:
    """Raises InvalidInput for what cannot be an Idempotency-Key."""
    if not 0 < len(idempotency_key) <= _LONGEST_KEY or not idempotency_key.isprintable():
        raise InvalidInput("invalid_idempotency_key", "Idempotency-Key takes 1 to 255 printable characters.")


def begin_purchase(
    actor: Actor, *, package: str, gateway: str, idempotency_key: str, quantity: int = 1
) -> Checkout:
    """The same key makes one purchase and one order, also after a time-out.

    Raises QuantityOutOfRange, NotFound, UnknownGateway, KeyUsedForAnother, ProviderError; after the last the purchase
    waits, and the same key tries again.
    """
    require(actor, "billing.edit")
    if not 1 <= quantity <= MOST_AT_ONCE:
        raise QuantityOutOfRange(MOST_AT_ONCE)
    check_key(idempotency_key)
    seller = gateways.find(gateway)
    payer = payer_of(actor)
    values = {
        "user": payer.id,
        "workspace": actor.workspace_id,
        "package": package,
        "gateway": gateway,
        "quantity": quantity,
        "key": idempotency_key,
    }
    purchase, description = _buy(values)
    order = _order(seller, purchase, description=description, email=payer.email)
    return Checkout(get_purchase(purchase.id), order)


def complete_purchase(purchase_id: int) -> str:
    """Ask the gateway what became of the order and act on its answer; the new status. Safe at any time.

    Raises ProviderError, after which nothing has changed here.
    """
    purchase = get_purchase(purchase_id)
    if not purchase.gateway_id:
        return purchase.status
    seller = gateways.find(purchase.gateway)
    return apply_payment(seller, purchase, seller.fetch_payment(purchase.gateway_id))


def finish_checkout(actor: Actor, *, gateway: str, fields: Mapping[str, str]) -> Purchase:
    """The buyer is back from checkout with what the gateway signed. Raises ForgedMessage, NotFound.

    Where the gateway does not answer, the purchase is still pending: a webhook or the next look brings the tokens.
    """
    require(actor, "billing.edit")
    order_id = gateways.find(gateway).verify_checkout(fields)
    purchase_id = find_purchase(gateway, order_id=order_id)
    if purchase_id is None or get_purchase(purchase_id).user_id != payer_of(actor).id:
        raise NotFound("purchase")
    try:
        complete_purchase(purchase_id)
    except ProviderError as error:
        if error.kind != "retry":
            raise
    return get_purchase(purchase_id)


def apply_payment(seller: Gateway, purchase: Purchase, payment: Payment) -> str:
    """Take what is held for us if it is exactly what was asked for, then settle."""
    if payment.status == "authorized" and not mismatch(purchase, payment):
        payment = seller.capture(payment)
    return settle(purchase.id, payment)


def adopt_order(purchase_id: int, *, order_id: str) -> None:
    """An order whose answer was lost names its purchase; believed when the gateway's API says the same."""
    purchase = get_purchase(purchase_id)
    if purchase.gateway_id or not order_id:
        return
    if gateways.find(purchase.gateway).fetch_payment(order_id).reference == purchase.reference:
        sql.execute(_SET_ORDER, [order_id, now(), purchase.id])


def _buy(values: dict[str, Any]) -> tuple[Purchase, str]:
    with transaction.atomic():
        sql.execute(_BUY, {**values, "reference": uuid4().hex})
        purchase = get_by_key(values["user"], values["key"])
        package = sql.fetch_rows(_PACKAGE, [values["package"]])
        if purchase is None or not package:
            raise NotFound("package")
        package_id, name = package[0]
        if (purchase.package_id, purchase.gateway, purchase.quantity) != (
            package_id,
            values["gateway"],
            values["quantity"],
        ):
            raise KeyUsedForAnother
        return purchase, f"{purchase.tokens + purchase.bonus_tokens:,} AI tokens ({name})"


def _order(seller: Gateway, purchase: Purchase, *, description: str, email: str) -> Order:
    request = OrderRequest(
        reference=purchase.reference,
        amount=purchase.amount,
        currency=purchase.currency,
        description=description,
        email=email,
        return_url=f"{settings.PUBLIC_URL}{RETURN_PATH}",
    )
    try:
        order = seller.create_order(request)
    except ProviderError as error:
        if error.kind != "retry":
            sql.execute(_NO_ORDER, [error.message[:300], now(), purchase.id])
        raise
    sql.execute(_SET_ORDER, [order.id, now(), purchase.id])
    return order
