"""One file with everything of an installation: the database, the stored files and the key of the stored secrets.

Files are written before the rows that name them are committed, so with the database dumped before the files, every
file that the dumped rows name is there. What waits to be taken into the database goes the other way round: copied
before the dump, it is in one of both.
"""

import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import psycopg

from convergio.core.faults import PlatformFault, storage_fault
from convergio.core.pg_binaries import PostgresBinaries
from convergio.core.pg_tools import dump_database, restore_database

_DUMP = "database.dump"
_MANIFEST = "manifest.json"
_FILES = "files"
# The server's own files: their content is in the dump.
_LEFT_OUT = ("postgres", "postgres.location")


def write_backup(
    admin_url: str,
    data_dir: Path,
    target: Path,
    *,
    waiting: Sequence[str] = (),
    binaries: PostgresBinaries | None = None,
) -> None:
    """Write `target` (a tar, readable by its owner only, for it holds secrets); an existing file is refused.

    `waiting` names the folders of `data_dir` whose files are on their way into the database.
    """
    if target.exists():
        raise PlatformFault(f"{target} exists already: name another file.")
    if not target.parent.is_dir():
        raise PlatformFault(f"There is no folder {target.parent}: make it, or name another file.")
    draft = target.with_name(f".{target.name}.partial")
    try:
        with (
            tempfile.TemporaryDirectory(dir=target.parent) as folder,
            open(draft, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file,
            tarfile.open(fileobj=file, mode="w") as archive,
        ):
            ours = [draft, target, Path(folder), *(data_dir / name for name in _LEFT_OUT)]
            manifest, dump = Path(folder) / _MANIFEST, Path(folder) / _DUMP
            manifest.write_text(json.dumps({"data_dir": str(data_dir)}), encoding="utf-8")
            archive.add(manifest, _MANIFEST)
            for name in waiting:
                _add(archive, data_dir, data_dir / name, skip=ours)
            dump_database(admin_url, dump, binaries=binaries)
            archive.add(dump, _DUMP)
            skip = [*ours, *(data_dir / name for name in waiting)]
            for path in sorted(data_dir.iterdir()):
                _add(archive, data_dir, path, skip=skip)
        draft.rename(target)
    except OSError as error:
        raise storage_fault(error, target.parent) from error
    finally:
        draft.unlink(missing_ok=True)


def restore_backup(
    admin_url: str, data_dir: Path, source: Path, *, binaries: PostgresBinaries | None = None
) -> Path:
    """Fill an empty database and data folder from `write_backup`'s file; the answer is the data folder of then."""
    _require_empty(admin_url)
    try:
        with tarfile.open(source) as archive, tempfile.TemporaryDirectory(dir=data_dir) as folder:
            dump = Path(folder) / _DUMP
            _write_member(archive, archive.getmember(_MANIFEST), Path(folder) / _MANIFEST)
            _write_member(archive, archive.getmember(_DUMP), dump)
            _extract_files(archive, data_dir)
            restore_database(admin_url, dump, binaries=binaries)
            manifest = json.loads((Path(folder) / _MANIFEST).read_text(encoding="utf-8"))
            return Path(manifest["data_dir"])
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


def _add(archive: tarfile.TarFile, data_dir: Path, path: Path, *, skip: Sequence[Path]) -> None:
    """Add a file, or a folder with all that is in it; what goes away meanwhile was not meant to stay."""
    if path in skip or path.is_symlink() or not (path.is_file() or path.is_dir()):
        return
    try:
        archive.add(path, f"{_FILES}/{path.relative_to(data_dir)}", recursive=False)
        inside = sorted(path.iterdir()) if path.is_dir() else []
    except FileNotFoundError:
        return
    for one in inside:
        _add(archive, data_dir, one, skip=skip)


def _extract_files(archive: tarfile.TarFile, data_dir: Path) -> None:
    for member in archive:
        name = PurePosixPath(member.name)
        if name.parts[:1] != (_FILES,) or ".." in name.parts or len(name.parts) < 2:
            continue
        target = data_dir.joinpath(*name.parts[1:])
        if member.isdir():
            target.mkdir(parents=True, exist_ok=True, mode=member.mode & 0o777)
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
