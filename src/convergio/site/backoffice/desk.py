"""The admin site itself. It has no sign-in of its own."""

from __future__ import annotations

from typing import Any, NoReturn

from django.contrib.admin import AdminSite
from django.contrib.admin.models import LogEntry
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from procrastinate.contrib.django.models import ProcrastinateJob

from convergio.accounts.models import User, Workspace
from convergio.billing.models import (
    GatewayDifference,
    SubscriptionOrder,
    SubscriptionPayment,
    SubscriptionPlan,
    TokenBalance,
    TokenLedgerEntry,
    TokenPackage,
    TokenPurchase,
)
from convergio.core.models import InboundEvent
from convergio.site.backoffice.jobs import JobAdmin
from convergio.site.backoffice.ledger import BalanceAdmin, EntryAdmin
from convergio.site.backoffice.log import LogAdmin
from convergio.site.backoffice.money import PackageAdmin, PlanAdmin
from convergio.site.backoffice.payments import (
    DifferenceAdmin,
    EventAdmin,
    PlanOrderAdmin,
    PlanPaymentAdmin,
    PurchaseAdmin,
)
from convergio.site.backoffice.people import UserAdmin, WorkspaceAdmin


class Desk(AdminSite):
    """Django's admin behind door.py."""

    site_header = "Convergio back office"
    site_title = "Back office"
    index_title = "What this installation holds"
    site_url = "/dashboard"

    def has_permission(self, request: HttpRequest) -> bool:
        """Only the door sets a user."""
        user = getattr(request, "user", None)
        return isinstance(user, User) and user.is_staff

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:  # noqa: ARG002
        return HttpResponseRedirect("/login?next=%2Fadmin%2F")

    def logout(self, request: HttpRequest, extra_context: Any = None) -> NoReturn:  # noqa: ARG002
        raise Http404

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> NoReturn:  # noqa: ARG002
        raise Http404

    def password_change_done(self, request: HttpRequest, extra_context: Any = None) -> NoReturn:  # noqa: ARG002
        raise Http404


desk = Desk(name="admin")
desk.register(User, UserAdmin)
desk.register(Workspace, WorkspaceAdmin)
desk.register(SubscriptionPlan, PlanAdmin)
desk.register(TokenPackage, PackageAdmin)
desk.register(TokenPurchase, PurchaseAdmin)
desk.register(SubscriptionOrder, PlanOrderAdmin)
desk.register(SubscriptionPayment, PlanPaymentAdmin)
desk.register(TokenBalance, BalanceAdmin)
desk.register(TokenLedgerEntry, EntryAdmin)
desk.register(GatewayDifference, DifferenceAdmin)
desk.register(InboundEvent, EventAdmin)
desk.register(ProcrastinateJob, JobAdmin)
desk.register(LogEntry, LogAdmin)
