"""Keeps a set of programs running: starts them, restarts what crashes, passes on what they print, stops them all.

Everything happens in the main thread, in one loop around a selector: the programs' death signals follow the thread
that starts them. Each program leads a process group of its own, so that a Ctrl+C at the terminal reaches only the
supervisor, and so that nothing a program started can outlive it.
"""

import contextlib
import os
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO

from convergio.core.faults import EXIT_CONFIGURATION
from convergio.core.processes import death_signal

# Receives a program's name and one line that it printed, without its line end.
Output = Callable[[str, str], None]

_FIRST_DELAY = 0.5
_LONGEST_DELAY = 30.0
# A program that ran this long was well: its next crash is a first one again.
_SETTLED_SECONDS = 60.0
_TURN_SECONDS = 0.25
_LONGEST_LINE = 1024 * 1024
# A pipe holds one of them; more would only come from a process that left its group and still writes.
_LAST_READS = 4


@dataclass(frozen=True, slots=True)
class Program:
    """One program to keep running; `env` is added to the supervisor's own environment."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Child:
    """A program with its running process, if any, and when to start it (monotonic seconds)."""

    program: Program
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_at: float | None = 0.0
    delay: float = _FIRST_DELAY
    is_renewed: bool = False
    unfinished_line: bytes = b""


class Supervisor:
    """Runs `programs` until SIGINT or SIGTERM.

    `output` takes their lines; `on_turn` is called a few times a second (and may raise PlatformFault, which stops
    everything); `stop_seconds` is how long programs may take over SIGTERM before they are killed.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        *,
        output: Output,
        on_turn: Callable[[], None] | None = None,
        stop_seconds: float = 3.0,
    ) -> None:
        self._children = [_Child(program) for program in programs]
        self._output = output
        self._on_turn = on_turn
        self._stop_seconds = stop_seconds
        self._selector = selectors.DefaultSelector()
        self._signals: set[int] = set()
        self._exit_code: int | None = None

    def run(self) -> int:
        """Keep the programs running; returns 0 after a signal, or 78 when a program says its set-up is wrong."""
        with self._signals_noticed():
            try:
                while self._exit_code is None:
                    self._start_what_is_due()
                    self._wait(_TURN_SECONDS)
                    self._take_signals()
                    self._collect()
                    if self._on_turn is not None and self._exit_code is None:
                        self._on_turn()
            finally:
                self._stop_all()
        return self._exit_code

    def restart(self) -> None:
        """Start every program anew: what runs is asked to end first, what waits after a crash starts at once."""
        for child in self._children:
            child.delay = _FIRST_DELAY
            if child.process is None:
                child.start_at = time.monotonic()
            else:
                child.is_renewed = True
                _send(child, signal.SIGTERM)

    @contextlib.contextmanager
    def _signals_noticed(self) -> Iterator[None]:
        """Have the interesting signals wake the selector through a socket (signal.set_wakeup_fd)."""
        receiver, sender = socket.socketpair()
        receiver.setblocking(False)
        sender.setblocking(False)
        self._selector.register(receiver, selectors.EVENT_READ)
        numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGCHLD]
        # nohup(1) means: stay when the terminal goes.
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            numbers.append(signal.SIGHUP)
        before = {number: signal.signal(number, self._notice) for number in numbers}
        wakeup = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._selector.close()
            receiver.close()
            sender.close()

    def _notice(self, number: int, _frame: object) -> None:
        self._signals.add(number)

    def _take_signals(self) -> None:
        if self._signals & {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}:
            self._exit_code = 0
        self._signals.clear()

    def _start_what_is_due(self) -> None:
        now = time.monotonic()
        for child in self._children:
            if child.start_at is not None and child.start_at <= now:
                self._start(child, now)

    def _start(self, child: _Child, now: float) -> None:
        child.start_at, child.started_at = None, now
        process = subprocess.Popen(
            list(child.program.argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=os.environ | dict(child.program.env),
            process_group=0,
            # The kernel's own message, which no handler can miss: SIGKILL of the supervisor leaves nothing behind.
            preexec_fn=death_signal(signal.SIGKILL),  # noqa: PLW1509 - this process has one thread
        )
        child.process = process
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        self._selector.register(process.stdout, selectors.EVENT_READ, child)

    def _wait(self, seconds: float) -> None:
        """Sleep until a line, a signal, a due start or the time is up; pass lines on."""
        due = [child.start_at for child in self._children if child.start_at is not None]
        if due:
            seconds = max(0.0, min(seconds, min(due) - time.monotonic()))
        for key, _ in self._selector.select(seconds):
            if isinstance(key.data, _Child):
                self._read(key.data, key.fileobj)  # type: ignore[arg-type]  # what _start registered
            else:
                with contextlib.suppress(BlockingIOError):
                    key.fileobj.recv(4096)  # type: ignore[union-attr]  # the signals' socket

    def _read(self, child: _Child, pipe: IO[bytes]) -> None:
        try:
            data = os.read(pipe.fileno(), 65536)
        except BlockingIOError:
            return
        if not data:
            self._forget(child, pipe)
            return
        *lines, rest = (child.unfinished_line + data).split(b"\n")
        child.unfinished_line = rest if len(rest) < _LONGEST_LINE else b""
        for line in lines:
            self._output(child.program.name, line.decode(errors="replace"))

    def _forget(self, child: _Child, pipe: IO[bytes]) -> None:
        self._selector.unregister(pipe)
        pipe.close()
        if child.unfinished_line:
            self._output(child.program.name, child.unfinished_line.decode(errors="replace"))
            child.unfinished_line = b""

    def _collect(self) -> None:
        """Notice the programs that ended and decide when each starts again."""
        for child in self._children:
            if child.process is None or child.process.poll() is None:
                continue
            code = child.process.returncode
            self._clean_up(child)
            if code == EXIT_CONFIGURATION:
                self._exit_code = code
                continue
            now = time.monotonic()
            if child.is_renewed:
                child.is_renewed, child.start_at = False, now
                continue
            if now - child.started_at > _SETTLED_SECONDS:
                child.delay = _FIRST_DELAY
            child.start_at = now + child.delay
            self._output(child.program.name, f"{_ending(code)}; starting again in {child.delay:g} s")
            child.delay = min(child.delay * 2, _LONGEST_DELAY)

    def _clean_up(self, child: _Child) -> None:
        """Kill what is left of the program's group and pass on its last lines."""
        process = child.process
        assert process is not None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        pipe = process.stdout
        assert pipe is not None
        for _ in range(_LAST_READS):
            if pipe.closed or not _has_data(pipe):
                break
            self._read(child, pipe)
        if not pipe.closed:
            self._forget(child, pipe)
        child.process = None

    def _stop_all(self) -> None:
        """SIGTERM to every program at once, SIGKILL to what is left when the time is up or Ctrl+C comes again."""
        running = [child for child in self._children if child.process is not None]
        for child in running:
            child.start_at = None
            _send(child, signal.SIGTERM)
        for child in self._children:
            child.start_at = None
        deadline = time.monotonic() + self._stop_seconds
        while any(_is_alive(child) for child in running) and signal.SIGINT not in self._signals:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            self._wait(min(left, 0.1))
        for child in running:
            _send(child, signal.SIGKILL)
            if child.process is not None:
                child.process.wait()
            self._clean_up(child)


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended with code {code}"
    return f"ended by {signal.Signals(-code).name}"


def _has_data(pipe: IO[bytes]) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        return bool(selector.select(0))


def _is_alive(child: _Child) -> bool:
    return child.process is not None and child.process.poll() is None


def _send(child: _Child, signum: signal.Signals) -> None:
    if child.process is not None and child.process.poll() is None:
        child.process.send_signal(signum)
