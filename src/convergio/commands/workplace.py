"""Which database and data folder a command works with.

The rule, in this order: a `--data-dir` that holds an embedded database (or is to hold one, for `demo`) means that
one; `DATABASE_URL` means that server; otherwise the data folder's embedded database is made or started. What is
found is written into the environment, which Django's settings and every child process read.
"""

import argparse
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from convergio.core.embedded_pg import EmbeddedPostgres
from convergio.core.environment import Environment
from convergio.core.faults import storage_fault
from convergio.core.pg_binaries import PostgresBinaries
from convergio.core.pg_check import require_usable_database
from convergio.core.pg_home import make_folder


@dataclass(frozen=True)
class Workplace:
    """The data folder and, unless DATABASE_URL names another server, its embedded database."""

    data_dir: Path
    postgres: EmbeddedPostgres | None

    @property
    def admin_url(self) -> str:
        """The owner's address."""
        return os.environ["DATABASE_ADMIN_URL"]

    @property
    def app_url(self) -> str:
        """The application's address."""
        return os.environ["DATABASE_URL"]

    @property
    def direct_url(self) -> str:
        """The application's address past any connection pooler: for LISTEN, session locks and the queue."""
        return Environment().secret("DATABASE_DIRECT_URL", self.app_url)

    @property
    def app_role(self) -> str:
        """The role that the application connects as."""
        return str(conninfo_to_dict(self.app_url).get("user", ""))

    @property
    def binaries(self) -> PostgresBinaries | None:
        """The embedded server's own programs; None when the server is another's."""
        return self.postgres.binaries if self.postgres is not None else None

    def become_owner(self) -> None:
        """Have Django, when it starts in this process, connect as the owner."""
        os.environ["DATABASE_URL"] = self.admin_url


def add_data_dir(parser: argparse.ArgumentParser) -> None:
    """The option that every command with a database takes."""
    parser.add_argument(
        "--data-dir",
        type=Path,
        metavar="D",
        help="the folder of stored files and of the embedded database (default: CONVERGIO_DATA_DIR, "
        "else ~/.local/share/convergio); beside a running demo or up it joins that database",
    )


@contextmanager
def open_workplace(options: argparse.Namespace, *, always_embedded: bool = False) -> Iterator[Workplace]:
    """Start, join or check the database of `options.data_dir` and point the environment at it."""
    data_dir = Path(os.path.abspath(options.data_dir or default_data_dir()))
    os.environ["CONVERGIO_DATA_DIR"] = str(data_dir)
    os.environ["DJANGO_SETTINGS_MODULE"] = "convergio.settings"
    external = Environment().secret("DATABASE_URL")
    if external and not always_embedded and not (options.data_dir and _holds_database(data_dir)):
        yield _external(data_dir, external)
        return
    postgres = EmbeddedPostgres(data_dir)
    with postgres:
        _point_environment_at(postgres)
        yield Workplace(data_dir, postgres)


def default_data_dir() -> Path:
    """CONVERGIO_DATA_DIR, else the folder for such data of this user (XDG Base Directory Specification)."""
    data_home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(os.environ.get("CONVERGIO_DATA_DIR") or Path(data_home) / "convergio")


def _holds_database(data_dir: Path) -> bool:
    return (data_dir / "postgres").exists() or (data_dir / "postgres.location").exists()


def _external(data_dir: Path, url: str) -> Workplace:
    admin_url = Environment().secret("DATABASE_ADMIN_URL", url)
    require_usable_database(url)
    if admin_url != url:
        require_usable_database(admin_url, variable="DATABASE_ADMIN_URL")
    make_folder(data_dir, private=True)
    _set_address("DATABASE_URL", url)
    _set_address("DATABASE_ADMIN_URL", admin_url)
    return Workplace(data_dir, None)


def _point_environment_at(postgres: EmbeddedPostgres) -> None:
    _set_address("DATABASE_URL", postgres.app_url)
    _set_address("DATABASE_DIRECT_URL", postgres.app_url)
    _set_address("DATABASE_ADMIN_URL", postgres.admin_url)
    if not Environment().secret("CONVERGIO_SECRET_KEY"):
        os.environ["CONVERGIO_SECRET_KEY_FILE"] = str(_secret_key_file(postgres.data_dir))


def _set_address(variable: str, url: str) -> None:
    """A file named by VARIABLE_FILE would win over what is set here, so it is read once and then left out."""
    os.environ.pop(f"{variable}_FILE", None)
    os.environ[variable] = url


def _secret_key_file(data_dir: Path) -> Path:
    """The key that opens this folder's stored secrets, made once."""
    path = data_dir / "secret.key"
    if path.is_file():
        return path
    draft = data_dir / f".secret.key.{os.getpid()}"
    try:
        with open(
            draft, "x", encoding="ascii", opener=lambda name, flags: os.open(name, flags, 0o600)
        ) as file:
            file.write(secrets.token_urlsafe(48) + "\n")
        # Unlike a rename, a link never replaces the key that another process made in the meantime.
        os.link(draft, path)
    except FileExistsError:
        pass
    except OSError as error:
        raise storage_fault(error, data_dir) from error
    finally:
        draft.unlink(missing_ok=True)
    return path
