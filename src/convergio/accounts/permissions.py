"""Who may do what: each permission names the least role that has it."""

from __future__ import annotations

from convergio.accounts.actor import Actor, Role
from convergio.accounts.errors import NotAllowed, PersonRequired

_RANK: dict[Role, int] = {"member": 1, "admin": 2, "owner": 3, "system": 4}

PERMISSIONS: dict[str, Role] = {
    # everyday work
    "emails.edit": "member",
    "emails.send": "member",
    "replies.review": "member",
    "tasks.edit": "member",
    "events.edit": "member",
    "captions.review": "member",
    "audits.run": "member",
    "api_keys.edit": "member",
    # how the workspace works
    "inboxes.edit": "admin",
    "knowledge.edit": "admin",
    "ai.edit": "admin",
    "platforms.edit": "admin",
    "calendar.connect": "admin",
    "members.edit": "admin",
    "workspace.edit": "admin",
    # what costs money or cannot be undone
    "billing.edit": "owner",
    "workspace.delete": "owner",
}


def allows(actor: Actor, permission: str) -> bool:
    """Whether the actor's role has the permission. An unknown permission raises KeyError: it is our mistake."""
    return _RANK[actor.role] >= _RANK[PERMISSIONS[permission]]


def require(actor: Actor, permission: str) -> None:
    """Raises NotAllowed unless the actor's role has the permission."""
    if not allows(actor, permission):
        raise NotAllowed(permission, PERMISSIONS[permission])


def require_person(actor: Actor) -> None:
    """Raises PersonRequired for an API key: it must not make keys, end sessions or change the password."""
    if actor.via != "session":
        raise PersonRequired
