"""Web, worker and mailwatch under one supervisor: what `up` and `demo` share."""

import argparse
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import convergio
from convergio.commands.code_watch import CodeWatch
from convergio.commands.workplace import Workplace
from convergio.core.embedded_pg import EmbeddedPostgres
from convergio.core.processes import death_signal
from convergio.core.supervisor import Program, Supervisor

_CONVERGIO = (sys.executable, "-m", "convergio")


def say(line: str) -> None:
    """One line of progress."""
    print(line, flush=True)


def run_step(*arguments: str) -> None:
    """Run one `convergio` command to its end; it says itself what went wrong, and its exit code is ours."""
    _run(arguments, stdout=None)


def ask_step(*arguments: str) -> str:
    """As `run_step`; the answer is what the command printed."""
    return _run(arguments, stdout=subprocess.PIPE).stdout


def _run(arguments: tuple[str, ...], *, stdout: int | None) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*_CONVERGIO, *arguments],
        check=False,
        stdout=stdout,
        text=True,
        preexec_fn=death_signal(signal.SIGTERM),
    )
    if done.returncode != 0:
        raise SystemExit(done.returncode)
    return done


def add_reload(parser: argparse.ArgumentParser) -> None:
    """The option for those who work on the code."""
    parser.add_argument("--reload", action="store_true", help="start again when the code changes")


def programs(options: argparse.Namespace) -> list[Program]:
    """The three roles, as commands that find their database in the environment."""
    address = ["--host", options.host, "--port", str(options.port), "--workers", str(options.workers)]
    return [
        Program("web", [*_CONVERGIO, "web", *address]),
        Program("worker", [*_CONVERGIO, "worker"]),
        Program("mailwatch", [*_CONVERGIO, "mailwatch"]),
    ]


def run_stack(workplace: Workplace, options: argparse.Namespace, *, on_ready: Callable[[], None]) -> int:
    """Keep everything running until a signal; `on_ready` is called once, when the website first answers."""
    watch = _Watch(workplace.postgres, f"http://{_local(options.host)}:{options.port}/api/health", on_ready)
    code = CodeWatch(Path(convergio.__file__).parent) if options.reload else None

    def turn() -> None:
        watch()
        if code is not None and code.has_changed():
            say("The code has changed: starting again")
            supervisor.restart()

    as_json = os.environ.get("CONVERGIO_LOG_FORMAT", "json") == "json"
    supervisor = Supervisor(programs(options), output=_print_json if as_json else _print_text, on_turn=turn)
    return supervisor.run()


class _Watch:
    """Looks after the database, and notices when the website is there."""

    def __init__(self, postgres: EmbeddedPostgres | None, url: str, on_ready: Callable[[], None]) -> None:
        self._postgres = postgres
        self._url = url
        self._on_ready: Callable[[], None] | None = on_ready

    def __call__(self) -> None:
        if self._postgres is not None:
            self._postgres.ensure_running()
        if self._on_ready is not None and self._answers():
            self._on_ready()
            self._on_ready = None

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(self._url, timeout=0.5).close()  # noqa: S310 - our own address
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True


def _local(host: str) -> str:
    """An address of this machine that reaches a server listening on `host`."""
    if host == "0.0.0.0":  # noqa: S104 - compared, not listened on
        return "127.0.0.1"
    return f"[{'::1' if host == '::' else host}]" if ":" in host else host


def _print_text(name: str, line: str) -> None:
    say(f"{name:<9} | {line}")


def _print_json(name: str, line: str) -> None:
    """Structured lines pass as they are; anything else (a traceback of Python's own) is wrapped."""
    say(
        line if line.startswith("{") else json.dumps({"event": "program.line", "program": name, "line": line})
    )
