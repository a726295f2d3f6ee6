"""The database's addresses may come from files (DATABASE_URL_FILE), as containers hand secrets over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.conftest import with_database
from tests.support.commands import convergio
from tests.support.postgres import session_postgres

OWNER, APPLICATION, DATABASE = "desk_owner", "desk_app", "desk"
WHO = "from convergio.core import sql; print('connected as', sql.fetch_value('SELECT current_user'))"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """An operator's own server with two roles, and a database that the first of them owns."""
    with session_postgres() as postgres:
        with psycopg.connect(postgres.admin_url, autocommit=True) as connection:
            for role in (OWNER, APPLICATION):
                connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{role}'")
            connection.execute(
                f"CREATE DATABASE {DATABASE} OWNER {OWNER} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'"
            )
        yield postgres.admin_url


@pytest.fixture
def environment(server: str, tmp_path: Path) -> dict[str, str]:
    roles = {"DATABASE_URL": APPLICATION, "DATABASE_ADMIN_URL": OWNER, "DATABASE_DIRECT_URL": APPLICATION}
    for variable, role in roles.items():
        (tmp_path / variable).write_text(f"{with_database(server, DATABASE, role)}\n", encoding="utf-8")
    key = tmp_path / "key"
    key.write_text("k" * 40 + "\n", encoding="utf-8")
    return {
        "CONVERGIO_DATA_DIR": str(tmp_path / "data"),
        "CONVERGIO_SECRET_KEY_FILE": str(key),
        **{f"{variable}_FILE": str(tmp_path / variable) for variable in roles},
    }


def test_migrations_run_as_the_owner_whose_address_is_in_a_file(environment: dict[str, str]) -> None:
    done = convergio("migrate", **environment)
    assert (done.returncode, done.stderr) == (0, "")
    checked = convergio("check", **environment)
    assert f"opens for the role {APPLICATION}." in checked.stdout
    assert "The tables are those of this release." in checked.stdout


@pytest.mark.parametrize(("options", "role"), [((), APPLICATION), (("--owner",), OWNER)])
def test_commands_connect_as_the_role_that_they_ask_for(
    environment: dict[str, str], options: tuple[str, ...], role: str
) -> None:
    done = convergio("manage", *options, "shell", "--verbosity", "0", "-c", WHO, **environment)
    assert done.stdout == f"connected as {role}\n"
