"""The members of a workspace: who may see, change and remove whom, and what that ends."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from convergio.accounts.api_keys import issue_api_key
from convergio.accounts.models import Passkey, UserSession, WorkspaceInvitation
from convergio.core.clock import now
from convergio.core.tenancy import workspace_scope
from convergio.work.models import Task
from tests.accounts.workspaces import (
    JSON,
    activities,
    address,
    age_sessions,
    answered,
    give_role,
    invite,
    make_admin,
    role_of,
)
from tests.cast import Person, make_person, make_workspace

pytestmark = pytest.mark.django_db


def change_role(by: Person, of: Person, role: str) -> Any:
    path = address(by, f"/members/{of.user.id}")
    return by.program().patch(path, {"role": role}, content_type=JSON)


def remove(by: Person, whom: Person) -> Any:
    return by.program().delete(address(by, f"/members/{whom.user.id}"))


def test_members_see_each_other_and_only_who_edits_them_sees_second_factors(
    owner: Person, teammate: Person
) -> None:
    Passkey.objects.create(user=teammate.user, name="Laptop", credential_id=b"1", public_key=b"1")
    path = address(owner, "/members")
    seen = [(row["email"], row["role"], row["two_factor"]) for row in owner.program().get(path).json()]
    assert seen == [(owner.user.email, "owner", False), (teammate.user.email, "member", True)]
    assert [row["two_factor"] for row in teammate.program().get(path).json()] == [None, None]


def test_roles_change_on_the_next_request(owner: Person, teammate: Person) -> None:
    client = teammate.program()
    path = address(owner, "/invitations")
    assert answered(client.get(path)) == (403, "not_allowed")
    assert change_role(owner, teammate, "admin").json()["role"] == "admin"
    assert client.get(path).status_code == 200
    change_role(owner, teammate, "member")
    assert answered(client.get(path)) == (403, "not_allowed")
    facts = [facts for action, facts in activities(owner.workspace.id) if action == "member.role_changed"]
    assert facts == [
        {"before": "member", "after": "admin", "invitations": 0},
        {"before": "admin", "after": "member", "invitations": 0},
    ]


def test_an_admin_manages_members_and_nobody_else(owner: Person, teammate: Person) -> None:
    admin, other = make_admin(owner), make_admin(owner, "other")
    assert change_role(admin, teammate, "admin").status_code == 200
    for whom in (owner, other, admin, teammate):
        assert answered(change_role(admin, whom, "member")) == (403, "rank_too_low")
        assert answered(remove(admin, whom)) == (403, "rank_too_low")
    give_role(teammate, "member")
    assert remove(admin, teammate).status_code == 200
    assert role_of(owner, owner.workspace.id) == "owner"


def test_nobody_becomes_owner_by_a_role(owner: Person, teammate: Person) -> None:
    for by in (owner, make_admin(owner)):
        assert answered(change_role(by, teammate, "owner"))[0] == 422
    assert answered(change_role(owner, owner, "admin")) == (409, "owner_stays")
    assert answered(remove(owner, owner)) == (409, "owner_stays")
    assert role_of(teammate, owner.workspace.id) == "member"


def test_members_change_nobody_and_outsiders_find_nobody(
    owner: Person, teammate: Person, outsider: Person
) -> None:
    third = make_person("third", owner.workspace)
    assert answered(change_role(teammate, third, "admin")) == (403, "not_allowed")
    assert answered(remove(teammate, third)) == (403, "not_allowed")
    foreign = outsider.program()
    path = f"/members/{third.user.id}"
    for at in (address(owner, path), address(outsider, path)):
        assert answered(foreign.delete(at)) == (404, "not_found")
        assert answered(foreign.patch(at, {"role": "admin"}, content_type=JSON)) == (404, "not_found")
    assert role_of(third, owner.workspace.id) == "member"


def test_changes_of_members_ask_for_a_fresh_sign_in(owner: Person, teammate: Person) -> None:
    client = owner.program()
    age_sessions(owner)
    path = address(owner, f"/members/{teammate.user.id}")
    assert answered(client.delete(path)) == (403, "fresh_sign_in_required")
    refused = client.patch(path, {"role": "admin"}, content_type=JSON)
    assert answered(refused) == (403, "fresh_sign_in_required")
    assert role_of(teammate, owner.workspace.id) == "member"


def test_a_removed_member_is_out_on_the_next_request(owner: Person, teammate: Person) -> None:
    home = make_workspace(teammate.user)
    _, value = issue_api_key(user_id=teammate.user.id, workspace_id=owner.workspace.id, name="key")
    _, kept = issue_api_key(user_id=teammate.user.id, workspace_id=home.id, name="kept")
    browser, program, key = teammate.browser(), teammate.program(), Client(headers={"X-API-Key": value})
    assert browser.get("/dashboard/commboost").status_code == 200
    assert remove(owner, teammate).json() == {"api_keys": 1, "invitations": 0, "assigned": {"tasks": 0}}
    assert browser.get("/api/auth/me").json()["workspace_id"] == home.id
    assert answered(program.get("/api/auth/me")) == (401, "not_signed_in")
    assert answered(key.get("/api/tasks")) == (401, "not_signed_in")
    assert Client(headers={"X-API-Key": kept}).get("/api/tasks").status_code == 200
    assert answered(browser.get(address(owner))) == (404, "not_found")
    action, facts = activities(owner.workspace.id)[-1]
    assert (action, facts["role"], facts["api_keys"]) == ("member.removed", "member", 1)
    assert (
        UserSession.objects.filter(user=teammate.user, workspace=owner.workspace, revoked_at=None).count()
        == 0
    )


def test_an_old_session_does_not_come_back_with_a_new_membership(owner: Person, teammate: Person) -> None:
    program = teammate.program()
    remove(owner, teammate)
    owner.workspace.members.create(user=teammate.user, role="member")
    assert answered(program.get("/api/auth/me")) == (401, "not_signed_in")


def test_who_is_removed_from_the_last_workspace_can_still_sign_in(
    owner: Person, teammate: Person, client: Client
) -> None:
    remove(owner, teammate)
    body = {"email": teammate.user.email, "password": "correct horse battery"}
    entry = client.post("/api/auth/login", body, content_type=JSON)
    assert entry.status_code == 200
    me = Client(headers={"Authorization": f"Bearer {entry.json()['token']}"}).get("/api/auth/me").json()
    assert (me["workspace_name"], me["role"]) == ("Teammate’s workspace", "owner")


def test_tasks_stay_assigned_to_who_left_and_are_counted(owner: Person, teammate: Person) -> None:
    with workspace_scope(owner.workspace.id):
        for status in ("todo", "in_progress", "done"):
            Task.objects.create(
                workspace=owner.workspace,
                title=status,
                source="manual",
                status=status,
                assignee=teammate.user,
                completed_at=now() if status == "done" else None,
            )
    assert remove(owner, teammate).json()["assigned"] == {"tasks": 2}
    with workspace_scope(owner.workspace.id):
        assert Task.objects.filter(assignee=teammate.user).count() == 3
    assert activities(owner.workspace.id)[-1][1]["assigned"] == {"tasks": 2}


@pytest.mark.parametrize("end", ["removed", "demoted", "left"])
def test_open_invitations_end_with_the_rights_of_who_sent_them(owner: Person, end: str) -> None:
    admin = make_admin(owner)
    assert invite(admin, "lata@convergio.test", "admin").status_code == 201
    if end == "removed":
        assert remove(owner, admin).json()["invitations"] == 1
    elif end == "demoted":
        change_role(owner, admin, "member")
    else:
        assert admin.program().post(address(owner, "/leave")).json()["invitations"] == 1
    assert WorkspaceInvitation.objects.get().revoked_at is not None
