"""Which folders of this machine an inbox of kind `maildir` may use when a person names them.

Whoever sets the folder reads every file in it, so it lies directly below the installation's own mail folder; that no
two inboxes of any workspace share one is the database's rule (inboxes_maildir_once).
"""

from __future__ import annotations

import re
from pathlib import Path

from django.conf import settings

from convergio.core.errors import InvalidInput

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def maildir_folder(given: str, tag: str) -> str:
    """The folder to take mail from: as given, or named after the tag. Raises InvalidInput."""
    folder = _folder_in(settings.DATA_DIR / "mail", given or _named_after(tag), "maildir_path")
    if folder is None:
        raise _outside("maildir_path", settings.DATA_DIR / "mail")
    return str(folder)


def outbox_folder(given: str) -> str:
    """The folder to send into: the installation's outbox, or one directly below it. Raises InvalidInput."""
    root = settings.DATA_DIR / "outbox"
    if not given or Path(given) == root:
        return str(root)
    folder = _folder_in(root, given, "outbox_path")
    if folder is None:
        raise _outside("outbox_path", root)
    return str(folder)


def make_folders(maildir: str, outbox: str) -> None:
    """Make what is missing of a maildir and an outbox, so that mail can come and go at once. Raises InvalidInput."""
    try:
        for folder in (*(Path(maildir, part) for part in ("new", "cur", "tmp")), Path(outbox)):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        reason = (error.strerror or "it failed").lower()
        raise InvalidInput(
            "folder_unusable", f"The folder {folder} cannot be made: {reason}.", field="maildir_path"
        ) from error


def _folder_in(root: Path, given: str, field: str) -> Path | None:
    """`given` is a bare name or an absolute path; symbolic links are followed before it is judged."""
    if "\0" in given:
        raise _outside(field, root)
    folder = root / given  # an absolute path replaces the root
    if folder.parent != root or not _NAME.fullmatch(folder.name):
        return None
    resolved = folder.resolve()
    return folder if resolved.parent == root.resolve() and resolved.name == folder.name else None


def _named_after(tag: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", tag.lower()).strip("-") or "inbox"


def _outside(field: str, root: Path) -> InvalidInput:
    return InvalidInput(
        "folder_not_allowed",
        f"Name a folder directly below {root}, with letters, digits, dots and dashes.",
        field=field,
    )
