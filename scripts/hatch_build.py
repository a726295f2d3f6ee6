"""Builds the browser assets before a wheel is packed, so that a wheel without them cannot be made."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class AssetsHook(BuildHookInterface[Any]):
    """Runs scripts/build_assets.py, which does nothing when they are up to date."""

    def initialize(self, version: str, _build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        script = Path(self.root) / "scripts" / "build_assets.py"
        subprocess.run([sys.executable, script], check=True, cwd=self.root)
