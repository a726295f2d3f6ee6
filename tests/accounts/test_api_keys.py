"""API keys: what they are made for, who sees and ends them, and what is written down of them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from convergio.accounts import jobs, key_expiry
from convergio.accounts.actor import Actor
from convergio.accounts.api_keys import issue_api_key
from convergio.accounts.credentials import note_use
from convergio.accounts.models import ApiKey, LoginHistory, WorkspaceMember
from convergio.accounts.tokens import new_api_key
from convergio.core import sql
from convergio.core.clock import now
from convergio.core.models import Activity
from convergio.core.tenancy import workspace_scope
from tests.cast import Person
from tests.jobs import run_jobs
from tests.mail.messages import make_inbox

pytestmark = pytest.mark.django_db
KEYS = "/api/settings/security/api-keys"


def make(person: Person, **fields: Any) -> Any:
    return person.program().post(KEYS, {"name": "n8n", **fields}, content_type="application/json")


def lines(person: Person, action: str) -> list[Activity]:
    with workspace_scope(person.workspace.id):
        return list(Activity.objects.filter(action=action).order_by("id"))


def test_a_key_says_what_it_may_do_and_reaches(owner: Person) -> None:
    inbox = make_inbox(owner.workspace)
    answer = make(owner, scopes=["emails:write", "emails:read"], inbox_ids=[inbox.id]).json()
    assert answer["scopes"] == ["emails:read", "emails:write"]
    assert answer["inboxes"] == [{"id": inbox.id, "name": inbox.name, "tag": inbox.tag}]
    client = Client(headers={"X-API-Key": answer["key"], "User-Agent": "n8n"})
    assert client.get("/api/emails").status_code == 200
    (listed,) = owner.program().get(KEYS).json()
    assert "key" not in listed
    assert (listed["last_used_ip"], listed["maker"], listed["own"]) == ("127.0.0.1", "Owner", True)
    assert listed["last_used_at"]


def test_without_scopes_a_key_may_do_what_its_maker_may(owner: Person) -> None:
    assert make(owner).json()["scopes"] == ["*"]
    assert make(owner).json()["inboxes"] is None


def test_limited_to_inboxes_it_takes_all_that_inboxes_have(owner: Person) -> None:
    answer = make(owner, inbox_ids=[make_inbox(owner.workspace).id]).json()
    assert answer["scopes"] == ["emails:read", "emails:write", "inboxes:read", "inboxes:write"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"scopes": ["mail:read"]}, "scopes"),
        ({"scopes": ["security:write"]}, "scopes"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["tasks:read"], "inbox_ids": "own"}, "scopes"),
        ({"scopes": ["*"], "inbox_ids": "own"}, "scopes"),
        ({"inbox_ids": []}, "inbox_ids"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"name": "  "}, "name"),
        ({"name": "two\r\nlines"}, "name"),
    ],
    ids=str,
)
def test_a_wrong_wish_is_refused_in_a_sentence(owner: Person, fields: dict[str, Any], field: str) -> None:
    if fields.get("inbox_ids") == "own":
        fields = {**fields, "inbox_ids": [make_inbox(owner.workspace).id]}
    answer = make(owner, **fields)
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert not ApiKey.objects.exists()
    assert not LoginHistory.objects.filter(method="api_key_made").exists()


def test_only_inboxes_of_the_workspace_are_there_to_choose(owner: Person, outsider: Person) -> None:
    for inbox_id in (make_inbox(outsider.workspace).id, 2**70, -1):
        answer = make(owner, inbox_ids=[inbox_id])
        assert (answer.status_code, answer.json()["error"]) == (404, "There is no such inbox.")
    assert not ApiKey.objects.exists()


def test_the_role_of_the_maker_limits_the_key(owner: Person, teammate: Person) -> None:
    value = make(teammate).json()["key"]
    client = Client(headers={"X-API-Key": value})
    add = {"email_address": "new@convergio.test", "kind": "maildir"}
    assert client.post("/api/inboxes", add, content_type="application/json").json()["code"] == "not_allowed"
    WorkspaceMember.objects.filter(user=teammate.user).delete()
    assert client.get("/api/tasks").status_code == 401


def test_admins_see_and_end_all_keys_and_members_their_own(owner: Person, teammate: Person) -> None:
    mine, theirs = make(owner).json(), make(teammate).json()
    assert {(one["id"], one["maker"]) for one in owner.program().get(KEYS).json()} == {
        (mine["id"], "Owner"),
        (theirs["id"], "Teammate"),
    }
    assert [one["id"] for one in teammate.program().get(KEYS).json()] == [theirs["id"]]
    assert teammate.program().delete(f"{KEYS}/{mine['id']}").status_code == 404
    assert owner.program().delete(f"{KEYS}/{theirs['id']}").status_code == 204
    assert Client(headers={"X-API-Key": theirs["key"]}).get("/api/tasks").status_code == 401
    assert owner.program().delete(f"{KEYS}/{theirs['id']}").status_code == 404


def test_a_key_reads_no_other_key(owner: Person, teammate: Person) -> None:
    make(teammate)
    value = make(owner).json()["key"]
    assert [one["own"] for one in Client(headers={"X-API-Key": value}).get(KEYS).json()] == [True]


def test_the_list_is_one_statement(owner: Person) -> None:
    for _ in range(3):
        make(owner, inbox_ids=[make_inbox(owner.workspace, f"{ApiKey.objects.count()}@x.test").id])
    client = owner.program()
    client.get(KEYS)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        client.get(KEYS)
    assert sum("FROM api_keys" in one["sql"] for one in queries.captured_queries) == 1


def test_making_and_ending_a_key_is_written_down(owner: Person, teammate: Person) -> None:
    made = make(teammate, scopes=["tasks:read"]).json()
    owner.program().delete(f"{KEYS}/{made['id']}")
    assert list(LoginHistory.objects.order_by("id").values_list("user_id", "method", "outcome")) == [
        (teammate.user.id, "api_key_made", "success"),
        (owner.user.id, "api_key_revoked", "success"),
    ]
    (created,), (revoked,) = lines(owner, "api_key.created"), lines(owner, "api_key.revoked")
    assert created.subject == revoked.subject == f"api_keys:{made['id']}"
    assert (created.facts["name"], created.facts["scopes"]) == ("n8n", ["tasks:read"])
    assert (revoked.user_id, revoked.facts["maker"]) == (owner.user.id, teammate.user.id)
    assert made["key"] not in str(created.facts)


def test_a_mistyped_key_costs_no_query(owner: Person) -> None:
    value = make(owner).json()["key"]
    wrong = value[:-1] + ("a" if value[-1] != "a" else "b")
    for header in (
        {"X-API-Key": wrong},
        {"Authorization": f"Bearer {wrong}"},
        {"X-API-Key": "cai_" + "0" * 49},
    ):
        with CaptureQueriesContext(connection) as queries:
            assert Client(headers=header).get("/api/tasks").status_code == 401
        assert not queries.captured_queries
    assert Client(headers={"X-API-Key": new_api_key()}).get("/api/tasks").status_code == 401


def test_use_of_a_key_is_one_line_a_day(owner: Person) -> None:
    key, value = issue_api_key(user_id=owner.user.id, workspace_id=owner.workspace.id, name="n8n")
    client = Client(headers={"X-API-Key": value})
    for _ in range(3):
        client.get("/api/tasks")
    (line,) = lines(owner, "api_key.used")
    assert (line.api_key_id, line.user_id, line.subject) == (key.id, owner.user.id, f"api_keys:{key.id}")
    sql.execute("UPDATE api_keys SET last_used_at = statement_timestamp() - interval '25 hours'")
    client.get("/api/tasks")
    note_use(Actor(owner.workspace.id, owner.user.id, "owner", via="api_key", api_key_id=key.id), "192.0.2.1")
    assert len(lines(owner, "api_key.used")) == 2


def ending_key(person: Person, **ahead: int) -> int:
    return issue_api_key(
        user_id=person.user.id,
        workspace_id=person.workspace.id,
        name="invoices",
        expires_at=now() + timedelta(**ahead),
    )[0].id


def notices(settings: Any) -> list[str]:
    return [path.read_text() for path in sorted(Path(settings.DATA_DIR, "outbox").glob("*.eml"))]


def test_the_maker_is_told_once_a_week_before_the_end(owner: Person, settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR, settings.SYSTEM_SMTP_URL = tmp_path, ""
    soon = ending_key(owner, days=6, hours=23)
    for key_id in (ending_key(owner, days=8), ending_key(owner, days=2)):
        ApiKey.objects.filter(id=key_id).update(revoked_at=now() if key_id % 2 else None)
    ApiKey.objects.exclude(id=soon).filter(expires_at__lt=now() + timedelta(days=3)).update(revoked_at=now())
    for _ in range(2):
        jobs.find_ending_keys(0)
        run_jobs()
    (notice,) = notices(settings)
    assert f"To: {owner.user.email}" in notice
    assert "Your API key invoices ends on" in notice
    assert ApiKey.objects.get(id=soon).expiry_noticed_at


def test_who_left_is_not_told(owner: Person, teammate: Person, settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR, settings.SYSTEM_SMTP_URL = tmp_path, ""
    key_id = ending_key(teammate, days=1)
    WorkspaceMember.objects.filter(user=teammate.user).delete()
    assert not key_expiry.tell_of_end(key_id)
    assert notices(settings) == []
