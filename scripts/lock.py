"""Resolve pyproject.toml into the lock files: exact versions with hashes, for every platform, naming no index."""

from pathlib import Path

from toolchain import BUILD_LOCK, ROOT, find_uv, run, step

QUIET = ("--quiet", "--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links")


def main() -> None:
    runtime = ROOT / "requirements.lock"
    compile_lock(runtime, "pyproject.toml")
    compile_lock(BUILD_LOCK, "--group", "build", "--constraint", runtime)
    compile_lock(
        ROOT / "requirements-dev.lock", "--group", "dev", "--constraint", runtime, "--constraint", BUILD_LOCK
    )


def compile_lock(lock: Path, *sources: str | Path) -> None:
    """Write one lock file from `sources`, keeping the versions it has where they still fit."""
    step(lock.name)
    options = ("--universal", "--python-version", "3.11", "--generate-hashes", *QUIET)
    run(find_uv(), "pip", "compile", *options, "--output-file", lock, *sources)


if __name__ == "__main__":
    main()
