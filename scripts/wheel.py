"""Build the wheel into dist/, with the browser assets that setup has just built, from locked build tools."""

from toolchain import ROOT, VENV, find_uv, run, step


def main() -> None:
    step("Building the wheel")
    run(
        find_uv(),
        "build",
        "--quiet",
        "--wheel",
        "--no-build-isolation",
        "--python",
        VENV / "bin" / "python",
        "--out-dir",
        ROOT / "dist",
    )
    for wheel in sorted((ROOT / "dist").glob("*.whl")):
        print(wheel.relative_to(ROOT))


if __name__ == "__main__":
    main()
