"""A workspace with one inbox, in view; servers that the mail tests talk to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from convergio.accounts.actor import Actor
from convergio.accounts.models import Workspace
from convergio.ai.providers import MODELS
from convergio.core.tenancy import workspace_scope
from convergio.mail.ingest import Receiver
from convergio.mail.models import Inbox
from tests.ai.scripted import ScriptedModel
from tests.billing.tokens import give_tokens
from tests.cast import make_user, make_workspace
from tests.mail.messages import make_inbox, receiver_of
from tests.mail.servers import account, mail_servers, smtp_server

__all__ = ["account", "mail_servers", "smtp_server"]


@pytest.fixture
def workspace(db: None) -> Iterator[Workspace]:
    """The owner's workspace, who has tokens for a model; its rows are in view during the test."""
    workspace = make_workspace(make_user("owner"))
    give_tokens(workspace.owner_id)
    with workspace_scope(workspace.id):
        yield workspace


@pytest.fixture
def inbox(workspace: Workspace) -> Inbox:
    """support@convergio.test, in draft mode."""
    return make_inbox(workspace, reply_mode="draft")


@pytest.fixture
def receiver(inbox: Inbox) -> Receiver:
    """The same, as the engine knows it."""
    return receiver_of(inbox)


@pytest.fixture
def actor(inbox: Inbox) -> Actor:
    """The workspace's owner."""
    return Actor(workspace_id=inbox.workspace_id, user_id=inbox.workspace.owner_id, role="owner")


@pytest.fixture
def outbox(inbox: Inbox, tmp_path: Path) -> Path:
    """The inbox's outbox folder, made."""
    for name in ("new", "cur", "tmp"):
        (tmp_path / "mail" / name).mkdir(parents=True)
    outbox = tmp_path / "outbox"
    outbox.mkdir()
    Inbox.objects.filter(id=inbox.id).update(maildir_path=str(tmp_path / "mail"), outbox_path=str(outbox))
    return outbox


@pytest.fixture
def scripted(settings: object, monkeypatch: pytest.MonkeyPatch) -> ScriptedModel:
    """The installation's model, whose drafts may be sent."""
    model = ScriptedModel()
    monkeypatch.setitem(MODELS, "scripted", lambda: model)
    settings.AI_MODEL = "scripted"  # type: ignore[attr-defined]
    return model
