"""The database: who the application is there, whether row-level security holds it, what stands in between."""

from collections.abc import Iterator

import psycopg

from convergio.commands.doctor.finding import Finding, Level
from convergio.commands.workplace import Workplace

_SUBJECT = "database"
# They decide the scope and are read before there is one, or belong to a user over all their workspaces.
_OPEN_ON_PURPOSE = (
    "ai_stops",
    "api_keys",
    "inbound_events",
    "token_purchases",
    "token_reservations",
    "token_usage",
    "usage_notices",
    "user_sessions",
    "workspace_invitations",
    "workspace_members",
)
_UNPROTECTED = """
SELECT relname FROM pg_class AS t
WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relname <> ALL(%s)
  AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = t.oid AND attname = 'workspace_id' AND NOT attisdropped)
  AND NOT (relrowsecurity AND relforcerowsecurity)
ORDER BY relname
"""


def check_database(workplace: Workplace) -> Iterator[Finding]:
    """The role, row-level security, and a connection pooler where there must be none."""
    with psycopg.connect(workplace.app_url) as connection:
        version = str(connection.info.server_version // 10000)
        row = connection.execute(
            "SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        assert row is not None
        role, is_superuser, bypasses = row
        if is_superuser or bypasses:
            yield Finding(
                _SUBJECT,
                Level.PROBLEM,
                f"DATABASE_URL connects as {role}, {'a superuser' if is_superuser else 'a role with BYPASSRLS'}: "
                "nothing keeps one workspace's rows from another's.",
                f"Make a plain role (CREATE ROLE convergio_app LOGIN PASSWORD '...'), name it in DATABASE_URL and "
                f"{role} in DATABASE_ADMIN_URL, then run convergio migrate.",
            )
        else:
            yield Finding(_SUBJECT, Level.OK, f"PostgreSQL {version} opens for the role {role}.")
        yield from _check_tables(connection)
    yield from _check_owner(workplace.admin_url)
    yield from _check_pooler(workplace.direct_url)


def _check_tables(connection: psycopg.Connection) -> Iterator[Finding]:
    """FORCE holds a table's owner too, which the application is where there is one role for everything."""
    for (table,) in connection.execute(_UNPROTECTED, [list(_OPEN_ON_PURPOSE)]).fetchall():
        yield Finding(
            _SUBJECT,
            Level.PROBLEM,
            f"Row-level security is off for the table {table}: nothing keeps one workspace's rows from another's.",
            f"As its owner, run ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY.",
        )


def _check_owner(admin_url: str) -> Iterator[Finding]:
    """Row-level security is forced on owners too: without BYPASSRLS one cannot write a whole backup."""
    with psycopg.connect(admin_url) as connection:
        row = connection.execute(
            "SELECT rolname, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
    if row is not None and not row[1]:
        yield Finding(
            _SUBJECT,
            Level.NOTE,
            f"The owner {row[0]} does not see every row, so convergio db backup has to be refused.",
            "Name an owner with BYPASSRLS in DATABASE_ADMIN_URL, or back the database up by other means.",
        )


def _check_pooler(direct_url: str) -> Iterator[Finding]:
    if not _session_is_kept(direct_url):
        yield Finding(
            _SUBJECT,
            Level.PROBLEM,
            "DATABASE_DIRECT_URL goes through a transaction pooler, which breaks LISTEN, locks and the queue.",
            "Set DATABASE_DIRECT_URL to the server itself, or the pooler to session mode.",
        )


def _session_is_kept(url: str) -> bool:
    """Whether each client has a server process to itself, statement after statement."""
    with psycopg.connect(url, autocommit=True) as one, psycopg.connect(url, autocommit=True) as other:
        seen = {(_server_process(one), _server_process(other)) for _ in range(3)}
    first, second = next(iter(seen))
    return len(seen) == 1 and first != second


def _server_process(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    assert row is not None
    return int(row[0])
