"""Rows as statements that write them again, in a tenth of the time of making them by models."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from django.db import connection
from psycopg import sql

from convergio.core.tenancy import SETTING

_COLUMNS = """
SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum),
  array_agg(CASE a.atttypid WHEN 'timestamptz'::regtype THEN
    format('CASE WHEN %1$I >= now() THEN $$statement_timestamp()$$ ELSE quote_nullable(%1$I::text) END', a.attname)
    ELSE format('quote_nullable(%I::text)', a.attname) END ORDER BY a.attnum)
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND a.attgenerated = ''
GROUP BY c.relname
"""
# A test may have made a scope of its own already.
_SCOPED = f"""
SELECT set_config('convergio.before', current_setting('{SETTING}', true), true), set_config('{SETTING}', {{}}, true)
"""
_BACK = f"SELECT set_config('{SETTING}', current_setting('convergio.before'), true)"


def rows_of(user_id: int, workspace_id: int | None) -> str:
    """Statements for the rows of a user made in this transaction and, if one is given, of a workspace made with them.

    Moments of the making become those of the writing.
    """
    scoped = sql.SQL(_SCOPED).format(sql.Literal("" if workspace_id is None else str(workspace_id)))
    with connection.cursor() as cursor:
        cursor.execute(scoped)
        inserts = list(_inserts(user_id, workspace_id))
        cursor.execute(_BACK)
        return "; ".join([scoped.as_string(cursor.connection), *inserts, _BACK])


def write(statements: str) -> None:
    """Run what rows_of gave. Keys are checked at the end of the transaction, so that their order is free."""
    with connection.cursor() as cursor:
        cursor.execute(statements)


@cache
def _tables() -> list[tuple[str, list[str], list[str]]]:
    """Each table with its columns, generated ones aside, and with what writes a column's value as SQL."""
    with connection.cursor() as cursor:
        cursor.execute(_COLUMNS)
        return list(cursor.fetchall())


def _inserts(user_id: int, workspace_id: int | None) -> Iterator[str]:
    wanted = {"users": ("id", user_id), "workspaces": ("id", workspace_id)}
    for table, columns, written in _tables():
        of_user = ("user_id", user_id) if "user_id" in columns else None
        of_workspace = ("workspace_id", workspace_id) if workspace_id and "workspace_id" in columns else None
        condition = wanted.get(table) or of_workspace or of_user
        if condition is None or condition[1] is None:
            continue
        with connection.cursor() as cursor:
            cursor.execute(
                sql.SQL("SELECT concat_ws(', ', {}) FROM {} WHERE {} = %s").format(
                    sql.SQL(", ").join(map(sql.SQL, written)),
                    sql.Identifier(table),
                    sql.Identifier(condition[0]),
                ),
                [condition[1]],
            )
            rows = ", ".join(f"({row[0]})" for row in cursor.fetchall())
        if rows:
            yield f"INSERT INTO {table} ({', '.join(columns)}) VALUES {rows}"
