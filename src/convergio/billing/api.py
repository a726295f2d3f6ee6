"""REST of buying tokens and of the papers about it. API keys read; what costs money takes a person."""

from __future__ import annotations

from uuid import uuid4

import msgspec
from django.http import HttpResponse
from ninja import Field, Query, Router, Schema

from convergio.accounts.client import client_of
from convergio.accounts.permissions import require
from convergio.accounts.requests import SignedInHttpRequest
from convergio.billing import actions, gateways, methods, offers, payments, plan_changes, queries
from convergio.billing.errors import NoWayToPay
from convergio.billing.files import credit_note_file, invoice_file
from convergio.billing.gateways.protocol import Order
from convergio.billing.invoicing import queries as papers
from convergio.billing.payers import payer_of
from convergio.billing.subscriptions import actions as subscriptions
from convergio.billing.subscriptions.changes import Preview
from convergio.billing.subscriptions.queries import Plan, Terms, current_terms, list_plans
from convergio.core.paging import DEFAULT_LIMIT, Page
from convergio.core.rest import json_answer, list_answer, schema_of

router = Router(tags=["billing"])

PackageOut = schema_of(offers.Offer)
PurchaseOut = schema_of(queries.PurchaseRow)
MethodOut = schema_of(queries.MethodRow)
InvoiceOut = schema_of(papers.InvoiceRow)
CreditNoteOut = schema_of(papers.CreditNoteRow)
ProfileOut = schema_of(queries.ProfileRow)
TOKENS, BILLING = "/settings/tokens", "/settings/billing"


class Checkout(msgspec.Struct, frozen=True):
    """A purchase, and where it is paid: at `url`, or by the gateway's own script with the facts in `client`."""

    purchase: queries.PurchaseRow
    order_id: str
    url: str
    client: dict[str, str]


CheckoutOut = schema_of(Checkout)


class PlanCheckout(msgspec.Struct, frozen=True):
    """The plan, and what has to be agreed to or paid: at `url`, or an order by the gateway's script with `client`."""

    terms: Terms
    gateway: str
    order_id: str
    url: str
    client: dict[str, str]


TermsOut = schema_of(Terms)
PlanOut = schema_of(Plan)
PreviewOut = schema_of(Preview)
PlanCheckoutOut = schema_of(PlanCheckout)


class PlanChoice(Schema):
    """A plan's slug."""

    plan: str


class NewSubscription(PlanChoice):
    """The gateway is the first of this installation unless one is named."""

    gateway: str | None = None


class ListQuery(Schema):
    """A page of a list."""

    limit: int = DEFAULT_LIMIT
    offset: int = 0
    cursor: int | None = Field(None, description="X-Next-Cursor of the page before")

    def page(self) -> Page:
        return Page.of(limit=self.limit, offset=self.offset, cursor=self.cursor)


class NewPurchase(Schema):
    """What to buy. The price is the package's; the gateway is the first of this installation unless one is named."""

    package: str = Field(description="A package's slug")
    quantity: int = Field(1, description=f"1 to {offers.MOST_AT_ONCE}")
    gateway: str | None = None


class BillingProfileChanges(Schema):
    """Fields that are absent keep their value."""

    name: str = ""
    address: list[str] = []
    state: str = Field("", description="The code of an Indian state, like 27; a GSTIN names it")
    country: str = Field("IN", description="ISO 3166")
    gstin: str = ""


@router.get(
    f"{TOKENS}/packages",
    response=list[PackageOut],  # type: ignore[valid-type]
    summary="What can be bought",
)
def list_packages(request: SignedInHttpRequest) -> HttpResponse:  # noqa: ARG001 - ninja goes by this name
    return json_answer(offers.list_offers())


@router.post(
    f"{TOKENS}/purchase",
    response={201: CheckoutOut},
    summary="Begin a purchase; Idempotency-Key is honoured, and for ever",
)
def purchase(request: SignedInHttpRequest, body: NewPurchase) -> HttpResponse:
    found = payments.begin_purchase(
        request.actor,
        package=body.package,
        gateway=body.gateway or default_gateway(),
        idempotency_key=request.headers.get("Idempotency-Key", uuid4().hex),
        quantity=body.quantity,
    )
    row = queries.find_purchase_row(request.actor, found.purchase.id)
    order = found.order
    return json_answer(Checkout(row, order.id, order.url, dict(order.client)), status=201)


@router.get(f"{TOKENS}/purchases", response=list[PurchaseOut], summary="Purchases, newest first")  # type: ignore[valid-type]
def list_purchases(request: SignedInHttpRequest, page: Query[ListQuery]) -> HttpResponse:
    rows = queries.list_purchases(request.actor, page.page())
    return list_answer(rows, total=queries.count_purchases(request.actor), next_cursor=_next(rows, page))


@router.get(f"{TOKENS}/purchases/{{int:purchase_id}}", response=PurchaseOut, summary="One purchase")
def get_purchase(request: SignedInHttpRequest, purchase_id: int) -> HttpResponse:
    return json_answer(queries.find_purchase_row(request.actor, purchase_id))


@router.get(f"{BILLING}/subscription", response=TermsOut, summary="The plan, its period and what comes next")
def get_subscription(request: SignedInHttpRequest) -> HttpResponse:
    require(request.actor, "billing.view")
    return json_answer(current_terms(payer_of(request.actor).id))


@router.get(f"{BILLING}/plans", response=list[PlanOut], summary="What can be subscribed to")  # type: ignore[valid-type]
def list_all_plans(request: SignedInHttpRequest) -> HttpResponse:  # noqa: ARG001 - ninja goes by this name
    return json_answer(list_plans())


@router.post(
    f"{BILLING}/subscribe",
    response={201: PlanCheckoutOut},
    summary="Begin a paid plan; Idempotency-Key is honoured",
)
def subscribe(request: SignedInHttpRequest, body: NewSubscription) -> HttpResponse:
    begun = plan_changes.subscribe(
        request.actor,
        plan=body.plan,
        gateway=body.gateway or default_gateway(),
        idempotency_key=request.headers.get("Idempotency-Key", uuid4().hex),
    )
    url = begun.subscription.url if begun.subscription else ""
    return json_answer(_plan_checkout(begun.terms, begun.gateway, begun.order, url), status=201)


@router.get(f"{BILLING}/change", response=PreviewOut, summary="What changing to another plan would cost now")
def preview_change(request: SignedInHttpRequest, plan: str) -> HttpResponse:
    return json_answer(subscriptions.preview_change(request.actor, plan=plan))


@router.post(f"{BILLING}/change", response=PlanCheckoutOut, summary="Change to another plan")
def change(request: SignedInHttpRequest, body: PlanChoice) -> HttpResponse:
    changed = plan_changes.change_plan(request.actor, plan=body.plan)
    return json_answer(_plan_checkout(changed.terms, changed.gateway, changed.order))


@router.post(f"{BILLING}/cancel", response=TermsOut, summary="End the plan with its paid period")
def cancel(request: SignedInHttpRequest) -> HttpResponse:
    return json_answer(plan_changes.cancel(request.actor))


@router.post(f"{BILLING}/resume", response=TermsOut, summary="Take a cancellation back")
def resume(request: SignedInHttpRequest) -> HttpResponse:
    return json_answer(plan_changes.resume(request.actor))


@router.get(
    f"{BILLING}/payment-methods",
    response=list[MethodOut],  # type: ignore[valid-type]
    summary="Ways to pay that gateways keep",
)
def list_methods(request: SignedInHttpRequest) -> HttpResponse:
    return json_answer(queries.list_methods(request.actor))


@router.delete(
    f"{BILLING}/payment-methods/{{int:method_id}}",
    response={204: None},
    summary="Remove one, at its gateway too",
)
def forget_method(request: SignedInHttpRequest, method_id: int) -> HttpResponse:
    methods.forget_method(request.actor, method_id=method_id)
    return HttpResponse(status=204)


@router.get(f"{BILLING}/invoices", response=list[InvoiceOut], summary="Invoices, newest first")  # type: ignore[valid-type]
def list_invoices(request: SignedInHttpRequest, page: Query[ListQuery]) -> HttpResponse:
    require(request.actor, "billing.edit")
    payer_id = payer_of(request.actor).id
    rows = papers.list_invoices(payer_id, page.page())
    return list_answer(rows, total=papers.count_invoices(payer_id), next_cursor=_next(rows, page))


@router.get(f"{BILLING}/invoices/{{int:invoice_id}}.pdf", summary="An invoice as PDF")
def get_invoice(request: SignedInHttpRequest, invoice_id: int) -> HttpResponse:
    return invoice_file(request.actor, invoice_id)


@router.get(
    f"{BILLING}/invoices/{{int:invoice_id}}/credit-notes",
    response=list[CreditNoteOut],  # type: ignore[valid-type]
    summary="What was taken back of an invoice",
)
def list_credit_notes(request: SignedInHttpRequest, invoice_id: int) -> HttpResponse:
    require(request.actor, "billing.edit")
    payer_id = payer_of(request.actor).id
    papers.find_invoice(payer_id, invoice_id)
    return json_answer(papers.credit_notes_of(payer_id, [invoice_id]))


@router.get(f"{BILLING}/credit-notes/{{int:note_id}}.pdf", summary="A credit note as PDF")
def get_credit_note(request: SignedInHttpRequest, note_id: int) -> HttpResponse:
    return credit_note_file(request.actor, note_id)


@router.get(f"{BILLING}/profile", response=ProfileOut, summary="What invoices say of the buyer")
def get_profile(request: SignedInHttpRequest) -> HttpResponse:
    return json_answer(queries.get_profile(request.actor))


@router.patch(f"{BILLING}/profile", response=ProfileOut, summary="Change it for invoices from now on")
def change_profile(request: SignedInHttpRequest, body: BillingProfileChanges) -> HttpResponse:
    before = msgspec.structs.asdict(queries.get_profile(request.actor))
    after = before | body.model_dump(exclude_unset=True)
    actions.save_profile(request.actor, ip=client_of(request).ip, **after)
    return json_answer(queries.get_profile(request.actor))


def default_gateway() -> str:
    """The first that is switched on. Raises NoWayToPay."""
    for gateway in gateways.enabled():
        return gateway.name
    raise NoWayToPay


def _plan_checkout(terms: Terms, gateway: str, order: Order | None, url: str = "") -> PlanCheckout:
    if order is None:
        return PlanCheckout(terms, gateway, "", url, {})
    return PlanCheckout(terms, gateway, order.id, order.url, dict(order.client))


def _next(rows: list[queries.PurchaseRow] | list[papers.InvoiceRow], page: ListQuery) -> int | None:
    return rows[-1].id if len(rows) == page.page().limit else None
