"""Faults of the machine or its set-up (a full disk, a port in use), as opposed to faults of a request.

They end a command, so each carries the one sentence that its reader needs: what is wrong and what to do.
"""

import errno
from pathlib import Path

# sysexits.h EX_CONFIG: a supervisor must not restart a program that ends with it, for it would fail the same way.
EXIT_CONFIGURATION = 78


class PlatformFault(Exception):
    """One sentence for the person who started the command; `exit_code` is the command's."""

    exit_code = 1


class ConfigurationFault(PlatformFault):
    """The set-up is wrong and stays wrong until a person changes it."""

    exit_code = EXIT_CONFIGURATION


def storage_fault(error: OSError, folder: Path) -> PlatformFault:
    """The fault behind an OSError that was raised while writing below `folder`."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return PlatformFault(f"The disk that holds {folder} is full: free some space and start again.")
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return PlatformFault(
            f"The data folder {folder} cannot be written to: make it writable for this user, "
            "or name another with --data-dir."
        )
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return PlatformFault(f"{folder} is not a folder: name another with --data-dir.")
    return PlatformFault(f"The data folder {folder} cannot be used ({error.strerror}).")
