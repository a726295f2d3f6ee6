"""A POST with an Idempotency-Key happens once, however often and however parallel it is repeated."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from convergio.core.errors import Conflict, InvalidInput
from convergio.core.idempotency import idempotent
from convergio.core.models import Activity, IdempotencyKey
from convergio.core.rest import json_answer
from convergio.core.tenancy import workspace_scope
from tests.cast import Person, make_person


@idempotent
def send(request: Any) -> HttpResponse:
    """Stands for an endpoint that sends something."""
    made = Activity.objects.create(workspace_id=request.actor.workspace_id, action="sent")
    return json_answer({"id": made.id}, status=201)


def request_of(person: Person, key: str | None, body: dict[str, str]) -> HttpRequest:
    headers = {} if key is None else {"Idempotency-Key": key}
    request = RequestFactory().post(
        "/api/send", json.dumps(body), content_type="application/json", headers=headers
    )
    request.actor = person.actor  # type: ignore[attr-defined]
    return request


def post(person: Person, key: str | None, **body: str) -> HttpResponse:
    with workspace_scope(person.workspace.id):
        return send(request_of(person, key, body))


@pytest.mark.django_db
def test_a_repetition_gets_the_first_answer_and_does_nothing(owner: Person) -> None:
    first, again = post(owner, "a", to="x"), post(owner, "a", to="x")
    assert (again.status_code, again.content) == (201, first.content)
    assert post(owner, "b", to="x").content != first.content


@pytest.mark.django_db
def test_without_a_key_every_request_counts(owner: Person) -> None:
    assert post(owner, None, to="x").content != post(owner, None, to="x").content


@pytest.mark.django_db
def test_a_key_belongs_to_one_request_and_one_workspace(owner: Person, outsider: Person) -> None:
    post(owner, "a", to="x")
    with pytest.raises(Conflict, match="another request"):
        post(owner, "a", to="y")
    assert post(outsider, "a", to="y").status_code == 201


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "x" * 256, "tab\t"])
def test_a_key_is_printable_and_short(owner: Person, key: str) -> None:
    with pytest.raises(InvalidInput):
        post(owner, key)


@pytest.mark.django_db
def test_a_key_is_forgotten_after_a_day(owner: Person) -> None:
    first = post(owner, "a")
    with workspace_scope(owner.workspace.id):
        IdempotencyKey.objects.update(created_at="2020-01-01T00:00:00Z")
    assert post(owner, "a").content != first.content


def test_parallel_repetitions_do_it_once(committed: None) -> None:
    person = make_person("owner")

    def one(_: int) -> bytes:
        try:
            return post(person, "a", to="x").content
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(one, range(8)))
    assert len(answers) == 1
    with workspace_scope(person.workspace.id):
        assert Activity.objects.count() == 1
