"""Removing stored contents that no row names: what a transaction wrote that never committed.

A content may be taken up again at any moment, also while the sweep runs. So it is moved aside first and looked at once
more: whoever used it before the move renewed its time and gets it back; whoever comes after does not find it and
writes it anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import islice

from convergio.core import sql
from convergio.core.storage import FolderStorage
from convergio.core.tenancy import workspace_scope

# No transaction lives that long.
MIN_AGE = timedelta(days=1)
_BATCH = 1_000
_NAMED = "SELECT sha256 FROM stored_files WHERE sha256 = ANY(%s)"


def sweep(store: FolderStorage, workspace_ids: Sequence[int]) -> int:
    """Remove the contents that no workspace names and nobody used for a day; the answer is how many."""
    removed = 0
    names = store.unused_since(MIN_AGE)
    while batch := list(islice(names, _BATCH)):
        orphans = set(batch)
        for workspace_id in workspace_ids:
            if orphans:
                with workspace_scope(workspace_id):
                    orphans -= set(sql.fetch_column(_NAMED, [list(orphans)]))
        removed += sum(store.remove_unused(name, MIN_AGE) for name in orphans)
    return removed
