"""Who appears in tests: an owner, a teammate in the same workspace, an outsider in another one."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace

import pytest
from django.conf import settings
from django.test import Client

from convergio.accounts import sessions
from convergio.accounts.actor import Actor, Role
from convergio.accounts.client import Client as Device
from convergio.accounts.models import User, Workspace, WorkspaceMember
from convergio.core.seeds import run_workspace_seeds
from convergio.core.tenancy import workspace_scope
from tests.support import recorded

PASSWORD = "correct horse battery"


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


@dataclass(frozen=True, slots=True)
class Person:
    """One of the cast: their account, and the workspace they are in."""

    user: User
    workspace: Workspace
    role: Role

    @property
    def actor(self) -> Actor:
        """Who actions see, without a session."""
        return Actor(
            workspace_id=self.workspace.id,
            user_id=self.user.id,
            role=self.role,
            email=self.user.email,
            name=self.user.name,
            timezone=self.user.timezone,
            is_fresh=True,
        )

    def browser(self, *, csrf: bool = False) -> Client:
        """A test client with a session cookie; with `csrf`, unsafe requests need the token as in real life."""
        client = Client(enforce_csrf_checks=csrf)
        client.cookies[settings.SESSION_COOKIE_NAME] = self._session("browser")
        return client

    def program(self) -> Client:
        """A test client that sends a bearer token."""
        return Client(headers={"Authorization": f"Bearer {self._session('api')}"})

    def _session(self, kind: str) -> str:
        tokens = sessions.open_session(
            user_id=self.user.id,
            workspace_id=self.workspace.id,
            kind="browser" if kind == "browser" else "api",
            client=Device(ip="127.0.0.1", user_agent=""),
        )
        return tokens.access


def make_person(name: str, workspace: Workspace | None = None) -> Person:
    """Somebody with the password PASSWORD: a member of the workspace, or the owner of a seeded one of their own."""
    user = make_user(name)
    user.set_password(PASSWORD)
    user.save()
    user.refresh_from_db()
    if workspace is not None:
        WorkspaceMember.objects.create(workspace=workspace, user=user, role="member")
        return Person(user, workspace, "member")
    workspace = make_workspace(user)
    with workspace_scope(workspace.id):
        run_workspace_seeds(workspace.id)
    return Person(user, workspace, "owner")


# The rows of a person who was made before, in a test that was rolled back since; nearly every test begins with one.
_rows: dict[tuple[str, int | None], tuple[Person, str]] = {}


def known_person(name: str, workspace: Workspace | None = None) -> Person:
    """The same as make_person; from the second time on their rows are written again as they were, in one statement."""
    key = (name, workspace.id if workspace else None)
    if key not in _rows:
        person = make_person(name, workspace)
        own = None if workspace else person.workspace.id
        _rows[key] = (deepcopy(person), recorded.rows_of(person.user.id, own))
        return person
    person, statements = _rows[key]
    recorded.write(statements)
    person = deepcopy(person)
    return person if workspace is None else replace(person, workspace=workspace)


@pytest.fixture
def owner(db: None) -> Person:
    """owner@convergio.test, who owns a workspace with its seeds."""
    return known_person("owner")


@pytest.fixture
def teammate(owner: Person) -> Person:
    """teammate@convergio.test, a member of the owner's workspace."""
    return known_person("teammate", owner.workspace)


@pytest.fixture
def outsider(db: None) -> Person:
    """outsider@convergio.test, who owns another workspace."""
    return known_person("outsider")
