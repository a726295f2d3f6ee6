"""Memory of the whole product at rest: PSS (shared pages counted once) of `convergio demo` and all below it."""

from __future__ import annotations

import re
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.commands import running_demo

REST = 45.0  # seconds without a request, so that the week of mail is settled


def run() -> list[str]:
    """Printed line: the sum, and its parts by program."""
    with TemporaryDirectory(prefix="convergio-bench-") as folder:
        Path(folder).chmod(0o711)
        with running_demo(Path(folder) / "demo") as demo:
            time.sleep(REST)
            parts: Counter[str] = Counter()
            for pid in (demo.process.pid, *demo.processes()):
                parts[_program(pid)] += _pss(pid)
    detail = ", ".join(f"{name} {kib / 1024:.0f}" for name, kib in parts.most_common())
    return [f"memory of the whole demo at rest: {parts.total() / 1024:.0f} MB PSS (aim: under 450): {detail}"]


def _pss(pid: int) -> int:
    """KiB; 0 for a process that just ended."""
    try:
        found = re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) if found else 0


def _program(pid: int) -> str:
    """ "PostgreSQL", or the command of ours that it runs."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return "ended"
    if "postgres" in words[0]:
        return "PostgreSQL"
    known = [word for word in words if word in {"web", "worker", "mailwatch", "demo"}]
    return "supervisor" if known[:1] == ["demo"] else (known or ["web"])[0]
