"""Over the whole URL map: nobody reaches into another workspace, by address, body or filter, with any verb.

The map is read from the API's document and from the routes, so a new endpoint is covered as soon as it is mounted.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from convergio.core.tenancy import workspace_scope
from tests.cast import Person
from tests.site.foreign import FIELDS, FORMS, IDS, NO_OBJECTS, canary, make
from tests.site.url_map import UNSAFE, Field, Operation, api_operations, content_of, pages

pytestmark = pytest.mark.django_db

OPERATIONS = api_operations()
WITH_IDS = [operation for operation in OPERATIONS if operation.parameters]
PAGES_WITH_IDS = [page for page in pages() if page.parameters]
# Parameters that name a thing which every workspace has its own of.
OWN_NAMES = {"tag": "a tag is looked up among the workspace's own inboxes"}


def fingerprint(workspace_id: int) -> dict[str, Any]:
    """A digest of every row that the workspace owns."""
    with workspace_scope(workspace_id), connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relrowsecurity ORDER BY relname")
        tables = [name for (name,) in cursor.fetchall()]
        digests = {}
        for table in tables:
            cursor.execute(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t")
            digests[table] = cursor.fetchone()
    return digests


def values_of(operation: Operation, owner: Person) -> dict[str, Any]:
    unknown = set(operation.parameters) - set(IDS)
    assert not unknown, f"{operation}: name {unknown} in tests/site/foreign.py"
    return {name: make(IDS[name], owner) for name in operation.parameters}


def foreign_fields(fields: tuple[Field, ...]) -> list[Field]:
    """The fields that name objects. One that ends like an id and is not known fails the test."""
    for field in fields:
        looks_like_id = field.name == "ids" or field.name.endswith(("_id", "_ids"))
        known = field.name in FIELDS or field.name in NO_OBJECTS or field.name == "ids"
        assert known or not looks_like_id, f"name the field {field.name} in tests/site/foreign.py"
    return [field for field in fields if field.name in FIELDS or field.name == "ids"]


@pytest.mark.parametrize("operation", WITH_IDS, ids=str)
def test_an_outsider_gets_404_with_every_verb(operation: Operation, owner: Person, outsider: Person) -> None:
    values = values_of(operation, owner)
    before = fingerprint(owner.workspace.id)
    for client in (outsider.program(), outsider.browser()):
        answer = operation.send(client, values)
        assert answer.status_code == 404, f"{operation}: {answer.status_code} {answer.content!r}"
        assert canary(owner).encode() not in answer.content
    assert fingerprint(owner.workspace.id) == before


@pytest.mark.parametrize("operation", WITH_IDS, ids=str)
def test_the_same_request_reaches_its_object_for_the_owner(operation: Operation, owner: Person) -> None:
    """Otherwise the 404 above would prove nothing."""
    assert operation.send(owner.program(), values_of(operation, owner)).status_code != 404


@pytest.mark.parametrize(
    "page", [page for page in PAGES_WITH_IDS if not set(page.parameters) & set(OWN_NAMES)], ids=str
)
def test_an_outsider_sees_and_changes_nothing_by_page(
    page: Operation, owner: Person, outsider: Person
) -> None:
    values = values_of(page, owner)
    before = fingerprint(owner.workspace.id)
    answer = page.send(outsider.browser(), values, **FORMS.get(page.path, {}))
    assert answer.status_code in {404, 405}, f"{page}: {answer.status_code}"
    assert canary(owner).encode() not in answer.content
    assert fingerprint(owner.workspace.id) == before


@pytest.mark.parametrize(
    "operation",
    [
        operation
        for operation in OPERATIONS
        if not operation.public and operation.verb in UNSAFE and operation.body
    ],
    ids=str,
)
def test_ids_in_bodies_reach_nothing(operation: Operation, owner: Person, outsider: Person) -> None:
    for field in foreign_fields(operation.body):
        value = make(FIELDS.get(field.name, FIELDS["email_id"]), owner)
        # The address is the outsider's own where it can be: the foreign id is in the body alone.
        values = {name: make(IDS[name], outsider) for name in operation.parameters}
        before = fingerprint(owner.workspace.id)
        answer = operation.send(outsider.program(), values, **{field.name: [value] if field.many else value})
        assert answer.status_code < 500, f"{operation} {field.name}: {answer.content!r}"
        assert canary(owner).encode() not in answer.content
        assert fingerprint(owner.workspace.id) == before, f"{operation} changed a row by {field.name}"


@pytest.mark.parametrize(
    "operation", [one for one in OPERATIONS if one.verb == "get" and one.query and not one.public], ids=str
)
def test_ids_in_filters_find_nothing(operation: Operation, owner: Person, outsider: Person) -> None:
    for factory in IDS.values():
        make(factory, owner)
    for field in foreign_fields(operation.query):
        values = {name: make(IDS[name], outsider) for name in operation.parameters}
        answer = operation.send(outsider.program(), values, **{field.name: make(FIELDS[field.name], owner)})
        assert answer.status_code < 500, f"{operation}?{field.name}"
        if not operation.parameters:
            assert canary(owner).encode() not in content_of(answer), f"{operation}?{field.name}"


@pytest.mark.parametrize("operation", WITH_IDS, ids=str)
def test_an_id_beyond_every_number_is_no_fault_of_ours(operation: Operation, owner: Person) -> None:
    answer = operation.send(owner.program(), dict.fromkeys(operation.parameters, 10**30))
    assert answer.status_code in {400, 404, 422}


def test_there_is_a_map_to_walk() -> None:
    """These must be found, or the map was read wrongly and the tests above ran on nothing."""
    named = {str(operation) for operation in [*WITH_IDS, *PAGES_WITH_IDS]}
    assert {
        "DELETE /api/settings/security/sessions/{session_id}",
        "PATCH /api/tasks/{task_id}",
        "POST /dashboard/settings/api-keys/{key_id}/revoke",
    } <= named
