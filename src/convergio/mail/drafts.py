"""Drafts of people, kept on the server while they write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
from psycopg.types.json import Jsonb

from convergio.accounts.actor import Actor
from convergio.core import sql
from convergio.core.errors import NotFound, TooLarge
from convergio.mail.attachments import AttachmentReference

MOST_CHARACTERS = 1_000_000


class SavedDraft(msgspec.Struct, frozen=True):
    """A draft as it was saved; `recipients` holds the address lists to, cc and bcc as typed."""

    id: int
    thread_id: int | None
    inbox_id: int | None
    recipients: dict[str, str]
    subject: str
    body_html: str
    attachments: list[dict[str, object]]
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftFields:
    """What is written so far; nothing of it has to be complete. Address lists are kept as typed."""

    to: str = ""
    cc: str = ""
    bcc: str = ""
    subject: str = ""
    body_html: str = ""
    attachments: Sequence[AttachmentReference] = field(default_factory=tuple)


def save_draft(
    actor: Actor,
    fields: DraftFields,
    *,
    draft_id: int | None = None,
    thread_id: int | None = None,
    inbox_id: int | None = None,
) -> int:
    """Keep what the actor is writing, under its id or as a new draft. Raises NotFound, TooLarge."""
    if len(fields.body_html) > MOST_CHARACTERS:
        raise TooLarge("text_too_large", f"The text may have {MOST_CHARACTERS:,} characters at most.")
    _require_visible(actor, "email_threads", thread_id, "conversation")
    _require_visible(actor, "inboxes", inbox_id, "inbox")
    parameters = {
        "id": draft_id,
        "workspace": actor.workspace_id,
        "user": actor.require_user(),
        "thread": thread_id,
        "inbox": inbox_id,
        "recipients": Jsonb({"to": fields.to, "cc": fields.cc, "bcc": fields.bcc}),
        "subject": fields.subject,
        "body": fields.body_html,
        "attachments": Jsonb([msgspec.structs.asdict(one) for one in fields.attachments]),
    }
    saved: int | None = sql.fetch_value(_INSERT_DRAFT if draft_id is None else _UPDATE_DRAFT, parameters)
    if saved is None:
        raise NotFound("draft")
    return saved


_INSERT_DRAFT = """
INSERT INTO email_drafts (workspace_id, user_id, thread_id, inbox_id, recipients, subject, body_html, attachments)
VALUES (%(workspace)s, %(user)s, %(thread)s, %(inbox)s, %(recipients)s, %(subject)s, %(body)s, %(attachments)s)
RETURNING id
"""
_UPDATE_DRAFT = """
UPDATE email_drafts SET thread_id = %(thread)s, inbox_id = %(inbox)s, recipients = %(recipients)s,
  subject = %(subject)s, body_html = %(body)s, attachments = %(attachments)s, updated_at = now()
WHERE id = %(id)s AND workspace_id = %(workspace)s AND user_id = %(user)s
RETURNING id
"""


def _require_visible(actor: Actor, table: str, row_id: int | None, what: str) -> None:
    """Foreign keys do not know of row-level security: an id of another workspace would be taken."""
    statement = f"SELECT 1 FROM {table} WHERE id = %s AND workspace_id = %s"
    if row_id is not None and sql.fetch_value(statement, [row_id, actor.workspace_id]) is None:
        raise NotFound(what)


def delete_draft(actor: Actor, draft_id: int) -> None:
    """Forget a draft of the actor. Raises NotFound."""
    gone = sql.execute(
        "DELETE FROM email_drafts WHERE id = %s AND workspace_id = %s AND user_id = %s",
        [draft_id, actor.workspace_id, actor.require_user()],
    )
    if not gone:
        raise NotFound("draft")


def list_drafts(actor: Actor) -> list[SavedDraft]:
    """The actor's drafts, the latest first."""
    return sql.fetch_all(
        SavedDraft,
        """SELECT id, thread_id, inbox_id, recipients, subject, body_html, attachments, updated_at FROM email_drafts
           WHERE workspace_id = %s AND user_id = %s ORDER BY updated_at DESC, id DESC""",
        [actor.workspace_id, actor.require_user()],
    )
