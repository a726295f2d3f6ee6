"""What the application's database role may do.

Migrations run as the owner; the application runs as another role that owns nothing, so that row-level security
applies to it. Run `grant_application_role` after every migration: it is idempotent.
"""

import psycopg
from psycopg import sql

from convergio.core.faults import ConfigurationFault

# Migrations are the owner's record; the application reads it (`convergio check`) and never writes it.
_READ_ONLY_TABLES = ("django_migrations",)

# TRUNCATE ignores row-level security, REFERENCES and TRIGGER would let the role reach into rows it cannot see.
_GRANTS = """
GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {role};
REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC;
REVOKE CREATE ON SCHEMA {schema} FROM {role};
GRANT USAGE ON SCHEMA {schema} TO {role};
REVOKE TRUNCATE, REFERENCES, TRIGGER ON ALL TABLES IN SCHEMA {schema} FROM {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role};
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role};
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA {schema} TO {role};
ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role};
ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT USAGE, SELECT ON SEQUENCES TO {role};
ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT EXECUTE ON ROUTINES TO {role};
"""
_READ_ONLY = "REVOKE INSERT, UPDATE, DELETE ON {table} FROM {role}"


def grant_application_role(admin_url: str, role: str) -> None:
    """Give `role` what the application needs in the owner's database and take from it what it must not have.

    `admin_url` is the owner's address. Does nothing when `role` is that owner itself (a database with one role
    only). Raises ConfigurationFault when there is no such role or when row-level security would not hold it.
    """
    with psycopg.connect(admin_url) as connection:
        if role == connection.info.user:
            return
        _require_plain_role(connection, role)
        names = {
            "database": sql.Identifier(connection.info.dbname),
            "schema": sql.Identifier(_current_schema(connection)),
            "role": sql.Identifier(role),
        }
        connection.execute(sql.SQL(_GRANTS).format(**names))
        for table in _READ_ONLY_TABLES:
            if connection.execute("SELECT to_regclass(%s)", [table]).fetchone() != (None,):
                connection.execute(
                    sql.SQL(_READ_ONLY).format(table=sql.Identifier(table), role=names["role"])
                )


def _require_plain_role(connection: psycopg.Connection, role: str) -> None:
    found = connection.execute(
        "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = %s", [role]
    ).fetchone()
    if found is None:
        raise ConfigurationFault(
            f"The database has no role {role}: create it, or correct the user in DATABASE_URL."
        )
    if found[0]:
        raise ConfigurationFault(
            f"Row-level security does not hold the role {role}: "
            f"run ALTER ROLE {role} NOSUPERUSER NOBYPASSRLS, or name another role in DATABASE_URL."
        )


def _current_schema(connection: psycopg.Connection) -> str:
    row = connection.execute("SELECT current_schema()").fetchone()
    if row is None or row[0] is None:
        raise ConfigurationFault("The database has no schema to work in: create one named public.")
    return str(row[0])
