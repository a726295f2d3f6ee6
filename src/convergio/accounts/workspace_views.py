"""Pages of workspaces: the list of one's own, and the settings of the one in view. They work without script."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from convergio.accounts import workspace_actions, workspace_queries
from convergio.accounts.errors import InvalidField
from convergio.accounts.forms import AFTER_SIGN_IN, number, typed
from convergio.accounts.permissions import allows
from convergio.accounts.requests import SignedInHttpRequest
from convergio.accounts.workspace_errors import OwnSecondFactorFirst, TooManyWorkspaces
from convergio.core.render import render

_DONE = {
    "renamed": "Workspace renamed",
    "required": "Two-step sign-in is required from now on",
    "not-required": "Two-step sign-in is no longer required",
    "transferred": "Workspace transferred; you are an admin now",
    "left": "You left the workspace",
}
_SETTINGS = "/dashboard/settings/workspace"


@require_http_methods(["GET", "HEAD", "POST"])
def workspaces(request: SignedInHttpRequest) -> HttpResponse:
    """All of one's workspaces; posting a name makes another and goes there."""
    if request.method != "POST":
        return _workspaces_page(request)
    try:
        made = workspace_actions.create_workspace(request.actor, name=typed(request, "name"))
    except (InvalidField, TooManyWorkspaces) as error:
        return _workspaces_page(request, error=error.message, status=422)
    workspace_actions.switch_workspace(request.actor, made)
    return redirect(AFTER_SIGN_IN)


@require_POST
def switch(request: SignedInHttpRequest, workspace_id: int) -> HttpResponse:
    workspace_actions.switch_workspace(request.actor, workspace_id)
    return redirect(AFTER_SIGN_IN)


@require_POST
def leave(request: SignedInHttpRequest, workspace_id: int) -> HttpResponse:
    workspace_actions.leave_workspace(request.actor, workspace_id)
    return redirect("/dashboard/workspaces?done=left")


def _workspaces_page(request: SignedInHttpRequest, *, error: str = "", status: int = 200) -> HttpResponse:
    context = {
        "workspaces": workspace_queries.list_workspaces(request.actor),
        "values": {"name": typed(request, "name")},
        "error": error,
        "done": _DONE.get(request.GET.get("done", ""), ""),
    }
    return render(request, "accounts/workspaces.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def workspace(request: SignedInHttpRequest) -> HttpResponse:
    """The workspace in view; posting a name renames it."""
    if request.method != "POST":
        return _workspace_page(request)
    name = typed(request, "name")
    try:
        workspace_actions.update_workspace(request.actor, request.actor.workspace_id, name=name)
    except InvalidField as error:
        return _workspace_page(request, name=name, errors={"name": error.message}, status=422)
    return redirect(f"{_SETTINGS}?done=renamed")


@require_POST
def two_factor(request: SignedInHttpRequest) -> HttpResponse:
    """Require two-step sign-in (`required` is 1), or stop requiring it."""
    required = typed(request, "required") == "1"
    try:
        workspace_actions.update_workspace(
            request.actor, request.actor.workspace_id, require_two_factor=required
        )
    except OwnSecondFactorFirst as error:
        return _workspace_page(request, errors={"required": error.message}, status=403)
    return redirect(f"{_SETTINGS}?done={'required' if required else 'not-required'}")


@require_POST
def transfer(request: SignedInHttpRequest) -> HttpResponse:
    user_id = number(request.POST.get("user_id"))
    try:
        workspace_actions.transfer_workspace(
            request.actor, request.actor.workspace_id, user_id=user_id, name=typed(request, "confirm")
        )
    except InvalidField as error:
        return _workspace_page(request, errors={"confirm": error.message}, status=422)
    return redirect(f"{_SETTINGS}?done=transferred")


def _workspace_page(
    request: SignedInHttpRequest,
    *,
    name: str | None = None,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    actor = request.actor
    found = workspace_queries.get_workspace(actor, actor.workspace_id)
    others = [
        (str(person.user_id), f"{person.label} ({person.email})")
        for person in workspace_queries.list_people(actor, actor.workspace_id)
        if person.role != "owner"
    ]
    context = {
        "workspace": found,
        "name": found.name if name is None else name,
        "chosen": typed(request, "user_id"),
        "may_edit": allows(actor, "workspace.edit"),
        "owns": allows(actor, "workspace.transfer"),
        "others": others,
        "has_second_factor": actor.has_second_factor,
        "errors": errors or {},
        "done": _DONE.get(request.GET.get("done", ""), ""),
    }
    return render(request, "accounts/workspace.html", context, status=status)
