"""A workspace with two members, and an outsider in another one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count

import pytest

from convergio.accounts.actor import Actor
from convergio.accounts.models import User, Workspace, WorkspaceMember
from convergio.core.tenancy import workspace_scope
from convergio.mail.models import Email, EmailThread

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Cast:
    owner: Actor
    teammate: Actor
    outsider: Actor


def _actor(workspace: Workspace, user: User, role: str) -> Actor:
    WorkspaceMember.objects.create(workspace=workspace, user=user, role=role)
    return Actor(workspace.pk, user.pk, role, user.email, user.name, "Asia/Kolkata")  # type: ignore[arg-type]


@pytest.fixture
def cast(db: None) -> Cast:
    owner, teammate, outsider = (
        User.objects.create(email=f"{name}@desk.test", name=name.title()) for name in ("olga", "tom", "eve")
    )
    ours = Workspace.objects.create(name="Desk", owner=owner)
    theirs = Workspace.objects.create(name="Elsewhere", owner=outsider)
    return Cast(
        _actor(ours, owner, "owner"), _actor(ours, teammate, "member"), _actor(theirs, outsider, "owner")
    )


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
