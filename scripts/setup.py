"""Make .venv from the lock files and build the browser assets; does nothing when nothing changed.

`--dev` adds what the tests need.
"""

import hashlib
import sys

from toolchain import BUILD_LOCK, ROOT, VENV, base_python, find_uv, run, step, stop

RUNTIME_LOCK = ROOT / "requirements.lock"
DEV_LOCK = ROOT / "requirements-dev.lock"
STAMP = VENV / "setup-stamp"


def main() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 - the one place where an older one may turn up
        stop(
            "Convergio needs Python 3.11 or newer: install it and name it with PYTHON=, as in make PYTHON=python3.12."
        )
    made = STAMP.read_text(encoding="utf-8").splitlines() if STAMP.is_file() else []
    # Once the tests' tools are there they stay: `make demo` after `make test` must not take them away.
    dev = "--dev" in sys.argv[1:] or "dev" in made
    wanted = [_fingerprint(), *(["dev"] if dev else [])]
    if made != wanted:
        _make_environment(dev)
        STAMP.write_text("\n".join(wanted) + "\n", encoding="utf-8")
    run(VENV / "bin" / "python", "scripts/build_assets.py", *(["--tests"] if dev else []))


def _fingerprint() -> str:
    digest = hashlib.sha256(sys.version.encode())
    # The place counts too: an environment that was moved holds stale paths.
    digest.update(str(ROOT).encode())
    for file in (RUNTIME_LOCK, BUILD_LOCK, DEV_LOCK, ROOT / "pyproject.toml"):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _make_environment(dev: bool) -> None:
    uv = find_uv()
    step(f"Making .venv{' with the tools of the tests' if dev else ''}")
    run(uv, "venv", "--quiet", "--clear", "--python", base_python(), VENV)
    locks = [RUNTIME_LOCK, BUILD_LOCK, *([DEV_LOCK] if dev else [])]
    python = ("--quiet", "--python", VENV / "bin" / "python")
    # Compiled once here, every later start is faster by about a second.
    run(uv, "pip", "sync", *python, "--require-hashes", "--compile-bytecode", *locks)
    # hatchling came with the build lock, so nothing unlocked is fetched for this.
    run(uv, "pip", "install", *python, "--no-build-isolation", "--no-deps", "--editable", ROOT)


if __name__ == "__main__":
    main()
