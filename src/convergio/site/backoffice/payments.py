"""Payments: sending money back, writing bank transfers down, differences with the gateways, and their messages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from convergio.billing import gateways, refunds, transfers, webhooks
from convergio.billing.models import ManualPayment, SubscriptionRefund, TokenRefund
from convergio.billing.subscriptions import refunds as plan_refunds
from convergio.core.clock import now
from convergio.core.money import format_amount
from convergio.site.backoffice.acts import Act, ActingPart
from convergio.site.backoffice.base import Part, Rows


class RefundForm(forms.Form):
    """How much goes back, and why."""

    amount = forms.IntegerField(
        required=False, min_value=1, help_text="In minor units (paise). Empty: all that is left of it."
    )
    reason = forms.CharField(max_length=200, help_text="The buyer reads it on the credit note.")


class TransferForm(forms.Form):
    """What the bank says."""

    amount = forms.IntegerField(min_value=1, help_text="What arrived, in minor units (paise).")
    currency = forms.CharField(max_length=3, min_length=3, initial="INR")
    bank_reference = forms.CharField(max_length=100, help_text="As on the bank's statement, like its UTR.")


class PlanRefundForm(RefundForm):
    """The plan is another matter."""

    reason = forms.CharField(
        max_length=200,
        help_text="The subscriber reads it on the credit note. Their plan goes on: they cancel it themselves.",
    )


def _refund(staff_id: int, row: Any, values: dict[str, Any]) -> str:
    status = refunds.refund_purchase(staff_id, purchase_id=row.id, **values)
    return _sent_back(row, values, status)


def _refund_plan(staff_id: int, row: Any, values: dict[str, Any]) -> str:
    status = plan_refunds.refund_payment(staff_id, payment_id=row.id, **values)
    return f"{_sent_back(row, values, status)}. The plan goes on."


def _sent_back(row: Any, values: dict[str, Any], status: str) -> str:
    amount = (
        "All that was left" if values["amount"] is None else format_amount(values["amount"], row.currency)
    )
    return f"{amount} sent back ({status}): {values['reason']}"


def _receive_for_purchase(staff_id: int, row: Any, values: dict[str, Any]) -> str:
    status = transfers.record_transfer(staff_id, purchase_id=row.id, **values)
    return _received(values, status)


def _receive_for_plan(staff_id: int, row: Any, values: dict[str, Any]) -> str:
    status = transfers.record_plan_transfer(staff_id, order_id=row.id, **values)
    return _received(values, status)


def _received(values: dict[str, Any], status: str) -> str:
    amount = f"{values['amount']} (minor units of {values['currency'].upper()})"
    return f"Transfer of {amount}, bank's reference {values['bank_reference']}; now {status}"


def _awaits_transfer(row: Any) -> bool:
    waiting = ManualPayment.objects.filter(reference=row.gateway_id, received=None)
    return row.gateway == "manual" and waiting.exists()


def _is_left(row: Any) -> bool:
    return bool(row.invoice.status == "paid")


class Payments(ActingPart):
    """What every kind of payment shows."""

    list_filter = ("status", "gateway")
    ordering = ("-id",)

    @admin.display(description="Amount")
    def money(self, row: Any) -> str:
        return format_amount(row.amount, row.currency)


class RefundRows(Rows):
    """Money that went back."""

    model = TokenRefund
    fields = ("amount", "tokens", "status", "reason", "member", "created_at")
    readonly_fields = fields


class PlanRefundRows(Rows):
    """The same of a plan's payment."""

    model = SubscriptionRefund
    fields = RefundRows.fields
    readonly_fields = fields


class PurchaseAdmin(Payments):
    """Purchases of tokens."""

    list_display = ("id", "user", "package", "quantity", "money", "status", "gateway", "created_at")
    list_select_related = ("user", "package")
    search_fields = ("user__email", "reference", "gateway_id", "payment_id")
    fields = (
        "user",
        "package",
        "quantity",
        "tokens",
        "bonus_tokens",
        "money",
        "refunded",
        "status",
        "problem",
        "gateway",
        "reference",
        "gateway_id",
        "payment_id",
        "invoice",
        "created_at",
        "paid_at",
        "links",
    )
    readonly_fields = ("money", "links", "created_at")
    inlines = (RefundRows,)
    acts = (
        Act("refund", "Send money back", RefundForm, lambda row: bool(row.status == "paid"), _refund),
        Act("transfer", "Note a bank transfer", TransferForm, _awaits_transfer, _receive_for_purchase),
    )


class PlanOrderAdmin(Payments):
    """What was paid by itself for a plan: periods by bank transfer, and moving to a larger plan."""

    list_display = ("id", "user", "kind", "version", "money", "status", "gateway", "created_at")
    list_select_related = ("user", "version")
    search_fields = ("user__email", "reference", "gateway_id")
    fields = (
        "user",
        "kind",
        "version",
        "money",
        "tokens",
        "period_start",
        "period_end",
        "status",
        "problem",
        "gateway",
        "reference",
        "gateway_id",
        "created_at",
        "links",
    )
    readonly_fields = ("money", "links", "created_at")
    acts = (Act("transfer", "Note a bank transfer", TransferForm, _awaits_transfer, _receive_for_plan),)


class PlanPaymentAdmin(Payments):
    """What was paid for plans: periods, and moves to a larger plan. Sending it back does not end the plan."""

    list_display = (
        "id",
        "user",
        "kind",
        "version",
        "money",
        "gateway",
        "period_start",
        "period_end",
        "paid_at",
    )
    list_filter = ("kind", "gateway")
    list_select_related = ("user", "version")
    search_fields = ("user__email", "contract", "gateway_id", "invoice__number")
    fields = (
        "user",
        "kind",
        "version",
        "money",
        "tokens",
        "period_start",
        "period_end",
        "gateway",
        "gateway_id",
        "contract",
        "invoice",
        "paid_at",
        "links",
    )
    readonly_fields = ("money", "links")
    inlines = (PlanRefundRows,)
    acts = (Act("refund", "Send money back", PlanRefundForm, _is_left, _refund_plan),)


class DifferenceAdmin(Part):
    """Where a gateway's books and ours disagree, until somebody looked."""

    list_display = ("id", "gateway", "kind", "subject", "detail", "seen_at", "resolved_at")
    list_filter = ("gateway", "kind", ("resolved_at", admin.EmptyFieldListFilter))
    search_fields = ("subject", "detail")
    ordering = ("-id",)
    fields = ("gateway", "kind", "subject", "purchase", "detail", "found_at", "seen_at", "resolved_at")
    actions = ("resolve",)

    @admin.action(description="Mark as resolved")
    def resolve(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        waiting = list(queryset.filter(resolved_at=None))
        for row in waiting:
            row.resolved_at = now()
            row.save(update_fields=["resolved_at"])
            self.log_change(request, row, f"Resolved: {row.detail}")
        messages.info(request, f"{len(waiting)} differences are resolved.")


class EventAdmin(Part):
    """What the gateways sent. Their bodies are not shown; handling one again asks its gateway again."""

    list_display = ("id", "source", "external_id", "received_at", "handled_at", "error")
    list_filter = ("source", ("handled_at", admin.EmptyFieldListFilter))
    search_fields = ("external_id",)
    ordering = ("-id",)
    fields = ("source", "external_id", "received_at", "handled_at", "error")
    actions = ("handle_again",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request).filter(source__in=gateways.GATEWAYS)
        return rows.defer("payload")

    @admin.action(description="Handle again")
    def handle_again(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        rows = list(queryset)
        for row in rows:
            webhooks.replay(row.id)
            self.log_change(request, row, "Handle again")
        messages.info(request, f"{len(rows)} events will be handled again.")
