"""Where a card stands in its column: a float between its neighbours; numbered anew when none fits between."""

from __future__ import annotations

from convergio.core import sql
from convergio.core.errors import NotFound
from convergio.work.errors import NeighbourMoved

# Room for about fifty cards in the same gap before the column is numbered anew.
STEP = 1024.0

_TOP = (
    "SELECT coalesce(min(position), 0) - %s FROM tasks WHERE workspace_id = %s AND status = %s AND id <> %s"
)
_NEIGHBOUR = "SELECT status, position FROM tasks WHERE workspace_id = %s AND id = %s"
_ABOVE = """
SELECT position FROM tasks
WHERE workspace_id = %s AND status = %s AND id <> %s AND (position, id) < (%s, %s)
ORDER BY position DESC, id DESC LIMIT 1
"""
_BELOW = """
SELECT position FROM tasks
WHERE workspace_id = %s AND status = %s AND id <> %s AND (position, id) > (%s, %s)
ORDER BY position, id LIMIT 1
"""
_RENUMBER = """
UPDATE tasks SET position = numbered.place * %s
FROM (
    SELECT id, row_number() OVER (ORDER BY position, id) AS place
    FROM tasks WHERE workspace_id = %s AND status = %s
) numbered
WHERE tasks.id = numbered.id
"""


def lock_board(workspace_id: int) -> None:
    """Let one move at a time look at the neighbours and write, until its transaction ends."""
    sql.execute("SELECT pg_advisory_xact_lock(hashtext('work.board'), %s::int)", [workspace_id % 2**31])


def top_of(workspace_id: int, status: str, *, moving: int = 0) -> float:
    """A position above every card of the column."""
    return float(sql.fetch_value(_TOP, [STEP, workspace_id, status, moving]))


def next_to(workspace_id: int, status: str, neighbour: int, *, moving: int, above: bool) -> float:
    """A position right above or below `neighbour`. Raises NotFound, and NeighbourMoved for another column."""
    position = _between(workspace_id, status, neighbour, moving=moving, above=above)
    if position is None:
        sql.execute(_RENUMBER, [STEP, workspace_id, status])
        position = _between(workspace_id, status, neighbour, moving=moving, above=above)
    if position is None:
        raise NeighbourMoved
    return position


def _between(workspace_id: int, status: str, neighbour: int, *, moving: int, above: bool) -> float | None:
    """The middle between the neighbour and the card beyond it; None when no float lies there."""
    found = sql.fetch_rows(_NEIGHBOUR, [workspace_id, neighbour])
    if not found:
        raise NotFound("task")
    column, near = found[0]
    if column != status:
        raise NeighbourMoved
    far = sql.fetch_value(_ABOVE if above else _BELOW, [workspace_id, status, moving, near, neighbour])
    if far is None:
        return float(near - STEP if above else near + STEP)
    middle = (near + far) / 2
    return middle if min(near, far) < middle < max(near, far) else None
