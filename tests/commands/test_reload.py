"""`make dev`: everything starts again when the code changes, and stands up again after a mistake in it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import convergio
from tests.support.commands import Demo, running_demo, wait_until
from tests.support.postgres import reachable_folder


def answered(demo: Demo) -> Any:
    try:
        return demo.get("/api/health")["version"]
    except OSError:
        return None


def test_all_three_programs_run_the_code_as_it_was_last_written() -> None:
    with reachable_folder() as folder:
        package = folder / "src" / "convergio"
        shutil.copytree(Path(convergio.__file__).parent, package)
        source = package / "__init__.py"
        before = source.read_text("utf-8")
        environment = {"PYTHONPATH": str(folder / "src"), "CONVERGIO_DEBUG": "true"}
        with running_demo(folder / "demo", "--reload", environment=environment) as demo:
            running = set(demo.processes())
            source.write_text(before.replace(convergio.__version__, "next"), "utf-8")
            wait_until(lambda: answered(demo) == "next", seconds=30)
            old = {pid for pid in set(demo.processes()) & running if "-m\0convergio" in command_of(pid)}
            assert old == set()
            source.write_text("a mistake", "utf-8")
            wait_until(lambda: "SyntaxError" in demo.log.read_text("utf-8"), seconds=30)
            source.write_text(before.replace(convergio.__version__, "mended"), "utf-8")
            wait_until(lambda: answered(demo) == "mended", seconds=30)


def command_of(pid: int) -> str:
    path = Path(f"/proc/{pid}/cmdline")
    return path.read_text("utf-8") if path.exists() else ""
