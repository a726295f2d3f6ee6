"""Ways to pay that a gateway keeps for a user; the rows here are a copy for showing."""

from __future__ import annotations

from django.db import transaction

from convergio.accounts import activity
from convergio.accounts.actor import Actor
from convergio.accounts.permissions import require, require_fresh
from convergio.billing import gateways
from convergio.billing.errors import GatewayOff, UnknownGateway
from convergio.billing.payers import payer_of
from convergio.core import sql
from convergio.core.errors import NotFound

_CUSTOMER = "SELECT gateway_id FROM gateway_customers WHERE user_id = %s AND gateway = %s"
_ADD_CUSTOMER = """
INSERT INTO gateway_customers (user_id, gateway, gateway_id) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING
"""
_FORGET_OTHERS = """
DELETE FROM payment_methods WHERE user_id = %s AND gateway = %s AND NOT gateway_id = ANY(%s::text[])
"""
_KEEP = """
INSERT INTO payment_methods (user_id, gateway, gateway_id, kind, label, expires_on)
VALUES (%(user)s, %(gateway)s, %(id)s, %(kind)s, %(label)s, %(expires_on)s)
ON CONFLICT (user_id, gateway, gateway_id) DO UPDATE SET label = excluded.label, expires_on = excluded.expires_on
"""
_OWN = "SELECT gateway, gateway_id, label FROM payment_methods WHERE id = %s AND user_id = %s"


def customer_of(actor: Actor, *, gateway: str) -> str:
    """The gateway's id for the workspace's owner, made when there is none. Raises ProviderError."""
    require(actor, "billing.edit")
    payer = payer_of(actor)
    known: str | None = sql.fetch_value(_CUSTOMER, [payer.id, gateway])
    if known is None:
        made = gateways.find(gateway).create_customer(
            reference=f"user{payer.id}", name=payer.name, email=payer.email
        )
        sql.execute(_ADD_CUSTOMER, [payer.id, gateway, made])
        known = sql.fetch_value(_CUSTOMER, [payer.id, gateway])
        assert known is not None
    return known


def refresh_methods(actor: Actor, *, gateway: str) -> None:
    """Copy what the gateway keeps. Raises ProviderError."""
    customer = customer_of(actor, gateway=gateway)
    methods = gateways.find(gateway).saved_methods(customer)
    user_id = payer_of(actor).id
    with transaction.atomic():
        sql.execute(_FORGET_OTHERS, [user_id, gateway, [method.id for method in methods]])
        for method in methods:
            values = {"user": user_id, "gateway": gateway, "id": method.id, "kind": method.kind}
            sql.execute(_KEEP, {**values, "label": method.label, "expires_on": method.expires_on})


def refresh_known(actor: Actor) -> None:
    """Copy what every gateway keeps that knows the owner. Raises ProviderError."""
    require(actor, "billing.edit")
    known = set(
        sql.fetch_column("SELECT gateway FROM gateway_customers WHERE user_id = %s", [payer_of(actor).id])
    )
    for gateway in gateways.enabled():
        if gateway.is_recurring and gateway.name in known:
            refresh_methods(actor, gateway=gateway.name)


def forget_method(actor: Actor, *, method_id: int) -> None:
    """Remove it at the gateway, then here. Raises NotFound, GatewayOff, FreshSignInRequired, ProviderError."""
    require(actor, "billing.edit")
    require_fresh(actor)
    user_id = payer_of(actor).id
    found = sql.fetch_rows(_OWN, [method_id, user_id])
    if not found:
        raise NotFound("payment method")
    gateway, gateway_id, label = found[0]
    try:
        keeper = gateways.find(gateway)
    except UnknownGateway:
        raise GatewayOff(gateway) from None
    keeper.forget_method(customer_of(actor, gateway=gateway), gateway_id)
    with transaction.atomic():
        sql.execute("DELETE FROM payment_methods WHERE id = %s", [method_id])
        activity.record_apart(actor, "billing.method_forgotten", label=label)
