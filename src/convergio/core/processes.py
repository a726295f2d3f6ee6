"""What the kernel knows of processes: death signals and states (Linux, see prctl(2) and proc(5))."""

import ctypes
import os
import signal
from collections.abc import Callable
from pathlib import Path

_PR_SET_PDEATHSIG = 1
# Loaded here and not between fork and exec, where only async-signal-safe work is allowed.
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(signum: signal.Signals, parent_pid: int) -> None:
    """Ask the kernel to send `signum` to this process when the parent's thread that started it ends.

    The signal follows the *thread* that forked, so start such processes from the main thread only. A parent that
    was gone before the request is noticed by its pid, and answered the same way.
    """
    _libc.prctl(_PR_SET_PDEATHSIG, int(signum), 0, 0, 0)
    if os.getppid() != parent_pid:
        os.kill(os.getpid(), signum)


def death_signal(signum: signal.Signals) -> Callable[[], None]:
    """A `preexec_fn` for Popen: the child gets `signum` when this process dies, even by SIGKILL.

    Popen runs it after its change of user, which would clear the signal.
    """
    parent_pid = os.getpid()
    return lambda: die_with_parent(signum, parent_pid)


def process_state(pid: int) -> str | None:
    """The one-letter state of proc(5) (R, S, D, Z, ...), or None when there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The command name in parentheses may itself hold spaces and parentheses.
    return stat.rpartition(")")[2].split()[0]


def is_running(pid: int) -> bool:
    """Whether the process exists and is more than an entry that nobody has collected (a zombie)."""
    return process_state(pid) not in (None, "Z", "X")
