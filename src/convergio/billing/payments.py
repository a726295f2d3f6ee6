"""Buying tokens: the price is our table's, the order is the gateway's, and the credit waits for the gateway's word.

The provider is called outside of transactions. A request that comes here must therefore stand in
site.access.without_transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from django.conf import settings
from django.db import transaction

from convergio.accounts import activity
from convergio.accounts.actor import Actor
from convergio.accounts.models import User
from convergio.accounts.permissions import require, require_fresh
from convergio.billing import gateways
from convergio.billing.errors import KeyUsedForAnother
from convergio.billing.gateways.protocol import Gateway, Order, OrderRequest, Payment
from convergio.billing.offers import find_offer, get_offer
from convergio.billing.payers import Payer, payer_of
from convergio.billing.purchases import Purchase, find_purchase, get_by_key, get_purchase
from convergio.billing.settlement import mismatch, settle
from convergio.core import sql
from convergio.core.clock import now
from convergio.core.errors import Conflict, InvalidInput, NotFound, ProviderError
from convergio.core.money import format_amount

# Where the gateway's page sends the buyer back to.
RETURN_PATH = "/dashboard/settings/tokens"
_LONGEST_KEY = 255
# Gateways remember an order that was made, and keep its page open, for a day.
_OPEN_FOR = timedelta(hours=23)

# Price and tokens are copied at this moment; a later change of the package does not touch what was bought.
_BUY = """
INSERT INTO token_purchases (user_id, workspace_id, package_id, reference, idempotency_key, quantity, tokens,
  bonus_tokens, amount, currency, status, gateway)
VALUES (%(user)s, %(workspace)s, %(package_id)s, %(reference)s, %(key)s, %(quantity)s, %(tokens)s, %(bonus)s,
  %(amount)s, %(currency)s, 'pending', %(gateway)s)
ON CONFLICT (user_id, idempotency_key) DO NOTHING RETURNING id
"""
_SET_ORDER = """
UPDATE token_purchases SET gateway_id = %s, problem = '', updated_at = %s,
  status = CASE WHEN status = 'failed' THEN 'pending' ELSE status END
WHERE id = %s AND gateway_id = ''
"""
_NO_ORDER = """
UPDATE token_purchases SET status = 'failed', problem = %s, updated_at = %s
WHERE id = %s AND gateway_id = '' AND status = 'pending'
"""


@dataclass(frozen=True, slots=True)
class _Wanted:
    package: str
    gateway: str
    quantity: int
    key: str


@dataclass(frozen=True, slots=True)
class Checkout:
    """A purchase, and the order at its gateway that waits to be paid."""

    purchase: Purchase
    order: Order


def check_key(idempotency_key: str) -> None:
    """Raises InvalidInput for what cannot be an Idempotency-Key."""
    if not 0 < len(idempotency_key) <= _LONGEST_KEY or not idempotency_key.isprintable():
        raise InvalidInput("invalid_idempotency_key", "Idempotency-Key takes 1 to 255 printable characters.")


def begin_purchase(
    actor: Actor, *, package: str, gateway: str, idempotency_key: str, quantity: int = 1
) -> Checkout:
    """The same key makes one purchase and one order, also after a time-out.

    Raises QuantityOutOfRange, NotFound, UnknownGateway, KeyUsedForAnother, NotInvoiceable where no invoice could be
    issued, ProviderError; after the last the purchase waits, and the same key tries again.
    """
    require(actor, "billing.edit")
    require_fresh(actor)
    check_key(idempotency_key)
    seller = gateways.find(gateway)
    payer = payer_of(actor)
    wanted = _Wanted(package, gateway, quantity, idempotency_key)
    with transaction.atomic():
        purchase = get_by_key(payer.id, idempotency_key) or _buy(actor, payer, wanted)
        _require_same(purchase, wanted)
    return _checkout(seller, purchase, payer)


def reopen_checkout(actor: Actor, purchase_id: int) -> Checkout:
    """The order of a purchase that still waits to be paid, as it was made before.

    Raises NotFound, Conflict for one that does not wait, UnknownGateway, ProviderError.
    """
    purchase = own_purchase(actor, purchase_id)
    if purchase.status not in ("pending", "failed"):
        raise Conflict("nothing_to_pay", "Nothing is left to pay for this purchase.")
    if purchase.gateway != "manual" and now() - purchase.created_at > _OPEN_FOR:
        raise Conflict("checkout_over", "This checkout has been open for too long; buy again.")
    return _checkout(gateways.find(purchase.gateway), purchase, payer_of(actor))


def own_purchase(actor: Actor, purchase_id: int) -> Purchase:
    """A purchase of the actor's workspace's owner. Raises NotAllowed, NotFound, also for another owner's."""
    require(actor, "billing.edit")
    purchase = get_purchase(purchase_id)
    if purchase.user_id != payer_of(actor).id:
        raise NotFound("purchase")
    return purchase


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
    if purchase_id is None:
        raise NotFound("purchase")
    own_purchase(actor, purchase_id)
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


def _buy(actor: Actor, payer: Payer, wanted: _Wanted) -> Purchase:
    """The amount is what the invoice will say; nothing is begun that could not be invoiced."""
    offer = find_offer(wanted.package)
    total = offer.quote(User.objects.get(id=payer.id), wanted.quantity).totals.total
    values = {
        "user": payer.id,
        "workspace": actor.workspace_id,
        "package_id": offer.id,
        "reference": uuid4().hex,
        "key": wanted.key,
        "quantity": wanted.quantity,
        "tokens": offer.tokens * wanted.quantity,
        "bonus": offer.bonus_tokens * wanted.quantity,
        "amount": total,
        "currency": offer.currency,
        "gateway": wanted.gateway,
    }
    made = sql.fetch_value(_BUY, values)
    if made is None:  # another request with this key was faster
        found = get_by_key(payer.id, wanted.key)
        assert found is not None
        return found
    activity.record_apart(
        actor,
        "billing.purchase_begun",
        subject=f"token_purchases:{made}",
        package=offer.name,
        quantity=wanted.quantity,
        amount=format_amount(total, offer.currency),
    )
    return get_purchase(made)


def _require_same(purchase: Purchase, wanted: _Wanted) -> None:
    """Raises KeyUsedForAnother when the key made a purchase of something else."""
    bought = (get_offer(purchase.package_id).slug, purchase.gateway, purchase.quantity)
    if bought != (wanted.package, wanted.gateway, wanted.quantity):
        raise KeyUsedForAnother


def _checkout(seller: Gateway, purchase: Purchase, payer: Payer) -> Checkout:
    """The purchase's order: made now, or by an earlier call."""
    item = get_offer(purchase.package_id).item(purchase.quantity)
    more = f", {purchase.quantity} times" if purchase.quantity > 1 else ""
    order = _order(seller, purchase, description=f"{item.description}{more}", email=payer.email)
    return Checkout(get_purchase(purchase.id), order)


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
