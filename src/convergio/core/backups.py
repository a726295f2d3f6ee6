"""One file with everything of an installation: the database, the stored files and the key of the stored secrets.

The database comes first. Files are written before the rows that name them are committed, so every file that the
dumped rows name is there by then.
"""

import os
import shutil
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

import psycopg

from convergio.core.faults import PlatformFault, storage_fault
from convergio.core.pg_binaries import PostgresBinaries
from convergio.core.pg_tools import dump_database, restore_database

_DUMP = "database.dump"
_FILES = "files"
# The server's own files: their content is in the dump.
_LEFT_OUT = ("postgres", "postgres.location")


def write_backup(
    admin_url: str, data_dir: Path, target: Path, *, binaries: PostgresBinaries | None = None
) -> None:
    """Write `target` (a tar, readable by its owner only, for it holds secrets); an existing file is refused."""
    if target.exists():
        raise PlatformFault(f"{target} exists already: name another file.")
    draft = target.with_name(f".{target.name}.partial")
    try:
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            dump = Path(folder) / _DUMP
            dump_database(admin_url, dump, binaries=binaries)
            with (
                open(draft, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file,
                tarfile.open(fileobj=file, mode="w") as archive,
            ):
                archive.add(dump, _DUMP)
                _add_files(archive, data_dir)
        draft.rename(target)
    except OSError as error:
        raise storage_fault(error, target.parent) from error
    finally:
        draft.unlink(missing_ok=True)


def restore_backup(
    admin_url: str, data_dir: Path, source: Path, *, binaries: PostgresBinaries | None = None
) -> None:
    """Fill an empty database and data folder from `write_backup`'s file."""
    _require_empty(admin_url)
    try:
        with tarfile.open(source) as archive, tempfile.TemporaryDirectory(dir=data_dir) as folder:
            dump = Path(folder) / _DUMP
            _write_member(archive, archive.getmember(_DUMP), dump)
            _extract_files(archive, data_dir)
            restore_database(admin_url, dump, binaries=binaries)
    except (tarfile.TarError, KeyError) as error:
        raise PlatformFault(f"{source} is not a backup of Convergio, or it is cut short.") from error


def _require_empty(admin_url: str) -> None:
    with psycopg.connect(admin_url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()"
        ).fetchone()
    if row is None or row[0]:
        raise PlatformFault(
            "The database is not empty, and a backup is restored into an empty one: name another --data-dir or "
            "DATABASE_URL."
        )


def _add_files(archive: tarfile.TarFile, data_dir: Path) -> None:
    for path in sorted(data_dir.iterdir()):
        if path.name not in _LEFT_OUT:
            archive.add(path, f"{_FILES}/{path.name}", filter=_plain)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return member if member.isreg() or member.isdir() else None


def _extract_files(archive: tarfile.TarFile, data_dir: Path) -> None:
    for member in archive:
        name = PurePosixPath(member.name)
        if name.parts[:1] != (_FILES,) or ".." in name.parts or len(name.parts) < 2:
            continue
        target = data_dir.joinpath(*name.parts[1:])
        if member.isdir():
            target.mkdir(parents=True, exist_ok=True)
        elif member.isreg():
            target.parent.mkdir(parents=True, exist_ok=True)
            _write_member(archive, member, target)


def _write_member(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    content = archive.extractfile(member)
    if content is None:
        raise KeyError(member.name)
    target.unlink(missing_ok=True)
    with open(target, "xb", opener=lambda name, flags: os.open(name, flags, member.mode & 0o777)) as file:
        shutil.copyfileobj(content, file)
