"""Plans and token packages: what can be bought. They are switched off, never deleted: people have bought them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Field, Model
from django.http import HttpRequest

from convergio.billing.models import PlanVersion, SubscriptionPlan
from convergio.site.backoffice.base import Part


class Offer(Part):
    """Something with a price. Its slug, which code and gateways know it by, stays as it was made."""

    list_filter = ("is_active",)
    ordering = ("price", "id")

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 - Django's signature
        return True

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return True

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:  # noqa: ARG002
        return ("slug",) if obj else ()

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:  # noqa: ARG002
        return {"is_active": True, "currency": "INR"}

    def formfield_for_dbfield(self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        """A column that may be NULL or has a default may be left empty."""
        if db_field.null:
            kwargs |= {"required": False, "help_text": "Empty: unlimited"}
        elif db_field.name == "trial_days":
            kwargs |= {"required": False, "help_text": "Days before the first payment; empty: none"}
        elif db_field.name == "price":
            kwargs |= {"help_text": "In minor units: 1,999 rupees are 199900"}
        return super().formfield_for_dbfield(db_field, request, **kwargs)


class PlanAdmin(Offer):
    """Subscription plans. Every change is a new version, which only new subscribers get."""

    list_display = ("name", "slug", "price", "currency", "monthly_tokens", "is_active")
    fields = (
        "slug",
        "name",
        "price",
        "currency",
        "monthly_tokens",
        "monthly_emails",
        "monthly_ai_replies",
        "trial_days",
        "is_active",
        "versions",
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return (*super().get_readonly_fields(request, obj), "versions")

    @admin.display(description="Sold so far as")
    def versions(self, plan: SubscriptionPlan) -> str:
        rows = PlanVersion.objects.filter(plan_id=plan.id).order_by("number") if plan.id else []
        lines = [
            f"{row.number}: {row.name}, {row.price} {row.currency}, {row.monthly_tokens} tokens"
            for row in rows
        ]
        return "; ".join(lines) or "Not yet"

    def save_model(self, request: HttpRequest, obj: SubscriptionPlan, form: Any, change: bool) -> None:
        """No trial where none is filled in."""
        obj.trial_days = obj.trial_days or 0
        super().save_model(request, obj, form, change)


class PackageAdmin(Offer):
    """Token packages."""

    list_display = ("name", "slug", "tokens", "bonus_tokens", "price", "currency", "is_active")
    fields = ("slug", "name", "tokens", "bonus_tokens", "price", "currency", "is_active")
