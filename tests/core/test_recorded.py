"""The cast of a test is the same whether it was made or written again."""

from __future__ import annotations

import pytest
from django.db import connection

from convergio.core.tenancy import workspace_scope
from tests import cast
from tests.cast import Person


def everything(person: Person) -> dict[str, int]:
    """How many rows each table shows to the person's workspace."""
    with workspace_scope(person.workspace.id), connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        names = [name for (name,) in cursor.fetchall()]
        union = " UNION ALL ".join(f"SELECT '{name}', count(*) FROM {name}" for name in names)
        cursor.execute(union)
        return dict(cursor.fetchall())


@pytest.fixture(scope="module")
def seen() -> list[tuple[dict[str, int], Person]]:
    return []


@pytest.mark.django_db
@pytest.mark.parametrize("time", [1, 2, 3])
def test_every_time_the_same_rows_are_there(time: int, seen: list[tuple[dict[str, int], Person]]) -> None:
    if time == 1:
        cast._rows.pop(("somebody", None), None)
    person = cast.known_person("somebody")
    mate = cast.known_person("mate", person.workspace)
    seen.append((everything(person), person))
    assert (mate.workspace, mate.role) == (person.workspace, "member")
    assert seen[-1] == seen[0]
    assert seen[0][0]["workspace_members"] == 2
    person.user.refresh_from_db()
    assert person.user.check_password(cast.PASSWORD)
