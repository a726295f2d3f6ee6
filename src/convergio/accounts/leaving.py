"""What stays with people who leave a workspace. Domains tell how much it is; nothing is given to others silently."""

from __future__ import annotations

from collections.abc import Callable

Count = Callable[[int, int], int]
_counts: dict[str, Count] = {}


def stays_with(what: str) -> Callable[[Count], Count]:
    """Register `count(workspace_id, user_id)` of what ("tasks") stays assigned to somebody; it runs in the scope."""

    def register(count: Count) -> Count:
        _counts[what] = count
        return count

    return register


def what_stays(workspace_id: int, user_id: int) -> dict[str, int]:
    """How much of what is assigned to this person."""
    return {what: count(workspace_id, user_id) for what, count in _counts.items()}
