"""A workspace with one inbox, in view; servers that the mail tests talk to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from convergio.accounts.models import Workspace
from convergio.core.tenancy import workspace_scope
from convergio.mail.ingest import Receiver
from convergio.mail.models import Inbox
from tests.cast import make_user, make_workspace
from tests.mail.messages import make_inbox, receiver_of
from tests.mail.servers import account, mail_servers, smtp_server

__all__ = ["account", "mail_servers", "smtp_server"]


@pytest.fixture
def workspace(db: None) -> Iterator[Workspace]:
    """The owner's workspace; its rows are in view during the test."""
    workspace = make_workspace(make_user("owner"))
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
