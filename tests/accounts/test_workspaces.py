"""Making, renaming, switching, leaving and transferring workspaces, and requiring two-step sign-in in them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from convergio.accounts.api_keys import issue_api_key
from convergio.accounts.models import ApiKey, User, UserSession, Workspace, WorkspaceMember
from convergio.accounts.workspace_actions import MOST_OWNED
from convergio.core import sql
from tests.accounts.workspaces import (
    JSON,
    activities,
    address,
    age_sessions,
    answered,
    give_role,
    make_admin,
    role_of,
)
from tests.cast import Person, make_person, make_workspace


def make(client: Client, name: Any) -> Any:
    return client.post("/api/workspaces", {"name": name}, content_type=JSON)


def change(person: Person, **changes: Any) -> Any:
    return person.program().patch(address(person), changes, content_type=JSON)


def transfer(client: Client, workspace_id: int, user_id: int, name: str) -> Any:
    body = {"user_id": user_id, "name": name}
    return client.post(f"/api/workspaces/{workspace_id}/transfer", body, content_type=JSON)


def with_second_factor(person: Person) -> Client:
    client = person.program()
    UserSession.objects.filter(user=person.user).update(second_factor=True)
    return client


@pytest.mark.django_db
def test_a_workspace_is_made_with_everything_it_begins_with_and_the_session_stays(owner: Person) -> None:
    client = owner.program()
    made = make(client, "  Saffron Films ")
    assert made.status_code == 201
    row = made.json()
    assert (row["name"], row["role"], row["members"], row["current"]) == ("Saffron Films", "owner", 1, False)
    assert row["owner_id"] == owner.user.id
    assert activities(row["id"]) == [("workspace.created", {"name": "Saffron Films"})]
    assert [one["current"] for one in client.get("/api/workspaces").json()] == [True, False]
    client.post(f"/api/workspaces/{row['id']}/switch")
    assert len(client.get("/api/inboxes").json()) == 0
    assert client.get("/api/auth/me").json()["workspace_name"] == "Saffron Films"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name",
    [
        "",
        "   ",
        "a" * 101,
        "Team\r\nBcc: x@evil.test",
        "Team\u202egnp",
        "Te\u200bam",
        "Team\u2028x",
        "\ud800",
    ],
    ids=["empty", "blank", "long", "lines", "direction", "zero width", "separator", "surrogate"],
)
def test_a_name_that_is_not_one_plain_line_is_refused(owner: Person, name: str) -> None:
    body = '{"name": "\\ud800"}' if name == "\ud800" else {"name": name}
    made = owner.program().post("/api/workspaces", body, content_type=JSON)
    assert (made.status_code, made.json()["field"]) == (400, "name")
    assert Workspace.objects.count() == 1


@pytest.mark.django_db
def test_a_name_in_an_indic_script_with_joiners_is_kept(owner: Person) -> None:
    name = "क्\u200dष टोली"
    assert make(owner.program(), name).json()["name"] == name


@pytest.mark.django_db
def test_one_person_owns_only_so_many(owner: Person) -> None:
    Workspace.objects.bulk_create(
        Workspace(name=str(number), owner=owner.user) for number in range(MOST_OWNED - 2)
    )
    client = owner.program()
    assert make(client, "The last").status_code == 201
    assert answered(make(client, "One more")) == (409, "too_many_workspaces")


@pytest.mark.django_db
def test_admins_rename_and_it_is_written_down(owner: Person) -> None:
    before = owner.workspace.name
    renamed = change(make_admin(owner), name="Saffron")
    assert (renamed.status_code, renamed.json()["name"]) == (200, "Saffron")
    assert activities(owner.workspace.id) == [("workspace.renamed", {"before": before, "after": "Saffron"})]
    change(owner, name="Saffron")
    assert len(activities(owner.workspace.id)) == 1


@pytest.mark.django_db
def test_members_and_outsiders_change_nothing(owner: Person, teammate: Person, outsider: Person) -> None:
    assert answered(change(teammate, name="Mine")) == (403, "not_allowed")
    answer = outsider.program().patch(address(owner), {"name": "Mine"}, content_type=JSON)
    assert answered(answer) == (404, "not_found")
    assert Workspace.objects.get(id=owner.workspace.id).name == owner.workspace.name


@pytest.mark.django_db
def test_switching_goes_only_where_one_is_a_member(owner: Person, teammate: Person, outsider: Person) -> None:
    other = make_workspace(outsider.user, teammate.user)
    client = teammate.program()
    assert client.post(f"/api/workspaces/{other.id}/switch").json()["current"] is True
    assert client.get("/api/auth/me").json()["workspace_id"] == other.id
    assert answered(client.post(f"/api/workspaces/{outsider.workspace.id}/switch")) == (404, "not_found")
    assert client.get("/api/auth/me").json()["workspace_id"] == other.id


@pytest.mark.django_db
def test_an_address_may_name_another_of_ones_workspaces_and_the_role_there_counts(
    owner: Person, teammate: Person
) -> None:
    own = make_workspace(teammate.user, owner.user)
    client = teammate.program()  # at work in the owner's workspace, as a member
    path = f"/api/workspaces/{own.id}"
    assert client.patch(path, {"name": "Nebula"}, content_type=JSON).json()["name"] == "Nebula"
    assert [action for action, _ in activities(own.id)] == ["workspace.renamed"]
    assert activities(owner.workspace.id) == []
    elsewhere = owner.program().patch(path, {"name": "Taken"}, content_type=JSON)
    assert answered(elsewhere) == (403, "not_allowed")


@pytest.mark.django_db
def test_a_key_reads_its_own_workspace_and_changes_none(owner: Person) -> None:
    other = make_workspace(owner.user)
    _, value = issue_api_key(user_id=owner.user.id, workspace_id=owner.workspace.id, name="key")
    client = Client(headers={"X-API-Key": value})
    assert [one["id"] for one in client.get("/api/workspaces").json()] == [owner.workspace.id]
    assert client.get(address(owner, "/members")).status_code == 200
    for path in (f"/api/workspaces/{other.id}", f"/api/workspaces/{other.id}/members"):
        assert answered(client.get(path)) == (404, "not_found")
    for refused in (
        make(client, "x"),
        client.patch(address(owner), {"name": "x"}, content_type=JSON),
        client.post(address(owner, "/switch")),
        client.post(address(owner, "/leave")),
        transfer(client, owner.workspace.id, owner.user.id, "x"),
        client.post("/api/invitations/accept", {"token": "x"}, content_type=JSON),
    ):
        assert answered(refused) == (403, "session_required")


@pytest.mark.django_db
def test_leaving_ends_access_keys_and_other_programs_and_moves_browsers(
    owner: Person, teammate: Person
) -> None:
    home = make_workspace(teammate.user)
    issue_api_key(user_id=teammate.user.id, workspace_id=owner.workspace.id, name="key")
    client, browser, other = teammate.program(), teammate.browser(), teammate.program()
    left = client.post(address(owner, "/leave"))
    assert left.json() == {"api_keys": 1, "invitations": 0, "assigned": {"tasks": 0}}
    assert client.get("/api/auth/me").json()["workspace_id"] == home.id
    assert browser.get("/api/auth/me").json()["workspace_id"] == home.id
    assert answered(other.get("/api/auth/me")) == (401, "not_signed_in")
    assert not ApiKey.objects.filter(user=teammate.user, revoked_at=None).exists()
    assert answered(client.get(address(owner))) == (404, "not_found")
    assert activities(owner.workspace.id)[-1][0] == "member.left"


@pytest.mark.django_db
def test_who_leaves_the_last_workspace_gets_one_of_their_own(owner: Person, teammate: Person) -> None:
    client = teammate.program()
    assert client.post(address(owner, "/leave")).status_code == 200
    me = client.get("/api/auth/me").json()
    assert (me["workspace_name"], me["role"]) == ("Teammate’s workspace", "owner")


@pytest.mark.django_db
def test_the_owner_cannot_leave(owner: Person) -> None:
    assert answered(owner.program().post(address(owner, "/leave"))) == (409, "owner_stays")
    assert role_of(owner, owner.workspace.id) == "owner"


@pytest.mark.django_db
def test_ownership_goes_to_a_member_once_the_name_is_typed(owner: Person, teammate: Person) -> None:
    client = owner.program()
    place, name = owner.workspace.id, owner.workspace.name
    wrong = transfer(client, place, teammate.user.id, "Something else")
    assert (wrong.status_code, wrong.json()["field"]) == (400, "name")
    assert role_of(owner, place) == "owner"
    done = transfer(client, place, teammate.user.id, name)
    assert (done.json()["role"], done.json()["owner_id"]) == ("admin", teammate.user.id)
    assert (role_of(owner, place), role_of(teammate, place)) == ("admin", "owner")
    facts = {"before": owner.user.id, "after": teammate.user.id}
    assert activities(place) == [("workspace.transferred", facts)]
    assert answered(transfer(client, place, owner.user.id, name)) == (403, "not_allowed")


@pytest.mark.django_db
def test_ownership_goes_to_nobody_else(owner: Person, outsider: Person) -> None:
    admin = make_admin(owner)
    place, name = owner.workspace.id, owner.workspace.name
    assert answered(transfer(owner.program(), place, outsider.user.id, name)) == (404, "not_found")
    assert answered(transfer(owner.program(), place, owner.user.id, name)) == (404, "not_found")
    assert answered(transfer(admin.program(), place, admin.user.id, name)) == (403, "not_allowed")
    assert Workspace.objects.get(id=place).owner_id == owner.user.id


@pytest.mark.django_db
def test_two_step_sign_in_is_required_by_who_signed_in_with_it(owner: Person, teammate: Person) -> None:
    member = teammate.program()
    assert answered(change(owner, require_two_factor=True)) == (403, "second_factor_first")
    client = with_second_factor(owner)
    switched = client.patch(address(owner), {"require_two_factor": True}, content_type=JSON)
    assert switched.json()["require_two_factor"] is True
    assert activities(owner.workspace.id) == [("workspace.two_factor_required", {"required": True})]
    assert answered(member.get("/api/emails")) == (403, "two_factor_setup_required")
    off = client.patch(address(owner), {"require_two_factor": False}, content_type=JSON)
    assert off.json()["require_two_factor"] is False
    assert member.get("/api/emails").status_code == 200


@pytest.mark.django_db
def test_who_lacks_a_required_second_factor_sees_no_members_but_can_go_elsewhere(
    owner: Person, teammate: Person
) -> None:
    give_role(teammate, "admin")
    home = make_workspace(teammate.user)
    client = teammate.program()
    Workspace.objects.filter(id=owner.workspace.id).update(require_two_factor=True)
    for path in ("/members", "/invitations"):
        assert answered(client.get(address(owner, path))) == (403, "two_factor_setup_required")
    remove = client.delete(address(owner, f"/members/{owner.user.id}"))
    assert answered(remove) == (403, "two_factor_setup_required")
    # Nor from a workspace that asks for nothing.
    assert client.post(f"/api/workspaces/{home.id}/switch").status_code == 200
    assert answered(client.get(address(owner, "/members"))) == (403, "two_factor_setup_required")
    assert client.post(address(owner, "/switch")).status_code == 200
    assert client.post(address(owner, "/leave")).status_code == 200
    assert client.get("/api/auth/me").json()["workspace_id"] == home.id


@pytest.mark.django_db
def test_sensitive_changes_ask_for_a_fresh_sign_in_and_harmless_ones_do_not(
    owner: Person, teammate: Person
) -> None:
    client, member = with_second_factor(owner), teammate.program()
    age_sessions(owner)
    age_sessions(teammate)
    for refused in (
        client.patch(address(owner), {"require_two_factor": True}, content_type=JSON),
        transfer(client, owner.workspace.id, teammate.user.id, owner.workspace.name),
        member.post(address(owner, "/leave")),
    ):
        assert answered(refused) == (403, "fresh_sign_in_required")
    assert client.patch(address(owner), {"name": "New"}, content_type=JSON).status_code == 200
    assert make(client, "Other").status_code == 201
    assert client.post(address(owner, "/switch")).status_code == 200


@pytest.mark.django_db
def test_lists_take_the_same_queries_however_long_they_are(
    owner: Person, django_assert_num_queries: Any
) -> None:
    client = owner.program()
    for number in range(20):
        make_person(f"person{number}", owner.workspace)
        make_workspace(owner.user)
    # Three are the savepoint and the scope that a request inside a test's transaction has.
    for path, queries in (("/api/workspaces", 1), (address(owner, "/members"), 2)):
        with django_assert_num_queries(3 + queries):
            assert len(client.get(path).json()) == 21


def _transfer(person: Person, user_id: int) -> int:
    try:
        status: int = transfer(
            person.program(), person.workspace.id, user_id, person.workspace.name
        ).status_code
        return status
    finally:
        connection.close()


def test_of_parallel_transfers_one_wins_and_there_is_one_owner(committed: None) -> None:
    owner = make_person("owner")
    others = [make_person(f"person{number}", owner.workspace) for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(lambda one: _transfer(owner, one.user.id), others))
    assert statuses == [200, 403, 403, 403]
    members = WorkspaceMember.objects.filter(workspace=owner.workspace, role="owner")
    assert [one.user_id for one in members] == [Workspace.objects.get(id=owner.workspace.id).owner_id]


def _leave_or_transfer(person: Person, owner: Person) -> int:
    try:
        if person is owner:
            return _transfer(owner, owner.user.id + 1)
        status: int = person.program().post(address(owner, "/leave")).status_code
        return status
    finally:
        connection.close()


def test_a_workspace_whose_heir_leaves_meanwhile_still_has_its_owner(committed: None) -> None:
    for number in range(5):
        owner = make_person(f"owner{number}")
        heir = make_person(f"heir{number}", owner.workspace)
        assert heir.user.id == owner.user.id + 1
        with ThreadPoolExecutor(2) as pool:
            statuses = list(pool.map(lambda one: _leave_or_transfer(one, owner), [owner, heir]))  # noqa: B023
        assert sorted(statuses) in ([200, 404], [200, 409])
        rows = sql.fetch_rows(
            "SELECT w.owner_id = m.user_id FROM workspaces w JOIN workspace_members m"
            " ON m.workspace_id = w.id AND m.role = 'owner' WHERE w.id = %s",
            [owner.workspace.id],
        )
        assert rows == [(True,)]
    assert User.objects.count() == 10
