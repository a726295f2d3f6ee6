"""Tasks as board and list show them: with the colour of their tag and the name of who does them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from convergio.accounts.members import Member
from convergio.accounts.tags import TagColour
from convergio.work.queries import TaskRow


class Card(TaskRow, frozen=True, kw_only=True):
    """A task and its looks."""

    colour: str
    assignee_name: str


class Painter:
    """Knows the workspace's people and tags."""

    def __init__(self, members: Sequence[Member], tags: Sequence[TagColour]) -> None:
        self.members = members
        self.tags = tags
        self._names = {member.user_id: member.label for member in members}
        self._colours = {tag.name.lower(): tag.colour for tag in tags}

    def card(self, task: TaskRow) -> Card:
        """The task with what its ids and words stand for; who left the workspace has no name here."""
        return Card(
            **msgspec.structs.asdict(task),
            colour=self._colours.get(task.tag.lower(), "grey"),
            assignee_name=self._names.get(task.assignee_id or 0, ""),
        )
