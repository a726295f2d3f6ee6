"""Over the whole URL map: an API key that is limited to inbox A sees and changes nothing of inbox B.

As in test_outsider.py a new endpoint is covered as soon as it is mounted. The objects of tests/site/foreign.py lie in
inboxes of their own in the same workspace; the key reaches another one.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, transaction
from django.test import Client

from convergio.accounts.actor import Actor
from convergio.accounts.api_keys import issue_api_key
from convergio.accounts.reach import SCHEMA, end_limit, limit_to_inboxes
from convergio.core import sql
from convergio.core.tenancy import workspace_scope
from convergio.mail.inbox_views import ROWS
from convergio.mail.ingest import Stored, store_messages
from convergio.mail.models import AutoReply, Email, EmailDelivery, EmailThread, Inbox
from tests.cast import Person
from tests.mail.messages import arrival, make_inbox, raw_message, receiver_of
from tests.site.foreign import IDS, NO_IDS, canary, make
from tests.site.test_outsider import WITH_IDS, accepted_body, foreign_fields, given
from tests.site.url_map import UNSAFE, Operation, api_operations, content_of

pytestmark = pytest.mark.django_db

OPERATIONS = [one for one in api_operations() if not one.public]
LISTS = [one for one in OPERATIONS if one.verb == "get" and not one.parameters]
SCOPES = ["emails:read", "emails:write", "inboxes:read", "inboxes:write"]
# Tables with workspaces' rows that no view stands before, because no address of emails or inboxes reads them.
BESIDE_MAIL = {
    "app_settings": "named settings of the workspace",
    "tags": "names and colours to choose from when an inbox is added, which such a key cannot",
    "idempotency_keys": "stored answers; the limit is part of what must be repeated",
}
_OWNED = "SELECT relname FROM pg_class WHERE relrowsecurity AND relnamespace = 'public'::regnamespace ORDER BY relname"


@pytest.fixture
def place(owner: Person) -> Inbox:
    """Inbox A."""
    with workspace_scope(owner.workspace.id):
        return make_inbox(owner.workspace, "support@a.test", name="Support", tag="A", reply_mode="draft")


def key_for(person: Person, *inboxes: Inbox, scopes: list[str] = SCOPES) -> Client:
    _, value = issue_api_key(
        user_id=person.user.id,
        workspace_id=person.workspace.id,
        name="limited",
        scopes=scopes,
        inbox_ids=[inbox.id for inbox in inboxes],
    )
    return Client(headers={"X-API-Key": value})


def take_up(person: Person, inbox: Inbox, **fields: Any) -> Stored:
    with workspace_scope(person.workspace.id):
        return store_messages(receiver_of(inbox), [arrival(raw_message(**fields))])[0]


def post(client: Client, path: str, body: Any = None) -> Any:
    return client.post(path, body or {}, content_type="application/json")


def beyond(person: Person, inbox: Inbox) -> dict[str, Any]:
    """Every row of mail that does not belong to the inbox."""
    statements = {
        "inboxes": "SELECT md5(string_agg(t::text, '|' ORDER BY t.id)) FROM inboxes AS t WHERE id <> %s",
        "emails": """SELECT md5(string_agg(t::text, '|' ORDER BY t.id)) FROM emails AS t
            WHERE NOT EXISTS (SELECT FROM email_deliveries AS d WHERE d.email_id = t.id AND d.inbox_id = %s)""",
        **{
            table: f"SELECT md5(string_agg(t::text, '|' ORDER BY t.id)) FROM {table} AS t WHERE inbox_id <> %s"
            for table in ("email_deliveries", "thread_inboxes", "auto_replies")
        },
    }
    with workspace_scope(person.workspace.id):
        return {table: sql.fetch_value(statement, [inbox.id]) for table, statement in statements.items()}


@pytest.mark.parametrize("operation", WITH_IDS, ids=str)
def test_what_belongs_to_another_inbox_is_not_there(
    operation: Operation, owner: Person, place: Inbox
) -> None:
    values = {name: make(IDS[name], owner) for name in operation.parameters}
    before = beyond(owner, place)
    answer = operation.send(key_for(owner, place), values)
    assert answer.status_code in {403, 404}, f"{operation}: {answer.status_code} {answer.content!r}"
    assert canary(owner).encode() not in answer.content
    assert beyond(owner, place) == before


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.verb in UNSAFE and one.body], ids=str)
def test_ids_in_bodies_reach_nothing_of_another_inbox(
    operation: Operation, owner: Person, place: Inbox
) -> None:
    client = key_for(owner, place)
    own = take_up(owner, place, subject="Ours")
    for field, name in foreign_fields(operation.body):
        body = accepted_body(operation, owner) | given(field, name, owner)
        if name != "from_inbox" and "from_inbox" in body:
            body["from_inbox"] = place.id
        values = {
            parameter: {"email_id": own.email_id, "inbox_id": place.id}.get(parameter)
            or make(IDS[parameter], owner)
            for parameter in operation.parameters
        }
        before = beyond(owner, place)
        answer = operation.send(client, values, **body)
        wanted = range(500) if name in NO_IDS else [403, 404]
        assert answer.status_code in wanted, f"{operation} {name}: {answer.status_code} {answer.content!r}"
        assert canary(owner).encode() not in answer.content
        assert beyond(owner, place) == before, f"{operation} changed a row by {name}"


@pytest.mark.parametrize("operation", LISTS, ids=str)
def test_lists_and_filters_show_nothing_of_another_inbox(
    operation: Operation, owner: Person, place: Inbox
) -> None:
    for factory in IDS.values():
        make(factory, owner)
    client = key_for(owner, place)
    assert canary(owner).encode() not in content_of(operation.send(client, {}))
    for field, name in foreign_fields(operation.query):
        answer = operation.send(client, {}, **given(field, name, owner))
        assert answer.status_code < 500, f"{operation}?{name}"
        assert canary(owner).encode() not in content_of(answer), f"{operation}?{name}"


def test_lists_search_and_counts_show_the_own_inbox(owner: Person, place: Inbox) -> None:
    """Otherwise the emptiness above would prove nothing."""
    for factory in IDS.values():
        make(factory, owner)
    first = take_up(owner, place, subject="Ours alone")
    client = key_for(owner, place)
    queries: list[Any] = [
        {},
        {"tag": "A"},
        {"search": "alone"},
        {"search": "tag:A"},
        {"thread": first.thread_id},
        {"is_read": "false"},
    ]
    for query in queries:
        found = client.get("/api/emails", query)
        assert [row["id"] for row in found.json()] == [first.email_id], query
        assert found["X-Total-Count"] == "1"
    assert [row["id"] for row in client.get("/api/inboxes").json()] == [place.id]
    assert [row["id"] for row in client.get("/api/smtp-inboxes").json()] == [place.id]
    assert [row["messages"] for row in client.get("/api/sync/status").json()["inboxes"]] == [1]
    assert post(client, "/api/sync").json()["inboxes"] == [place.id]


def test_pages_of_a_search_are_full(owner: Person, place: Inbox) -> None:
    """The limit is inside the search, not behind it: rows of other inboxes take no places."""
    with workspace_scope(owner.workspace.id):
        other = make_inbox(owner.workspace, "other@b.test", name="Other", tag="B")
    ours = []
    for number in range(6):
        ours.append(take_up(owner, place, message_id=f"a{number}@x.test", subject="invoice").email_id)
        take_up(owner, other, message_id=f"b{number}@x.test", subject="invoice")
    client = key_for(owner, place)
    page = client.get("/api/emails?search=invoice&limit=4")
    rest = client.get(f"/api/emails?search=invoice&limit=4&cursor={page['X-Next-Cursor']}")
    assert [row["id"] for row in [*page.json(), *rest.json()]] == ours[::-1]


@pytest.mark.parametrize(
    "path", ["/api/events", "/api/stats", "/api/tasks", "/api/activity", "/api/workspaces"]
)
def test_what_belongs_to_no_inbox_is_refused_at_use(owner: Person, place: Inbox, path: str) -> None:
    answer = key_for(owner, place, scopes=["*"]).get(path)
    assert (answer.status_code, answer.json()["code"]) in {(403, "inbox_key"), (403, "session_required")}


def test_a_limited_key_adds_no_inbox(owner: Person, place: Inbox) -> None:
    answer = post(key_for(owner, place), "/api/inboxes", {"email_address": "new@a.test", "kind": "maildir"})
    assert (answer.status_code, answer.json()["code"]) == (403, "inbox_key")


def test_a_conversation_over_two_inboxes_shows_the_own_part(owner: Person, place: Inbox) -> None:
    with workspace_scope(owner.workspace.id):
        other = make_inbox(owner.workspace, "other@b.test", name="Secret", tag="Secret tag")
    hidden = take_up(owner, other, message_id="one@x.test", subject="Hidden plan")
    ours = take_up(owner, place, message_id="two@x.test", subject="Ours")
    with workspace_scope(owner.workspace.id):  # one conversation, as a mail to both would have made it
        Email.objects.filter(id=hidden.email_id).update(thread_id=ours.thread_id)
        EmailThread.objects.filter(id=ours.thread_id).update(subject="Hidden plan", message_count=2)
        sql.execute(
            "UPDATE thread_inboxes SET thread_id = %s WHERE thread_id = %s",
            [ours.thread_id, hidden.thread_id],
        )
    client = key_for(owner, place)
    thread = client.get(f"/api/emails/{ours.email_id}/thread")
    assert b"Hidden" not in thread.content
    assert b"Secret" not in thread.content
    found = thread.json()
    assert (found["subject"], found["message_count"]) == ("Ours", 1)
    assert [one["id"] for one in found["messages"]] == [ours.email_id]


def test_mail_that_two_inboxes_got_names_only_the_own_one(owner: Person, place: Inbox) -> None:
    with workspace_scope(owner.workspace.id):
        other = make_inbox(owner.workspace, "other@b.test", name="Secret", tag="Secret tag")
    take_up(owner, other, message_id="both@x.test")
    ours = take_up(owner, place, message_id="both@x.test")
    client = key_for(owner, place)
    assert [row["tag"] for row in client.get("/api/emails").json()] == ["A"]
    assert client.get(f"/api/emails/{ours.email_id}").json()["tags"] == ["A"]


def test_what_the_key_writes_leaves_the_numbers_of_the_whole_right(owner: Person, place: Inbox) -> None:
    with workspace_scope(owner.workspace.id):
        other = make_inbox(owner.workspace, "other@b.test", name="Other", tag="B")
    take_up(owner, other, message_id="one@x.test", subject="Question")
    ours = take_up(owner, place, message_id="two@x.test", subject="Question")
    with workspace_scope(owner.workspace.id):
        Email.objects.filter(message_id="one@x.test").update(thread_id=ours.thread_id)
    answer = key_for(owner, place).patch(
        "/api/emails/read", {"ids": [ours.email_id]}, content_type="application/json"
    )
    assert answer.json() == {"updated": 1, "ids": [ours.email_id]}
    with workspace_scope(owner.workspace.id):
        thread = EmailThread.objects.get(id=ours.thread_id)
        assert (thread.message_count, thread.unread_count) == (2, 1)


def test_a_limited_key_sends_and_decides_for_its_inbox(owner: Person, place: Inbox) -> None:
    client = key_for(owner, place)
    ours = take_up(owner, place, message_id="two@x.test", subject="Question")
    sent = post(client, "/api/send-email", {"to": "ananya@lumen.example", "body": "Hello", "subject": "Hi"})
    assert (sent.status_code, sent.json()["tags"]) == (201, ["A"])
    made = post(client, "/api/auto-replies", {"email_id": ours.email_id, "reply_text": "Yes."})
    assert made.status_code == 201
    approved = post(client, f"/api/auto-replies/{made.json()['id']}/approve")
    assert (approved.status_code, approved.json()["status"]) == (200, "approved")
    again = post(client, "/api/auto-replies", {"email_id": ours.email_id, "reply_text": "No."})
    assert post(client, f"/api/auto-replies/{again.json()['id']}/reject").json()["status"] == "rejected"
    posted = post(
        client,
        "/api/emails",
        {"message_id": "n@x.test", "from": "a@x.test", "to": "other@b.test", "text": "Hi"},
    )
    assert (posted.status_code, posted.json()["tags"]) == (201, ["A"])
    changed = client.patch(f"/api/inboxes/{place.id}", {"name": "Help"}, content_type="application/json")
    assert changed.json()["name"] == "Help"


def test_a_limited_key_sends_only_files_that_it_uploaded(owner: Person, place: Inbox) -> None:
    theirs = owner.program().post("/api/upload-attachment", {"file": SimpleUploadedFile("b.txt", b"of b")})
    client = key_for(owner, place)
    mail = {"to": "ananya@lumen.example", "body": "Hello", "subject": "Hi"}
    refused = post(client, "/api/send-email", {**mail, "attachments": [{"id": theirs.json()["id"]}]})
    assert refused.status_code == 404
    own = client.post("/api/upload-attachment", {"file": SimpleUploadedFile("a.txt", b"of a")})
    sent = post(client, "/api/send-email", {**mail, "attachments": [{"id": own.json()["id"]}]})
    assert sent.status_code == 201
    # Whoever has the same content has uploaded the same file.
    same = client.post("/api/upload-attachment", {"file": SimpleUploadedFile("b.txt", b"of b")})
    assert (
        post(client, "/api/send-email", {**mail, "attachments": [{"id": same.json()["id"]}]}).status_code
        == 201
    )


def test_a_posted_copy_of_hidden_mail_opens_nothing(owner: Person, place: Inbox) -> None:
    """A Message-ID is no secret; with it nobody gets at the message."""
    with workspace_scope(owner.workspace.id):
        other = make_inbox(owner.workspace, "other@b.test", name="Other", tag="B")
    hidden = take_up(owner, other, message_id="one@x.test", subject="Hidden plan")
    client = key_for(owner, place)
    forged = post(client, "/api/emails", {"message_id": "one@x.test", "from": "a@x.test", "text": "Hi"})
    assert (forged.status_code, forged.json()["tags"]) == (201, ["A"])
    copy = b64encode(raw_message(message_id="one@x.test", subject="Hidden plan")).decode()
    answer = post(client, "/api/emails", {"raw": copy})
    assert (answer.status_code, answer.json()["id"]) == (409, None)
    assert client.get(f"/api/emails/{hidden.email_id}").status_code == 404
    with workspace_scope(owner.workspace.id):
        assert EmailDelivery.objects.get(email_id=hidden.email_id).inbox_id == other.id


def test_an_answer_kept_for_a_repetition_is_not_given_to_a_smaller_key(owner: Person, place: Inbox) -> None:
    with workspace_scope(owner.workspace.id):
        make_inbox(owner.workspace, "other@b.test", name="Other", tag="B")
    body = {"to": "ananya@lumen.example", "body": "Hidden", "from_inbox": "B"}
    once: Any = {"content_type": "application/json", "headers": {"Idempotency-Key": "k1"}}
    assert owner.program().post("/api/send-email", body, **once).status_code == 201
    answer = key_for(owner, place).post("/api/send-email", body, **once)
    assert answer.status_code == 409
    assert b"Hidden" not in answer.content


def test_a_key_of_an_inbox_that_is_gone_reaches_nothing(owner: Person, place: Inbox) -> None:
    make(IDS["email_id"], owner)
    client = key_for(owner, place)
    with workspace_scope(owner.workspace.id):
        place.delete()
    assert client.get("/api/emails").json() == []
    assert client.get("/api/inboxes").json() == []


def test_the_next_request_of_somebody_else_is_not_limited(owner: Person, place: Inbox) -> None:
    make(IDS["reply_id"], owner)
    key_for(owner, place).get("/api/emails")
    program = owner.program()
    assert len(program.get("/api/inboxes").json()) > 1
    with workspace_scope(owner.workspace.id):
        everything = Email.objects.count()
    assert len(program.get("/api/emails").json()) == everything
    assert len(program.get("/api/emails", {"search": "canary"}).json()) == everything


def test_the_database_refuses_a_write_within_the_limit(owner: Person, place: Inbox) -> None:
    """An action that forgets to look its objects up first changes nothing, rather than something of another inbox."""
    reply = make(IDS["reply_id"], owner)
    limited = Actor(
        owner.workspace.id,
        owner.user.id,
        "owner",
        via="api_key",
        api_key_id=1,
        inbox_ids=frozenset([place.id]),
    )
    with workspace_scope(owner.workspace.id):
        limit_to_inboxes(limited)
        try:
            for change in (
                "UPDATE emails SET is_read = true",
                "DELETE FROM auto_replies",
                "DELETE FROM activity",
            ):
                with pytest.raises(DatabaseError), transaction.atomic():
                    sql.execute(change)
        finally:
            end_limit(limited)
        assert AutoReply.objects.filter(id=reply).exists()


def test_every_table_of_a_workspace_is_behind_the_limit_or_named_here(owner: Person) -> None:
    assert owner
    owned = set(sql.fetch_column(_OWNED))
    beside = {
        model._meta.db_table
        for name in ("calendars", "streams", "audits")
        for model in apps.get_app_config(name).get_models()
    }
    assert owned - set(ROWS) - set(BESIDE_MAIL) - beside == set()


@pytest.mark.parametrize("table", ROWS)
def test_a_view_has_the_columns_of_its_table(owner: Person, table: str) -> None:
    """When a migration changes one of these tables, MakeInboxViews (mail/inbox_views.py) follows it."""
    assert owner
    columns = """SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
        WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"""
    found = sql.fetch_rows(columns, [f"{SCHEMA}.{table}"])
    assert found
    assert found == sql.fetch_rows(columns, [f"public.{table}"])
