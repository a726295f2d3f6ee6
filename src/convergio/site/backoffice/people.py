"""Users and workspaces: to look at; an account can be closed, opened, and freed of a lost second factor."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest

from convergio.accounts import operator
from convergio.accounts.client import client_of
from convergio.accounts.models import Passkey, User, UserTwoFactor, Workspace, WorkspaceMember
from convergio.site.backoffice.base import Part, Rows, actor_of


class UserForm(forms.ModelForm):  # type: ignore[type-arg]  # it takes no argument when it runs
    """The only things that are changed here, and why."""

    reset_second_factor = forms.BooleanField(
        required=False,
        help_text="Removes the authenticator app, backup codes, passkeys and trusted devices, and ends all "
        "sessions. The person is told by mail and signs in by password alone.",
    )
    reason = forms.CharField(
        required=False,
        max_length=200,
        help_text="Who asked, and how you know that it was them. It stays in the log.",
    )

    class Meta:
        model = User
        fields = ("is_active",)
        help_texts = {"is_active": "Without it the person cannot sign in, and their API keys stop working."}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if set(self.changed_data) - {"reason"} and not cleaned.get("reason", "").strip():
            self.add_error("reason", "Say why.")
        return cleaned


class UserAdmin(Part):
    """Accounts. Being staff is given on the command line only (convergio user staff)."""

    form = UserForm
    list_display = ("email", "name", "is_active", "is_staff", "created_at", "last_login")
    list_filter = ("is_active", "is_staff")
    search_fields = ("email", "name")
    ordering = ("-id",)
    readonly_fields = (
        "email",
        "name",
        "company",
        "timezone",
        "email_verified_at",
        "is_staff",
        "second_factor",
        "workspaces",
        "created_at",
        "last_login",
    )
    fields = (*readonly_fields, "is_active", "reset_second_factor", "reason")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return True

    def save_model(self, request: HttpRequest, obj: User, form: UserForm, change: bool) -> None:  # noqa: ARG002
        """Through the actions, which end sessions, write it down and tell the person."""
        actor, client, reason = actor_of(request), client_of(request), form.cleaned_data["reason"]
        if "is_active" in form.changed_data:
            operator.set_active(actor, obj.id, active=obj.is_active, reason=reason, client=client)
        if form.cleaned_data["reset_second_factor"]:
            operator.reset_second_factor(actor, obj.id, reason=reason, client=client)

    def construct_change_message(
        self,
        request: HttpRequest,  # noqa: ARG002 - Django's signature
        form: Any,
        formsets: Any,  # noqa: ARG002
        add: bool = False,  # noqa: ARG002
    ) -> Any:
        done = []
        if "is_active" in form.changed_data:
            done.append("Opened again" if form.cleaned_data["is_active"] else "Closed")
        if form.cleaned_data["reset_second_factor"]:
            done.append("Second factor reset")
        return f"{' and '.join(done)}: {form.cleaned_data['reason']}" if done else "Nothing changed."

    @admin.display(description="Second factor")
    def second_factor(self, user: User) -> str:
        has_app = UserTwoFactor.objects.filter(user=user, enabled_at__isnull=False).exists()
        passkeys = Passkey.objects.filter(user=user).count()
        return f"{'authenticator app' if has_app else 'no app'}, {passkeys} passkeys"

    @admin.display(description="Workspaces")
    def workspaces(self, user: User) -> str:
        members = WorkspaceMember.objects.filter(user=user).select_related("workspace").order_by("id")
        return ", ".join(f"{one.workspace.name} ({one.role})" for one in members) or "none"


class MemberRows(Rows):
    """Who is in a workspace."""

    model = WorkspaceMember
    fields = ("user", "role", "created_at")
    readonly_fields = fields


class WorkspaceAdmin(Part):
    """Workspaces and who is in them; what they hold is not shown."""

    list_display = ("name", "owner", "members", "require_two_factor", "created_at")
    list_filter = ("require_two_factor",)
    list_select_related = ("owner",)
    search_fields = ("name", "owner__email")
    ordering = ("-id",)
    fields = ("name", "owner", "require_two_factor", "created_at")
    inlines = (MemberRows,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request).annotate(member_count=Count("members"))
        return rows

    @admin.display(description="Members", ordering="member_count")
    def members(self, workspace: Workspace) -> int:
        return int(workspace.member_count)  # type: ignore[attr-defined]
