"""Balances and their ledger. An adjustment is an entry with a reason; nothing is changed by hand."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.utils.html import format_html

from convergio.billing.ledger import credit, debit_adjustment
from convergio.core.money import indian
from convergio.site.backoffice.acts import Act, ActingPart
from convergio.site.backoffice.base import Part

_MOST = 10**12


class AdjustmentForm(forms.Form):
    """How many tokens come or go, and why."""

    tokens = forms.IntegerField(
        min_value=-_MOST, max_value=_MOST, help_text="With a minus they are taken; at most what is free."
    )
    reason = forms.CharField(max_length=200, help_text="It stays in the ledger.")

    def clean_tokens(self) -> int:
        tokens: int = self.cleaned_data["tokens"]
        if not tokens:
            raise forms.ValidationError("Give a number that is not zero.")
        return tokens

    def clean_reason(self) -> str:
        reason: str = self.cleaned_data["reason"].strip()
        if not reason:
            raise forms.ValidationError("Say why.")
        return reason


def _adjust(staff_id: int, row: Any, values: dict[str, Any]) -> str:
    tokens, reason = values["tokens"], values["reason"]
    if tokens > 0:
        credit(row.pk, "adjustment", tokens=tokens, cause="", reason=reason, member_id=staff_id)
    else:
        debit_adjustment(row.pk, tokens=-tokens, reason=reason, member_id=staff_id)
    return f"{indian(tokens)} tokens: {reason}"


class BalanceAdmin(ActingPart):
    """What each owner has."""

    list_display = ("user", "tokens", "reserved", "next_expiry_at", "updated_at")
    list_select_related = ("user",)
    search_fields = ("user__email",)
    ordering = ("-updated_at",)
    fields = ("user", "tokens", "reserved", "next_expiry_at", "updated_at", "entries", "links")
    readonly_fields = ("updated_at", "entries", "links")
    acts = (Act("adjust", "Give or take tokens", AdjustmentForm, lambda _: True, _adjust),)

    @admin.display(description="Ledger")
    def entries(self, row: Any) -> str:
        return format_html(
            '<a href="/admin/billing/tokenledgerentry/?user__id__exact={}">All entries</a>', row.pk
        )


class EntryAdmin(Part):
    """The ledger: append-only, a trigger refuses to change or remove an entry."""

    list_display = ("id", "user", "kind", "tokens", "expires_at", "cause", "reason", "member", "created_at")
    list_filter = ("kind",)
    list_select_related = ("user", "member")
    search_fields = ("user__email", "cause", "reason")
    ordering = ("-id",)
    fields = ("user", "kind", "tokens", "expires_at", "cause", "reason", "member", "created_at")

    def lookup_allowed(self, lookup: str, value: str, request: Any = None) -> bool:
        """Also by the one user whose balance links here."""
        return lookup == "user__id__exact" or super().lookup_allowed(lookup, value, request)
