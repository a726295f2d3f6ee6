"""Noticing that the code was edited, for `make dev`."""

import time
from pathlib import Path

_SECONDS = 0.5


class CodeWatch:
    """Compares the Python files below `folder` with those of the last look, at most twice a second.

    Templates, styles and scripts are read anew by every request in debug mode and need no restart.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known = self._look()
        self._next = 0.0

    def has_changed(self) -> bool:
        """Whether a file came, went or was written since this last answered yes."""
        if time.monotonic() < self._next:
            return False
        before, self._known = self._known, self._look()
        self._next = time.monotonic() + _SECONDS
        return self._known != before

    def _look(self) -> dict[Path, int]:
        found = {}
        for path in self._folder.rglob("*.py"):
            try:
                found[path] = path.stat().st_mtime_ns
            except FileNotFoundError:
                continue  # an editor replaces files by renaming
        return found
