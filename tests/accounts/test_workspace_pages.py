"""The pages of workspaces, people and invitations, as a browser without script uses them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from convergio.accounts.models import UserSession, Workspace, WorkspaceInvitation, WorkspaceMember
from convergio.core.tenancy import current_scope, workspace_scope
from convergio.work.models import Task
from tests.accounts.workspaces import age_sessions, give_role, mails, newest_token, role_of
from tests.cast import PASSWORD, Person, make_person, make_workspace

pytestmark = pytest.mark.django_db
SETTINGS = "/dashboard/settings"
PEOPLE, WORKSPACE, ALL = f"{SETTINGS}/people", f"{SETTINGS}/workspace", "/dashboard/workspaces"
NEW = "lata@convergio.test"


@pytest.fixture(autouse=True)
def outbox(settings: Any, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path
    settings.SYSTEM_SMTP_URL = ""
    return tmp_path / "outbox"


def text(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_sidebar_switches_between_workspaces(owner: Person) -> None:
    other = make_workspace(owner.user)
    Workspace.objects.filter(id=other.id).update(name="Nebula <b>Films</b>")
    client = owner.browser()
    page = text(client, "/dashboard")
    assert "Nebula &lt;b&gt;Films&lt;/b&gt;" in page
    assert f'action="{ALL}/{other.id}/switch"' in page
    assert client.post(f"{ALL}/{other.id}/switch")["Location"] == "/dashboard"
    assert re.search(r"Workspace: </span><span[^>]*>Nebula", text(client, "/dashboard"))


def test_the_sidebar_shows_nobody_elses_workspaces(owner: Person, outsider: Person) -> None:
    Workspace.objects.filter(id=outsider.workspace.id).update(name="Elsewhere")
    assert "Elsewhere" not in text(owner.browser(), "/dashboard")
    assert "Elsewhere" not in text(owner.browser(), ALL)


def test_a_workspace_is_made_and_entered(owner: Person) -> None:
    client = owner.browser()
    refused = client.post(ALL, {"name": "  "})
    assert (refused.status_code, b"Fill in the name" in refused.content) == (422, True)
    client.post(ALL, {"name": "Saffron Films"})
    assert client.get("/api/auth/me").json()["workspace_name"] == "Saffron Films"
    assert "Saffron Films" in text(client, ALL)


def test_leaving_by_page_goes_to_another_workspace_and_says_so(owner: Person, teammate: Person) -> None:
    client = teammate.browser()
    answer = client.post(f"{ALL}/{owner.workspace.id}/leave")
    assert "You left the workspace" in text(client, answer["Location"])
    assert role_of(teammate, owner.workspace.id) is None


def test_who_lacks_a_required_second_factor_finds_the_way_out(owner: Person, teammate: Person) -> None:
    Workspace.objects.filter(id=owner.workspace.id).update(require_two_factor=True)
    client = teammate.browser()
    assert client.get(PEOPLE)["Location"] == f"{SETTINGS}/security"
    assert f'action="{ALL}/{owner.workspace.id}/leave"' in text(client, ALL)
    assert client.post(f"{ALL}/{owner.workspace.id}/leave").status_code == 302


def test_the_workspace_is_renamed_by_who_may(owner: Person, teammate: Person) -> None:
    client = owner.browser()
    wrong = client.post(WORKSPACE, {"name": "x" * 101})
    assert (wrong.status_code, b"100 characters or fewer" in wrong.content) == (422, True)
    assert "Workspace renamed" in text(client, client.post(WORKSPACE, {"name": "Saffron"})["Location"])
    page = text(teammate.browser(), WORKSPACE)
    assert "Saffron" in page
    assert 'name="name"' not in page
    assert teammate.browser().post(WORKSPACE, {"name": "Mine"}).status_code == 403


def test_two_step_sign_in_is_required_from_the_page(owner: Person) -> None:
    client = owner.browser()
    refused = client.post(f"{WORKSPACE}/two-factor", {"required": "1"})
    assert (refused.status_code, b"for yourself" in refused.content) == (403, True)
    UserSession.objects.filter(user=owner.user).update(second_factor=True)
    done = client.post(f"{WORKSPACE}/two-factor", {"required": "1"})
    assert "is required from now on" in text(client, done["Location"])
    client.post(f"{WORKSPACE}/two-factor", {"required": "0"})
    assert not Workspace.objects.get(id=owner.workspace.id).require_two_factor


def test_ownership_is_transferred_from_the_page(owner: Person, teammate: Person) -> None:
    client = owner.browser()
    form = {"user_id": str(teammate.user.id), "confirm": "wrong"}
    wrong = client.post(f"{WORKSPACE}/transfer", form)
    assert (wrong.status_code, b"Type the name" in wrong.content) == (422, True)
    done = client.post(f"{WORKSPACE}/transfer", {**form, "confirm": owner.workspace.name})
    assert "you are an admin now" in text(client, done["Location"])
    assert "Transfer ownership" not in text(client, WORKSPACE)
    nobody = client.post(f"{WORKSPACE}/transfer", {"user_id": "x", "confirm": owner.workspace.name})
    assert nobody.status_code == 403


def test_people_are_listed_with_what_one_may_do_to_them(owner: Person, teammate: Person) -> None:
    page = text(owner.browser(), PEOPLE)
    assert f'action="{PEOPLE}/{teammate.user.id}/remove"' in page
    assert f"{PEOPLE}/{owner.user.id}/" not in page
    theirs = text(teammate.browser(), PEOPLE)
    assert teammate.user.email in theirs
    assert "Invite somebody" not in theirs
    assert "/remove" not in theirs


def test_a_role_is_changed_and_a_person_removed_with_their_tasks_told(
    owner: Person, teammate: Person
) -> None:
    client, at = owner.browser(), f"{PEOPLE}/{teammate.user.id}"
    with workspace_scope(owner.workspace.id):
        Task.objects.create(
            workspace=owner.workspace, title="Ring Ananya", source="manual", assignee=teammate.user
        )
    assert client.post(f"{at}/role", {"role": "owner"}).status_code == 400
    assert "Role changed" in text(client, client.post(f"{at}/role", {"role": "admin"})["Location"])
    assert role_of(teammate, owner.workspace.id) == "admin"
    page = text(client, client.post(f"{at}/remove")["Location"])
    assert "Member removed" in page
    (link,) = re.findall(r'href="(/dashboard/workboost\?[^"]+)"', page)
    assert "1 open task stays assigned" in page
    assert "Ring Ananya" in text(client, link.replace("&amp;", "&"))


def test_people_are_invited_reminded_and_withdrawn(owner: Person, teammate: Person, outbox: Path) -> None:
    client = owner.browser()
    wrong = client.post(PEOPLE, {"email": "nobody", "role": "member"})
    assert (wrong.status_code, b'value="nobody"' in wrong.content) == (422, True)
    assert client.post(PEOPLE, {"email": NEW, "role": "owner"}).status_code == 422
    taken = client.post(PEOPLE, {"email": teammate.user.email, "role": "member"})
    assert (taken.status_code, b"belongs to a member" in taken.content) == (409, True)
    sent = client.post(PEOPLE, {"email": NEW, "role": "admin"})
    assert "Invitation on its way" in text(client, sent["Location"])
    first = newest_token(outbox)
    open_one = WorkspaceInvitation.objects.get(revoked_at=None)
    client.post(f"{PEOPLE}/invitations/{open_one.id}/resend")
    second = newest_token(outbox)
    assert b"no longer works" in Client().get("/invite", {"token": first}).content
    assert b"no longer works" not in Client().get("/invite", {"token": second}).content
    open_one = WorkspaceInvitation.objects.get(revoked_at=None)
    assert open_one.role == "admin"
    page = text(client, client.post(f"{PEOPLE}/invitations/{open_one.id}/revoke")["Location"])
    assert "Nobody is waiting" in page
    assert len(mails(outbox)) == 2


def test_an_expired_invitation_is_shown_as_such_and_can_be_sent_again(owner: Person) -> None:
    client = owner.browser()
    client.post(PEOPLE, {"email": NEW, "role": "member"})
    WorkspaceInvitation.objects.update(expires_at="2020-01-01T00:00:00Z")
    assert "Expired" in text(client, PEOPLE)
    client.post(f"{PEOPLE}/invitations/{WorkspaceInvitation.objects.get().id}/resend")
    assert "Expired" not in text(client, PEOPLE)


def test_a_stale_sign_in_changes_nothing_by_page(owner: Person, teammate: Person) -> None:
    client = owner.browser()
    age_sessions(owner)
    client.post(f"{PEOPLE}/{teammate.user.id}/remove")
    client.post(PEOPLE, {"email": NEW, "role": "member"})
    assert role_of(teammate, owner.workspace.id) == "member"
    assert not WorkspaceInvitation.objects.exists()


def invited(owner: Person, email: str, outbox: Path, role: str = "member") -> str:
    owner.browser().post(PEOPLE, {"email": email, "role": role})
    return newest_token(outbox)


def test_the_invitation_shows_who_invites_to_what_before_anybody_signs_in(
    owner: Person, outbox: Path
) -> None:
    page = Client().get("/invite", {"token": invited(owner, NEW, outbox)}).content.decode()
    for words in (owner.user.name, owner.user.email, NEW, "as member", "Make account and join"):
        assert words in page


def test_somebody_with_an_account_signs_in_and_comes_back_to_the_invitation(
    owner: Person, outsider: Person, outbox: Path
) -> None:
    token = invited(owner, outsider.user.email, outbox)
    browser = Client()
    page = browser.get("/invite", {"token": token}).content.decode()
    (link,) = re.findall(r'href="(/login\?next=[^"]+)"', page)
    sign_in = browser.get(link)
    (following,) = re.findall(r'name="next" value="([^"]+)"', sign_in.content.decode())
    form = {"email": outsider.user.email, "password": PASSWORD, "next": following.replace("&amp;", "&")}
    back = browser.post("/login", form)
    assert back["Location"] == f"/invite?token={token}"
    assert b"Accept invitation" in browser.get(back["Location"]).content
    assert browser.post("/invite/accept", {"token": token})["Location"] == "/dashboard"
    assert browser.get("/api/auth/me").json()["workspace_id"] == owner.workspace.id
    assert browser.post("/invite/accept", {"token": token}).status_code == 400


def test_who_is_signed_in_as_somebody_else_is_told_so(owner: Person, outsider: Person, outbox: Path) -> None:
    token = invited(owner, NEW, outbox)
    browser = outsider.browser()
    page = browser.get("/invite", {"token": token}).content.decode()
    assert f"You are signed in as {outsider.user.email}" in page
    assert "Accept invitation" not in page
    refused = browser.post("/invite/accept", {"token": token})
    assert (refused.status_code, f"This invitation is for {NEW}" in refused.content.decode()) == (403, True)
    assert not WorkspaceMember.objects.filter(workspace=owner.workspace, user=outsider.user).exists()


def test_who_may_only_set_up_a_second_factor_can_still_accept(
    owner: Person, outsider: Person, outbox: Path
) -> None:
    token = invited(owner, outsider.user.email, outbox)
    browser = outsider.browser()
    Workspace.objects.filter(id=outsider.workspace.id).update(require_two_factor=True)
    assert b"Accept invitation" in browser.get("/invite", {"token": token}).content
    assert browser.post("/invite/accept", {"token": token})["Location"] == "/dashboard"
    assert browser.get("/dashboard").status_code == 200


def test_the_invitation_page_leaves_no_workspace_in_view(owner: Person, outbox: Path) -> None:
    owner.browser().get("/invite", {"token": invited(owner, NEW, outbox)})
    assert current_scope() is None


def test_the_lists_of_the_page_take_the_same_queries_however_long(
    owner: Person, django_assert_num_queries: Any
) -> None:
    client = owner.browser()
    for number in range(20):
        give_role(make_person(f"person{number}", owner.workspace), "admin" if number % 2 else "member")
        client.post(PEOPLE, {"email": f"guest{number}@convergio.test", "role": "member"})
    client.get(PEOPLE)
    # Three of the request, two lists with the standing of who asks, one for the frame.
    with django_assert_num_queries(3 + 4 + 1):
        client.get(PEOPLE)
