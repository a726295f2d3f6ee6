"""The database's structure as one SQL file per domain, for people to read."""

import re
from collections.abc import Mapping
from pathlib import Path

# pg_dump announces each object with a comment of three lines.
_ENTRY = re.compile(
    r"^--\n-- Name: (?P<name>[^;]+); Type: (?P<type>[^;]+); Schema: [^\n]*\n--\n", re.MULTILINE
)
_TABLE = re.compile(r"\bpublic\.(\w+)")
_HEAD = "-- Written by `make schema` from the migrations; see the comments on tables and columns.\n"
# The job queue's and the framework's own objects.
_OF_PACKAGES = re.compile(r"\b(?:procrastinate|django|auth)_")
_ADDED = "added"


def split_schema(dump: str, owners: Mapping[str, str]) -> dict[str, str]:
    """File name to content, out of pg_dump's text.

    `owners` maps tables to their domains. Other tables and objects of no table (extensions, functions) go to
    added.sql; what the job queue and the framework make for themselves is left out.
    """
    files: dict[str, list[str]] = {}
    entries = list(_ENTRY.finditer(dump))
    ends = [entry.start() for entry in entries[1:]] + [len(dump)]
    for entry, end in zip(entries, ends, strict=True):
        body = dump[entry.end() : end]
        if _OF_PACKAGES.search(entry["name"]) or "public.procrastinate" in body:
            continue
        if statement := _statement(body):
            files.setdefault(_domain(entry["type"], statement, owners), []).append(statement)
    return {
        f"{domain}.sql": _HEAD + "\n" + "\n\n".join(parts) + "\n" for domain, parts in sorted(files.items())
    }


def write_schema(folder: Path, files: Mapping[str, str]) -> None:
    """Write the files and remove those of domains that are no more."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.sql"):
        if old.name not in files:
            old.unlink()
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")


def differing_files(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Names of the files that are missing from the folder, too many in it, or other than `files` says."""
    found = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.sql")}
    return sorted(name for name in {*found, *files} if found.get(name) != files.get(name))


def _statement(body: str) -> str:
    """The entry's SQL without pg_dump's session settings and closing words."""
    lines = body.split("\n--\n-- PostgreSQL database dump complete")[0].splitlines()
    return "\n".join(
        line for line in lines if not line.startswith(("SET ", "\\", "SELECT pg_catalog"))
    ).strip()


def _domain(kind: str, statement: str, owners: Mapping[str, str]) -> str:
    if kind in {"EXTENSION", "FUNCTION", "SCHEMA", "TYPE", "VIEW"}:
        return _ADDED
    return next((owners[name] for name in _TABLE.findall(statement) if name in owners), _ADDED)
