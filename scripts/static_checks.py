"""Format, lint, types and the direction of imports. Prints each check's name and what it has to say."""

import subprocess
import sys

from toolchain import ROOT, VENV, step

CHECKS = {
    "Format": ["ruff", "format", "--check", "--quiet", "."],
    "Lint": ["ruff", "check", "--quiet", "."],
    "Types": ["mypy", "--no-error-summary"],
    "Import rules": ["lint-imports", "--no-logo"],
}


def failed_checks() -> list[str]:
    """Run them all and return the names of those that failed."""
    failed = []
    for name, (program, *arguments) in CHECKS.items():
        step(name)
        done = subprocess.run(
            [VENV / "bin" / program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            print(done.stdout + done.stderr, flush=True)
            failed.append(name)
    return failed


if __name__ == "__main__":
    sys.exit(1 if failed_checks() else 0)
