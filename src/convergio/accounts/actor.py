"""Who is acting, and in which workspace. Every action takes one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["owner", "admin", "member", "system"]


@dataclass(frozen=True, slots=True)
class Actor:
    """A signed-in person, an API key's owner, or the system itself (a job)."""

    workspace_id: int
    user_id: int | None
    role: Role
    email: str = ""
    name: str = ""
    timezone: str = "UTC"
    via: Literal["session", "api_key", "system"] = "session"
    session_id: int | None = None
    api_key_id: int | None = None
    # Of a session: proved who they are within the last 10 minutes; a second factor came with it.
    is_fresh: bool = False
    has_second_factor: bool = False
    # The workspace asks for a second factor, and none came with this session (or its key's maker has none).
    is_limited: bool = False
    # Of an API key: what it may do ("*" is everything), and the inboxes whose mail it reaches (None is all).
    scopes: frozenset[str] = frozenset()
    inbox_ids: frozenset[int] | None = None

    def require_user(self) -> int:
        """The user's id, for what only people do. A job that comes here is our mistake: raises TypeError."""
        if self.user_id is None:
            raise TypeError("A job acts for no user.")
        return self.user_id


def system(workspace_id: int) -> Actor:
    """The actor of jobs and of the mail engine."""
    return Actor(workspace_id=workspace_id, user_id=None, role="system", via="system")
