"""The views through which an API key that is limited to inboxes sees mail (accounts/reach.py).

Each has the name and the columns of its table, and only the rows of the key's inboxes; columns that tell of other rows
are computed anew. `security_invoker` keeps row-level security. Nobody may write through them.
"""

from __future__ import annotations

from typing import Any

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from convergio.accounts.reach import SCHEMA

_REACH = "(SELECT NULLIF(current_setting('convergio.inbox_ids', true), ''))::bigint[]"
_EMAIL_REACHED = f"""EXISTS (SELECT FROM public.email_deliveries AS d
    WHERE d.email_id = {{email}} AND d.inbox_id = ANY ({_REACH}))"""
_THREAD_REACHED = f"""EXISTS (SELECT FROM public.thread_inboxes AS p
    WHERE p.thread_id = {{thread}} AND p.inbox_id = ANY ({_REACH}))"""
_OF_INBOX = f"t.inbox_id = ANY ({_REACH})"

# Which rows of a table are within reach; the table is `t`.
ROWS = {
    "inboxes": f"t.id = ANY ({_REACH})",
    "inbox_folders": _OF_INBOX,
    "thread_inboxes": _OF_INBOX,
    "thread_references": _OF_INBOX,
    "email_deliveries": _OF_INBOX,
    "email_drafts": _OF_INBOX,
    "auto_replies": _OF_INBOX,
    "emails": _EMAIL_REACHED.format(email="t.id"),
    "email_threads": _THREAD_REACHED.format(thread="t.id"),
    "tasks": _EMAIL_REACHED.format(email="t.email_id"),
    # A file may be sent by the key that uploaded it; its number alone gives nothing.
    "stored_files": "t.key_ids @> to_jsonb(NULLIF(current_setting('convergio.api_key_id', true), '')::bigint)",
    "activity": "false",
    "knowledge_documents": "false",
    "knowledge_passages": "false",
}

_WITHIN = f"FROM public.emails AS e WHERE e.thread_id = t.id AND {_EMAIL_REACHED.format(email='e.id')}"
_FIRST, _LAST = "ORDER BY e.received_at, e.id LIMIT 1", "ORDER BY e.received_at DESC, e.id DESC LIMIT 1"
_LAST_INBOUND = f"{_WITHIN} AND e.direction = 'inbound' {_LAST}"
# Columns that would tell of mail beyond reach.
_COMPUTED = {
    "emails": {
        "tag": f"""(SELECT i.tag FROM public.email_deliveries AS d JOIN public.inboxes AS i ON i.id = d.inbox_id
            WHERE d.email_id = t.id AND d.inbox_id = ANY ({_REACH}) ORDER BY d.id LIMIT 1)""",
    },
    "email_threads": {
        "subject": f"COALESCE((SELECT e.subject {_WITHIN} {_FIRST}), '')",
        "snippet": f"COALESCE((SELECT e.snippet {_WITHIN} {_LAST}), '')",
        "sender_name": f"COALESCE((SELECT e.from_name {_LAST_INBOUND}), '')",
        "sender_address": f"COALESCE((SELECT e.from_address {_LAST_INBOUND}), '')",
        "last_email_id": f"(SELECT e.id {_WITHIN} {_LAST})",
        "last_message_at": f"COALESCE((SELECT max(e.received_at) {_WITHIN}), t.created_at)",
        "message_count": f"(SELECT count(*) {_WITHIN} AND e.delivery_state IS DISTINCT FROM 'cancelled')",
        "unread_count": f"(SELECT count(*) {_WITHIN} AND NOT e.is_read)",
        "has_attachments": f"EXISTS (SELECT {_WITHIN} AND e.attachments @@ '$[*].inline == false')",
        "participants": f"""COALESCE((SELECT array_agg(DISTINCT e.from_address) {_WITHIN}), '{{}}')""",
    },
}
_COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""


class MakeInboxViews(migrations.RunPython):
    """Migration step: make the views anew, with the columns that the tables have now.

    Follows every change of a table named in ROWS; a test compares the columns. DropInboxViews goes before a change that
    PostgreSQL refuses under a view (a column's type, or its removal).
    """

    def __init__(self) -> None:
        super().__init__(_make, _drop)

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return (self.__class__.__qualname__, [], {})


class DropInboxViews(migrations.RunPython):
    """Migration step: take the views away. Requests with limited keys fail until they are made again."""

    def __init__(self) -> None:
        super().__init__(_drop, migrations.RunPython.noop)

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return (self.__class__.__qualname__, [], {})


def _drop(_apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    editor.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")


def _make(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    _drop(apps, editor)
    editor.execute(f"CREATE SCHEMA {SCHEMA}")
    editor.execute(
        f"COMMENT ON SCHEMA {SCHEMA} IS 'What an API key that is limited to inboxes sees: tables of mail, in part'"
    )
    for table, rows in ROWS.items():
        with editor.connection.cursor() as cursor:
            cursor.execute(_COLUMNS, [f"public.{table}"])
            columns = cursor.fetchall()
        editor.execute(_view(table, rows, columns))
    # Row-level security and the role's rights on the tables still hold: these views are of whoever asks.
    editor.execute(f"GRANT USAGE ON SCHEMA {SCHEMA} TO PUBLIC")
    editor.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {SCHEMA} TO PUBLIC")


def _view(table: str, rows: str, columns: list[tuple[str, str]]) -> str:
    computed = _COMPUTED.get(table, {})
    selected = ",\n  ".join(
        f'({computed[name]})::{kind} AS "{name}"' if name in computed else f't."{name}"'
        for name, kind in columns
    )
    return (
        f"CREATE VIEW {SCHEMA}.{table} WITH (security_invoker = true, security_barrier = true) AS\n"
        f"SELECT {selected}\nFROM public.{table} AS t WHERE {rows}"
    ).replace("%", "%%")
