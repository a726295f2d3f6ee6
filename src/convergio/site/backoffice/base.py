"""What every part of the back office has in common: nothing is deleted, and only shown columns can be searched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from convergio.accounts.actor import Actor

if TYPE_CHECKING:
    AnyAdmin = admin.ModelAdmin[Any]
    AnyInline = admin.TabularInline[Any, Any]
else:
    AnyAdmin, AnyInline = admin.ModelAdmin, admin.TabularInline


def actor_of(request: HttpRequest) -> Actor:
    """Who is at work; site.middleware found them."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


class Part(AnyAdmin):
    """Rows to look at. Who came through the door may see them all; a subclass says what may be changed."""

    list_per_page = 50
    show_full_result_count = False
    view_on_site = False

    def has_module_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 - Django's signature
        return True

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return True

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:  # noqa: ARG002
        """Django would let an address filter by any column, and so guess a hash letter by letter."""
        filters = {one for one in self.list_filter if isinstance(one, str)}
        return lookup in filters or lookup.rpartition("__")[0] in filters


class Rows(AnyInline):
    """Rows of another table below the one that is shown."""

    extra = 0
    can_delete = False
    show_change_link = False
    ordering: ClassVar = ["pk"]

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return True

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return False
