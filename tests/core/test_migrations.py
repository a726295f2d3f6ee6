"""The migrations on a database of their own: whole way forward, back, and forward again, with one plain role only."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

ROLE = "convergio_test_single"
# The queue's and Django's own migrations are theirs.
_BACK_AND_FORTH = """
import sys
import django
django.setup()
from django.apps import apps
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader
from convergio.core.quick_migrations import apply_migrations
labels = {label for label, _ in MigrationLoader(None).disk_migrations}
ours = [app.label for app in apps.get_app_configs() if app.name.startswith("convergio.") and app.label in labels]
if sys.argv[1:] == ["plain"]:
    call_command("migrate", verbosity=0, skip_checks=True)
if sys.argv[1:] == ["back"]:
    for label in ours:
        apply_migrations(label, "zero")
if sys.argv[1:] == ["quick"]:
    apply_migrations()
"""
_STRUCTURE = """
SELECT 'column', table_name, column_name, data_type || coalesce(column_default, '') || is_nullable
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL
SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT 'policy', tablename, policyname, coalesce(qual, '') || coalesce(with_check, '')
FROM pg_policies WHERE schemaname = 'public'
UNION ALL
SELECT 'function', p.proname, '', pg_get_functiondef(p.oid) FROM pg_proc p
WHERE p.pronamespace = 'public'::regnamespace AND p.prokind = 'f' AND p.proname ~ '^convergio_'
ORDER BY 1, 2, 3, 4
"""
_OUR_TABLES = r"""
SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename !~ '^(procrastinate|django|auth)_'
"""


@pytest.fixture
def single_role_url(admin_server: str) -> Iterator[str]:
    """An empty database that belongs to a plain role, which is all that its installation has."""
    name = f"{ROLE}_{os.getpid()}"
    with psycopg.connect(admin_server, autocommit=True) as server:
        server.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{name}'")
        server.execute(f"CREATE DATABASE {name} OWNER {name}")
        parts = urlsplit(admin_server)
        host = parts.netloc.rpartition("@")[2]
        try:
            yield urlunsplit((parts.scheme, f"{name}:{name}@{host}", f"/{name}", parts.query, ""))
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")
            server.execute(f"DROP ROLE {name}")


def _migrate(url: str, step: str) -> None:
    environment = {**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "convergio.settings"}
    done = subprocess.run(
        [sys.executable, "-c", _BACK_AND_FORTH, step],
        env={**environment, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_every_migration_goes_back_and_by_the_quick_way_forward_again(single_role_url: str) -> None:
    with psycopg.connect(single_role_url, autocommit=True) as database:
        _migrate(single_role_url, "plain")
        built = database.execute(_STRUCTURE).fetchall()
        _migrate(single_role_url, "back")
        assert database.execute(_OUR_TABLES).fetchall() == []
        _migrate(single_role_url, "quick")
        assert database.execute(_STRUCTURE).fetchall() == built


def test_with_one_role_only_the_policies_hold_it_too(single_role_url: str) -> None:
    _migrate(single_role_url, "quick")
    with psycopg.connect(single_role_url) as database:
        people = "INSERT INTO users (email, password_hash) VALUES (%s, '!') RETURNING id"
        for name in ("olga", "eve"):
            (user,) = database.execute(people, [f"{name}@desk.test"]).fetchone() or ()
            workspace = "INSERT INTO workspaces (name, owner_id) VALUES (%s, %s) RETURNING id"
            (scope,) = database.execute(workspace, [name, user]).fetchone() or ()
            database.execute("SELECT set_config('convergio.workspace_id', %s, true)", [str(scope)])
            database.execute(
                "INSERT INTO tags (workspace_id, name, colour) VALUES (%s, 'x', %s)", [scope, name]
            )
        assert database.execute("SELECT colour FROM tags").fetchall() == [("eve",)]
        database.execute("SELECT set_config('convergio.workspace_id', '', true)")
        assert database.execute("SELECT colour FROM tags").fetchall() == []
