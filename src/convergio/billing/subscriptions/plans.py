"""What a version costs a user, and what gateways call it."""

from __future__ import annotations

import hashlib

from django.conf import settings

from convergio.accounts.models import User
from convergio.billing.gateways.protocol import Gateway, PlanTerms, SubscriptionPayment
from convergio.billing.invoicing.quotes import quote
from convergio.billing.invoicing.taxes import Item
from convergio.billing.subscriptions.events import State, Version
from convergio.billing.subscriptions.rows import get_version
from convergio.core import sql

_KNOWN = "SELECT gateway_id::text FROM gateway_plans WHERE version_id = %s AND gateway = %s AND amount = %s"
_KEEP = """
INSERT INTO gateway_plans (version_id, gateway, amount, gateway_id) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
_NAMES = "SELECT gateway_id::text FROM gateway_plans WHERE version_id = %s AND gateway = %s"
_OF_NAME = "SELECT version_id FROM gateway_plans WHERE gateway = %s AND gateway_id = %s LIMIT 1"
# Only what this contract is, will be or was charged for; a charge of another amount is nobody's plan.
_OF_CHARGE = """
SELECT version_id FROM gateway_plans g
WHERE gateway = %(gateway)s AND amount = %(amount)s AND (version_id IN (%(next)s, %(current)s)
  OR version_id IN (SELECT version_id FROM subscription_payments WHERE contract = %(contract)s))
ORDER BY version_id = %(next)s DESC, version_id = %(current)s DESC LIMIT 1
"""


def gross(user_id: int, description: str, price: int) -> int:
    """What the user pays for a price, with tax where it is on top. Raises NotInvoiceable while nobody may sell."""
    return quote(User.objects.get(id=user_id), [Item(description, price)]).totals.total


def plan_at(seller: Gateway, version: Version, *, amount: int) -> str:
    """The gateway's id of a version at that amount, made there when it has none. Raises ProviderError."""
    key = [version.id, seller.name, amount]
    known: str | None = sql.fetch_value(_KNOWN, key)
    if known is None:
        # The same on every try, another for each installation that shares the gateway's account.
        reference = hashlib.sha256(f"{settings.PUBLIC_URL}:{key}".encode()).hexdigest()[:32]
        made = seller.create_plan(PlanTerms(reference, version.name, amount, version.currency))
        sql.execute(_KEEP, [*key, made])
        known = sql.fetch_value(_KNOWN, key)
        assert known is not None
    return known


def is_plan_of(version: Version, *, gateway: str, plan_id: str) -> bool:
    """Whether the gateway calls this version so, at whatever amount."""
    return plan_id in sql.fetch_column(_NAMES, [version.id, gateway])


def version_of(gateway: str, plan_id: str) -> Version | None:
    """The version that a gateway's plan stands for."""
    found: int | None = sql.fetch_value(_OF_NAME, [gateway, plan_id])
    return get_version(found) if found else None


def version_charged(state: State, payment: SubscriptionPayment) -> Version | None:
    """What was paid for: the next plan, the present one, or one that this contract had; None for another amount."""
    coming = state.next_version or state.version
    values = {
        "gateway": state.gateway,
        "amount": payment.amount,
        "next": coming.id,
        "current": state.version.id,
        "contract": state.reference,
    }
    found: int | None = sql.fetch_value(_OF_CHARGE, values)
    version = next((one for one in (coming, state.version) if one.id == found), None)
    if version is None and found is not None:
        version = get_version(found)
    return version if version and version.currency == payment.currency else None
