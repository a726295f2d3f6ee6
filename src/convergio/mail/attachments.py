"""Files of messages: kept when they are uploaded, looked up when they are sent, opened when they are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from convergio.accounts.actor import Actor
from convergio.accounts.reach import whole_workspace
from convergio.core import sql
from convergio.core.errors import InvalidInput, NotFound, TooLarge
from convergio.core.storage import storage
from convergio.mail.file_types import OCTETS, file_type

MOST_BYTES = 25 * 1024 * 1024
MOST_FILES = 50
_LONGEST_NAME = 255


class StoredAttachment(msgspec.Struct, frozen=True):
    """An uploaded file; `id` names it when a mail is sent. `size` is in bytes."""

    id: int
    filename: str
    content_type: str
    size: int
    sha256: str


class AttachmentReference(msgspec.Struct, frozen=True):
    """An uploaded file as the sender of a mail names it; the name it was uploaded under is not kept."""

    id: int
    filename: str = "attachment"


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A file of a message with its content. `content_type` is what the message says of it."""

    filename: str
    content_type: str
    content: bytes


def store_attachment(actor: Actor, *, filename: str, content: bytes) -> StoredAttachment:
    """Keep an uploaded file. Raises TooLarge, InvalidInput for an empty one."""
    if len(content) > MOST_BYTES:
        raise TooLarge("attachment_too_large", f"A file may have {MOST_BYTES // 1024 // 1024} MB at most.")
    if not content:
        raise InvalidInput("empty_attachment", "This file is empty; choose another one.")
    name = clean_filename(filename)
    sha256 = storage().put(content)
    owners = Jsonb([] if actor.inbox_ids is None else [actor.api_key_id])
    with whole_workspace(actor):
        file_id: int = sql.fetch_value(
            """INSERT INTO stored_files AS file (workspace_id, sha256, size, key_ids) VALUES (%s, %s, %s, %s)
               ON CONFLICT (workspace_id, sha256) DO UPDATE SET key_ids =
                 CASE WHEN file.key_ids @> excluded.key_ids THEN file.key_ids ELSE file.key_ids || excluded.key_ids END
               RETURNING id""",
            [actor.workspace_id, sha256, len(content), owners],
        )
    return StoredAttachment(file_id, name, file_type(content, name), len(content), sha256)


def clean_filename(filename: str) -> str:
    """The last part of a path, without control characters."""
    name = filename.replace("\\", "/").rpartition("/")[2]
    return (
        "".join(character for character in name if character.isprintable())[-_LONGEST_NAME:].strip()
        or "attachment"
    )


def attachment_entries(actor: Actor, wanted: Sequence[AttachmentReference]) -> list[dict[str, Any]]:
    """Entries for `emails.attachments`. Only files of the actor's workspace are found: raises NotFound, TooLarge."""
    if not wanted:
        return []
    if len(wanted) > MOST_FILES:
        raise TooLarge("too_many_attachments", f"A mail takes {MOST_FILES} files at most.")
    rows = sql.fetch_rows(
        "SELECT id, sha256, size FROM stored_files WHERE workspace_id = %s AND id = ANY(%s)",
        [actor.workspace_id, [one.id for one in wanted]],
    )
    known = {file_id: (sha256, size) for file_id, sha256, size in rows}
    if any(one.id not in known for one in wanted):
        raise NotFound("attachment")
    if sum(known[one.id][1] for one in wanted) > MOST_BYTES:
        raise TooLarge(
            "attachments_too_large", f"All files together may have {MOST_BYTES // 1024 // 1024} MB."
        )
    return [_entry(clean_filename(one.filename), *known[one.id]) for one in wanted]


def _entry(filename: str, sha256: str, size: int) -> dict[str, Any]:
    content_type = file_type(storage().read(sha256), filename)
    return {
        "filename": filename,
        "content_type": content_type,
        "size": size,
        "sha256": sha256,
        "content_id": None,
        "inline": False,
    }


def open_attachment(actor: Actor, email_id: int, number: int) -> OpenedFile:
    """The file at this place of the message's list, from 0. Raises NotFound."""
    entry: dict[str, Any] | None = sql.fetch_value(
        "SELECT attachments->%s::int FROM emails WHERE id = %s AND workspace_id = %s",
        [number, email_id, actor.workspace_id],
    )
    if entry is None or number < 0:
        raise NotFound("attachment")
    try:
        content = storage().read(entry["sha256"])
    except FileNotFoundError:
        raise NotFound("attachment") from None
    return OpenedFile(entry["filename"] or "attachment", entry["content_type"] or OCTETS, content)
