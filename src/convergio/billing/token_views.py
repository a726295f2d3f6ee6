"""Settings, AI tokens: what is left, what can be bought, and what was bought. It works without script."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from convergio.accounts.errors import FreshSignInRequired
from convergio.accounts.forms import number, with_next
from convergio.accounts.models import User
from convergio.accounts.permissions import allows, require
from convergio.accounts.requests import SignedInHttpRequest
from convergio.billing import gateways, market, payments, prices, queries
from convergio.billing.errors import QuantityOutOfRange
from convergio.billing.forms import BuyForm
from convergio.billing.offers import MOST_AT_ONCE, Offer, find_offer
from convergio.billing.payers import payer_of
from convergio.billing.paying import gateway_label
from convergio.billing.prices import Price
from convergio.billing.subscriptions.queries import current_terms
from convergio.core.errors import ProviderError
from convergio.core.paging import Page
from convergio.core.render import render
from convergio.core.tenancy import workspace_scope

_PAGE = 20


@require_safe
def tokens(request: SignedInHttpRequest) -> HttpResponse:
    """Everybody sees what is left; packages and purchases are for who may see billing."""
    if "session_id" in request.GET:  # back from a gateway's own page
        return HttpResponseRedirect(f"{reverse('billing:return')}?{request.GET.urlencode()}")
    actor = request.actor
    payer = payer_of(actor)
    closed = market.why_closed(actor)
    context: dict[str, Any] = {
        "balance": queries.balance_of(payer.id),
        "terms": current_terms(payer.id),
        "cards": prices.cards(None if closed else User.objects.get(id=payer.id)),
        "closed": closed,
        "may_buy": allows(actor, "billing.edit") and not closed,
        "owner_name": payer.name or payer.email,
        "may_see": allows(actor, "billing.view"),
        **(_purchases(request) if allows(actor, "billing.view") else {"purchases": [], "total": 0}),
    }
    return render(request, "billing/tokens.html", context)


def _purchases(request: SignedInHttpRequest) -> dict[str, Any]:
    page = Page.of(limit=_PAGE, offset=number(request.GET.get("offset")))
    return {
        "purchases": queries.list_purchases(request.actor, page),
        "total": queries.count_purchases(request.actor),
        "offset": page.offset,
        "limit": _PAGE,
    }


@require_safe
def purchase(request: SignedInHttpRequest, purchase_id: int) -> HttpResponse:
    """What became of it; while it is pending the page looks again by itself."""
    found = queries.find_purchase_row(request.actor, purchase_id)
    context = {
        "purchase": found,
        "gateway_label": gateway_label(found.gateway),
        "may_edit": allows(request.actor, "billing.edit"),
    }
    return render(request, "billing/purchase.html", context, block="state")


@require_http_methods(["GET", "HEAD", "POST"])
def buy(request: SignedInHttpRequest) -> HttpResponse:
    """The last look before paying: how many, by which gateway, and the total. A POST goes on to the gateway."""
    require(request.actor, "billing.edit")
    form = BuyForm.of(request.POST if request.method == "POST" else request.GET)
    if request.method != "POST" or "look" in request.POST:
        return _buy_page(request, form)
    try:
        total = _price(request, find_offer(form.package), form).total
    except QuantityOutOfRange:
        return _buy_page(request, form)
    if form.seen != total:
        return _buy_page(request, form, note="The total has changed. Look at it, then pay.", status=409)
    try:
        checkout = payments.begin_purchase(
            request.actor,
            package=form.package,
            gateway=form.gateway,
            idempotency_key=form.idempotency_key,
            quantity=form.quantity,
        )
    except FreshSignInRequired:
        return HttpResponseRedirect(with_next("/confirm", form.address()))
    except ProviderError as error:
        note = f"{error.message} Nothing was charged. Try again, or choose another way to pay."
        return _buy_page(request, form, note=note, status=503)
    return HttpResponseRedirect(reverse("billing:checkout", args=[checkout.purchase.id]))


def _buy_page(
    request: SignedInHttpRequest, form: BuyForm, *, note: str = "", status: int = 200
) -> HttpResponse:
    """The request has no transaction of its own, and the sidebar counts what the workspace has."""
    offer = find_offer(form.package)
    error, price = "", None
    closed = market.why_closed(request.actor)
    if not closed:
        try:
            price = _price(request, offer, form)
        except QuantityOutOfRange as refusal:
            error, status = refusal.message, 422 if request.method == "POST" else status
    context = {
        "form": form,
        "offer": offer,
        "price": price,
        "closed": closed,
        "profile": queries.get_profile(request.actor),
        "ways": [(gateway.name, gateway.label) for gateway in gateways.enabled()],
        "most": MOST_AT_ONCE,
        "error": error,
        "note": note,
    }
    with workspace_scope(request.actor.workspace_id):
        return render(request, "billing/buy.html", context, block="summary", status=status)


def _price(request: SignedInHttpRequest, offer: Offer, form: BuyForm) -> Price:
    return prices.price_of(offer.quote(User.objects.get(id=payer_of(request.actor).id), form.quantity))
