"""`convergio web`: the website and the API, served by granian."""

import argparse
import logging
import multiprocessing
import os
import signal
from collections.abc import Callable
from typing import Any

from convergio.commands.workplace import add_data_dir, open_workplace
from convergio.core.ports import require_free_port
from convergio.core.processes import die_with_parent

DEFAULT_PORT = 3001
# An open event stream holds its thread, and there is about one for every open browser.
_THREADS = 64
# Within the supervisor's patience: granian waits for open event streams unless it is told not to.
_KILL_SECONDS = 2


def configure(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=run)
    add_data_dir(parser)
    add_address(parser)


def add_address(parser: argparse.ArgumentParser) -> None:
    """The options that say where to listen and how wide."""
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=port_number, default=DEFAULT_PORT, metavar="N", help="the port (default: %(default)s)"
    )
    parser.add_argument(
        "--workers", type=int, default=2, metavar="N", help="web processes to run (default: %(default)s)"
    )


def port_number(text: str) -> int:
    """An argument type for argparse."""
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"“{text}” is not a port, which is a number from 1 to 65535")
    return int(text)


def public_url(options: argparse.Namespace) -> str:
    """The address that people open, unless CONVERGIO_PUBLIC_URL says otherwise."""
    host = f"[{options.host}]" if ":" in options.host else options.host
    return os.environ.get("CONVERGIO_PUBLIC_URL") or f"http://{host}:{options.port}"


def run(options: argparse.Namespace) -> int:
    require_free_port(options.host, options.port)
    with open_workplace(options):
        os.environ["CONVERGIO_PUBLIC_URL"] = public_url(options)
        os.environ.setdefault("CONVERGIO_DATABASE_POOL", "true")
        _serve(options)
    return 0


def _serve(options: argparse.Namespace) -> None:
    from granian import Granian  # noqa: PLC0415 - a heavy import that no other command needs
    from granian.constants import Interfaces  # noqa: PLC0415
    from granian.log import LogLevels  # noqa: PLC0415

    server = Granian(
        "convergio.site.wsgi:application",
        address=options.host,
        port=options.port,
        interface=Interfaces.WSGI,
        workers=options.workers,
        blocking_threads=_THREADS,
        log_level=LogLevels.warning,
        workers_kill_timeout=_KILL_SECONDS,
        respawn_failed_workers=True,
    )
    logging.getLogger("_granian").addFilter(_is_news)
    # Loaded before the workers are forked, the code is in memory once for all of them.
    _application()
    server.serve(target_loader=_load_application)


def _is_news(record: logging.LogRecord) -> bool:
    """Granian wonders about the many threads at every start; they are meant, see _THREADS."""
    return "Python threads" not in record.getMessage()


def _load_application(_target: str) -> Callable[..., Any]:
    """Runs in each of granian's workers, which would outlive a killed main process without a death signal."""
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid is not None:
        die_with_parent(signal.SIGKILL, parent.pid)
    return _application()


def _application() -> Callable[..., Any]:
    from convergio.site.wsgi import application  # noqa: PLC0415 - sets Django up, which reads the environment

    return application
