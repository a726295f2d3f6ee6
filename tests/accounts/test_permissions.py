"""Roles and what they may do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from convergio.accounts.actor import Actor, Role, system
from convergio.accounts.errors import NotAllowed, PersonRequired
from convergio.accounts.permissions import PERMISSIONS, allows, require, require_person

MEMBER = Actor(workspace_id=1, user_id=1, role="member")


@pytest.mark.parametrize(
    ("role", "permission", "may"),
    [
        ("member", "emails.send", True),
        ("member", "inboxes.edit", False),
        ("admin", "inboxes.edit", True),
        ("admin", "billing.edit", False),
        ("owner", "billing.edit", True),
    ],
)
def test_a_role_has_what_the_table_says(role: Role, permission: str, may: bool) -> None:
    assert allows(replace(MEMBER, role=role), permission) is may


def test_the_system_may_do_everything() -> None:
    assert all(allows(system(1), permission) for permission in PERMISSIONS)


def test_a_refusal_names_the_permission() -> None:
    with pytest.raises(NotAllowed) as caught:
        require(MEMBER, "members.edit")
    assert caught.value.facts == {"permission": "members.edit"}


def test_an_unknown_permission_is_our_mistake() -> None:
    with pytest.raises(KeyError):
        allows(MEMBER, "moon.land")


def test_a_key_is_no_person() -> None:
    require_person(MEMBER)
    with pytest.raises(PersonRequired):
        require_person(replace(MEMBER, via="api_key"))
