"""`python -m benchmarks [NAME ...] [--write]`: run all benchmarks or those named, and print what they measured.

`--write` puts it into docs/performance.md, each benchmark into its own section, with the machine named.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg

from benchmarks import billing, lists, live, memory, sync
from convergio.core.pg_binaries import packaged_binaries

BENCHMARKS: dict[str, tuple[str, Callable[[], list[str]]]] = {
    "sync": ("Fetching mail", sync.run),
    "lists": ("Lists and search", lists.run),
    "live": ("New mail in an open window", live.run),
    "memory": ("Memory at rest", memory.run),
    "billing": ("Renewals of subscriptions", billing.run),
}
DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "performance.md"
_HEAD = """# Performance

What `make bench` measured, as shares of a limit measured in the same run.
`python -m benchmarks --write` writes it here.
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure speed and memory.")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"which ones ({', '.join(BENCHMARKS)}); default: all"
    )
    parser.add_argument("--write", action="store_true", help=f"write the results to {DOCUMENT.name}")
    options = parser.parse_args()
    if unknown := set(options.names) - set(BENCHMARKS):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    print(machine(), flush=True)
    for name in options.names or BENCHMARKS:
        title, run = BENCHMARKS[name]
        lines = run()
        print(f"\n{title}", *lines, sep="\n", flush=True)
        if options.write:
            write(title, [*(f"- {line}" for line in lines), "", f"Measured on {machine()}"])
    return 0


def machine() -> str:
    """Cores, memory and versions; nothing that names the machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GB, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, PostgreSQL {packaged_binaries().major}, psycopg {psycopg.__version__}."
    )


def write(title: str, lines: list[str]) -> None:
    """Replace the section of that title, or add it."""
    text = DOCUMENT.read_text() if DOCUMENT.exists() else _HEAD
    sections = dict(re.findall(r"^## (.*)\n\n((?:(?!## ).*\n?)*)", text, re.MULTILINE))
    sections[title] = "\n".join(lines)
    body = "\n".join(f"## {name}\n\n{sections[name].strip()}\n" for name in sorted(sections))
    DOCUMENT.write_text(f"{_HEAD}\n{body}")


if __name__ == "__main__":
    sys.exit(main())
