"""The `convergio` command: reads the command line, runs one command, and puts every fault in one sentence."""

import argparse
import errno
import importlib
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from convergio import __version__
from convergio.commands import COMMANDS, Command
from convergio.core.environment import SettingError
from convergio.core.errors import AppError
from convergio.core.faults import EXIT_CONFIGURATION, ConfigurationFault, PlatformFault, storage_fault

_EXIT_USAGE = 2
_DISK_FULL = "The disk is full: free some space and run this again."
_DISK_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)


class SentenceParser(argparse.ArgumentParser):
    """An argument parser whose complaint is one sentence, without the usage in front of it."""

    def error(self, message: str) -> NoReturn:
        self.exit(_EXIT_USAGE, f"convergio: {message.rstrip('.')}; see “{self.prog} --help”.\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command named by `arguments` (default: the process's) and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = _parse(given)
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # The reader of our output has left (`| head`); Python would complain once more at its exit.
        sys.stderr.close()
        return 128 + signal.SIGPIPE
    except (PlatformFault, SettingError, AppError, OSError) as fault:
        print(f"convergio: {_sentence(fault)}", file=sys.stderr)
        return _exit_code(options, fault)
    except Exception as fault:
        known = _database_fault(fault)
        if known is None:
            raise
        print(f"convergio: {known}", file=sys.stderr)
        return _exit_code(options, known)
    return code


def _parse(given: list[str]) -> argparse.Namespace:
    """Only the named command's module is imported: `convergio --help` answers at once."""
    parser = SentenceParser(prog="convergio", description="Your mail, tasks and replies in one place.")
    parser.add_argument("--version", action="version", version=f"convergio {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    chosen = next((word for word in given if not word.startswith("-")), None)
    for name, summary in COMMANDS.items():
        # Without `help` argparse leaves the command out of its list.
        command = commands.add_parser(name, help=summary) if summary else commands.add_parser(name)
        command.description = summary
        if name == chosen:
            module: Command = importlib.import_module(COMMANDS.module(name))
            module.configure(command)
    return parser.parse_args(given)


def _sentence(fault: Exception) -> str:
    if isinstance(fault, OSError) and fault.filename is not None:
        if fault.errno in _DISK_FAULTS:
            return str(storage_fault(fault, Path(fault.filename)))
        return f"{fault.filename}: {fault.strerror}."
    if isinstance(fault, OSError) and fault.errno in (errno.ENOSPC, errno.EDQUOT):
        return _DISK_FULL
    return str(fault)


def _database_fault(fault: Exception) -> PlatformFault | None:
    """What is wrong with the database's machine or our rights there; None for our own mistakes.

    The error may come as it is or wrapped by Django.
    """
    import psycopg  # noqa: PLC0415 - loaded already when it is one of its errors

    cause = fault if isinstance(fault, psycopg.Error) else fault.__cause__
    if not isinstance(cause, psycopg.OperationalError | psycopg.errors.InsufficientPrivilege):
        return None
    lines = str(cause).strip().splitlines()
    reason = lines[0].rstrip(".") if lines else "no answer"
    if isinstance(cause, psycopg.errors.InsufficientPrivilege):
        return ConfigurationFault(
            f"The database refuses our role ({reason}): name the owner of the database in DATABASE_ADMIN_URL "
            "and run convergio migrate, which gives the role of DATABASE_URL its rights."
        )
    if isinstance(cause, psycopg.errors.DiskFull) or "No space left on device" in str(cause):
        return PlatformFault(_DISK_FULL)
    return PlatformFault(f"The database gave up ({reason}): see its log.")


def _exit_code(options: argparse.Namespace, fault: Exception) -> int:
    """The command's own code for every fault (`fault_code` among its defaults), or the fault's."""
    if hasattr(options, "fault_code"):
        return int(options.fault_code)
    if isinstance(fault, PlatformFault):
        return fault.exit_code
    return EXIT_CONFIGURATION if isinstance(fault, SettingError) else 1
