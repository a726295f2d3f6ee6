"""The two steps of each passkey ceremony, as the page's script takes them."""

from __future__ import annotations

from typing import Any

from django.test import Client

from tests.accounts.authenticator import Authenticator
from tests.cast import Person

ORIGIN, PARTY = "https://desk.example", "desk.example"
API = "/api/settings/security/passkeys"


def device(**lies: Any) -> Authenticator:
    return Authenticator(**{"origin": ORIGIN, "relying_party": PARTY, **lies})


def post(client: Client, path: str, body: Any) -> Any:
    return client.post(path, body, content_type="application/json", headers={"Accept": "application/json"})


def begin(client: Client, path: str) -> dict[str, Any]:
    answer = post(client, f"{path}/options", {})
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def register(client: Client, made_by: Authenticator, name: str = "") -> Any:
    began = begin(client, API)
    body = {"ceremony": began["ceremony"], "answer": made_by.create(began["options"]), "name": name}
    return post(client, API, body)


def registered(person: Person, name: str = "Laptop") -> Authenticator:
    made_by = device()
    assert register(person.browser(), made_by, name).status_code == 201
    return made_by


def sign_in(client: Client, by: Authenticator, **extra: str) -> Any:
    began = begin(client, "/login/passkey")
    return post(
        client,
        "/login/passkey",
        {"ceremony": began["ceremony"], "answer": by.get(began["options"]), **extra},
    )
