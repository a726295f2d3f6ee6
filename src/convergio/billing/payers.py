"""Whose money it is: the owner of a workspace pays for it, and holds its balance."""

from __future__ import annotations

import msgspec

from convergio.accounts.actor import Actor
from convergio.core import sql

_PAYER = """
SELECT u.id, u.name, u.email::text FROM workspaces w JOIN users u ON u.id = w.owner_id WHERE w.id = %s
"""
_PAYER_ID = "SELECT owner_id FROM workspaces WHERE id = %s"


class Payer(msgspec.Struct, frozen=True):
    """The owner's account."""

    id: int
    name: str
    email: str


def payer_of(actor: Actor) -> Payer:
    """Who pays for the actor's workspace."""
    payer = sql.fetch_one(Payer, _PAYER, [actor.workspace_id])
    assert payer is not None  # a workspace has an owner
    return payer


def payer_id_of(workspace_id: int) -> int:
    """The user whose balance pays for a workspace, where nobody is at hand."""
    user_id: int = sql.fetch_value(_PAYER_ID, [workspace_id])
    return user_id
