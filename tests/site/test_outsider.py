"""Over the whole URL map: nobody reaches into another workspace, by address, body or filter, with any verb.

The map is read from the API's document and from the routes, so a new endpoint is covered as soon as it is mounted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

import convergio
from convergio.core.tenancy import workspace_scope
from convergio.site.access import is_public
from tests.cast import Person
from tests.site.foreign import (
    BODIES,
    FIELDS,
    FORMS,
    IDS,
    NO_IDS,
    NO_OBJECTS,
    PAGE_FIELDS,
    canary,
    email,
    inbox,
    make,
)
from tests.site.url_map import UNSAFE, Field, Operation, api_operations, content_of, pages

pytestmark = pytest.mark.django_db

PACKAGE = Path(convergio.__file__).parent
OPERATIONS = api_operations()
WITH_IDS = [operation for operation in OPERATIONS if operation.parameters]
PAGES_WITH_IDS = [page for page in pages() if page.parameters]
_REFERENCES = """
SELECT k.conrelid::regclass::text, child.attname::text, k.confrelid::regclass::text, parent.attname::text
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid AND c.relrowsecurity
JOIN pg_class p ON p.oid = k.confrelid AND p.relrowsecurity
JOIN pg_attribute child ON child.attrelid = k.conrelid AND child.attnum = k.conkey[1]
JOIN pg_attribute parent ON parent.attrelid = k.confrelid AND parent.attnum = k.confkey[1]
WHERE k.contype = 'f' AND cardinality(k.conkey) = 1
"""
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


def foreign_fields(fields: tuple[Field, ...], within: str = "") -> Iterator[tuple[Field, str]]:
    """The fields that name objects, each with its name in FIELDS. One that ends like an id and is not known fails."""
    for field in fields:
        name = within + field.name
        looks_like_id = re.search(r"(^|[_.])ids?$", name) is not None
        assert name in FIELDS or {name, field.name} & NO_OBJECTS or not looks_like_id, (
            f"name the field {name} in tests/site/foreign.py"
        )
        if name in FIELDS:
            yield field, name
        for inner, inner_name in foreign_fields(field.inner, f"{name}."):
            yield replace(field, sample=inner.name), inner_name


def given(field: Field, name: str, owner: Person) -> dict[str, Any]:
    """The field with an object of the owner."""
    value = make(FIELDS[name], owner)
    return {field.name: field.holding({field.sample: value} if "." in name else value)}


def accepted_body(operation: Operation, person: Person) -> dict[str, Any]:
    """What the operation takes from this person, where its schema's smallest body is not enough."""
    found: dict[str, Any] = make(BODIES.get(str(operation), lambda _: {}), person)
    return found


@cache
def _foreign_references() -> str:
    """One statement over all references between tables of workspaces."""
    with connection.cursor() as cursor:
        cursor.execute(_REFERENCES)
        return " UNION ALL ".join(
            f"SELECT '{child}.{column}' WHERE EXISTS (SELECT FROM {child} c WHERE c.{column} IS NOT NULL"
            f" AND NOT EXISTS (SELECT FROM {parent} p WHERE p.{key} = c.{column}))"
            for child, column, parent, key in cursor.fetchall()
        )


def foreign_references(workspace_id: int) -> list[str]:
    """Foreign keys of the workspace's rows that lead to a row which the workspace itself does not see."""
    with workspace_scope(workspace_id), connection.cursor() as cursor:
        cursor.execute(_foreign_references())
        return [name for (name,) in cursor.fetchall()]


@pytest.mark.parametrize("operation", WITH_IDS, ids=str)
def test_an_outsider_gets_404_with_every_verb(operation: Operation, owner: Person, outsider: Person) -> None:
    values = values_of(operation, owner)
    before = fingerprint(owner.workspace.id)
    for client in (outsider.program(), outsider.browser()):
        answer = operation.send(client, values)
        assert answer.status_code == 404, f"{operation}: {answer.status_code} {answer.content!r}"
        assert canary(owner).encode() not in content_of(answer)
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
    assert canary(owner).encode() not in content_of(answer)
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
    for field, name in foreign_fields(operation.body):
        body = accepted_body(operation, outsider) | given(field, name, owner)
        # The address is the outsider's own where it can be: the foreign id is in the body alone.
        values = {parameter: make(IDS[parameter], outsider) for parameter in operation.parameters}
        before = fingerprint(owner.workspace.id)
        answer = operation.send(outsider.program(), values, **body)
        wanted = range(500) if name in NO_IDS else [404]
        assert answer.status_code in wanted, f"{operation} {name}: {answer.status_code} {answer.content!r}"
        assert canary(owner).encode() not in content_of(answer)
        assert fingerprint(owner.workspace.id) == before, f"{operation} changed a row by {name}"
        assert foreign_references(outsider.workspace.id) == []


@pytest.mark.parametrize(
    "operation", [one for one in OPERATIONS if not one.public and [*foreign_fields(one.body)]], ids=str
)
def test_the_same_body_reaches_its_object_for_the_owner(operation: Operation, owner: Person) -> None:
    """Otherwise the 404 above would prove nothing."""
    for field, name in foreign_fields(operation.body):
        if name in NO_IDS:
            continue
        body = accepted_body(operation, owner) | given(field, name, owner)
        answer = operation.send(owner.program(), values_of(operation, owner), **body)
        assert answer.status_code < 300, f"{operation} {name}: {answer.content!r}"


@pytest.mark.parametrize(
    "operation", [one for one in OPERATIONS if one.verb == "get" and one.query and not one.public], ids=str
)
def test_ids_in_filters_find_nothing(operation: Operation, owner: Person, outsider: Person) -> None:
    for factory in IDS.values():
        make(factory, owner)
    for field, name in foreign_fields(operation.query):
        values = {parameter: make(IDS[parameter], outsider) for parameter in operation.parameters}
        answer = operation.send(outsider.program(), values, **given(field, name, owner))
        wanted = range(500) if name in NO_IDS else [404]
        shown = content_of(answer)
        assert answer.status_code in wanted, f"{operation}?{name}: {answer.status_code} {shown!r}"
        assert canary(owner).encode() not in shown, f"{operation}?{name}"
        same = operation.send(owner.program(), values_of(operation, owner), **given(field, name, owner))
        assert same.status_code == 200 or name in NO_IDS, f"{operation}?{name}: {content_of(same)!r}"


@pytest.mark.parametrize("page", [page for page in pages() if not is_public(page.path)], ids=str)
def test_ids_in_forms_and_addresses_of_pages_reach_nothing(
    page: Operation, owner: Person, outsider: Person
) -> None:
    own = {parameter: make(IDS.get(parameter, FIELDS["tag"]), outsider) for parameter in page.parameters}
    theirs = {name: make(factory, owner) for name, factory in PAGE_FIELDS.items()}
    before = fingerprint(owner.workspace.id)
    client = outsider.browser()
    for name, value in theirs.items():
        answer = page.send(client, own, **FORMS.get(page.path, {}) | {name: value})
        assert answer.status_code != 500, f"{page} {name}"
        assert canary(owner).encode() not in content_of(answer), f"{page} shows something by {name}"
        assert foreign_references(outsider.workspace.id) == [], f"{page} keeps a foreign id by {name}"
    assert fingerprint(owner.workspace.id) == before


def test_every_id_that_a_page_reads_is_among_those() -> None:
    """Views turn such fields into numbers by name; a new one must be named in tests/site/foreign.py."""
    source = "".join(path.read_text("utf-8") for path in PACKAGE.glob("*/**/*.py"))
    read = set(re.findall(r'\b(?:number|neighbour)\((?:request\.\w+|post)(?:\.get\(|, )"(\w+)"', source))
    read |= set(re.findall(r'request\.POST\.getlist\("(\w+)"', source))
    assert {"draft", "thread", "ids", "before"} <= read
    assert read <= set(PAGE_FIELDS)


def test_a_message_id_of_another_workspace_joins_nothing(owner: Person, outsider: Person) -> None:
    """Mail is joined to conversations by ids that strangers choose."""
    theirs = make(email, owner)
    make(inbox, outsider)
    answer = outsider.program().post(
        "/api/emails",
        {
            "message_id": theirs.message_id,
            "in_reply_to": theirs.message_id,
            "references": [theirs.message_id],
            "from": "ananya@lumen.example",
            "subject": f"Re: {theirs.subject}",
            "text": "An answer",
        },
        content_type="application/json",
    )
    assert answer.status_code == 201, answer.content
    thread = outsider.program().get(f"/api/emails/{answer.json()['id']}/thread").json()
    assert [message["id"] for message in thread["messages"]] == [answer.json()["id"]]
    assert foreign_references(outsider.workspace.id) == []


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
