"""The mailed invitation: who may send it, what its link does once, and what its errors do not tell."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from convergio.accounts.invitation_actions import MOST_A_DAY, MOST_A_DAY_EACH
from convergio.accounts.invitations import mail_link
from convergio.accounts.models import User, Workspace, WorkspaceInvitation, WorkspaceMember
from convergio.core import sql
from convergio.core.clock import now
from tests.accounts.workspaces import (
    JSON,
    accept,
    activities,
    address,
    age_sessions,
    answered,
    invite,
    mails,
    make_admin,
    newest_token,
    role_of,
)
from tests.cast import PASSWORD, Person, make_person, make_user, make_workspace

NEW = "lata@convergio.test"


@pytest.fixture(autouse=True)
def outbox(settings: Any, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path
    settings.SYSTEM_SMTP_URL = ""
    return tmp_path / "outbox"


def register(token: str, *, password: str = PASSWORD, name: str = "Lata Menon") -> tuple[Client, Any]:
    client = Client()
    return client, client.post("/invite", {"token": token, "name": name, "password": password})


@pytest.mark.django_db
def test_somebody_with_an_account_joins_by_the_link_once(
    owner: Person, outsider: Person, outbox: Path
) -> None:
    made = invite(owner, outsider.user.email.upper(), "admin")
    assert (made.status_code, made.json()["email"]) == (201, outsider.user.email)
    token = newest_token(outbox)
    client, before = outsider.program(), User.objects.get(id=outsider.user.id)
    joined = accept(client, token)
    assert (joined.status_code, joined.json()["id"], joined.json()["role"]) == (
        200,
        owner.workspace.id,
        "admin",
    )
    assert answered(accept(client, token)) == (400, "invalid_invitation")
    assert owner.program().get(address(owner, "/invitations")).json() == []
    after = User.objects.get(id=outsider.user.id)
    assert (after.password, after.email_verified_at) == (before.password, before.email_verified_at)
    assert client.get("/api/auth/me").json()["workspace_id"] == outsider.workspace.id
    action, facts = activities(owner.workspace.id)[-1]
    assert (action, facts) == (
        "invitation.accepted",
        {"role": "admin", "invited_by": owner.user.id, "joined": True},
    )


@pytest.mark.django_db
def test_the_mail_says_who_invites_and_its_subject_holds_nothing_people_chose(
    owner: Person, outbox: Path
) -> None:
    Workspace.objects.filter(id=owner.workspace.id).update(name="Win a prize at evil.test")
    invite(owner, NEW)
    (mail,) = mails(outbox)
    assert (mail["To"], mail["Subject"]) == (NEW, "You are invited to a workspace")
    text = mail.get_content()
    assert owner.user.email in text
    assert "as member" in text
    assert "Win a prize" in text


@pytest.mark.django_db
def test_only_the_digest_of_a_token_is_stored_and_none_fits_before_the_mail_is_made(
    owner: Person, outbox: Path
) -> None:
    invite(owner, NEW)
    first = bytes(WorkspaceInvitation.objects.get().token_hash)
    token = newest_token(outbox)
    stored = bytes(WorkspaceInvitation.objects.get().token_hash)
    assert stored not in {first, token.encode()}
    queued = sql.fetch_column("SELECT args::text FROM procrastinate_jobs")
    assert all(token not in arguments for arguments in queued)


@pytest.mark.django_db
def test_a_new_person_registers_with_the_invited_address_and_needs_no_other_proof(
    owner: Person, outbox: Path, settings: Any
) -> None:
    settings.SIGNUP = "invite"
    invite(owner, NEW)
    client, answer = register(newest_token(outbox))
    assert (answer.status_code, answer["Location"]) == (302, "/dashboard")
    me = client.get("/api/auth/me").json()
    assert (me["email"], me["name"], me["role"]) == (NEW, "Lata Menon", "member")
    assert me["workspace_id"] == owner.workspace.id
    person = User.objects.get(email=NEW)
    assert person.email_verified_at is not None
    assert WorkspaceMember.objects.filter(user=person).count() == 1
    assert client.get("/dashboard").status_code == 200


@pytest.mark.django_db
def test_registering_cannot_choose_another_address(owner: Person, outbox: Path) -> None:
    invite(owner, NEW)
    form = {"token": newest_token(outbox), "name": "x", "password": PASSWORD, "email": "other@evil.test"}
    Client().post("/invite", form)
    assert User.objects.filter(email=NEW).exists()
    assert not User.objects.filter(email="other@evil.test").exists()


@pytest.mark.django_db
def test_a_closed_installation_takes_nobody_new_by_invitation(
    owner: Person, outsider: Person, outbox: Path, settings: Any
) -> None:
    settings.SIGNUP = "closed"
    invite(owner, NEW)
    token = newest_token(outbox)
    assert register(token)[1].status_code == 403
    assert b"takes no new accounts" in Client().get("/invite", {"token": token}).content
    assert not User.objects.filter(email=NEW).exists()
    invite(owner, outsider.user.email)
    assert accept(outsider.program(), newest_token(outbox)).status_code == 200


@pytest.mark.django_db
def test_a_mistake_in_the_form_does_not_spend_the_link(owner: Person, outbox: Path) -> None:
    invite(owner, NEW)
    token = newest_token(outbox)
    short = register(token, password="short")[1]
    assert (short.status_code, b"You have 5" in short.content) == (422, True)
    assert register(token, name="two\nlines")[1].status_code == 422
    assert register(token)[1].status_code == 302
    again = register(token)[1]
    assert (again.status_code, b"no longer works" in again.content) == (400, True)


@pytest.mark.django_db
def test_an_address_that_got_an_account_meanwhile_is_sent_to_sign_in(owner: Person, outbox: Path) -> None:
    invite(owner, NEW)
    token = newest_token(outbox)
    make_user("lata")
    answer = register(token)[1]
    assert (answer.status_code, b"Sign in to accept" in answer.content) == (409, True)
    assert WorkspaceInvitation.objects.get().accepted_at is None


@pytest.mark.django_db
def test_a_link_is_useless_for_another_address_and_stays_usable(
    owner: Person, outsider: Person, outbox: Path
) -> None:
    invite(owner, NEW)
    token = newest_token(outbox)
    assert answered(accept(outsider.program(), token)) == (403, "other_address")
    assert role_of(outsider, owner.workspace.id) is None
    assert register(token)[1].status_code == 302


@pytest.mark.django_db
@pytest.mark.parametrize("end", ["expired", "withdrawn", "replaced", "tampered", "empty"])
def test_a_link_that_ended_joins_nobody(owner: Person, outsider: Person, outbox: Path, end: str) -> None:
    made = invite(owner, outsider.user.email).json()["id"]
    token = newest_token(outbox)
    if end == "expired":
        WorkspaceInvitation.objects.update(expires_at="2020-01-01T00:00:00Z")
    elif end == "withdrawn":
        assert owner.program().delete(address(owner, f"/invitations/{made}")).status_code == 204
    elif end == "replaced":
        invite(owner, outsider.user.email)
    else:
        token = token[:-1] + ("A" if token[-1] != "A" else "B") if end == "tampered" else ""
    assert answered(accept(outsider.program(), token)) == (400, "invalid_invitation")
    assert b"no longer works" in Client().get("/invite", {"token": token}).content
    assert role_of(outsider, owner.workspace.id) is None


@pytest.mark.django_db
def test_inviting_again_replaces_role_and_link(owner: Person, outsider: Person, outbox: Path) -> None:
    invite(owner, outsider.user.email, "admin")
    invite(owner, outsider.user.email, "member")
    (open_one,) = owner.program().get(address(owner, "/invitations")).json()
    assert open_one["role"] == "member"
    assert accept(outsider.program(), newest_token(outbox)).json()["role"] == "member"
    assert len(mails(outbox)) == 1  # the replaced one was not sent any more


@pytest.mark.django_db
def test_a_member_who_accepts_keeps_the_role(owner: Person, outsider: Person, outbox: Path) -> None:
    invite(owner, outsider.user.email, "member")
    token = newest_token(outbox)
    WorkspaceMember.objects.create(workspace=owner.workspace, user=outsider.user, role="admin")
    assert accept(outsider.program(), token).json()["role"] == "admin"
    assert activities(owner.workspace.id)[-1][1]["joined"] is False


@pytest.mark.django_db
def test_the_answer_does_not_tell_whether_an_address_has_an_account(owner: Person, outsider: Person) -> None:
    client = owner.program()
    answers, counts = [], []
    for email in (NEW, outsider.user.email):
        with CaptureQueriesContext(connection) as queries:
            answers.append(client.post(address(owner, "/invitations"), {"email": email}, content_type=JSON))
        counts.append(len(queries))
    first, second = (answer.json() for answer in answers)
    assert [answer.status_code for answer in answers] == [201, 201]
    assert first.keys() == second.keys()
    assert counts[0] == counts[1]


@pytest.mark.django_db
def test_members_of_the_workspace_need_no_invitation(owner: Person, teammate: Person) -> None:
    assert answered(invite(owner, teammate.user.email)) == (409, "already_member")


@pytest.mark.django_db
@pytest.mark.parametrize("email", ["", "no address", "a@b\r\nBcc: x@evil.test", "x" * 250 + "@evil.test"])
def test_what_is_no_address_is_refused(owner: Person, email: str) -> None:
    answer = invite(owner, email)
    assert (answer.status_code, answer.json()["field"]) == (400, "email")
    assert not WorkspaceInvitation.objects.exists()


@pytest.mark.django_db
def test_admins_invite_members_and_admins_and_nobody_invites_owners(owner: Person, teammate: Person) -> None:
    admin = make_admin(owner)
    assert invite(admin, "a@convergio.test", "admin").status_code == 201
    assert invite(admin, "b@convergio.test", "member").status_code == 201
    assert answered(invite(owner, "c@convergio.test", "owner"))[0] == 422
    assert answered(invite(teammate, "d@convergio.test")) == (403, "not_allowed")
    assert answered(teammate.program().get(address(owner, "/invitations"))) == (403, "not_allowed")


@pytest.mark.django_db
def test_inviting_and_withdrawing_ask_for_a_fresh_sign_in(owner: Person) -> None:
    made = invite(owner, NEW).json()["id"]
    client = owner.program()
    age_sessions(owner)
    again = client.post(address(owner, "/invitations"), {"email": NEW}, content_type=JSON)
    assert answered(again) == (403, "fresh_sign_in_required")
    gone = client.delete(address(owner, f"/invitations/{made}"))
    assert answered(gone) == (403, "fresh_sign_in_required")


@pytest.mark.django_db
def test_outsiders_reach_no_invitation(owner: Person, outsider: Person) -> None:
    made = invite(owner, NEW).json()["id"]
    client = outsider.program()
    for at in (address(owner, "/invitations"), address(outsider, f"/invitations/{made}")):
        answer = client.get(at) if at.endswith("invitations") else client.delete(at)
        assert answered(answer) == (404, "not_found")
    assert WorkspaceInvitation.objects.get().revoked_at is None


@pytest.mark.django_db
def test_a_workspace_sends_only_so_many_a_day(owner: Person) -> None:
    for number in range(MOST_A_DAY):
        assert (
            invite(owner, f"person{number % 3}@convergio.test").status_code == 201
        )  # the same ones count too
    refused = invite(owner, NEW)
    assert answered(refused) == (429, "too_many_requests")
    assert 86_000 < int(refused["Retry-After"]) <= 86_400
    sql.execute("UPDATE workspace_invitations SET created_at = created_at - interval '25 hours'")
    assert invite(owner, NEW).status_code == 201


@pytest.mark.django_db
def test_one_person_sends_only_so_many_a_day_over_all_workspaces(owner: Person) -> None:
    places = [make_workspace(owner.user) for _ in range(MOST_A_DAY_EACH)]
    WorkspaceInvitation.objects.bulk_create(
        WorkspaceInvitation(
            workspace=place,
            email=NEW,
            role="member",
            token_hash=os.urandom(32),
            invited_by=owner.user,
            expires_at=now(),
        )
        for place in places[1:]
    )
    assert invite(owner, NEW).status_code == 201
    assert answered(invite(owner, "late@convergio.test")) == (429, "too_many_requests")


@pytest.mark.django_db
def test_what_was_withdrawn_before_it_left_is_not_sent(owner: Person, outbox: Path) -> None:
    made = invite(owner, NEW).json()["id"]
    owner.program().delete(address(owner, f"/invitations/{made}"))
    assert mails(outbox) == []


@pytest.mark.django_db
def test_a_job_that_runs_twice_leaves_the_last_link_working(
    owner: Person, outsider: Person, outbox: Path
) -> None:
    made = invite(owner, outsider.user.email).json()["id"]
    first = newest_token(outbox)
    mail_link(made)
    client = outsider.program()
    assert answered(accept(client, first)) == (400, "invalid_invitation")
    assert accept(client, newest_token(outbox)).status_code == 200


def _accept(person: Person, token: str) -> int:
    try:
        status: int = accept(person.program(), token).status_code
        return status
    finally:
        connection.close()


def _register(token: str) -> int:
    try:
        status: int = register(token)[1].status_code
        return status
    finally:
        connection.close()


def test_of_parallel_accepts_of_one_invitation_exactly_one_wins(committed: None, outbox: Path) -> None:
    owner, guest = make_person("owner"), make_person("guest")
    invite(owner, guest.user.email)
    token = newest_token(outbox)
    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(lambda _: _accept(guest, token), range(8)))
    assert statuses == [200] + [400] * 7
    assert WorkspaceMember.objects.filter(workspace=owner.workspace).count() == 2


def test_of_parallel_registrations_by_one_invitation_exactly_one_wins(committed: None, outbox: Path) -> None:
    owner = make_person("owner")
    invite(owner, NEW)
    token = newest_token(outbox)
    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(lambda _: _register(token), range(8)))
    assert statuses == [302] + [400] * 7
    assert User.objects.filter(email=NEW).count() == 1
    assert WorkspaceMember.objects.filter(workspace=owner.workspace).count() == 2


def _invite(person: Person, role: str) -> int:
    try:
        status: int = invite(person, NEW, role).status_code
        return status
    finally:
        connection.close()


def test_parallel_invitations_of_one_address_leave_one_open(committed: None) -> None:
    owner = make_person("owner")
    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(lambda _: _invite(owner, "member"), range(6)))
    assert statuses == [201] * 6
    assert WorkspaceInvitation.objects.filter(revoked_at=None).count() == 1
