"""The page on which something is paid: the gateway's own behind a link, its script, the bank's details, or the test."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpResponse

from convergio.accounts.requests import SignedInHttpRequest
from convergio.billing import gateways
from convergio.billing.errors import UnknownGateway
from convergio.billing.gateways.protocol import Order
from convergio.core.render import let_in, render
from convergio.core.tenancy import workspace_scope

# How an order is paid whose gateway has no page of its own to go to.
_PAGES = {
    "razorpay": "billing/pay_script.html",
    "manual": "billing/pay_transfer.html",
    "fake": "billing/pay_test.html",
}
_FORWARD = "billing/pay_forward.html"


@dataclass(frozen=True, slots=True)
class Bill:
    """What is paid for and how much, and the pages around it: where the state is shown, where the browser brings what
    the gateway signed, and where the test payment sends its answer."""

    page: str
    facts: tuple[tuple[str, str], ...]
    name: str
    amount: int
    currency: str
    gateway: str
    back: str
    finish: str
    test: str
    is_monthly: bool = False


def pay_page(request: SignedInHttpRequest, bill: Bill, order: Order) -> HttpResponse:
    """The request has no transaction of its own, and the sidebar counts what the workspace has."""
    context = {
        "bill": bill,
        "order": order,
        "gateway_label": gateway_label(bill.gateway),
        "email": request.actor.email,
    }
    template = _FORWARD if order.url else _PAGES[bill.gateway]
    with workspace_scope(request.actor.workspace_id):
        response = render(request, template, context)
    if order.script:
        let_in(response, order.origins)
    return response


def gateway_label(name: str) -> str:
    """What people call a gateway, also one that is switched off by now."""
    try:
        return gateways.find(name).label
    except UnknownGateway:
        return name.title()
