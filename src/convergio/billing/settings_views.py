"""Settings, Billing: the plan, ways to pay, what invoices say of the buyer, and the papers. It works without script."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from convergio.accounts.client import client_of
from convergio.accounts.errors import FreshSignInRequired
from convergio.accounts.forms import number, with_next
from convergio.accounts.permissions import allows, require
from convergio.accounts.requests import SignedInHttpRequest
from convergio.billing import actions, market, methods, prices, queries
from convergio.billing.files import credit_note_file, invoice_file
from convergio.billing.forms import ProfileForm
from convergio.billing.invoicing import queries as papers
from convergio.billing.invoicing.countries import COUNTRIES
from convergio.billing.invoicing.gst import STATES
from convergio.billing.payers import payer_of
from convergio.billing.paying import gateway_label
from convergio.billing.subscriptions.orders import open_orders
from convergio.billing.subscriptions.queries import current_terms, list_plans
from convergio.core.errors import InvalidInput, ProviderError
from convergio.core.paging import Page
from convergio.core.render import render

_PAGE = 20
_DONE = {
    "details": "Billing details saved; invoices from now on say them",
    "forgotten": "Payment method removed",
    "looked": "Payment methods are up to date",
    "changed": "Plan change noted",
    "cancelled": "Plan cancelled",
    "resumed": "The plan goes on",
    "looked_at": "Up to date with the payment provider",
    "declined": "The payment was declined; nothing was changed",
}
_AWAY = "The gateway does not answer. Nothing was changed; try again in a moment."


@require_safe
def billing(request: SignedInHttpRequest) -> HttpResponse:
    """The plan for who may see billing; everything else for the owner."""
    if "session_id" in request.GET:  # back from a gateway's own page
        return HttpResponseRedirect(f"{reverse('billing:plan_return')}?{request.GET.urlencode()}")
    actor = request.actor
    require(actor, "billing.view")
    payer = payer_of(actor)
    context: dict[str, Any] = {
        "terms": current_terms(payer.id),
        "plans": list_plans(),
        "tax_words": prices.tax_words(),
        "closed": market.why_closed(actor),
        "upgrade_open": any(order.status == "pending" for order in open_orders(payer.id)),
        "balance": queries.balance_of(payer.id),
        "may_edit": allows(actor, "billing.edit"),
        "owner_name": payer.name or payer.email,
        "done": _DONE.get(request.GET.get("done", ""), ""),
        "away": _AWAY if "away" in request.GET else "",
    }
    if context["may_edit"]:
        context |= _owners_part(request, payer.id)
    return render(request, "billing/billing.html", context)


def _owners_part(request: SignedInHttpRequest, payer_id: int) -> dict[str, Any]:
    page = Page.of(limit=_PAGE, offset=number(request.GET.get("offset")))
    invoices = papers.list_invoices(payer_id, page)
    notes: dict[int, list[papers.CreditNoteRow]] = {}
    for note in papers.credit_notes_of(payer_id, [invoice.id for invoice in invoices]):
        notes.setdefault(note.invoice_id, []).append(note)
    found = queries.list_methods(request.actor)
    profile = queries.get_profile(request.actor)
    return {
        "methods": [(method, gateway_label(method.gateway)) for method in found],
        "profile": profile,
        "country": COUNTRIES[profile.country],
        "state": STATES.get(profile.state, ""),
        "invoices": invoices,
        "notes": notes,
        "total": papers.count_invoices(payer_id),
        "offset": page.offset,
        "limit": _PAGE,
    }


@require_http_methods(["GET", "HEAD", "POST"])
def details(request: SignedInHttpRequest) -> HttpResponse:
    """What invoices from now on say of the buyer."""
    if request.method != "POST":
        return _details_page(request, ProfileForm.of(queries.get_profile(request.actor)))
    form = ProfileForm.sent(request)
    try:
        actions.save_profile(request.actor, ip=client_of(request).ip, **form.fields())
    except InvalidInput as error:
        form.refuse(error)
        return _details_page(request, form, status=422)
    except FreshSignInRequired as error:
        again = with_next("/confirm", reverse("billing:details"))
        return _details_page(request, form, stale=error.message, again=again, status=403)
    return HttpResponseRedirect(f"{reverse('billing:billing')}?done=details")


def _details_page(
    request: SignedInHttpRequest, form: ProfileForm, *, stale: str = "", again: str = "", status: int = 200
) -> HttpResponse:
    context = {
        "form": form,
        "states": [("", "Choose a state"), *sorted(STATES.items(), key=lambda pair: pair[1])],
        "countries": sorted(COUNTRIES.items(), key=lambda pair: pair[1]),
        "stale": stale,
        "again": again,
    }
    return render(request, "billing/details.html", context, status=status)


@require_POST
def forget_method(request: SignedInHttpRequest, method_id: int) -> HttpResponse:
    try:
        methods.forget_method(request.actor, method_id=method_id)
    except ProviderError:
        return HttpResponseRedirect(f"{reverse('billing:billing')}?away=1")
    return HttpResponseRedirect(f"{reverse('billing:billing')}?done=forgotten")


@require_POST
def look_for_methods(request: SignedInHttpRequest) -> HttpResponse:
    """Copy what the gateways keep by now."""
    try:
        methods.refresh_known(request.actor)
    except ProviderError:
        return HttpResponseRedirect(f"{reverse('billing:billing')}?away=1")
    return HttpResponseRedirect(f"{reverse('billing:billing')}?done=looked")


@require_safe
def invoice(request: SignedInHttpRequest, invoice_id: int) -> HttpResponse:
    return invoice_file(request.actor, invoice_id)


@require_safe
def credit_note(request: SignedInHttpRequest, note_id: int) -> HttpResponse:
    return credit_note_file(request.actor, note_id)
