"""`convergio db backup` and `db restore`: an installation moves to another folder with all it has."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from convergio.core.embedded_pg import EmbeddedPostgres
from tests.support.commands import convergio
from tests.support.postgres import reachable_folder

# Seals a password for the inbox in the environment of its installation, or opens it, as the mail engine does.
_SECRETS = """
import django, sys; django.setup()
from convergio.core import sql
from convergio.core.tenancy import workspace_scope
from convergio.mail.connections import open_secrets, seal_secrets
with workspace_scope(1):
    inbox_id = sql.fetch_value("SELECT id FROM inboxes WHERE tag = 'Neo'")
    if sys.argv[1] == "seal":
        sql.execute("UPDATE inboxes SET secrets_encrypted = %s WHERE id = %s",
                    [seal_secrets(inbox_id, {"imap_password": sys.argv[2]}), inbox_id])
    sealed = sql.fetch_value("SELECT secrets_encrypted FROM inboxes WHERE id = %s", [inbox_id])
    print(open_secrets(inbox_id, bytes(sealed))["imap_password"])
"""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with reachable_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def original(folder: Path) -> Path:
    """The data folder of a filled installation with a sealed password and a message that waits in new/."""
    data_dir = folder / "original"
    assert convergio("migrate", "--data-dir", data_dir).returncode == 0
    assert convergio("seed-demo", "--data-dir", data_dir).returncode == 0
    assert secret(data_dir, "seal", "correct horse") == "correct horse\n"
    (data_dir / "mail" / "support" / "new" / "waiting").write_bytes(b"From: a@else.example\r\n\r\nHello\r\n")
    with EmbeddedPostgres(data_dir) as server, psycopg.connect(server.admin_url) as owner:
        owner.execute("UPDATE inboxes SET maildir_path = '/srv/elsewhere' WHERE tag = 'Info'")
    return data_dir


@pytest.fixture(scope="module")
def restored(folder: Path, original: Path) -> Path:
    """The data folder that its backup was restored into."""
    backup = folder / "backup.tar"
    done = convergio("db", "backup", "--data-dir", original, backup)
    assert (done.returncode, done.stderr) == (0, "")
    assert backup.stat().st_mode & 0o777 == 0o600
    done = convergio("db", "restore", "--data-dir", folder / "restored", backup)
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "restored"


def secret(data_dir: Path, *arguments: str) -> str:
    """What the sealed password says in that installation."""
    code = f"import sys; sys.argv = ['', *{list(arguments)!r}]\n{_SECRETS}"
    done = convergio("manage", "--data-dir", data_dir, "shell", "--no-imports", "-c", code)
    assert done.stderr == ""
    return done.stdout


def row_counts(data_dir: Path) -> dict[str, int]:
    with EmbeddedPostgres(data_dir) as server, psycopg.connect(server.admin_url) as owner:
        tables = owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        counts = {}
        for (table,) in tables:
            row = owner.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
            counts[table] = row[0] if row else -1
        return counts


def files(data_dir: Path) -> dict[str, bytes]:
    """Every file but the server's own, and the note of when a backup was made."""
    return {
        str(path.relative_to(data_dir)): path.read_bytes()
        for path in data_dir.rglob("*")
        if path.is_file() and path.relative_to(data_dir).parts[0] not in {"postgres", "last-backup"}
    }


def test_every_table_has_as_many_rows(original: Path, restored: Path) -> None:
    counts = row_counts(original)
    assert counts["emails"] > 40
    assert counts["procrastinate_jobs"] > 0
    assert row_counts(restored) == counts


def test_every_file_is_there_with_the_same_content(original: Path, restored: Path) -> None:
    before = files(original)
    assert "mail/support/new/waiting" in before
    assert any(name.startswith("storage/") for name in before)
    assert files(restored) == before
    assert all((restored / "mail" / "hello" / part).is_dir() for part in ("new", "cur", "tmp"))
    assert (restored / "secret.key").stat().st_mode & 0o777 == 0o600


def test_a_sealed_password_still_opens(restored: Path) -> None:
    assert secret(restored, "open") == "correct horse\n"


def test_folders_of_inboxes_follow_the_data_folder_and_others_stay(restored: Path) -> None:
    with EmbeddedPostgres(restored) as server, psycopg.connect(server.admin_url) as owner:
        folders = {
            tag: (maildir, outbox)
            for tag, maildir, outbox in owner.execute("SELECT tag, maildir_path, outbox_path FROM inboxes")
        }
    assert folders["Support"] == (str(restored / "mail" / "support"), str(restored / "outbox"))
    assert folders["Info"] == ("/srv/elsewhere", str(restored / "outbox"))


def test_the_restored_installation_is_in_order_and_its_application_role_sees_no_row_of_others(
    restored: Path,
) -> None:
    done = convergio("check", "--data-dir", restored)
    assert "ok       migrations:" in done.stdout
    assert "ok       keys:        All stored secrets open (1)." in done.stdout
    assert "row-level" not in done.stdout.lower()
    with EmbeddedPostgres(restored) as server, psycopg.connect(server.app_url) as application:
        assert application.execute("SELECT count(*) FROM emails").fetchone() == (0,)


def test_a_backup_kept_in_the_data_folder_does_not_contain_itself(original: Path) -> None:
    inside = original / "backup.tar"
    try:
        assert convergio("db", "backup", "--data-dir", original, inside).returncode == 0
        with tarfile.open(inside) as archive:
            names = archive.getnames()
    finally:
        inside.unlink()
    assert len(names) == len(set(names))
    assert not [name for name in names if "backup" in name or "postgres" in name]


def test_a_restore_over_an_installation_with_content_is_refused(folder: Path, restored: Path) -> None:
    before = os.stat(restored / "secret.key").st_mtime_ns
    done = convergio("db", "restore", "--data-dir", restored, folder / "backup.tar")
    assert done.returncode == 1
    assert done.stderr.startswith("convergio: The database is not empty")
    assert os.stat(restored / "secret.key").st_mtime_ns == before
