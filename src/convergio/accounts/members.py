"""Who belongs to a workspace."""

from __future__ import annotations

import msgspec

from convergio.core import sql


class Member(msgspec.Struct, frozen=True):
    """A person of a workspace."""

    user_id: int
    name: str
    email: str
    role: str

    @property
    def label(self) -> str:
        """The name, or the address of who has none."""
        return self.name or self.email


_MEMBERS = """
SELECT u.id, u.name, u.email, m.role
FROM workspace_members m JOIN users u ON u.id = m.user_id
WHERE m.workspace_id = %s AND u.is_active
ORDER BY lower(u.name), u.email
"""
_IS_MEMBER = "SELECT EXISTS (SELECT 1 FROM workspace_members WHERE workspace_id = %s AND user_id = %s)"


def list_members(workspace_id: int) -> list[Member]:
    """Everybody who can be given work, by name."""
    return sql.fetch_all(Member, _MEMBERS, [workspace_id])


def is_member(workspace_id: int, user_id: int) -> bool:
    """Tell whether this person belongs to the workspace."""
    return bool(sql.fetch_value(_IS_MEMBER, [workspace_id, user_id]))
