"""One postmaster process: making its cluster, starting it, waiting for it and stopping it."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from convergio.core.faults import ConfigurationFault, PlatformFault, storage_fault
from convergio.core.pg_binaries import PostgresBinaries
from convergio.core.pg_home import ClusterHome
from convergio.core.pg_settings import ADMIN_ROLE
from convergio.core.processes import death_signal, is_running

# Recovery after a crash replays up to max_wal_size, which a slow disk takes its time over.
_START_SECONDS = 300.0
_ORPHAN_SECONDS = 10.0
_LARGEST_LOG = 8 * 1024 * 1024


@dataclass
class PostgresServer:
    """The server of one home. `start` and `stop` are the only way its process comes and goes."""

    home: ClusterHome
    binaries: PostgresBinaries
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def log(self) -> Path:
        return self.home.folder / "postgres.log"

    def make_cluster(self, *, durable: bool) -> None:
        """Run initdb once; a run that was cut short leaves nothing that a later one takes for a cluster."""
        if (self.home.cluster / "PG_VERSION").is_file():
            self._require_same_major()
            return
        draft = self.home.folder / "cluster.new"
        try:
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(mode=0o700)
            self.home.user.own(draft)
        except OSError as error:
            raise storage_fault(error, self.home.folder) from error
        done = subprocess.run(
            self._initdb_arguments(draft, durable=durable),
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env=_environment(),
            user=self.home.user.uid,
            group=self.home.user.gid,
            extra_groups=None if self.home.user.uid is None else [],
        )
        if done.returncode != 0:
            shutil.rmtree(draft, ignore_errors=True)
            raise self._fault("be created", done.stderr)
        draft.rename(self.home.cluster)

    def start(self, configuration: Path) -> None:
        """Start the postmaster from the main thread (its death signal follows the thread) and wait until ready."""
        self._clear_stale_pid()
        self._rotate_log()
        with self.log.open("ab") as log:
            begin = log.tell()
            self.process = subprocess.Popen(
                [
                    self.binaries.program("postgres"),
                    "-D",
                    self.home.cluster,
                    "-c",
                    f"config_file={configuration}",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=_environment(),
                user=self.home.user.uid,
                group=self.home.user.gid,
                extra_groups=None if self.home.user.uid is None else [],
                # A Ctrl+C at the terminal is ours to handle: programs that use the database stop before it does.
                start_new_session=True,
                # Killed with us, it writes nothing more (a last checkpoint could take long); the next start replays
                # its log, as after a power cut.
                preexec_fn=death_signal(signal.SIGQUIT),  # noqa: PLW1509 - the caller has no other thread that forks
            )
        self._wait_until_ready(begin)

    def stop(self) -> None:
        """Fast shutdown, then immediate, then SIGKILL; returns when the process is gone."""
        if self.process is None:
            return
        for signum, seconds in ((signal.SIGINT, 3.0), (signal.SIGQUIT, 1.0), (signal.SIGKILL, 5.0)):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.send_signal(signum)
                self.process.wait(timeout=seconds)
                break
        self.process = None

    def is_running(self) -> bool:
        """Whether the process that `start` made is still there."""
        return self.process is not None and self.process.poll() is None

    def is_ready(self) -> bool:
        """Whether a server, ours or another supervisor's, says that it takes connections."""
        lines = self._pid_lines()
        # The eighth line of postmaster.pid is its state, padded (miscadmin.h, LOCK_FILE_LINE_PM_STATUS).
        return len(lines) >= 8 and lines[7].strip() == "ready" and is_running(int(lines[0]))

    def _require_same_major(self) -> None:
        made_by = (self.home.cluster / "PG_VERSION").read_text(encoding="ascii").strip()
        if made_by != str(self.binaries.major):
            raise ConfigurationFault(
                f"The database in {self.home.cluster} was made by PostgreSQL {made_by} and this is "
                f"{self.binaries.major}: back it up with the release that made it, then restore it here."
            )

    def _initdb_arguments(self, folder: Path, *, durable: bool) -> list[str]:
        arguments = [
            os.fspath(self.binaries.program("initdb")),
            f"--pgdata={folder}",
            f"--username={ADMIN_ROLE}",
            "--auth=peer",
            "--encoding=UTF8",
            "--no-instructions",
        ]
        if self.binaries.major >= 17:
            # Sorts and folds case the same on every machine, whatever its C library. The text search parser and
            # pg_trgm still ask LC_CTYPE what a letter is: with C there, curly quotes and dashes become words.
            arguments += ["--locale=C", "--lc-ctype=C.UTF-8"]
            arguments += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        else:
            arguments += ["--locale=C.UTF-8"]
        return arguments if durable else [*arguments, "--no-sync"]

    def _pid_lines(self) -> list[str]:
        try:
            return (self.home.cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except OSError:
            return []

    def _clear_stale_pid(self) -> None:
        """Wait for a server that a killed supervisor left behind; forget one that is gone.

        PostgreSQL looks only at whether the pid exists, so a zombie or a stranger that got the number later would
        keep it from starting for good.
        """
        lines = self._pid_lines()
        if not lines:
            return
        self.end_orphan()
        (self.home.cluster / "postmaster.pid").unlink(missing_ok=True)

    def _is_our_postmaster(self, pid: int) -> bool:
        if not is_running(pid):
            return False
        try:
            return Path(f"/proc/{pid}/cwd").resolve(strict=True) == self.home.cluster.resolve()
        except OSError:
            return False

    def end_orphan(self) -> None:
        """Stop a postmaster of this cluster that is not our child, waiting for its own shutdown first."""
        lines = self._pid_lines()
        pid = int(lines[0]) if lines else 0
        if not pid or not self._is_our_postmaster(pid):
            return
        for signum in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signum)
            deadline = time.monotonic() + _ORPHAN_SECONDS / 2
            while self._is_our_postmaster(pid) and time.monotonic() < deadline:
                time.sleep(0.02)
            if not self._is_our_postmaster(pid):
                return

    def _rotate_log(self) -> None:
        if self.log.is_file() and self.log.stat().st_size > _LARGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.1"))

    def _wait_until_ready(self, begin: int) -> None:
        assert self.process is not None
        deadline = time.monotonic() + _START_SECONDS
        while not (self.is_ready() and self._pid_lines()[0] == str(self.process.pid)):
            if self.process.poll() is not None:
                raise self._fault("start", self._log_since(begin))
            if time.monotonic() > deadline:
                self.stop()
                raise PlatformFault(f"The embedded PostgreSQL did not become ready: see {self.log}.")
            time.sleep(0.01)

    def _log_since(self, begin: int) -> str:
        with self.log.open("rb") as log:
            log.seek(begin)
            return log.read().decode(errors="replace")

    def _fault(self, verb: str, output: str) -> PlatformFault:
        """The sentence for a program of PostgreSQL that failed with `output`."""
        if "No space left on device" in output:
            return PlatformFault(
                f"The disk that holds {self.home.folder} is full: free some space and start again."
            )
        complaints = [line for line in output.splitlines() if "FATAL:" in line or "error:" in line]
        reason = (complaints or output.strip().splitlines() or ["no reason given"])[-1]
        for marker in ("FATAL:", "error:"):
            reason = reason.rpartition(marker)[2].strip()
        return PlatformFault(f"The embedded PostgreSQL could not {verb} in {self.home.folder}: {reason}.")


def _environment() -> dict[str, str]:
    """Nothing of ours: PGDATA, PGOPTIONS or LD_PRELOAD of the caller's shell must not steer the server."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
