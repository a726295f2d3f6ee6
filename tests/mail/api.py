"""Calls and mail for the tests of mail's REST."""

from __future__ import annotations

from typing import Any

import msgspec
from django.test import Client

from convergio.mail.ingest import Stored, store_messages
from convergio.mail.models import Inbox
from tests.cast import Person
from tests.mail.messages import SUPPORT, arrival, make_inbox, raw_message, receiver_of


def call(client: Client, verb: str, path: str, body: Any = None, **headers: str) -> Any:
    """A JSON request under /api."""
    data = b"" if body is None else msgspec.json.encode(body)
    return client.generic(verb.upper(), f"/api{path}", data, content_type="application/json", headers=headers)


def inbox_of(person: Person, address: str = SUPPORT, **fields: object) -> Inbox:
    """An inbox of the person's workspace, in draft mode."""
    return make_inbox(person.workspace, address, **{"reply_mode": "draft", **fields})


def receive(inbox: Inbox, **fields: Any) -> Stored:
    """One message taken up by the inbox."""
    [stored] = store_messages(receiver_of(inbox), [arrival(raw_message(**fields))])
    return stored
