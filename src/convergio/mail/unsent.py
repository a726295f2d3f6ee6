"""What a person does about outgoing mail that has not arrived: takes it back, tries it again, says that it was sent."""

from __future__ import annotations

from typing import Any

import msgspec

from convergio.accounts.actor import Actor
from convergio.accounts.permissions import require
from convergio.core import clock, events, sql
from convergio.core.errors import Conflict, NotFound
from convergio.mail.actions import undo_send
from convergio.mail.attachments import AttachmentReference
from convergio.mail.drafts import DraftFields, save_draft
from convergio.mail.interrupted import settle_uncertain


class NotUnsent(Conflict):
    """Somebody (or the server's own look into Sent) has decided meanwhile."""

    def __init__(self) -> None:
        super().__init__("not_unsent", "This mail is not waiting for a decision any more.")


class _Letter(msgspec.Struct):
    message_id: str
    outbox_key: str | None
    thread_id: int
    inbox_id: int
    recipients: dict[str, list[dict[str, str]]]
    subject: str
    body_text: str
    body_html: str | None
    in_reply_to: str
    attachments: list[dict[str, Any]]


_LETTER = """
SELECT email.message_id, email.outbox_key, email.thread_id, delivery.inbox_id, email.recipients, email.subject,
  email.body_text, email.body_html, email.in_reply_to, email.attachments
FROM emails AS email JOIN email_deliveries AS delivery ON delivery.email_id = email.id
WHERE email.id = %s AND email.workspace_id = %s ORDER BY delivery.id LIMIT 1
"""


class TakenBack(msgspec.Struct, frozen=True):
    """Where the person goes on: at the draft that the mail is again, in its conversation unless it began one."""

    thread_id: int | None
    draft_id: int | None


def take_back(actor: Actor, email_id: int) -> TakenBack:
    """Undo a sending. What a person wrote becomes a draft of theirs again and is no mail any more; an approved draft
    of the machine waits for a decision again. Raises NotFound, TooLateToUndo.
    """
    letter = sql.fetch_one(_Letter, _LETTER, [email_id, actor.workspace_id])
    if letter is None:
        raise NotFound("email")
    undo_send(actor, email_id)
    if not (letter.outbox_key or "").startswith("compose:"):
        return TakenBack(letter.thread_id, None)
    thread_id = letter.thread_id if letter.in_reply_to else None
    draft_id = save_draft(actor, _fields(actor, letter), thread_id=thread_id, inbox_id=letter.inbox_id)
    for statement in _FORGET:
        sql.execute(
            statement, {"email": email_id, "thread": letter.thread_id, "message_id": letter.message_id}
        )
    return TakenBack(thread_id, draft_id)


# The conversation goes with its only mail; foreign keys are checked at the end of each statement.
_FORGET = (
    "DELETE FROM thread_references WHERE thread_id = %(thread)s AND message_id = %(message_id)s",
    "DELETE FROM email_deliveries WHERE email_id = %(email)s",
    "DELETE FROM emails WHERE id = %(email)s",
    """DELETE FROM thread_inboxes WHERE thread_id = %(thread)s
         AND NOT EXISTS (SELECT FROM emails WHERE thread_id = %(thread)s)""",
    "DELETE FROM email_threads WHERE id = %(thread)s AND NOT EXISTS (SELECT FROM emails WHERE thread_id = %(thread)s)",
)


def _fields(actor: Actor, letter: _Letter) -> DraftFields:
    to, cc, bcc = (_typed(letter.recipients.get(name, [])) for name in ("to", "cc", "bcc"))
    return DraftFields(
        to=to,
        cc=cc,
        bcc=bcc,
        subject=letter.subject,
        body_html=letter.body_html or _as_html(letter.body_text),
        attachments=_stored(actor, letter.attachments),
    )


def _typed(people: list[dict[str, str]]) -> str:
    return ", ".join(f"{one['name']} <{one['address']}>" if one["name"] else one["address"] for one in people)


def _as_html(text: str) -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"<div>{escaped.rstrip().replace(chr(10), '<br>')}</div>"


def _stored(actor: Actor, attachments: list[dict[str, Any]]) -> list[AttachmentReference]:
    ids = dict(
        sql.fetch_rows(
            "SELECT sha256, id FROM stored_files WHERE workspace_id = %s AND sha256 = ANY(%s)",
            [actor.workspace_id, [one["sha256"] for one in attachments]],
        )
    )
    return [
        AttachmentReference(ids[one["sha256"]], one["filename"])
        for one in attachments
        if one["sha256"] in ids
    ]


def retry_email(actor: Actor, email_id: int) -> None:
    """Queue a failed mail again, under its own Message-ID. Raises NotUnsent."""
    require(actor, "emails.send")
    changed = sql.execute(
        """UPDATE emails SET delivery_state = 'queued', attempts = 0, last_error = '', send_after = %s
           WHERE id = %s AND workspace_id = %s AND delivery_state = 'failed'""",
        [clock.now(), email_id, actor.workspace_id],
    )
    if not changed:
        raise NotUnsent
    sql.execute(
        "UPDATE auto_replies SET status = 'approved' WHERE sent_email_id = %s AND status = 'failed'",
        [email_id],
    )
    events.announce("email.queued", workspace_id=actor.workspace_id, ids=[email_id])


def settle_email(actor: Actor, email_id: int, *, was_sent: bool) -> None:
    """Note an uncertain mail as sent, or queue it once more. Raises NotUnsent."""
    require(actor, "emails.send")
    if not settle_uncertain(actor.workspace_id, email_id, was_sent=was_sent):
        raise NotUnsent
