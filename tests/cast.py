"""Who appears in tests: an owner, a teammate in the same workspace, an outsider in another one."""

from __future__ import annotations

from convergio.accounts.models import User, Workspace, WorkspaceMember


def make_user(name: str) -> User:
    """A user at convergio.test with an unusable password."""
    return User.objects.create(email=f"{name}@convergio.test", name=name.title(), password="!")


def make_workspace(owner: User, *members: User) -> Workspace:
    """A workspace of its owner and members."""
    workspace = Workspace.objects.create(name=f"{owner.name}'s workspace", owner=owner)
    WorkspaceMember.objects.create(workspace=workspace, user=owner, role="owner")
    for member in members:
        WorkspaceMember.objects.create(workspace=workspace, user=member, role="member")
    return workspace
