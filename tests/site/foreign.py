"""Objects of the owner's workspace, by the names under which addresses, bodies and filters ask for them.

A new endpoint whose parameter is not named here fails tests/site/test_outsider.py: add the factory of its object.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from convergio.accounts.actions import issue_api_key
from convergio.accounts.models import UserSession
from convergio.ai.models import KnowledgeDocument
from convergio.core.tenancy import workspace_scope
from convergio.mail.models import AutoReply, Email, EmailDelivery, EmailThread, Inbox
from convergio.work.models import Task
from tests.cast import Person

Factory = Callable[[Person], Any]


def canary(person: Person) -> str:
    """Text that stands in every object of one person's workspace and nowhere else."""
    return f"canary of {person.user.name}"


def session_id(owner: Person) -> int:
    owner.program()
    return UserSession.objects.filter(user=owner.user).latest("id").id


def key_id(owner: Person) -> int:
    return issue_api_key(user_id=owner.user.id, workspace_id=owner.workspace.id, name=canary(owner))[0].id


def task_id(owner: Person) -> int:
    return Task.objects.create(workspace=owner.workspace, title=canary(owner), source="manual").id


def thread(owner: Person) -> EmailThread:
    return EmailThread.objects.create(workspace=owner.workspace, subject=canary(owner))


def inbox_id(owner: Person) -> int:
    address = f"{Inbox.objects.count()}@canary.test"
    fields = {"name": canary(owner), "email_address": address, "tag": "Canary", "kind": "maildir"}
    Inbox.objects.create(workspace=owner.workspace, **{**fields, "email_address": f"more-{address}"})
    return Inbox.objects.create(workspace=owner.workspace, **fields).id


def email(owner: Person) -> Email:
    found = Email.objects.create(
        workspace=owner.workspace,
        thread=thread(owner),
        message_id=f"<{Email.objects.count()}@canary.test>",
        from_address="canary@canary.test",
        subject=canary(owner),
        body_text=canary(owner),
        tag="Canary",
        direction="inbound",
        received_at=datetime(2026, 11, 24, tzinfo=UTC),
        raw_source=b"Subject: " + canary(owner).encode(),
        content_hash=b"",
    )
    EmailDelivery.objects.create(
        workspace=owner.workspace, email=found, inbox_id=inbox_id(owner), received_at=found.received_at
    )
    return found


def reply_id(owner: Person) -> int:
    answered = email(owner)
    return AutoReply.objects.create(
        workspace=owner.workspace,
        email=answered,
        thread_id=answered.thread_id,
        inbox_id=inbox_id(owner),
        reply_text=canary(owner),
        ai_model="offline",
    ).id


def document_id(owner: Person) -> int:
    return KnowledgeDocument.objects.create(
        workspace=owner.workspace, title=canary(owner), body=canary(owner)
    ).id


# Parameters of addresses.
IDS: dict[str, Factory] = {
    "session_id": session_id,
    "key_id": key_id,
    "task_id": task_id,
    "email_id": lambda owner: email(owner).id,
    "thread_id": lambda owner: thread(owner).id,
    "inbox_id": inbox_id,
    "reply_id": reply_id,
    "document_id": document_id,
}
# Fields of bodies and filters that name objects. Lists take one of them.
FIELDS: dict[str, Factory] = {
    **IDS,
    "before": task_id,
    "after": task_id,
    "assignee_id": lambda owner: owner.user.id,
    "assignee": lambda owner: owner.user.id,
    "cursor": lambda owner: email(owner).id + 10**6,
    "thread": lambda owner: thread(owner).id,
    "search": lambda _: "canary",
    "tag": lambda _: "Canary",
    "inbox": lambda _: "Canary",
}
# Fields that end like an id and name nothing of a workspace.
NO_OBJECTS = frozenset({"message_id", "parent_message_id", "external_id"})


def make(factory: Factory, owner: Person) -> Any:
    """Run a factory inside the owner's scope."""
    with workspace_scope(owner.workspace.id):
        return factory(owner)
