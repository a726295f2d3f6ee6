"""REST of workspaces, members and invitations. API keys read them; changes take a person."""

from __future__ import annotations

from typing import Literal

import msgspec
from django.http import HttpResponse
from ninja import Field, Router, Schema

from convergio.accounts import invitation_actions, member_actions, workspace_actions, workspace_queries
from convergio.accounts.membership import Left
from convergio.accounts.requests import SignedInHttpRequest
from convergio.core.rest import json_answer, schema_of

router = Router(tags=["workspaces"])

WorkspaceOut = schema_of(workspace_queries.WorkspaceRow)
MemberOut = schema_of(workspace_queries.MemberRow)
InvitationOut = schema_of(workspace_queries.InvitationRow)
LeftOut = schema_of(Left)

GivenRole = Literal["admin", "member"]
ONE = "/workspaces/{int:workspace_id}"
MEMBER = f"{ONE}/members/{{int:user_id}}"
INVITATION = f"{ONE}/invitations/{{int:invitation_id}}"


class NewWorkspace(Schema):
    """A name of at most 100 characters."""

    name: str


class WorkspaceChanges(Schema):
    """Fields that are absent keep their value."""

    name: str | None = None
    require_two_factor: bool | None = Field(
        None, description="Takes a session with a second factor of its own"
    )


class Transfer(Schema):
    """The member to own the workspace, and its name typed as confirmation."""

    user_id: int
    name: str


class RoleChange(Schema):
    """The role to have from the next request on."""

    role: GivenRole


class NewInvitation(Schema):
    """Whom to invite. Inviting an address again replaces its open invitation."""

    email: str
    role: GivenRole = "member"


class InvitationToken(Schema):
    """The token of the mailed link."""

    token: str


@router.get("/workspaces", response=list[WorkspaceOut], summary="The own workspaces")  # type: ignore[valid-type]
def list_workspaces(request: SignedInHttpRequest) -> HttpResponse:
    return json_answer(workspace_queries.list_workspaces(request.actor))


@router.post("/workspaces", response={201: WorkspaceOut}, summary="Make a workspace")
def create_workspace(request: SignedInHttpRequest, body: NewWorkspace) -> HttpResponse:
    made = workspace_actions.create_workspace(request.actor, name=body.name)
    return json_answer(workspace_queries.get_workspace(request.actor, made), status=201)


@router.get(ONE, response=WorkspaceOut, summary="One workspace")
def get_workspace(request: SignedInHttpRequest, workspace_id: int) -> HttpResponse:
    return json_answer(workspace_queries.get_workspace(request.actor, workspace_id))


@router.patch(ONE, response=WorkspaceOut, summary="Rename it, or require two-step sign-in")
def update_workspace(request: SignedInHttpRequest, workspace_id: int, body: WorkspaceChanges) -> HttpResponse:
    workspace_actions.update_workspace(request.actor, workspace_id, **body.model_dump(exclude_unset=True))
    return json_answer(workspace_queries.get_workspace(request.actor, workspace_id))


@router.post(f"{ONE}/switch", response=WorkspaceOut, summary="Work in it from the next request on")
def switch_workspace(request: SignedInHttpRequest, workspace_id: int) -> HttpResponse:
    workspace_actions.switch_workspace(request.actor, workspace_id)
    there = workspace_queries.get_workspace(request.actor, workspace_id)
    return json_answer(msgspec.structs.replace(there, current=True))


@router.post(f"{ONE}/leave", response=LeftOut, summary="Leave it; `assigned` tells what stays yours")
def leave_workspace(request: SignedInHttpRequest, workspace_id: int) -> HttpResponse:
    return json_answer(workspace_actions.leave_workspace(request.actor, workspace_id))


@router.post(f"{ONE}/transfer", response=WorkspaceOut, summary="Make another member its owner")
def transfer_workspace(request: SignedInHttpRequest, workspace_id: int, body: Transfer) -> HttpResponse:
    workspace_actions.transfer_workspace(request.actor, workspace_id, user_id=body.user_id, name=body.name)
    return json_answer(workspace_queries.get_workspace(request.actor, workspace_id))


@router.get(f"{ONE}/members", response=list[MemberOut], summary="Its members")  # type: ignore[valid-type]
def list_members(request: SignedInHttpRequest, workspace_id: int) -> HttpResponse:
    return json_answer(workspace_queries.list_people(request.actor, workspace_id))


@router.patch(MEMBER, response=MemberOut, summary="Change a member's role")
def change_role(
    request: SignedInHttpRequest, workspace_id: int, user_id: int, body: RoleChange
) -> HttpResponse:
    member_actions.change_role(request.actor, workspace_id, user_id=user_id, role=body.role)
    return json_answer(workspace_queries.get_member(request.actor, workspace_id, user_id))


@router.delete(
    MEMBER, response=LeftOut, summary="Remove a member; `assigned` tells what stays assigned to them"
)
def remove_member(request: SignedInHttpRequest, workspace_id: int, user_id: int) -> HttpResponse:
    return json_answer(member_actions.remove_member(request.actor, workspace_id, user_id=user_id))


@router.get(
    f"{ONE}/invitations",
    response=list[InvitationOut],  # type: ignore[valid-type]
    summary="Its open invitations",
)
def list_invitations(request: SignedInHttpRequest, workspace_id: int) -> HttpResponse:
    return json_answer(workspace_queries.list_invitations(request.actor, workspace_id))


@router.post(f"{ONE}/invitations", response={201: InvitationOut}, summary="Invite an address by mail")
def invite(request: SignedInHttpRequest, workspace_id: int, body: NewInvitation) -> HttpResponse:
    made = invitation_actions.invite(request.actor, workspace_id, email=body.email, role=body.role)
    return json_answer(workspace_queries.get_invitation(request.actor, workspace_id, made), status=201)


@router.delete(INVITATION, response={204: None}, summary="Withdraw an open invitation")
def revoke_invitation(request: SignedInHttpRequest, workspace_id: int, invitation_id: int) -> HttpResponse:
    invitation_actions.revoke_invitation(request.actor, workspace_id, invitation_id)
    return HttpResponse(status=204)


@router.post("/invitations/accept", response=WorkspaceOut, summary="Join by a mailed link, as its address")
def accept_invitation(request: SignedInHttpRequest, body: InvitationToken) -> HttpResponse:
    joined = invitation_actions.accept_invitation(request.actor, token=body.token)
    return json_answer(workspace_queries.get_workspace(request.actor, joined))
