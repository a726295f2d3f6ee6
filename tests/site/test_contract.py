"""The API keeps its own document: whatever schemathesis makes of it, no fault, no undocumented status, no other shape.

Asked with a member's API key and with a member's session, in one transaction that is undone after each request. A short
round is part of the suite; `-m proof` runs a long one. docs/decisions/0024-api-contract-tests.md
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, given, settings, strategies
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from convergio.accounts import sessions
from convergio.accounts.api_keys import issue_api_key
from convergio.accounts.client import Client as Device
from convergio.site.api import api
from tests.cast import Person
from tests.site.foreign import IDS, make

pytestmark = [pytest.mark.django_db, pytest.mark.once]

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
_DOCUMENT: dict[str, Any] = api.get_openapi_schema()
LONG = 100
OPERATIONS = [(verb.upper(), path) for path, verbs in _DOCUMENT["paths"].items() for verb in verbs]
_schemas: list[Any] = []
seen: Counter[tuple[str, int]] = Counter()


@pytest.fixture(autouse=True)
def _one_connection() -> Iterator[None]:
    """A request does not close the connection that holds the test's transaction; Django's client does the same."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture(params=["key", "session"])
def credential(request: pytest.FixtureRequest, teammate: Person) -> dict[str, str]:
    """The headers of a member's API key, or of their session."""
    user, workspace = teammate.user.id, teammate.workspace.id
    if request.param == "key":
        _, key = issue_api_key(user_id=user, workspace_id=workspace, name="contract")
        return {"X-API-Key": key}
    device = Device(ip="127.0.0.1", user_agent="")
    tokens = sessions.open_session(user_id=user, workspace_id=workspace, kind="api", client=device)
    return {"Authorization": f"Bearer {tokens.access}"}


@pytest.fixture
def ids(teammate: Person) -> dict[str, Any]:
    """Objects of the member's workspace, by the names that addresses have for them."""
    return {name: make(IDS[name], teammate) for name in _parameters()}


def _loaded(headers: dict[str, str]) -> Any:
    """The document as the API hands it out, read once. Who asks is ours to say, not to be made up."""
    if not _schemas:
        config = schemathesis.Config.from_dict({"generation": {"with-security-parameters": False}})
        application = get_wsgi_application()
        found = schemathesis.openapi.from_wsgi(
            "/api/openapi.json", application, headers=headers, config=config
        )
        _schemas.append(found)
    return _schemas[0]


def _parameters() -> set[str]:
    return {
        one["name"]
        for verbs in _DOCUMENT["paths"].values()
        for operation in verbs.values()
        for one in operation.get("parameters", [])
        if one["in"] == "path"
    }


def keep_the_contract(
    operation: tuple[str, str], headers: dict[str, str], ids: dict[str, Any], *, examples: int
) -> None:
    """Ask with values that fit the document, half of them about objects that exist, and with values that do not."""
    verb, path = operation
    described = _loaded(headers)[path][verb]

    def ask(case: Any) -> None:
        with transaction.atomic():
            response = case.call(headers=headers)
            transaction.set_rollback(True)
        seen[f"{verb} {path}", response.status_code] += 1
        with transaction.atomic():
            case.validate_response(response, checks=CHECKS, headers=headers)
            transaction.set_rollback(True)

    bounded = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=examples < LONG,  # the suite asks the same every time, the proof always something else
        suppress_health_check=list(HealthCheck),
    )

    @bounded
    @given(case=described.as_strategy(generation_mode=GenerationMode.POSITIVE), known=strategies.booleans())
    def with_fitting_values(case: Any, known: bool) -> None:
        if known:
            case.path_parameters |= {name: ids[name] for name in case.path_parameters}
        ask(case)

    @bounded
    @given(case=described.as_strategy(generation_mode=GenerationMode.NEGATIVE))
    def with_other_values(case: Any) -> None:
        ask(case)

    with_fitting_values()
    if described.body or described.query or described.path_parameters:
        with_other_values()


@pytest.mark.parametrize("operation", OPERATIONS, ids=" ".join)
def test_it_keeps_its_document(
    operation: tuple[str, str], credential: dict[str, str], ids: dict[str, Any]
) -> None:
    keep_the_contract(operation, credential, ids, examples=4)


@pytest.mark.proof
@pytest.mark.parametrize("operation", OPERATIONS, ids=" ".join)
def test_it_keeps_its_document_at_length(
    operation: tuple[str, str], credential: dict[str, str], ids: dict[str, Any]
) -> None:
    keep_the_contract(operation, credential, ids, examples=LONG)


@pytest.fixture(scope="module", autouse=True)
def _told() -> Iterator[None]:
    """What was asked and answered, for who reads the proof (`-s`)."""
    yield
    total = Counter[int]()
    for (_, status), count in seen.items():
        total[status] += count
    print(f"{sum(total.values())} requests to {len(OPERATIONS)} operations: {dict(sorted(total.items()))}")  # noqa: T201
