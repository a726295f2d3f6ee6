"""A real PostgreSQL for the suite: built by the owner, used as the application role, rolled back after each test."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.db import connections

from tests.cast import outsider, owner, teammate
from tests.support.postgres import session_postgres

__all__ = ["outsider", "owner", "teammate"]

APPLICATION_ROLE = "convergio_test_app"


# What a test asks for that uses the suite's database.
_OF_DATABASE = {"db", "transactional_db", "committed", "admin_server", "database_urls", "django_db_setup"}


# Few tests that each start whole services. They come first, then the largest files, so that no core waits at the end;
# folder by folder, because the tests of a folder share a service.
_LONG = ("e2e", "commands", "proofs")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On a second PostgreSQL only what touches it is asked again: the rest would say the same twice."""
    sizes = Counter(item.path for item in items)
    items.sort(key=lambda item: (_rank(item.path.parent.name), -sizes[item.path], str(item.path)))
    if "CONVERGIO_TEST_PG_BIN" not in os.environ:
        return
    again = [item for item in items if _touches_database(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(again)])
    items[:] = again


def _rank(folder: str) -> int:
    return _LONG.index(folder) if folder in _LONG else len(_LONG)


def _touches_database(item: pytest.Item) -> bool:
    used = item.get_closest_marker("django_db") or _OF_DATABASE.intersection(
        getattr(item, "fixturenames", ())
    )
    return bool(used) and item.get_closest_marker("once") is None


def with_database(url: str, name: str, user: str | None = None) -> str:
    """The address of another database of the same server, perhaps for another user."""
    parts = urlsplit(url)
    netloc = parts.netloc if user is None else f"{user}:{user}@{parts.netloc.rpartition('@')[2]}"
    return urlunsplit((parts.scheme, netloc, f"/{name}", parts.query, ""))


@pytest.fixture(scope="session")
def admin_server() -> Iterator[str]:
    """Address of a server on which databases may be made: CONVERGIO_TEST_SERVER, or an embedded one."""
    given = os.environ.get("CONVERGIO_TEST_SERVER")
    if given:
        yield given
        return
    with session_postgres() as server:
        yield server.admin_url


@pytest.fixture(scope="session")
def database_urls(admin_server: str) -> Iterator[tuple[str, str]]:
    """(owner's URL, application's URL) of a freshly migrated database of its own for this run."""
    name = f"convergio_test_{os.getpid()}"
    with psycopg.connect(admin_server, autocommit=True) as connection:
        role = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APPLICATION_ROLE]).fetchone()
        if role is None:
            connection.execute(f"CREATE ROLE {APPLICATION_ROLE} LOGIN PASSWORD '{APPLICATION_ROLE}'")
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'")
    yield with_database(admin_server, name), with_database(admin_server, name, APPLICATION_ROLE)
    with psycopg.connect(admin_server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def django_db_setup(
    database_urls: tuple[str, str], django_db_blocker: pytest.FixtureRequest
) -> Iterator[None]:
    """Migrate as the owner, then point Django at the application role."""
    from django.db import connection

    from convergio.core.environment import database_from_url
    from convergio.core.quick_migrations import apply_migrations
    from convergio.core.roles import grant_application_role

    owner, application = database_urls
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        connection.settings_dict.update(database_from_url(owner))
        apply_migrations()
        connection.close()
        grant_application_role(owner, APPLICATION_ROLE)
        connection.settings_dict.update(database_from_url(application))
        yield
        connection.close()


@pytest.fixture
def committed(
    django_db_setup: None, django_db_blocker: Any, database_urls: tuple[str, str]
) -> Iterator[None]:
    """The database without a test transaction, for what several connections do to each other.

    Emptied afterwards as the owner, because the application may not TRUNCATE; the seeded plans stay.
    """
    with django_db_blocker.unblock():
        yield
        connections.close_all()
    with psycopg.connect(database_urls[0], autocommit=True) as owner:
        owner.execute(
            "TRUNCATE users, workspaces, login_history, login_throttles, invoice_counters, gateway_plans, "
            "procrastinate_jobs CASCADE"
        )


@pytest.fixture(autouse=True)
def _storage(settings: object, tmp_path: Path) -> None:
    settings.STORAGE_DIR = tmp_path / "storage"  # type: ignore[attr-defined]
