"""What the frame of every page shows: sections, the settings menu, and the counts beside them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class Section(NamedTuple):
    """One entry of the main menu; `short` is its name on the bottom tabs of small screens."""

    key: str
    route: str
    icon: str
    label: str
    short: str


class Page(NamedTuple):
    """One entry of the settings menu; without the permission it is not shown."""

    key: str
    route: str
    icon: str
    label: str
    permission: str = ""


SECTIONS = (
    Section("today", "site:dashboard", "layout-dashboard", "Today", "Today"),
    Section("commboost", "mail:commboost", "inbox", "CommBoost", "Mail"),
    Section("workboost", "work:board", "layout-kanban", "WorkBoost", "Tasks"),
)

SETTINGS_MENU = (
    (
        "Account",
        (
            Page("profile", "accounts:profile", "user", "Profile"),
            Page("sessions", "accounts:sessions", "shield-lock", "Sign-in"),
            Page("api-keys", "accounts:api_keys", "key", "API keys"),
        ),
    ),
    (
        "Workspace",
        (
            Page("workspace", "accounts:workspace", "building", "Workspace"),
            Page("people", "accounts:people", "users", "People"),
            Page("inboxes", "mail:inboxes", "inbox", "Inboxes"),
            Page("knowledge", "ai:knowledge", "book-2", "Knowledge"),
            Page("billing", "billing:billing", "credit-card", "Billing", "billing.view"),
            Page("tokens", "billing:tokens", "coins", "AI tokens"),
            Page("usage", "site:usage", "chart-bar", "AI use"),
            Page("activity", "accounts:activity", "history", "Activity"),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class InboxCount:
    """An inbox in the sidebar. `colour` is blue, purple, cyan, orange, green or grey."""

    tag: str
    colour: str
    unread: int


class WorkspaceChoice(NamedTuple):
    """One of the person's workspaces in the switcher."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Nav:
    """The person, where they are and could be, and what waits there: counts of the whole workspace, up to 100.

    `was_stopped`: a limit kept a model from being asked within a month; whether it still would is another question.
    """

    user_name: str
    user_email: str
    workspace_id: int
    workspace_name: str
    workspaces: tuple[WorkspaceChoice, ...] = field(default=())
    unread: int = 0
    open_tasks: int = 0
    drafts: int = 0
    notices: int = 0
    was_stopped: bool = False
    inboxes: tuple[InboxCount, ...] = field(default=())
