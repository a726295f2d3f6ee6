"""Who may do what: each permission names the least role that has it."""

from __future__ import annotations

from convergio.accounts.actor import Actor, Role
from convergio.accounts.errors import FreshSignInRequired, NotAllowed, PersonRequired, ScopeRequired
from convergio.accounts.reach import INBOX_DOMAINS, OutOfReach

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
    "billing.view": "admin",
    # what costs money or cannot be undone
    "billing.edit": "owner",
    "workspace.transfer": "owner",
    "workspace.delete": "owner",
}

# What API keys are made for: "<domain>:read" and "<domain>:write" (which does not include reading).
ALL_SCOPES = "*"
KEY_DOMAINS: dict[str, str] = {
    "emails": "Mail, sending and draft replies",
    "inboxes": "Inboxes and their syncing",
    "tasks": "Tasks and the board",
    "knowledge": "Knowledge base",
    "workspace": "Numbers and live events of the workspace, its members",
    "profile": "The maker's own profile",
    "security": "Sign-in settings, only to read",
    "billing": "Plan, AI tokens and invoices, only to read",
}
# A key can never make keys, invite people, change how anybody signs in or spend money.
READ_ONLY_DOMAINS = frozenset({"security", "workspace", "billing"})
SCOPES = tuple(
    f"{domain}:{verb}"
    for domain in KEY_DOMAINS
    for verb in ("read", "write")
    if verb == "read" or domain not in READ_ONLY_DOMAINS
)


def allows(actor: Actor, permission: str) -> bool:
    """Whether the actor's role has the permission. An unknown permission raises KeyError: it is our mistake."""
    return _RANK[actor.role] >= _RANK[PERMISSIONS[permission]]


def require(actor: Actor, permission: str) -> None:
    """Raises NotAllowed unless the actor's role has the permission."""
    if not allows(actor, permission):
        raise NotAllowed(permission, PERMISSIONS[permission])


def outranks(actor: Actor, role: Role) -> bool:
    """Whether the actor may change or remove members of this role: only those who stand below."""
    return _RANK[actor.role] > _RANK[role]


def may_give(actor: Actor, role: Role) -> bool:
    """Whether the actor may give somebody this role: at most their own, and never the owner's."""
    return role != "owner" and _RANK[actor.role] >= _RANK[role]


def require_person(actor: Actor) -> None:
    """Raises PersonRequired for an API key: it must not make keys, end sessions or change the password."""
    if actor.via != "session":
        raise PersonRequired


def require_fresh(actor: Actor) -> None:
    """For secrets, keys, sign-in, money and members: who asks proved who they are within the last 10 minutes.

    Raises PersonRequired, FreshSignInRequired.
    """
    require_person(actor)
    if not actor.is_fresh:
        raise FreshSignInRequired


def require_scope(actor: Actor, domain: str | None, *, writes: bool) -> None:
    """What an API key was made for; sessions may do all that their role allows.

    `domain` is one of KEY_DOMAINS, or None for what no key may do. Raises ScopeRequired, PersonRequired, OutOfReach.
    """
    if actor.via != "api_key":
        return
    if domain is None or (writes and domain in READ_ONLY_DOMAINS):
        raise PersonRequired
    if actor.inbox_ids is not None and domain not in INBOX_DOMAINS:
        raise OutOfReach
    scope = f"{domain}:{'write' if writes else 'read'}"
    if not {ALL_SCOPES, scope} & actor.scopes:
        raise ScopeRequired(scope)
