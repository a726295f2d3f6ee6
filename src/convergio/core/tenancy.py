"""The workspace scope that row-level security reads.

PostgreSQL's policies compare `workspace_id` with the transaction-local setting `convergio.workspace_id`. Outside a
scope the setting is empty, and every workspace-owned table looks empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, migrations, transaction

from convergio.core import sql

SETTING = "convergio.workspace_id"
CURRENT = f"NULLIF(current_setting('{SETTING}', true), '')::bigint"
_SAME = f"workspace_id = {CURRENT}"


def set_scope(workspace_id: int | None) -> None:
    """Point the open transaction at one workspace; None closes the view."""
    sql.run("SELECT set_config(%s, %s, true)", [SETTING, "" if workspace_id is None else str(workspace_id)])


def current_scope() -> int | None:
    """The workspace that this transaction sees, or None."""
    value: int | None = sql.fetch_value(f"SELECT {CURRENT}")
    return value


@contextmanager
def workspace_scope(workspace_id: int) -> Iterator[None]:
    """One transaction that sees this workspace only; an outer transaction gets its own scope back."""
    nested = connection.in_atomic_block
    before = current_scope() if nested else None
    with transaction.atomic():
        set_scope(workspace_id)
        yield
        if nested:
            set_scope(before)


class EnableRowSecurity(migrations.RunSQL):
    """Migration step: rows of these tables are seen and written inside their workspace's scope only.

    FORCE holds for the owner too, so that an installation with a single role is protected the same way.
    """

    def __init__(self, *tables: str) -> None:
        self.tables = tables
        super().__init__(
            sql=[statement for table in tables for statement in _enable(table)],
            reverse_sql=[statement for table in tables for statement in _disable(table)],
        )

    def deconstruct(self) -> tuple[str, list[str], dict[str, object]]:
        return (self.__class__.__qualname__, list(self.tables), {})


def _enable(table: str) -> list[str]:
    return [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY workspace_scope ON {table} USING ({_SAME}) WITH CHECK ({_SAME})",
    ]


def _disable(table: str) -> list[str]:
    return [
        f"DROP POLICY workspace_scope ON {table}",
        f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
    ]
