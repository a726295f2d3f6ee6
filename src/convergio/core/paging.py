"""Pages of a list: a limit with an offset, or a limit with a keyset cursor."""

from __future__ import annotations

import msgspec

DEFAULT_LIMIT = 50
MOST = 200
# An offset is walked row by row; whoever wants more than this follows the cursor.
MOST_OFFSET = 100_000


class Page(msgspec.Struct, frozen=True):
    """Which part of a list is wanted. `cursor` is the id of the last row seen; it wins over `offset`."""

    limit: int = DEFAULT_LIMIT
    offset: int = 0
    cursor: int | None = None

    @classmethod
    def of(cls, *, limit: int | None = None, offset: int | None = None, cursor: int | None = None) -> Page:
        """Bring what a client asked for into bounds instead of refusing it."""
        return cls(
            limit=min(max(DEFAULT_LIMIT if limit is None else limit, 1), MOST),
            offset=0 if cursor is not None else min(max(offset or 0, 0), MOST_OFFSET),
            cursor=cursor,
        )
