"""The supervisor, with real processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from convergio.core.processes import is_running

# A supervisor of its own: `sys.argv[1]` is the folder that the programs write their pids to, the rest their code.
# Tests may run below nohup(1), which the supervisor obeys: SIGHUP gets its usual meaning back first.
_SUPERVISOR = """
import signal, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from convergio.core.supervisor import Program, Supervisor
programs = [
    Program(f"p{number}", [sys.executable, "-u", "-c", code, sys.argv[1]], {"GREETING": "hello"})
    for number, code in enumerate(sys.argv[2:])
]
sys.exit(Supervisor(programs, output=lambda name, line: print(name, line, flush=True), stop_seconds=1).run())
"""
_NOTE_PID = "import os, sys, time, pathlib; (pathlib.Path(sys.argv[1]) / f'{os.getpid()}.pid').touch(); "
_SLEEPER = _NOTE_PID + "time.sleep(60)"
_DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + _SLEEPER
_CRASHER = _NOTE_PID + "sys.exit(3)"
_MISCONFIGURED = _NOTE_PID + "print('No database there: correct DATABASE_URL.'); sys.exit(78)"
# As granian does: a main process with a worker that asks for its own death signal.
_PARENT = (
    "import os, signal; from convergio.core.processes import die_with_parent; main = os.getpid(); pid = os.fork(); "
    "pid or die_with_parent(signal.SIGKILL, main); " + _SLEEPER
)


class Run:
    """A running supervisor and the pids of everything below it."""

    def __init__(self, folder: Path, *programs: str, code: str = _SUPERVISOR) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, folder, *programs], stdout=subprocess.PIPE, text=True
        )

    def pids(self) -> list[int]:
        return sorted(int(file.stem) for file in self.folder.glob("*.pid"))

    def wait_for_pids(self, count: int) -> list[int]:
        wait_until(lambda: len(self.pids()) >= count)
        return self.pids()

    def end(self, signum: signal.Signals) -> tuple[int, str, float]:
        """Send the signal; the exit code, everything printed and the seconds it took."""
        begin = time.monotonic()
        self.process.send_signal(signum)
        printed, _ = self.process.communicate(timeout=20)
        return self.process.returncode, printed, time.monotonic() - begin


def wait_until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def all_gone(pids: list[int]) -> bool:
    return not any(is_running(pid) for pid in pids)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_every_program(tmp_path: Path, signum: signal.Signals) -> None:
    run = Run(tmp_path, _SLEEPER, _SLEEPER)
    pids = run.wait_for_pids(2)
    code, _, seconds = run.end(signum)
    assert code == 0
    assert all_gone(pids)
    assert seconds < 5


def test_a_program_deaf_to_sigterm_is_killed_within_five_seconds(tmp_path: Path) -> None:
    run = Run(tmp_path, _DEAF, _SLEEPER)
    pids = run.wait_for_pids(2)
    code, _, seconds = run.end(signal.SIGTERM)
    assert (code, all_gone(pids)) == (0, True)
    assert 1 <= seconds < 5


def test_kill_9_of_the_supervisor_leaves_no_child_and_no_grandchild(tmp_path: Path) -> None:
    run = Run(tmp_path, _SLEEPER, _DEAF, _PARENT)
    pids = run.wait_for_pids(4)
    run.end(signal.SIGKILL)
    wait_until(lambda: all_gone(pids), seconds=3)


def test_what_a_program_left_behind_goes_with_it(tmp_path: Path) -> None:
    orphaning = "import os; os.fork(); " + _SLEEPER
    run = Run(tmp_path, orphaning)
    pids = run.wait_for_pids(2)
    run.end(signal.SIGTERM)
    assert all_gone(pids)


def test_a_crashed_program_is_started_again_with_growing_pauses(tmp_path: Path) -> None:
    run = Run(tmp_path, _CRASHER, _SLEEPER)
    run.wait_for_pids(4)
    _, printed, _ = run.end(signal.SIGTERM)
    assert "p0 ended with code 3; starting again in 0.5 s" in printed
    assert "p0 ended with code 3; starting again in 1 s" in printed
    assert "p1 ended" not in printed


def test_a_program_killed_by_hand_is_started_again(tmp_path: Path) -> None:
    run = Run(tmp_path, _SLEEPER)
    (pid,) = run.wait_for_pids(1)
    os.kill(pid, signal.SIGKILL)
    run.wait_for_pids(2)
    _, printed, _ = run.end(signal.SIGINT)
    assert "p0 ended by SIGKILL; starting again in 0.5 s" in printed


def test_a_program_with_a_wrong_setup_stops_everything_and_says_why(tmp_path: Path) -> None:
    run = Run(tmp_path, _MISCONFIGURED, _SLEEPER)
    printed, _ = run.process.communicate(timeout=20)
    assert run.process.returncode == 78
    assert "p0 No database there: correct DATABASE_URL." in printed
    assert all_gone(run.pids())


def test_lines_come_with_the_name_of_their_program_and_none_is_lost(tmp_path: Path) -> None:
    talker = (
        _NOTE_PID + "print(*range(5000), sep='\\n'); sys.stderr.write(os.environ['GREETING']); sys.exit(1)"
    )
    run = Run(tmp_path, talker)
    wait_until(lambda: bool(run.pids()))
    time.sleep(0.3)
    _, printed, _ = run.end(signal.SIGTERM)
    lines = printed.splitlines()
    assert [line for line in lines if line.removeprefix("p0 ").isdigit()][:5000] == [
        f"p0 {n}" for n in range(5000)
    ]
    assert "p0 hello" in lines


def test_a_restart_starts_every_program_anew_at_once(tmp_path: Path) -> None:
    """SIGUSR1 asks this supervisor for it; a crash before does not make anybody wait."""
    restarting = _SUPERVISOR.replace("sys.exit(Supervisor(", "supervisor = Supervisor(").replace(
        "stop_seconds=1).run())",
        "stop_seconds=1)\nsignal.signal(signal.SIGUSR1, lambda *_: supervisor.restart())\nsys.exit(supervisor.run())",
    )
    run = Run(tmp_path, _SLEEPER, _SLEEPER, code=restarting)
    first = run.wait_for_pids(2)
    begin = time.monotonic()
    run.process.send_signal(signal.SIGUSR1)
    both = run.wait_for_pids(4)
    assert time.monotonic() - begin < 2
    wait_until(lambda: all_gone(first))
    code, printed, _ = run.end(signal.SIGTERM)
    assert (code, "starting again in" in printed) == (0, False)
    assert all_gone(both)
