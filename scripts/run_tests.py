"""Everything `make test` runs, with what it needs installed first when this is root on Debian.

The suite runs twice: without a browser on the system's PostgreSQL, the oldest there is, then whole on the embedded
one. What is printed last is pytest's own closing line; extra arguments go to pytest.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from static_checks import failed_checks
from toolchain import ROOT, VENV, run, step, stop

# What proves that a Debian package is there, and the package.
NEEDS = {
    "/usr/sbin/dovecot": "dovecot-imapd",
    "/usr/lib/dovecot/lmtp": "dovecot-lmtpd",
    "/usr/sbin/exim4": "exim4-daemon-light",
    "/usr/bin/chromium": "chromium",
    "/usr/lib/postgresql/*/bin/initdb": "postgresql",
    "/usr/sbin/pgbouncer": "pgbouncer",
}


def main() -> int:
    install_missing()
    failed = failed_checks()
    installations = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name)
    )
    codes = []
    if installations:
        step(f"Tests on PostgreSQL {installations[0].parent.name}")
        codes.append(pytest("-m", "not browser", CONVERGIO_TEST_PG_BIN=str(installations[0])))
    step("Tests on the embedded PostgreSQL")
    if failed:
        print(f"Failed before the tests: {', '.join(failed)}; see above.", flush=True)
    codes.append(pytest())
    return 1 if failed or any(codes) else 0


def install_missing() -> None:
    """Install the Debian packages that are not there, or name them."""
    missing = [package for proof, package in NEEDS.items() if not list(Path("/").glob(proof.lstrip("/")))]
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        stop(f"The tests need {', '.join(missing)}: install them (apt install {' '.join(missing)}).")
    step(f"Installing {', '.join(missing)}")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run("apt-get", "update", "-q", **quiet)
    run("apt-get", "install", "-y", "-q", "--no-install-recommends", *missing, **quiet)


def pytest(*arguments: str, **environment: str) -> int:
    """Run the suite and return its exit code."""
    # A file's tests stay together, because they share what is dear to start: a server, a demo, a browser.
    spread = ["-n", str(os.cpu_count() or 1), "--dist", "loadfile", "--no-loadscope-reorder"]
    command = [str(VENV / "bin" / "python"), "-m", "pytest", *spread, *arguments, *sys.argv[1:]]
    return subprocess.run(command, cwd=ROOT, env=os.environ | environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
