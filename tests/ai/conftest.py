"""Two workspaces with inboxes, and the agency's documents in the first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from convergio.accounts.actor import Actor
from convergio.ai import actions
from convergio.ai.providers import MODELS
from convergio.core.tenancy import workspace_scope
from convergio.mail.models import Inbox
from tests.ai.agency import documents
from tests.ai.scripted import ScriptedModel
from tests.cast import Person

TAGS = ("Hello", "Partners", "Info", "Support", "Neo")


@dataclass(frozen=True, slots=True)
class Place:
    """A workspace as its owner sees it; `inboxes` by tag in lower case."""

    person: Person
    inboxes: dict[str, int]

    @property
    def actor(self) -> Actor:
        return self.person.actor


def make_place(person: Person) -> Place:
    """The person's workspace, with five inboxes."""
    with workspace_scope(person.workspace.pk):
        inboxes = {
            tag.lower(): Inbox.objects.create(
                workspace=person.workspace,
                name=tag,
                email_address=f"{tag.lower()}.{person.user.pk}@convergio.test",
                tag=tag,
                colour="blue",
                kind="maildir",
            ).pk
            for tag in TAGS
        }
    return Place(person, inboxes)


@pytest.fixture
def here(owner: Person) -> Iterator[Place]:
    """The owner's workspace, in view during the test."""
    place = make_place(owner)
    with workspace_scope(owner.workspace.pk):
        yield place


@pytest.fixture
def elsewhere(outsider: Person) -> Place:
    """Another workspace."""
    return make_place(outsider)


@pytest.fixture
def agency(here: Place) -> Place:
    """The workspace in view, with twenty documents."""
    for document in documents():
        inbox_id = here.inboxes[document.inbox_tag] if document.inbox_tag else None
        actions.add_document(here.actor, title=document.title, body=document.body, inbox_id=inbox_id)
    return here


@pytest.fixture
def scripted(settings: object) -> Iterator[ScriptedModel]:
    """The model of this installation, for the time of a test."""
    model = ScriptedModel()
    MODELS[model.name] = lambda: model
    settings.AI_MODEL = model.name  # type: ignore[attr-defined]
    yield model
    del MODELS[model.name]
