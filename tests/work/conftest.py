"""The cast as actors, and mails for tasks to come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count

import pytest

from convergio.accounts.actor import Actor
from convergio.core.tenancy import workspace_scope
from convergio.mail.models import Email, EmailThread
from tests.cast import Person

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Cast:
    """Who acts: two of one workspace, one of another."""

    owner: Actor
    teammate: Actor
    outsider: Actor


@pytest.fixture
def cast(owner: Person, teammate: Person, outsider: Person) -> Cast:
    return Cast(owner.actor, teammate.actor, outsider.actor)


@pytest.fixture
def make_email() -> Callable[..., Email]:
    def make(actor: Actor, subject: str = "Where is my order?", tag: str = "Support") -> Email:
        with workspace_scope(actor.workspace_id):
            thread = EmailThread.objects.create(workspace_id=actor.workspace_id, subject=subject)
            return Email.objects.create(
                workspace_id=actor.workspace_id,
                thread=thread,
                message_id=f"m{next(_numbers)}@shop.test",
                subject=subject,
                tag=tag,
                direction="inbound",
                received_at=datetime(2026, 11, 24, tzinfo=UTC),
                raw_source=b"",
                content_hash=b"",
            )

    return make
