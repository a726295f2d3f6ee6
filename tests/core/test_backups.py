"""Backup and restore of a database with files beside it, between two real servers."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from convergio.core.backups import restore_backup, write_backup
from convergio.core.embedded_pg import EmbeddedPostgres, throwaway_postgres
from convergio.core.faults import PlatformFault
from tests.support.postgres import chosen_binaries, reachable_folder, session_postgres


@pytest.fixture(scope="module")
def source() -> Iterator[EmbeddedPostgres]:
    """A database with a row-secured table, stored files and a key."""
    with session_postgres() as server:
        with psycopg.connect(server.admin_url) as owner:
            owner.execute("CREATE TABLE letters (id bigint PRIMARY KEY, body text)")
            owner.execute("ALTER TABLE letters ENABLE ROW LEVEL SECURITY")
            owner.execute("ALTER TABLE letters FORCE ROW LEVEL SECURITY")
            owner.execute("INSERT INTO letters SELECT n, repeat('x', 100) FROM generate_series(1, 1000) n")
            owner.execute("CREATE ROLE short_sighted LOGIN")
        (server.data_dir / "storage" / "ab").mkdir(parents=True)
        (server.data_dir / "storage" / "ab" / "abcd").write_bytes(b"\x00attachment")
        (server.data_dir / "secret.key").write_text("k" * 64)
        (server.data_dir / "secret.key").chmod(0o600)
        yield server


@pytest.fixture
def target() -> Iterator[EmbeddedPostgres]:
    with (
        reachable_folder() as folder,
        throwaway_postgres(folder / "data", binaries=chosen_binaries()) as server,
    ):
        yield server


def back_up(server: EmbeddedPostgres, file: Path) -> Path:
    write_backup(server.admin_url, server.data_dir, file, binaries=server.binaries)
    return file


def test_a_restored_installation_has_every_row_and_file_and_the_key(
    source: EmbeddedPostgres, target: EmbeddedPostgres, tmp_path: Path
) -> None:
    backup = back_up(source, tmp_path / "backup.tar")
    # A key that the empty folder got when its database was first started.
    (target.data_dir / "secret.key").write_text("another")
    restore_backup(target.admin_url, target.data_dir, backup, binaries=target.binaries)
    with psycopg.connect(target.admin_url) as connection:
        assert connection.execute("SELECT count(*), sum(id) FROM letters").fetchone() == (1000, 500500)
        forced = connection.execute(
            "SELECT relforcerowsecurity FROM pg_class WHERE relname = 'letters'"
        ).fetchone()
        assert forced == (True,)
    assert (target.data_dir / "storage" / "ab" / "abcd").read_bytes() == b"\x00attachment"
    assert (target.data_dir / "secret.key").read_text() == "k" * 64
    assert (target.data_dir / "secret.key").stat().st_mode & 0o777 == 0o600


def test_a_backup_is_for_its_owner_only_and_leaves_nothing_half_written(
    source: EmbeddedPostgres, tmp_path: Path
) -> None:
    backup = back_up(source, tmp_path / "backup.tar")
    assert backup.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["backup.tar"]


def test_an_existing_file_is_never_overwritten(source: EmbeddedPostgres, tmp_path: Path) -> None:
    (tmp_path / "backup.tar").write_text("precious")
    with pytest.raises(PlatformFault, match="exists already"):
        back_up(source, tmp_path / "backup.tar")
    assert (tmp_path / "backup.tar").read_text() == "precious"


def test_a_database_with_content_is_not_restored_over(source: EmbeddedPostgres, tmp_path: Path) -> None:
    backup = back_up(source, tmp_path / "backup.tar")
    with pytest.raises(PlatformFault, match="The database is not empty"):
        restore_backup(source.admin_url, source.data_dir, backup, binaries=source.binaries)


def test_something_else_than_a_backup_is_refused_before_anything_is_written(
    target: EmbeddedPostgres, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("not a tar")
    with pytest.raises(PlatformFault, match="is not a backup of Convergio"):
        restore_backup(target.admin_url, target.data_dir, tmp_path / "notes.txt", binaries=target.binaries)


def test_a_role_that_row_security_holds_cannot_make_a_backup(
    source: EmbeddedPostgres, tmp_path: Path
) -> None:
    short_sighted = source.admin_url.replace("convergio@", "short_sighted@")
    with pytest.raises(PlatformFault, match="ALTER ROLE short_sighted BYPASSRLS"):
        write_backup(short_sighted, source.data_dir, tmp_path / "backup.tar", binaries=source.binaries)
