"""Where an embedded cluster lives, and as which system user its server runs.

PostgreSQL refuses to run as root. Started by root, the server runs as `nobody`; when that user cannot reach the
data folder (a 0700 parent, say), the cluster moves to /var/lib/convergio and the data folder names the place. The
permissions of folders that we did not make are never changed.
"""

import hashlib
import os
import pwd
import shutil
from dataclasses import dataclass
from pathlib import Path

from convergio.core.faults import ConfigurationFault, storage_fault

SHARED_ROOT = Path("/var/lib/convergio")
UNPRIVILEGED_USER = "nobody"
# sockaddr_un.sun_path holds 108 bytes with the closing zero (unix(7)).
_LONGEST_SOCKET_PATH = 107


@dataclass(frozen=True)
class ServerUser:
    """The system user of the server; `uid` and `gid` are None when it is the one that runs this program."""

    name: str
    uid: int | None = None
    gid: int | None = None

    def own(self, path: Path) -> None:
        """Hand `path` over to the server's user."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def can_reach(self, path: Path) -> bool:
        """Whether every folder above and including `path` lets this user through."""
        if self.uid is None:
            return True
        folders = [folder for folder in (path, *path.parents) if folder.is_dir()]
        return all(self._may_enter(folder) for folder in folders)

    def _may_enter(self, folder: Path) -> bool:
        status = folder.stat()
        if status.st_uid == self.uid:
            return bool(status.st_mode & 0o100)
        if status.st_gid == self.gid:
            return bool(status.st_mode & 0o010)
        return bool(status.st_mode & 0o001)


def current_user_name() -> str:
    """The name that PostgreSQL's peer authentication sees for this process."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError as error:
        raise ConfigurationFault(
            f"User id {os.geteuid()} has no name on this system, which the embedded PostgreSQL needs: "
            "add it to /etc/passwd, or set DATABASE_URL."
        ) from error


def server_user() -> ServerUser:
    """This process's user, or an unprivileged one when that is root."""
    if os.geteuid() != 0:
        return ServerUser(current_user_name())
    entry = pwd.getpwnam(UNPRIVILEGED_USER)
    return ServerUser(entry.pw_name, entry.pw_uid, entry.pw_gid)


@dataclass(frozen=True)
class ClusterHome:
    """The folder of one cluster, its server's socket and its configuration."""

    folder: Path
    user: ServerUser

    @property
    def cluster(self) -> Path:
        """PGDATA."""
        return self.folder / "cluster"

    @property
    def socket_folder(self) -> Path:
        """Inside the home, or below /tmp when that path is too long for a socket."""
        own = self.folder / "run"
        if len(os.fsencode(own / ".s.PGSQL.5432")) <= _LONGEST_SOCKET_PATH:
            return own
        # Not TMPDIR: every process must find the same place. `prepare` refuses a folder that somebody else made.
        return Path("/tmp") / f"convergio-{_digest(self.folder)}"  # noqa: S108

    def prepare(self) -> None:
        """Make the folders; raises PlatformFault when they cannot be made or belong to somebody else."""
        make_folder(self.folder, private=self.user.uid is None)
        sockets = self.socket_folder
        make_folder(sockets, private=True)
        owner = self.user.uid if self.user.uid is not None else os.geteuid()
        # lstat: a link that somebody left in /tmp under our name is not ours either.
        if sockets.is_symlink() or sockets.lstat().st_uid not in (owner, os.geteuid()):
            raise ConfigurationFault(f"{sockets} belongs to another user: remove it and start again.")
        self.user.own(sockets)

    def remove(self) -> None:
        """Delete the cluster and everything beside it."""
        shutil.rmtree(self.socket_folder, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def make_folder(folder: Path, *, private: bool) -> None:
    """Make `folder` with its parents: only for us, or passable (not listable) for the server's user too."""
    if folder.is_dir():
        return
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Another start may make it at the same moment; a file of that name still raises.
        folder.mkdir(mode=0o700 if private else 0o711, exist_ok=True)
    except OSError as error:
        raise storage_fault(error, folder) from error


def locate_home(data_dir: Path) -> ClusterHome:
    """The home that belongs to `data_dir`: where an earlier start put it, else where the server can reach it."""
    user = server_user()
    own = data_dir / "postgres"
    pointer = data_dir / "postgres.location"
    if pointer.is_file():
        return ClusterHome(Path(pointer.read_text(encoding="utf-8").strip()), user)
    if (own / "cluster").is_dir() or user.can_reach(own):
        return ClusterHome(own, user)
    make_folder(SHARED_ROOT, private=False)
    elsewhere = SHARED_ROOT / _digest(data_dir)
    pointer.write_text(f"{elsewhere}\n", encoding="utf-8")
    return ClusterHome(elsewhere, user)


def remove_home(data_dir: Path) -> None:
    """Delete the cluster of `data_dir`, wherever it lives, and the note of where that was."""
    locate_home(data_dir).remove()
    (data_dir / "postgres.location").unlink(missing_ok=True)


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:16]
