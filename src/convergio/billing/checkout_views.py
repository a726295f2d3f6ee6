"""Paying for a purchase of tokens, and coming back from it."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from convergio.accounts.forms import typed
from convergio.accounts.requests import SignedInHttpRequest
from convergio.billing import gateways, payments, queries
from convergio.billing.gateways.fake import FakeGateway
from convergio.billing.paying import Bill, pay_page
from convergio.billing.purchases import Purchase
from convergio.billing.queries import PurchaseRow
from convergio.core.errors import Conflict, NotFound, ProviderError
from convergio.core.money import indian


@require_safe
def checkout(request: SignedInHttpRequest, purchase_id: int) -> HttpResponse:
    """Where the purchase is paid. Safe to open again: the order is the one that was made first."""
    try:
        found = payments.reopen_checkout(request.actor, purchase_id)
    except Conflict:
        return _to_purchase(purchase_id)
    except ProviderError:
        return HttpResponseRedirect(f"{reverse('billing:purchase', args=[purchase_id])}?away=1")
    return pay_page(request, _bill(queries.find_purchase_row(request.actor, purchase_id)), found.order)


@require_http_methods(["GET", "POST"])
def finish(request: SignedInHttpRequest) -> HttpResponse:
    """Back from the gateway. What the browser brings only says which order to ask about."""
    fields = {name: str(value) for name, value in (request.POST or request.GET).items()}
    gateway = fields.get("gateway", "stripe" if "session_id" in fields else "")
    done = payments.finish_checkout(request.actor, gateway=gateway, fields=fields)
    return _to_purchase(done.id)


@require_POST
def ask(request: SignedInHttpRequest, purchase_id: int) -> HttpResponse:
    """Ask the gateway now, instead of waiting for its message or for the job that asks every ten minutes."""
    _own(request, purchase_id)
    try:
        payments.complete_purchase(purchase_id)
    except ProviderError:
        return HttpResponseRedirect(f"{reverse('billing:purchase', args=[purchase_id])}?away=1")
    return _to_purchase(purchase_id)


@require_POST
def test_payment(request: SignedInHttpRequest, purchase_id: int) -> HttpResponse:
    """The buyer's side of the gateway that moves no money. Raises NotFound wherever it is switched off."""
    purchase = _own(request, purchase_id)
    gateway = gateways.find("fake")
    if purchase.gateway != "fake" or not isinstance(gateway, FakeGateway):
        raise NotFound("test payment")
    if typed(request, "outcome") == "pay":
        gateway.pay(purchase.gateway_id)
    else:
        gateway.decline(purchase.gateway_id, reason="You chose to decline it")
    payments.finish_checkout(request.actor, gateway="fake", fields=gateway.come_back(purchase.gateway_id))
    return _to_purchase(purchase_id)


def _own(request: SignedInHttpRequest, purchase_id: int) -> Purchase:
    """The purchase, if it is this owner's to pay."""
    return payments.own_purchase(request.actor, purchase_id)


def _to_purchase(purchase_id: int) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("billing:purchase", args=[purchase_id]))


def _bill(purchase: PurchaseRow) -> Bill:
    many = f" × {purchase.quantity}" if purchase.quantity > 1 else ""
    bonus = f" and {indian(purchase.bonus_tokens)} on top" if purchase.bonus_tokens else ""
    return Bill(
        page="tokens",
        facts=(
            ("Package", f"{purchase.package_name}{many}"),
            ("AI tokens", f"{indian(purchase.tokens)}{bonus}"),
        ),
        name=f"{purchase.package_name} package",
        amount=purchase.amount,
        currency=purchase.currency,
        gateway=purchase.gateway,
        back=reverse("billing:purchase", args=[purchase.id]),
        finish=reverse("billing:return"),
        test=reverse("billing:test_payment", args=[purchase.id]),
    )
