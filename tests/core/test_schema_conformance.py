"""The migrated database against the tables that clients rely on, and against our own rules for tables."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from convergio.commands.schema_domains import DOMAINS as DOMAIN_FILES
from convergio.core import sql
from convergio.core.seeds import run_workspace_seeds
from convergio.core.tenancy import workspace_scope
from tests.cast import make_user, make_workspace

SPECIFICATION = tomllib.loads((Path(__file__).parents[1] / "data/seed_schema.toml").read_text("utf-8"))
DOMAINS = ("core", "settings", "calendar", "streamboost")
TABLES: dict[str, dict[str, Any]] = {
    name: table for domain in DOMAINS for name, table in SPECIFICATION[domain].items()
}
STRINGS = {"character varying", "text"}
INTEGERS = {"integer", "bigint"}
WIDER = {
    "integer": INTEGERS,
    "text": {"text"},
    "string": STRINGS,
    "jsonb": {"jsonb"},
    "array": {"jsonb", "ARRAY"},
    "timestamptz": {"timestamp with time zone"},
    "number": {"double precision", "numeric"},
    "inet": {"inet"},
    "secret": {"bytea", *STRINGS},
}

_COLUMNS = """
SELECT column_name, data_type, character_maximum_length
FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s
"""
_KEYS = """
SELECT c.contype::text, c.confrelid::regclass::text,
    (SELECT array_agg(a.attname::text ORDER BY a.attname)
     FROM pg_attribute a WHERE a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey))
FROM pg_constraint c WHERE c.conrelid = %s::regclass AND c.contype IN ('p', 'u', 'f')
"""

pytestmark = pytest.mark.django_db


def _fits(wanted: str, found: str, length: int | None) -> bool:
    limited = re.fullmatch(r"varchar\((\d+)\)", wanted)
    if limited:
        return found in STRINGS and (length is None or length >= int(limited[1]))
    return found in WIDER[wanted]


def _rows(seed: dict[str, Any]) -> list[list[Any]]:
    found = sql.fetch_rows(f"SELECT {', '.join(seed['columns'])} FROM {seed['table']}")
    return sorted(map(list, found))


def test_the_schema_files_divide_the_tables_the_same_way() -> None:
    assert {domain: set(tables) for domain, tables in DOMAIN_FILES.items()} == {
        domain: set(SPECIFICATION[domain]) for domain in DOMAINS
    }


def test_there_are_27_tables_in_four_domains() -> None:
    assert [len(SPECIFICATION[domain]) for domain in DOMAINS] == [4, 14, 2, 7]


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_its_columns_in_types_at_least_as_wide(name: str) -> None:
    found = {column: (kind, length) for column, kind, length in sql.fetch_rows(_COLUMNS, [name])}
    wanted = TABLES[name]["columns"]
    assert set(wanted) <= set(found)
    assert {column: found[column] for column in wanted if not _fits(wanted[column], *found[column])} == {}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_its_keys(name: str) -> None:
    table = TABLES[name]
    keys = [(kind, parent, columns) for kind, parent, columns in sql.fetch_rows(_KEYS, [name])]
    assert ("p", "-", [table["key"]]) in keys
    for column, parent in table.get("references", {}).items():
        assert ("f", parent, [column]) in keys
    for column in table.get("unique", []):
        assert ("u", "-", [column]) in keys
    for column in table.get("unique_in_workspace", []):
        assert ("u", "-", sorted([column, "workspace_id"])) in keys


@pytest.mark.parametrize("seed", SPECIFICATION["seeds"], ids=lambda seed: seed["table"])
def test_migrations_bring_the_global_seeds(seed: dict[str, Any]) -> None:
    assert _rows(seed) == seed["rows"]


@pytest.mark.parametrize("seed", SPECIFICATION["workspace_seeds"], ids=lambda seed: seed["table"])
def test_a_new_workspace_begins_with_its_seeds(seed: dict[str, Any]) -> None:
    workspace = make_workspace(make_user("olga"))
    with workspace_scope(workspace.pk):
        run_workspace_seeds(workspace.pk)
        assert _rows(seed) == sorted(seed["rows"])


@pytest.mark.parametrize("name", SPECIFICATION["core"])
def test_core_tables_say_what_their_columns_mean(name: str) -> None:
    silent = sql.fetch_column(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
        " AND attname <> 'id' AND col_description(attrelid, attnum) IS NULL",
        [name],
    )
    assert silent == []
    assert sql.fetch_value("SELECT obj_description(%s::regclass)", [name])
