"""Finds or fetches uv, the installer, with nothing but the standard library."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
CACHE = ROOT / ".cache"
BUILD_LOCK = ROOT / "requirements-build.lock"


def stop(sentence: str) -> NoReturn:
    """End with the one sentence that says what is wrong and what to do."""
    print(f"convergio: {sentence}", file=sys.stderr)
    raise SystemExit(1)


def step(words: str) -> None:
    """One line of progress."""
    print(f"==> {words}", flush=True)


def run(*arguments: str | Path, **environment: str) -> None:
    """Run a program in the checkout; its failure is ours."""
    done = subprocess.run(
        [os.fspath(argument) for argument in arguments],
        cwd=ROOT,
        env=os.environ | {"UV_PYTHON_DOWNLOADS": "never"} | environment,
        check=False,
    )
    if done.returncode != 0:
        stop(f"“{' '.join(str(argument) for argument in arguments)}” failed: its message is above.")


def find_uv() -> Path:
    """uv from PATH, from an earlier run, or freshly installed into an environment of its own."""
    on_path = shutil.which("uv")
    if on_path:
        return Path(on_path)
    private = CACHE / "uv" / "bin" / "uv"
    if not private.is_file():
        step("Fetching uv, the installer")
        _make_private_environment(CACHE / "uv")
        pin = CACHE / "uv.lock"
        pin.write_text(_pinned("uv"), encoding="utf-8")
        run(CACHE / "uv" / "bin" / "python", "-m", "pip", "install", "-q", "--require-hashes", "-r", pin)
    return private


def base_python() -> str:
    """The system's interpreter, also when this one belongs to an activated environment."""
    return str(getattr(sys, "_base_executable", None) or sys.executable)


def _make_private_environment(folder: Path) -> None:
    if _venv(folder):
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        stop("Python's venv module is not complete: install uv, or python3-venv (apt install python3-venv).")
    step("Installing python3-venv")
    run("apt-get", "update", "-q")
    run(
        "apt-get",
        "install",
        "-y",
        "-q",
        "--no-install-recommends",
        "python3-venv",
        DEBIAN_FRONTEND="noninteractive",
    )
    if not _venv(folder):
        stop("Python cannot make a virtual environment even with python3-venv installed: install uv instead.")


def _venv(folder: Path) -> bool:
    """Whether an environment with pip could be made; Debian's bare Python fails here for want of ensurepip."""
    made = subprocess.run([base_python(), "-m", "venv", "--clear", folder], capture_output=True, check=False)
    return made.returncode == 0


def _pinned(name: str) -> str:
    """The lines of the build lock that pin `name` and its hashes."""
    lines = BUILD_LOCK.read_text(encoding="utf-8").splitlines(keepends=True)
    start = next(number for number, line in enumerate(lines) if line.startswith(f"{name}=="))
    end = next((n for n in range(start + 1, len(lines)) if not lines[n].startswith(" ")), len(lines))
    return "".join(lines[start:end])
