"""The activity log: what is written down, who reads it, and as what."""

from __future__ import annotations

import csv
import io
import tracemalloc
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from convergio.accounts import activity
from convergio.accounts.api_keys import issue_api_key
from convergio.accounts.models import LoginHistory
from convergio.core import sql
from convergio.core.csv_export import harmless
from convergio.core.tenancy import workspace_scope
from convergio.mail.drafting import draft_reply
from convergio.mail.models import AutoReply
from tests.cast import PASSWORD, Person
from tests.mail.api import call, inbox_of, receive
from tests.site.url_map import content_of

pytestmark = pytest.mark.django_db
PAGE = "/dashboard/settings/activity"


def record(person: Person, *actions: str, **facts: Any) -> None:
    with workspace_scope(person.workspace.id):
        for action in actions:
            activity.record(person.actor, action, subject="emails:7", **facts)


def actions(client: Client, **query: Any) -> list[str]:
    answer = client.get("/api/activity", query)
    assert answer.status_code == 200, answer.content
    return [row["action"] for row in answer.json()]


def table(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))


def test_what_people_do_with_their_account_is_written_down(owner: Person, client: Client) -> None:
    body = {"email": owner.user.email, "password": PASSWORD}
    token = client.post("/api/auth/login", body, content_type="application/json").json()["token"]
    program = Client(headers={"Authorization": f"Bearer {token}"})
    call(program, "patch", "/settings/profile", {"company": "Desk"})
    call(program, "patch", "/settings/profile/notifications", {"drafts": True})
    changed = {"current_password": PASSWORD, "new_password": "another long one"}
    renewed = call(program, "post", "/settings/security/password", changed).json()["token"]
    call(Client(headers={"Authorization": f"Bearer {renewed}"}), "post", "/auth/logout")
    assert actions(owner.program())[::-1] == [
        "session.started",
        "profile.changed",
        "profile.notifications_changed",
        "password.changed",
        "session.ended",
    ]


def test_what_people_do_with_mail_is_written_down_without_its_texts(owner: Person) -> None:
    client, inbox = owner.program(), inbox_of(owner)
    stored = receive(inbox, subject="Secret subject", text="secret text")
    assert actions(client) == []  # taking mail up writes no line per message
    sent = call(
        client, "post", "/send-email", {"to": "ananya@lumen.example", "subject": "Hush", "body": "quiet"}
    )
    ids = []
    for text in ("quiet yes", "quiet no"):
        made = call(client, "post", "/auto-replies", {"email_id": stored.email_id, "reply_text": text}).json()
        ids.append(made["id"])
        call(client, "post", f"/auto-replies/{made['id']}/{'approve' if len(ids) == 1 else 'reject'}")
    call(client, "post", "/auto-responder/toggle", {"inbox": inbox.id, "enabled": False})
    call(client, "patch", f"/inboxes/{inbox.id}", {"signature": "quiet", "reply_mode": "auto"})
    answer: Any = client.get("/api/activity")
    assert [(row["action"], row["subject"]) for row in answer.json()][::-1] == [
        ("mail.sent", f"emails:{sent.json()['id']}"),
        ("draft.made", f"auto_replies:{ids[0]}"),
        ("draft.approved", f"auto_replies:{ids[0]}"),
        ("mail.sent", f"emails:{sent.json()['id'] + 1}"),
        ("draft.made", f"auto_replies:{ids[1]}"),
        ("draft.rejected", f"auto_replies:{ids[1]}"),
        ("inbox.reply_mode_changed", f"inboxes:{inbox.id}"),
        ("inbox.reply_mode_changed", f"inboxes:{inbox.id}"),
        ("inbox.changed", f"inboxes:{inbox.id}"),
    ]
    for word in (b"Hush", b"quiet", b"ecret", b"ananya"):
        assert word not in answer.content


def test_inboxes_and_documents_are_written_down_from_first_to_last(owner: Person) -> None:
    client = owner.program()
    inbox_of(owner)
    made = call(client, "post", "/inboxes", {"email_address": "new@convergio.test", "kind": "maildir"}).json()
    call(client, "delete", f"/inboxes/{made['id']}")
    document = call(client, "post", "/knowledge", {"title": "Refunds", "body": "In five days."}).json()
    call(client, "patch", f"/knowledge/{document['id']}", {"title": "Refunds, new"})
    call(client, "delete", f"/knowledge/{document['id']}")
    assert actions(client)[::-1] == [
        "inbox.created",
        "inbox.deleted",
        "knowledge.added",
        "knowledge.changed",
        "knowledge.deleted",
    ]


def test_a_key_stands_beside_its_maker(owner: Person) -> None:
    inbox_of(owner)
    key, value = issue_api_key(user_id=owner.user.id, workspace_id=owner.workspace.id, name="n8n")
    client = Client(headers={"X-API-Key": value})
    call(client, "post", "/send-email", {"to": "ananya@lumen.example", "subject": "Hi", "body": "Hi"})
    line = owner.program().get("/api/activity", {"action": "mail.sent"}).json()[0]
    assert (line["user"], line["api_key"], line["api_key_id"]) == ("Owner", "n8n", key.id)


def test_the_system_names_model_and_cost_of_what_it_wrote(owner: Person) -> None:
    stored = receive(inbox_of(owner))
    draft_reply(owner.workspace.id, stored.email_id)
    (line,) = owner.program().get("/api/activity", {"action": "draft.made"}).json()
    with workspace_scope(owner.workspace.id):
        reply = AutoReply.objects.get()
    assert (line["user_id"], line["subject"]) == (None, f"auto_replies:{reply.id}")
    assert line["facts"] == {
        "model": reply.ai_model,
        "tokens": reply.input_tokens + reply.output_tokens,
        "cost": reply.cost,
    }


def test_admins_see_all_and_members_only_their_own(owner: Person, teammate: Person, outsider: Person) -> None:
    record(owner, "mail.sent")
    record(teammate, "draft.rejected")
    record(outsider, "member.removed")
    assert actions(owner.program()) == ["draft.rejected", "mail.sent"]
    assert actions(teammate.program()) == ["draft.rejected"]
    assert actions(teammate.program(), user=owner.user.id) == []
    assert actions(owner.program(), user=teammate.user.id) == ["draft.rejected"]
    assert owner.program().get("/api/activity", {"user": outsider.user.id}).status_code == 404
    assert owner.program().get("/api/activity", {"cursor": 2**80}).status_code == 422
    for path in (PAGE, f"{PAGE}.csv"):
        shown = content_of(teammate.browser().get(path))
        assert (b"rejected draft 7" in shown, b"sent mail 7" in shown) == (True, False)


def test_lines_are_found_by_action_kind_and_days(owner: Person) -> None:
    record(owner, "mail.sent", "mail.send_undone", "mailbox.other", "draft.approved")
    client = owner.program()
    assert actions(client, action="mail.sent") == ["mail.sent"]
    assert actions(client, action="mail") == ["mail.send_undone", "mail.sent"]
    assert actions(client, action="mail.") == []
    assert len(actions(client, **{"from": "2020-01-01", "to": "2099-12-31"})) == 4
    assert actions(client, to="2020-01-01") == []
    assert actions(client, **{"from": "2099-01-01"}) == []
    assert client.get("/api/activity?from=yesterday").json()["code"] == "invalid_date"


def test_pages_follow_the_cursor(owner: Person) -> None:
    record(owner, *(f"mail.sent{number}" for number in range(5)))
    client = owner.program()
    first = client.get("/api/activity", {"limit": 3})
    rest = client.get(f"/api/activity?limit=3&cursor={first['X-Next-Cursor']}")
    found = [row["action"] for row in [*first.json(), *rest.json()]]
    assert found == [f"mail.sent{number}" for number in (4, 3, 2, 1, 0)]
    assert "X-Next-Cursor" not in rest


def test_a_page_is_one_statement(owner: Person) -> None:
    record(owner, "mail.sent", "draft.approved")
    client = owner.program()
    client.get("/api/activity")
    with CaptureQueriesContext(connection) as queries:
        client.get("/api/activity")
    assert sum("activity" in one["sql"] for one in queries.captured_queries) == 1


def test_the_page_reads_in_sentences_and_keeps_its_filters(owner: Person) -> None:
    record(owner, "mail.sent")
    record(owner, "api_key.created", name="<b>n8n</b>")
    record(owner, "something.new_here")
    client = owner.browser()
    page = client.get(PAGE).content.decode()
    assert "sent mail 7" in page
    assert "made the API key “&lt;b&gt;n8n&lt;/b&gt;”" in page
    assert "something: new here" in page
    filtered = client.get(f"{PAGE}?kind=mail&who={owner.user.id}").content.decode()
    assert ("sent mail 7" in filtered, "made the API key" in filtered) == (True, False)
    assert f"{PAGE}.csv?kind=mail&amp;who={owner.user.id}" in filtered
    wrong = client.get(PAGE, {"from": "never"})
    assert (wrong.status_code, b"takes a date" in wrong.content) == (422, True)
    assert client.get(PAGE, {"who": "x", "before": "9" * 30}).status_code == 200


def test_the_page_goes_on_to_older_lines(owner: Person) -> None:
    record(owner, *["mail.sent"] * 51)
    client = owner.browser()
    first = client.get(PAGE).content.decode()
    (older,) = {part.split('"')[0] for part in first.split('href="')[1:] if "before=" in part.split('"')[0]}
    second = client.get(older.replace("&amp;", "&")).content.decode()
    assert (first.count("sent mail 7"), second.count("sent mail 7")) == (50, 1)


def test_the_file_has_every_line_and_no_formula(owner: Person) -> None:
    record(owner, "api_key.created", name="n8n")
    sql.execute("UPDATE users SET name = '=1+1' WHERE id = %s", [owner.user.id])
    answer = owner.program().get("/api/activity/csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert "activity.csv" in answer["Content-Disposition"]
    (line,) = table(answer)
    assert (line["who"], line["action"], line["what"]) == (
        "'=1+1",
        "api_key.created",
        "made the API key “n8n”",
    )


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@sum", "\t=1", "\r=1"])
def test_a_cell_is_no_formula(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"
    assert harmless("a=1") == "a=1"


def fill_history(person: Person, count: int) -> None:
    sql.execute(
        """INSERT INTO login_history (user_id, email, method, outcome, user_agent)
           SELECT %s, '=cmd', 'password', 'failure', repeat('x', 300) FROM generate_series(1, %s)""",
        [person.user.id, count],
    )


def test_the_login_history_is_a_file_of_all_own_attempts(owner: Person, outsider: Person) -> None:
    fill_history(owner, 2_345)
    fill_history(outsider, 1)
    assert len(owner.program().get("/api/settings/security/login-history").json()) == 50
    lines = table(owner.browser().get("/dashboard/settings/security/login-history.csv"))
    ids = [int(line["id"]) for line in lines]
    assert len(ids) == 2_345
    assert ids == sorted(set(ids), reverse=True)
    assert {line["email"] for line in lines} == {"'=cmd"}
    assert len(table(owner.program().get("/api/settings/security/login-history/csv"))) == 2_345


def test_ten_thousand_attempts_take_no_more_memory_than_a_thousand(owner: Person) -> None:
    def peak() -> tuple[int, int]:
        answer: Any = owner.browser().get("/dashboard/settings/security/login-history.csv")
        tracemalloc.start()
        lines = sum(1 for _ in answer.streaming_content)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return lines, used

    fill_history(owner, 2_000)
    peak()  # imports and caches
    few_lines, few = peak()
    fill_history(owner, 8_000)
    many_lines, many = peak()
    assert (few_lines, many_lines) == (2_001, 10_001)
    assert LoginHistory.objects.filter(user=owner.user).count() == 10_000
    assert many < few * 1.2
