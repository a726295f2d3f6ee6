"""What is wrong with the machine or the set-up ends in one sentence that says what to do, never in a traceback."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from convergio.core.embedded_pg import EmbeddedPostgres
from convergio.core.pg_home import locate_home
from tests.core.test_pg_check import server_of_version
from tests.support.commands import convergio, free_port
from tests.support.postgres import reachable_folder

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a small disk")


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    """A small disk of its own on `folder`."""
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", os.fspath(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine lets nobody mount a small disk")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def start_demo(data_dir: Path) -> subprocess.CompletedProcess[str]:
    return convergio("demo", "--no-browser", "--port", str(free_port()), "--data-dir", data_dir)


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    """The one line on standard error."""
    assert done.stderr.startswith("convergio: ")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stdout
    return done.stderr


def test_a_port_in_use_stops_the_demo_before_anything_is_made(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        done = convergio("demo", "--no-browser", "--port", str(port), "--data-dir", tmp_path / "demo")
    assert f"Port {port} on 127.0.0.1 is already in use: stop the program that holds it" in sentence(done)
    assert not (tmp_path / "demo").exists()


def test_a_data_folder_that_cannot_be_written() -> None:
    # Nobody makes folders in /sys, not even root.
    done = start_demo(Path("/sys/convergio-demo"))
    assert "The data folder /sys/convergio-demo cannot be written to: make it writable" in sentence(done)


@AS_ROOT
def test_a_data_folder_on_a_read_only_disk() -> None:
    with reachable_folder() as folder, mounted(folder, "size=1m,ro,mode=0711"):
        done = start_demo(folder / "demo")
    assert "cannot be written to: make it writable" in sentence(done)


# Full before the cluster is made, and while its tables are.
@AS_ROOT
@pytest.mark.parametrize("megabytes", [12, 40])
def test_a_full_disk(megabytes: int) -> None:
    with reachable_folder() as folder, mounted(folder, f"size={megabytes}m,mode=0711"):
        done = start_demo(folder / "demo")
    assert done.returncode == 1
    assert "full: free some space" in sentence(done)


@AS_ROOT
def test_a_disk_that_fills_up_during_an_import_loses_nothing_and_the_import_goes_on_with_more_room(
    tmp_path: Path,
) -> None:
    letter = b"From a@else.example Tue Nov 24 09:00:00 2026\nMessage-ID: <%d@else.example>\n\n%s\n\n"
    with (tmp_path / "large.mbox").open("wb") as mbox:
        for number in range(400):
            mbox.write(letter % (number, os.urandom(48 * 1024).hex().encode()))
    with reachable_folder() as folder, mounted(folder, "size=72m,mode=0711"):
        data_dir = folder / "demo"
        assert convergio("migrate", "--data-dir", data_dir).returncode == 0
        assert convergio("seed-demo", "--data-dir", data_dir).returncode == 0
        mail = ("import", "--inbox", "hello", "--data-dir", data_dir, tmp_path / "large.mbox")
        assert "full: free some space" in sentence(convergio(*mail))
        # Without room for its log the server does not even start.
        shutil.rmtree(data_dir / "outbox")
        subprocess.run(["mount", "-o", "remount,size=400m", folder], check=True)
        done = convergio(*mail)
    assert done.returncode == 0, done.stderr  # where it takes long, it shows its progress there
    assert done.stdout.startswith("400 read, ")
    assert done.stdout.endswith(" 0 stored with a parse error\n")


@pytest.mark.parametrize("command", ["up", "import"])
def test_a_server_older_than_15(command: str, tmp_path: Path) -> None:
    more = ["--inbox", "hello", "/dev/null"] if command == "import" else ["--port", str(free_port())]
    with server_of_version("14.12") as port:
        url = f"postgresql://someone@127.0.0.1:{port}/mail?sslmode=disable&gssencmode=disable"
        done = convergio(command, *more, DATABASE_URL=url, CONVERGIO_SECRET_KEY="k" * 40)
    assert done.returncode == 78
    assert "PostgreSQL 14 at DATABASE_URL (127.0.0.1, database mail) is too old" in sentence(done)


def test_a_stale_pid_file_does_not_keep_it_from_starting() -> None:
    with reachable_folder() as folder:
        data_dir = folder / "data"
        assert convergio("migrate", "--data-dir", data_dir).returncode == 0
        cluster = locate_home(data_dir).cluster
        # A pid that is in use, by somebody else.
        (cluster / "postmaster.pid").write_text(
            f"{os.getppid()}\n{cluster}\n1700000000\n5432\n\n\n\nready   \n"
        )
        done = convergio("check", "--data-dir", data_dir)
    assert done.stderr == ""
    assert "ok       database:" in done.stdout


def test_a_database_url_without_a_secret_key() -> None:
    done = convergio("migrate", DATABASE_URL="postgresql://someone@127.0.0.1:1/mail")
    assert done.returncode == 78
    assert "does not open: Connection refused." in sentence(done)


@pytest.mark.parametrize("command", ["up", "migrate", "check"])
def test_a_role_that_may_neither_make_nor_read_the_tables(command: str) -> None:
    """DATABASE_URL of the application alone, where another role owns the database."""
    with reachable_folder() as folder, EmbeddedPostgres(folder / "data", durable=False) as server:
        assert convergio("migrate", "--data-dir", server.data_dir).returncode == 0
        with psycopg.connect(server.admin_url, autocommit=True) as owner:
            owner.execute("CREATE ROLE stranger LOGIN")
        url = server.app_url.replace("//convergio_app@", "//stranger@")
        port = ["--port", str(free_port())] if command == "up" else []
        done = convergio(command, *port, DATABASE_URL=url, CONVERGIO_SECRET_KEY="k" * 40)
    assert done.returncode == (1 if command == "check" else 78)
    assert "The database refuses our role (permission denied for" in sentence(done)
    assert "name the owner of the database in DATABASE_ADMIN_URL" in done.stderr


def test_a_damaged_note_of_the_demo(tmp_path: Path) -> None:
    with reachable_folder() as folder:
        (folder / "demo").mkdir(mode=0o711)
        (folder / "demo" / "demo.json").write_text("{")
        done = start_demo(folder / "demo")
    assert "demo.json is damaged: delete it, and the next start makes a new login." in sentence(done)
