"""Plans and token packages: what can be bought. They are switched off, never deleted: people have bought them."""

from __future__ import annotations

from typing import Any

from django.db.models import Field, Model
from django.http import HttpRequest

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
        """A column that may be NULL may be left empty."""
        if db_field.null:
            kwargs |= {"required": False, "help_text": "Empty: unlimited"}
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
    )


class PackageAdmin(Offer):
    """Token packages."""

    list_display = ("name", "slug", "tokens", "bonus_tokens", "price", "currency", "is_active")
    fields = ("slug", "name", "tokens", "bonus_tokens", "price", "currency", "is_active")
