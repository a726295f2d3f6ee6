"""Refusals of the task actions."""

from __future__ import annotations

from convergio.core.errors import AppError, Conflict, InvalidInput, NotFound


class InvalidTask(InvalidInput):
    """A field of a task cannot be taken; `field` is its name in forms."""

    field: str


class TitleMissing(InvalidTask):
    """A task without a title cannot be told from others."""

    field = "title"

    def __init__(self) -> None:
        super().__init__("title_missing", "Give the task a title.")


class TitleTooLong(InvalidTask):
    """The title does not fit its column."""

    field = "title"

    def __init__(self, length: int, most: int) -> None:
        super().__init__("title_too_long", f"A title has at most {most} characters; this one has {length}.")


class TagTooLong(InvalidTask):
    """The tag does not fit its column."""

    field = "tag"

    def __init__(self, length: int, most: int) -> None:
        super().__init__("tag_too_long", f"A tag has at most {most} characters; this one has {length}.")


class NotAMember(NotFound, InvalidTask):
    """The assignee does not belong to the workspace; like any id of another one, that is nobody here."""

    field = "assignee"

    def __init__(self) -> None:
        AppError.__init__(
            self, "assignee_not_a_member", "Choose an assignee who is a member of this workspace."
        )


class UnknownChoice(InvalidTask):
    """A status or priority outside its list."""

    def __init__(self, field: str, value: str, allowed: tuple[str, ...]) -> None:
        self.field = field
        super().__init__(
            f"{field}_unknown", f"The {field} “{value[:50]}” is unknown; use one of {', '.join(allowed)}."
        )


class NeighbourMoved(Conflict):
    """The card named as neighbour is in another column by now."""

    def __init__(self) -> None:
        super().__init__(
            "neighbour_moved", "The card next to it has moved meanwhile; look at the board and try again."
        )
