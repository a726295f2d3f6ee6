"""Inboxes over REST: added, changed, tried, taken away; no answer shows a secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from convergio.core import sql
from convergio.core.tenancy import workspace_scope
from convergio.mail.connections import mailbox_settings
from tests.cast import Person
from tests.mail.api import call, inbox_of, receive

SERVERS = {
    "email_address": "Sales@Convergio.test",
    "tag": "Partners",
    "kind": "imap",
    "imap_host": "imap.convergio.test",
    "imap_password": "open sesame",
    "smtp_host": "smtp.convergio.test",
}


@pytest.fixture(autouse=True)
def _data_dir(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path


def test_an_added_inbox_keeps_its_password_sealed_and_never_shows_it(owner: Person) -> None:
    client = owner.program()
    answer = call(client, "post", "/inboxes", SERVERS)
    assert answer.status_code == 201
    inbox = answer.json()
    assert (inbox["email_address"], inbox["name"], inbox["colour"]) == (
        "sales@convergio.test",
        "Partners",
        "purple",
    )
    assert (inbox["has_secrets"], inbox["state"], inbox["reply_mode"]) == (True, "new", "off")
    for path in ("", f"/{inbox['id']}"):
        text = client.get(f"/api/inboxes{path}").content.decode()
        assert "open sesame" not in text
        assert "password" not in text
    with workspace_scope(owner.workspace.id):
        stored = sql.fetch_value("SELECT secrets_encrypted FROM inboxes WHERE id = %s", [inbox["id"]])
        assert b"sesame" not in bytes(stored)
        opened = mailbox_settings(inbox["id"])
    assert opened is not None
    assert (opened.imap_password, opened.smtp_password) == ("open sesame", "open sesame")
    assert (opened.imap_username, opened.smtp_username) == ("sales@convergio.test", "sales@convergio.test")
    assert "sesame" not in repr(opened)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email_address": "nobody"}, "email"),
        ({"imap_host": ""}, "imap_host"),
        ({"smtp_host": "two words"}, "smtp_host"),
        ({"imap_port": 0}, "imap_port"),
        ({"smtp_port": 70000}, "smtp_port"),
        ({"tag": "two\nlines"}, "tag"),
        ({"colour": "mauve"}, "colour"),
    ],
)
def test_a_field_that_does_not_fit_is_named(owner: Person, changes: dict[str, Any], field: str) -> None:
    answer = call(owner.program(), "post", "/inboxes", SERVERS | changes)
    assert (answer.status_code, answer.json()["field"]) == (400, field)


def test_an_address_has_one_inbox_in_a_workspace_and_one_in_another(owner: Person, outsider: Person) -> None:
    assert call(owner.program(), "post", "/inboxes", SERVERS).status_code == 201
    again = call(owner.program(), "post", "/inboxes", SERVERS | {"email_address": "sales@convergio.test"})
    assert (again.status_code, again.json()["code"]) == (409, "inbox_exists")
    assert call(outsider.program(), "post", "/inboxes", SERVERS).status_code == 201


def test_a_changed_server_asks_for_its_password_again(owner: Person) -> None:
    client = owner.program()
    inbox = call(client, "post", "/inboxes", SERVERS).json()
    path = f"/inboxes/{inbox['id']}"
    refused = call(client, "patch", path, {"imap_host": "imap.elsewhere.test"})
    assert (refused.status_code, refused.json()["field"]) == (400, "imap_password")
    moved = {"imap_host": "imap.elsewhere.test", "imap_password": "new one"}
    assert call(client, "patch", path, moved).json()["imap_host"] == "imap.elsewhere.test"
    with workspace_scope(owner.workspace.id):
        opened = mailbox_settings(inbox["id"])
    assert opened is not None
    assert (opened.imap_password, opened.smtp_password) == ("new one", "open sesame")


def test_absent_fields_keep_their_value_and_the_kind_is_fixed(owner: Person) -> None:
    client = owner.program()
    inbox = call(client, "post", "/inboxes", SERVERS).json()
    changed = call(
        client, "patch", f"/inboxes/{inbox['id']}", {"name": "Sales", "reply_mode": "draft"}
    ).json()
    unchanged = {"name", "reply_mode"}
    assert {key: value for key, value in changed.items() if key not in unchanged} == {
        key: value for key, value in inbox.items() if key not in unchanged
    }
    assert (changed["name"], changed["reply_mode"]) == ("Sales", "draft")
    assert call(client, "patch", f"/inboxes/{inbox['id']}", {"kind": "maildir"}).status_code == 400


def test_a_maildir_inbox_lies_below_the_mail_folder(owner: Person, tmp_path: Path) -> None:
    body = {
        "email_address": "night desk@convergio.test".replace(" ", ""),
        "tag": "Night Desk",
        "kind": "maildir",
    }
    inbox = call(owner.program(), "post", "/inboxes", body).json()
    assert inbox["maildir_path"] == str(tmp_path / "mail" / "night-desk")
    assert inbox["outbox_path"] == str(tmp_path / "outbox")


@pytest.mark.parametrize("field", ["maildir_path", "outbox_path"])
@pytest.mark.parametrize(
    "path",
    [
        "../secrets",
        "/etc",
        "/",
        "{root}/../storage",
        "{root}/a/../../storage",
        "{root}/a/b",
        "{root}/link",
        "..",
        ".",
        "~root",
        "-rf",
    ],
)
def test_no_other_folder_can_be_named(owner: Person, tmp_path: Path, field: str, path: str) -> None:
    root = tmp_path / ("mail" if field == "maildir_path" else "outbox")
    root.mkdir()
    (root / "link").symlink_to("/etc")
    body = {"email_address": "a@convergio.test", "tag": "A", "kind": "maildir"}
    named = path.replace("{root}", str(root))
    answer = call(owner.program(), "post", "/inboxes", body | {field: named})
    assert (answer.status_code, answer.json()["code"]) == (400, "folder_not_allowed")


def test_a_folder_of_another_workspace_cannot_be_named(owner: Person, outsider: Person) -> None:
    body = {"email_address": "a@convergio.test", "tag": "Support", "kind": "maildir"}
    first = call(owner.program(), "post", "/inboxes", body).json()
    client = outsider.program()
    for named in ("", "support", first["maildir_path"]):
        answer = call(client, "post", "/inboxes", body | {"maildir_path": named})
        assert (answer.status_code, answer.json()["code"]) == (409, "folder_in_use")


def test_the_connection_test_reports_both_sides(owner: Person) -> None:
    client = owner.program()
    body = {"email_address": "a@convergio.test", "tag": "A", "kind": "maildir"}
    folders = call(client, "post", "/inboxes", body).json()
    assert call(client, "post", f"/inboxes/{folders['id']}/test").json() == {
        "imap": {"success": True, "error": ""},
        "smtp": {"success": True, "error": ""},
    }
    nobody = SERVERS | {
        "imap_host": "127.0.0.1",
        "imap_port": 1,
        "imap_security": "plain",
        "smtp_host": "127.0.0.1",
        "smtp_port": 1,
        "smtp_security": "plain",
    }
    servers = call(client, "post", "/inboxes", nobody).json()
    report = call(client, "post", f"/inboxes/{servers['id']}/test").json()
    assert (report["imap"]["success"], report["smtp"]["success"]) == (False, False)
    assert report["imap"]["error"]
    assert "sesame" not in str(report)


def test_an_inbox_with_mail_is_switched_off_and_its_mail_stays(owner: Person) -> None:
    support, hello = inbox_of(owner), inbox_of(owner, "hello@convergio.test")
    stored = receive(support)
    client = owner.program()
    answer = client.delete(f"/api/inboxes/{support.id}").json()
    assert answer == {"id": support.id, "deleted": False, "is_active": False}
    assert client.get(f"/api/emails/{stored.email_id}").status_code == 200
    assert [one["id"] for one in client.get("/api/smtp-inboxes").json()] == [hello.id]
    back = call(client, "patch", f"/inboxes/{support.id}", {"is_active": True}).json()
    assert back["is_active"] is True
    assert client.delete(f"/api/inboxes/{hello.id}").json()["deleted"] is True
    assert client.get(f"/api/inboxes/{hello.id}").status_code == 404


def test_the_last_active_inbox_cannot_go(owner: Person) -> None:
    support = inbox_of(owner)
    client = owner.program()
    for answer in (
        client.delete(f"/api/inboxes/{support.id}"),
        call(client, "patch", f"/inboxes/{support.id}", {"is_active": False}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "last_inbox")


def test_a_member_may_not_change_inboxes(owner: Person, teammate: Person) -> None:
    support = inbox_of(owner)
    client = teammate.program()
    assert len(client.get("/api/inboxes").json()) == 1
    assert call(client, "post", "/inboxes", SERVERS).status_code == 403
    assert call(client, "patch", f"/inboxes/{support.id}", {"name": "x"}).status_code == 403
    assert client.delete(f"/api/inboxes/{support.id}").status_code == 403
    assert call(client, "post", f"/inboxes/{support.id}/test").status_code == 403


def test_sync_names_the_inboxes_that_it_asks_for(owner: Person) -> None:
    support, hello = inbox_of(owner), inbox_of(owner, "hello@convergio.test")
    client = owner.program()
    every = call(client, "post", "/sync")
    assert (every.status_code, every.json()) == (
        202,
        {"status": "requested", "inboxes": [support.id, hello.id]},
    )
    assert call(client, "post", "/sync", {"inbox": "hello"}).json()["inboxes"] == [hello.id]
    status = client.get("/api/sync/status").json()
    assert status["is_syncing"] is False
    assert [(one["tag"], one["state"], one["messages"]) for one in status["inboxes"]] == [
        ("Support", "new", 0),
        ("Hello", "new", 0),
    ]


def test_the_auto_responder_is_switched_per_inbox(owner: Person) -> None:
    inbox_of(owner, reply_mode="off")
    client = owner.program()
    assert client.get("/api/auto-responder/status").json()["enabled"] is False
    on = call(client, "post", "/auto-responder/toggle", {"inbox": "support", "enabled": True}).json()
    assert (on["enabled"], on["inboxes"][0]["reply_mode"]) == (True, "draft")
    off = call(client, "post", "/auto-responder/toggle", {"inbox": "support", "enabled": False}).json()
    assert (off["enabled"], off["inboxes"][0]["reply_mode"]) == (False, "off")
    auto = {"inbox": "support", "enabled": True, "reply_mode": "auto"}
    assert call(client, "post", "/auto-responder/toggle", auto).json()["inboxes"][0]["reply_mode"] == "auto"


def test_an_outsider_finds_no_inbox(owner: Person, outsider: Person) -> None:
    support = inbox_of(owner)
    client = outsider.program()
    assert client.get("/api/inboxes").json() == []
    assert client.get("/api/smtp-inboxes").json() == []
    for verb, path, body in (
        ("get", f"/inboxes/{support.id}", None),
        ("patch", f"/inboxes/{support.id}", {"name": "x"}),
        ("delete", f"/inboxes/{support.id}", None),
        ("post", f"/inboxes/{support.id}/test", None),
        ("post", "/sync", {"inbox": support.id}),
        ("post", "/auto-responder/toggle", {"inbox": support.id, "enabled": False}),
    ):
        assert call(client, verb, path, body).status_code == 404, path


def test_the_document_names_every_path(owner: Person) -> None:
    document = owner.browser().get("/api/openapi.json").json()
    paths = {"/api/emails", "/api/send-email", "/api/inboxes/{inbox_id}/test", "/api/auto-replies"}
    assert paths <= set(document["paths"])
    row = document["components"]["schemas"]["EmailRow"]["properties"]
    assert row["reply_verdict"]["anyOf"][0] == {"$ref": "#/components/schemas/ReplyVerdict"}
    assert not [
        name for name in document["components"]["schemas"]["InboxRow"]["properties"] if "password" in name
    ]
