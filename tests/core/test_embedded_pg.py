"""The embedded PostgreSQL, with real servers in real folders."""

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from convergio.core.embedded_pg import EmbeddedPostgres, throwaway_postgres
from convergio.core.faults import PlatformFault
from convergio.core.pg_home import SHARED_ROOT, locate_home
from convergio.core.processes import is_running
from tests.support.postgres import chosen_binaries, reachable_folder, session_postgres

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as somebody else")
AS_USER = pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not hold root back")

_KEEPER = """
import sys, time
from pathlib import Path
from convergio.core.embedded_pg import EmbeddedPostgres
from tests.support.postgres import chosen_binaries
server = EmbeddedPostgres(Path(sys.argv[1]), binaries=chosen_binaries(), durable=False)
server.start()
print("ready", flush=True)
sys.stdin.read()
server.stop()
"""


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with reachable_folder() as folder:
        yield folder / "data"


@pytest.fixture(scope="module")
def shared_server() -> Iterator[EmbeddedPostgres]:
    with session_postgres() as running:
        yield running


@pytest.fixture
def server(shared_server: EmbeddedPostgres) -> EmbeddedPostgres:
    """A running server, started again if the test before has stopped it."""
    if not shared_server.running:
        shared_server.start()
    return shared_server


def unstarted(data_dir: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(data_dir, binaries=chosen_binaries(), durable=False)


def keeper(data_dir: Path) -> subprocess.Popen[str]:
    """Another process that owns the server of `data_dir` until its standard input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", _KEEPER, data_dir],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def finish(process: subprocess.Popen[str]) -> None:
    process.communicate(timeout=20)


def postmaster_pid(data_dir: Path) -> int:
    pid_file = locate_home(data_dir).cluster / "postmaster.pid"
    return int(pid_file.read_text(encoding="utf-8").splitlines()[0])


def ask(url: str, question: LiteralString) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(question).fetchone()
        assert row is not None
        return row[0]


def wait_until_gone(pid: int, seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while is_running(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.01)


def test_the_application_role_is_held_by_row_level_security(server: EmbeddedPostgres) -> None:
    about_me = "SELECT rolsuper OR rolbypassrls OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
    assert ask(server.app_url, about_me) is False
    assert ask(server.admin_url, about_me) is True


def test_roles_need_no_password_because_the_kernel_vouches_for_the_user(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir, binaries=chosen_binaries()) as durable:
        assert "password" not in durable.app_url
        methods = "SELECT array_agg(auth_method::text) FROM pg_hba_file_rules"
        assert ask(durable.admin_url, methods) == ["peer"]
        assert ask(durable.app_url, "SELECT current_user::text") == "convergio_app"
        with pytest.raises(psycopg.OperationalError, match=r"[Pp]eer authentication failed"):
            ask(durable.app_url.replace("convergio_app@", "postgres@"), "SELECT 1")


def test_the_server_listens_on_no_network_address(server: EmbeddedPostgres) -> None:
    assert ask(server.admin_url, "SHOW listen_addresses") == ""


@AS_ROOT
def test_another_system_user_cannot_come_in(server: EmbeddedPostgres) -> None:
    assert errno_of_connecting_as(2, locate_home(server.data_dir).socket_folder) == errno.EACCES
    assert errno_of_connecting_as(0, locate_home(server.data_dir).socket_folder) == 0


def errno_of_connecting_as(uid: int, socket_folder: Path) -> int:
    """What connect(2) answers in a process of that user."""
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
        with socket.socket(socket.AF_UNIX) as client:
            os._exit(client.connect_ex(os.fspath(socket_folder / ".s.PGSQL.5432")))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_curly_quotes_and_dashes_are_not_words(server: EmbeddedPostgres) -> None:
    words = ask(server.admin_url, "SELECT tsvector_to_array(to_tsvector('simple', '“Größe” — ÄPFEL…'))")
    assert words == ["größe", "äpfel"]


def test_what_was_written_is_there_after_a_restart(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.admin_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    server.stop()
    assert not server.running
    server.start()
    assert ask(server.admin_url, "SELECT number FROM kept") == 7


def test_a_second_process_joins_the_running_server(data_dir: Path) -> None:
    owner = keeper(data_dir)
    pid = postmaster_pid(data_dir)
    with unstarted(data_dir) as joined:
        assert joined.joined
        assert ask(joined.app_url, "SELECT 1") == 1
    assert is_running(pid)
    finish(owner)
    assert not is_running(pid)


def test_a_joined_process_takes_over_when_the_owner_ends(data_dir: Path) -> None:
    owner = keeper(data_dir)
    with unstarted(data_dir) as joined:
        finish(owner)
        joined.ensure_running()
        assert not joined.joined
        assert ask(joined.app_url, "SELECT 1") == 1


def test_two_starts_at_once_end_with_one_server(data_dir: Path) -> None:
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", _KEEPER, data_dir],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        for _ in range(2)
    ]
    assert [starter.stdout and starter.stdout.readline() for starter in starters] == ["ready\n", "ready\n"]
    for starter in starters:
        finish(starter)
    assert [starter.returncode for starter in starters] == [0, 0]


def test_a_server_that_crashed_is_brought_back(server: EmbeddedPostgres) -> None:
    pid = postmaster_pid(server.data_dir)
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while server.running and time.monotonic() < deadline:
        time.sleep(0.01)
    server.ensure_running()
    assert postmaster_pid(server.data_dir) != pid
    assert ask(server.app_url, "SELECT 1") == 1


def test_kill_9_of_the_owner_leaves_no_postmaster_and_the_next_start_recovers(data_dir: Path) -> None:
    owner = keeper(data_dir)
    pid = postmaster_pid(data_dir)
    owner.kill()
    # No wait for the old server here: that is the next start's own affair.
    with unstarted(data_dir) as recovered:
        assert not recovered.joined
        assert ask(recovered.app_url, "SELECT 1") == 1
        assert postmaster_pid(data_dir) != pid
    wait_until_gone(pid)
    finish(owner)


def test_a_pid_file_of_a_stranger_does_not_keep_it_from_starting(server: EmbeddedPostgres) -> None:
    server.stop()
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        write_stale_pid(server.data_dir, stranger.pid)
        server.start()
        assert ask(server.app_url, "SELECT 1") == 1
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_pid_file_of_a_zombie_does_not_keep_it_from_starting(server: EmbeddedPostgres) -> None:
    server.stop()
    zombie = subprocess.Popen(["true"])
    try:
        wait_until_gone(zombie.pid)
        write_stale_pid(server.data_dir, zombie.pid)
        server.start()
        assert ask(server.app_url, "SELECT 1") == 1
    finally:
        zombie.wait()


def write_stale_pid(data_dir: Path, pid: int) -> None:
    cluster = locate_home(data_dir).cluster
    (cluster / "postmaster.pid").write_text(
        f"{pid}\n{cluster}\n1700000000\n5432\n\n\n\nready   \n", encoding="ascii"
    )


def test_a_data_folder_with_a_long_path_has_its_socket_elsewhere() -> None:
    with reachable_folder() as folder:
        deep = folder / ("a-rather-long-name-" * 5) / "data"
        with throwaway_postgres(deep, binaries=chosen_binaries()) as server:
            assert ask(server.app_url, "SELECT 1") == 1
            assert locate_home(deep).socket_folder.parent == Path("/tmp")


@AS_ROOT
def test_root_with_a_private_parent_keeps_the_cluster_under_var_lib(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    data_dir = tmp_path / "data"
    with throwaway_postgres(data_dir, binaries=chosen_binaries()) as server:
        place = Path((data_dir / "postgres.location").read_text(encoding="utf-8").strip())
        assert place.parent == SHARED_ROOT
        assert ask(server.app_url, "SELECT 1") == 1
        assert tmp_path.stat().st_mode & 0o777 == 0o700
    assert not place.exists()
    assert list(data_dir.iterdir()) == []


@AS_ROOT
def test_programs_that_the_server_cannot_reach_are_copied(tmp_path: Path, data_dir: Path) -> None:
    server = unstarted(data_dir)
    private = server.binaries.copied_to(tmp_path)
    with throwaway_postgres(data_dir, binaries=private) as running:
        assert ask(running.app_url, "SELECT 1") == 1


def test_a_folder_that_cannot_be_written_is_named_in_one_sentence(tmp_path: Path) -> None:
    # Nobody makes folders in /sys, not even root; a user's own folder can be closed to its owner.
    if os.geteuid() == 0:
        refused = Path("/sys/convergio-data")
    else:
        tmp_path.chmod(0o500)
        refused = tmp_path / "data"
    with pytest.raises(PlatformFault) as fault:
        unstarted(refused).start()
    assert str(fault.value).startswith(f"The data folder {refused} cannot be written to")


@AS_ROOT
def test_a_full_disk_is_named_in_one_sentence() -> None:
    with reachable_folder() as folder, small_disk(folder), pytest.raises(PlatformFault) as fault:
        unstarted(folder / "data").start()
    assert "is full: free some space" in str(fault.value)


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """12 MB mounted on `folder`: enough for the folders, not for a cluster."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=12m,mode=0711", "tmpfs", os.fspath(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine lets nobody mount a small disk")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_cluster_of_another_release_is_refused_with_a_remedy(server: EmbeddedPostgres) -> None:
    server.stop()
    version = locate_home(server.data_dir).cluster / "PG_VERSION"
    before = version.read_text(encoding="ascii")
    version.write_text("14\n", encoding="ascii")
    with pytest.raises(PlatformFault, match="was made by PostgreSQL 14"):
        server.start()
    version.write_text(before, encoding="ascii")


def test_a_database_in_use_is_not_deleted(data_dir: Path) -> None:
    owner = keeper(data_dir)
    with pytest.raises(PlatformFault, match="is in use"):
        unstarted(data_dir).remove()
    finish(owner)
    unstarted(data_dir).remove()
    assert not (data_dir / "postgres").exists()
