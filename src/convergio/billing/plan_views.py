"""Settings, Billing: choosing, changing, ending and resuming the plan, and paying for it. It works without script."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from convergio.accounts.errors import FreshSignInRequired
from convergio.accounts.forms import typed, with_next
from convergio.accounts.models import User
from convergio.accounts.permissions import require
from convergio.accounts.requests import SignedInHttpRequest
from convergio.billing import gateways, market, plan_changes, prices
from convergio.billing.errors import NotNow
from convergio.billing.gateways.fake import FakeGateway
from convergio.billing.invoicing.quotes import quote
from convergio.billing.invoicing.taxes import Item
from convergio.billing.payers import payer_of
from convergio.billing.paying import Bill, pay_page
from convergio.billing.plan_changes import OpenCheckout
from convergio.billing.prices import Price
from convergio.billing.subscriptions import actions
from convergio.billing.subscriptions.changes import Preview
from convergio.billing.subscriptions.queries import Plan, current_terms, find_plan
from convergio.core.errors import NotFound, ProviderError
from convergio.core.render import render
from convergio.core.tenancy import workspace_scope

_PAGE = "/dashboard/settings/billing"
_LONGEST = 50


@require_http_methods(["GET", "HEAD", "POST"])
def choose(request: SignedInHttpRequest) -> HttpResponse:
    """The last look before a plan is subscribed to or changed: what it costs and when it begins. A POST does it."""
    require(request.actor, "billing.edit")
    slug = (request.POST if request.method == "POST" else request.GET).get("plan", "")[:_LONGEST]
    plan = find_plan(slug)
    terms = current_terms(payer_of(request.actor).id)
    if request.method != "POST":
        return _choose_page(request, plan)
    try:
        if terms.status in ("free", "pending"):
            key = f"page:{typed(request, 'key')[:64]}:{slug}"
            gateway = typed(request, "gateway")
            plan_changes.subscribe(request.actor, plan=slug, gateway=gateway, idempotency_key=key)
            return HttpResponseRedirect(reverse("billing:plan_checkout"))
        change = plan_changes.change_plan(request.actor, plan=slug)
    except FreshSignInRequired:
        return HttpResponseRedirect(with_next("/confirm", f"{reverse('billing:choose_plan')}?plan={slug}"))
    except NotNow as error:
        return _choose_page(request, plan, note=error.message, status=409)
    except ProviderError as error:
        note = f"{error.message} Nothing was charged. Try again in a moment."
        return _choose_page(request, plan, note=note, status=503)
    if change.order is not None:
        return HttpResponseRedirect(reverse("billing:plan_checkout"))
    return HttpResponseRedirect(f"{_PAGE}?done=changed")


def _choose_page(
    request: SignedInHttpRequest, plan: Plan, *, note: str = "", status: int = 200
) -> HttpResponse:
    """The request has no transaction of its own, and the sidebar counts what the workspace has."""
    payer_id = payer_of(request.actor).id
    terms, closed = current_terms(payer_id), market.why_closed(request.actor)
    is_new = terms.status in ("free", "pending")
    preview, price = None, None
    if not closed:
        price = _price(payer_id, plan)
        preview, note = (None, note) if is_new else _previewed(request, plan, note)
    context = {
        "plan": plan,
        "terms": terms,
        "price": price,
        "preview": preview,
        "is_new": is_new,
        "closed": closed,
        "ways": [(gateway.name, gateway.label) for gateway in gateways.enabled()],
        "key": uuid4().hex,
        "note": note,
    }
    with workspace_scope(request.actor.workspace_id):
        return render(request, "billing/choose_plan.html", context, status=status)


def _previewed(request: SignedInHttpRequest, plan: Plan, note: str) -> tuple[Preview | None, str]:
    try:
        return actions.preview_change(request.actor, plan=plan.slug), note
    except NotNow as error:
        return None, note or error.message


def _price(payer_id: int, plan: Plan) -> Price:
    item = Item(f"{plan.name} plan", plan.price)
    return prices.price_of(quote(User.objects.get(id=payer_id), [item], currency=plan.currency))


@require_POST
def cancel(request: SignedInHttpRequest) -> HttpResponse:
    return _changed(lambda: plan_changes.cancel(request.actor), done="cancelled")


@require_POST
def resume(request: SignedInHttpRequest) -> HttpResponse:
    return _changed(lambda: plan_changes.resume(request.actor), done="resumed")


def _changed(change: Callable[[], object], *, done: str) -> HttpResponse:
    try:
        change()
    except FreshSignInRequired:
        return HttpResponseRedirect(with_next("/confirm", _PAGE))
    except ProviderError:
        return HttpResponseRedirect(f"{_PAGE}?away=1")
    return HttpResponseRedirect(f"{_PAGE}?done={done}")


@require_safe
def checkout(request: SignedInHttpRequest) -> HttpResponse:
    """Where what was begun is agreed to or paid. Safe to open again: it is the same at the gateway."""
    try:
        found = plan_changes.open_checkout(request.actor)
    except ProviderError:
        return HttpResponseRedirect(f"{_PAGE}?away=1")
    if found is None:
        return HttpResponseRedirect(_PAGE)
    return pay_page(request, _bill(found), found.order)


def _bill(found: OpenCheckout) -> Bill:
    return Bill(
        page="billing",
        facts=(("Plan", found.plan_name),),
        name=f"{found.plan_name} plan",
        amount=found.amount,
        currency=found.currency,
        gateway=found.gateway,
        back=_PAGE,
        finish=reverse("billing:plan_return"),
        test=reverse("billing:test_plan_payment"),
        is_monthly=found.is_monthly,
    )


@require_http_methods(["GET", "POST"])
def finish(request: SignedInHttpRequest) -> HttpResponse:
    """Back from the gateway. What the browser brings only says what to ask about."""
    fields = {name: str(value) for name, value in (request.POST or request.GET).items()}
    gateway = fields.get("gateway", "stripe" if "session_id" in fields else "")
    actions.finish_subscription_checkout(request.actor, gateway=gateway, fields=fields)
    return HttpResponseRedirect(f"{_PAGE}?done=looked_at")


@require_POST
def ask(request: SignedInHttpRequest) -> HttpResponse:
    """Ask the gateway now."""
    try:
        actions.refresh(request.actor)
    except ProviderError:
        return HttpResponseRedirect(f"{_PAGE}?away=1")
    return HttpResponseRedirect(f"{_PAGE}?done=looked_at")


@require_POST
def test_payment(request: SignedInHttpRequest) -> HttpResponse:
    """The buyer's side of the gateway that moves no money. Raises NotFound wherever it is switched off."""
    found = plan_changes.open_checkout(request.actor)
    gateway = gateways.find("fake")
    if found is None or found.gateway != "fake" or not isinstance(gateway, FakeGateway):
        raise NotFound("test payment")
    pays = typed(request, "outcome") == "pay"
    if pays and found.is_monthly:
        gateway.agree(found.order.id)
    elif pays:
        gateway.pay(found.order.id)
    elif not found.is_monthly:
        gateway.decline(found.order.id, reason="You chose to decline it")
    fields = gateway.come_back(found.order.id)
    actions.finish_subscription_checkout(request.actor, gateway="fake", fields=fields)
    return HttpResponseRedirect(f"{_PAGE}?done={'looked_at' if pays else 'declined'}")
