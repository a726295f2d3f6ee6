"""Settings, People: the members of the workspace in view, and who is invited. The page works without script."""

from __future__ import annotations

from typing import cast

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from convergio.accounts import invitation_actions, member_actions, workspace_queries
from convergio.accounts.actor import Role
from convergio.accounts.errors import InvalidField
from convergio.accounts.fields import clean_role
from convergio.accounts.forms import number, typed
from convergio.accounts.permissions import allows, outranks
from convergio.accounts.requests import SignedInHttpRequest
from convergio.accounts.workspace_errors import AlreadyMember, TooManyInvitations
from convergio.core.render import render

ROLES = (("member", "Member"), ("admin", "Admin"))
_DONE = {
    "invited": "Invitation on its way",
    "resent": "Invitation sent again; the old link no longer works",
    "revoked": "Invitation withdrawn",
    "role": "Role changed",
    "removed": "Member removed",
}
_PEOPLE = "/dashboard/settings/people"


@require_http_methods(["GET", "HEAD", "POST"])
def people(request: SignedInHttpRequest) -> HttpResponse:
    """Who is here; posting an address and a role invites."""
    if request.method != "POST":
        return _people_page(request)
    try:
        invitation_actions.invite(
            request.actor,
            request.actor.workspace_id,
            email=typed(request, "email"),
            role=clean_role(typed(request, "role")),
        )
    except InvalidField as error:
        return _people_page(request, errors={error.field: error.message}, status=422)
    except AlreadyMember as error:
        return _people_page(request, errors={"email": error.message}, status=409)
    except TooManyInvitations as error:
        return _people_page(request, errors={"email": error.message}, status=429)
    return redirect(f"{_PEOPLE}?done=invited")


@require_POST
def change_role(request: SignedInHttpRequest, user_id: int) -> HttpResponse:
    workspace_queries.get_member(
        request.actor, request.actor.workspace_id, user_id
    )  # 404 before the form's errors
    role = clean_role(typed(request, "role"))
    member_actions.change_role(request.actor, request.actor.workspace_id, user_id=user_id, role=role)
    return redirect(f"{_PEOPLE}?done=role")


@require_POST
def remove(request: SignedInHttpRequest, user_id: int) -> HttpResponse:
    left = member_actions.remove_member(request.actor, request.actor.workspace_id, user_id=user_id)
    tasks = left.assigned.get("tasks", 0)
    return redirect(f"{_PEOPLE}?done=removed" + (f"&tasks={tasks}&of={user_id}" if tasks else ""))


@require_POST
def resend_invitation(request: SignedInHttpRequest, invitation_id: int) -> HttpResponse:
    try:
        invitation_actions.resend_invitation(request.actor, request.actor.workspace_id, invitation_id)
    except TooManyInvitations as error:
        return _people_page(request, errors={"email": error.message}, status=429)
    return redirect(f"{_PEOPLE}?done=resent")


@require_POST
def revoke_invitation(request: SignedInHttpRequest, invitation_id: int) -> HttpResponse:
    invitation_actions.revoke_invitation(request.actor, request.actor.workspace_id, invitation_id)
    return redirect(f"{_PEOPLE}?done=revoked")


def _people_page(
    request: SignedInHttpRequest, *, errors: dict[str, str] | None = None, status: int = 200
) -> HttpResponse:
    actor = request.actor
    may_edit = allows(actor, "members.edit")
    members = workspace_queries.list_people(actor, actor.workspace_id)
    context = {
        "members": members,
        "invitations": workspace_queries.list_invitations(actor, actor.workspace_id) if may_edit else [],
        "may_edit": may_edit,
        # Of whom role and membership can be changed here.
        "below": {one.user_id for one in members if may_edit and outranks(actor, cast(Role, one.role))},
        "own_id": actor.user_id,
        "roles": ROLES,
        "values": {"email": typed(request, "email"), "role": typed(request, "role") or "member"},
        "errors": errors or {},
        "done": _DONE.get(request.GET.get("done", ""), ""),
        "tasks_left": number(request.GET.get("tasks")),
        "left_by": number(request.GET.get("of")),
    }
    return render(request, "accounts/people.html", context, status=status)
