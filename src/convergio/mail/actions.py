"""Writes that a person (or an inbox's auto mode) makes on mail."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from django.conf import settings

from convergio.accounts import activity
from convergio.accounts.actor import Actor
from convergio.accounts.reach import whole_workspace, writing
from convergio.core import events, sql
from convergio.core.errors import InvalidInput, NotFound
from convergio.mail.errors import ReplyAlreadyDecided, TooLateToUndo
from convergio.mail.ingest.summaries import refresh_threads
from convergio.mail.outbox import Letter, queue_letter, undo_letter, undo_window
from convergio.mail.outgoing import Address, is_mail_address
from convergio.mail.parsing.subjects import reply_subject


class _Answerable(msgspec.Struct):
    status: str
    inbox_id: int
    reply_text: str
    newest_email_id: int
    subject: str
    from_name: str
    from_address: str
    return_path: str | None
    reply_to: list[dict[str, str]]


_CLAIM = """
UPDATE auto_replies SET status = 'approved', reviewed_by_id = %(by)s, reviewed_at = now(), updated_at = now(),
  reply_text = COALESCE(%(text)s, reply_text), reply_html = COALESCE(%(html)s, reply_html)
WHERE id = %(reply)s AND status = 'drafted'
"""
# The answer goes to the newest message of the question, so that it stands below it in every mail program. A person may
# also approve an answer to mail that a machine must not answer by itself.
_ANSWERABLE = """
SELECT reply.status, reply.inbox_id, reply.reply_text, newest.id, newest.subject, newest.from_name,
       newest.from_address, newest.return_path, COALESCE(newest.recipients->'reply_to', '[]')
FROM auto_replies AS reply
JOIN LATERAL (
  SELECT * FROM emails WHERE thread_id = reply.thread_id AND direction = 'inbound'
  ORDER BY reply_allowed DESC, received_at DESC, id DESC LIMIT 1
) AS newest ON true
WHERE reply.id = %s
"""


def send_reply(actor: Actor, reply_id: int, *, text: str | None = None, html: str | None = None) -> int:
    """Approve a draft, perhaps with edited text, and queue it; the answer is the outbound email's id.

    Deciding is one conditional UPDATE, so two people (or a person and a machine) send it once. Raises NotFound,
    ReplyAlreadyDecided, InvalidInput for an empty text.
    """
    if text is not None and not text.strip():
        raise InvalidInput("empty_reply", "The reply has no text; write one, or reject the draft.")
    with writing(actor, "draft", [reply_id]):
        claimed = sql.execute(_CLAIM, {"reply": reply_id, "by": actor.user_id, "text": text, "html": html})
    found = sql.fetch_one(_Answerable, _ANSWERABLE, [reply_id])
    if found is None:
        raise NotFound("draft")
    if not claimed:
        raise ReplyAlreadyDecided(found.status)
    automatic = actor.via == "system"
    with whole_workspace(actor):
        email_id = queue_letter(
            actor.workspace_id,
            Letter(
                inbox_id=found.inbox_id,
                to=[_recipient(found, automatic=automatic)],
                outbox_key=f"reply:{reply_id}",
                subject=reply_subject(found.subject),
                text=found.reply_text,
                html=html or "",
                parent_id=found.newest_email_id,
                is_automatic=automatic,
                sent_by=actor.user_id,
                send_after=None if automatic else undo_window(settings.UNDO_SECONDS),
            ),
        )
        sql.execute("UPDATE auto_replies SET sent_email_id = %s WHERE id = %s", [email_id, reply_id])
    if not automatic:
        activity.record(actor, "draft.approved", subject=f"auto_replies:{reply_id}", edited=text is not None)
    activity.record(actor, "mail.sent", subject=f"emails:{email_id}", inbox=found.inbox_id, reply=reply_id)
    return email_id


def _recipient(found: _Answerable, *, automatic: bool) -> Address:
    """Rule 38: a machine answers the envelope sender, else From; a person answers Reply-To, else From."""
    if automatic and is_mail_address(found.return_path or ""):
        return Address(found.return_path or "")
    if not automatic and found.reply_to:
        return Address(found.reply_to[0]["address"], found.reply_to[0].get("name", ""))
    return Address(found.from_address, found.from_name)


def reject_reply(actor: Actor, reply_id: int) -> None:
    """Drop a draft. Raises NotFound, ReplyAlreadyDecided."""
    thread_id: int | None = sql.fetch_value(
        """UPDATE auto_replies SET status = 'rejected', reviewed_by_id = %s, reviewed_at = now(), updated_at = now()
           WHERE id = %s AND status = 'drafted' RETURNING thread_id""",
        [actor.user_id, reply_id],
    )
    if thread_id is None:
        status: str | None = sql.fetch_value("SELECT status FROM auto_replies WHERE id = %s", [reply_id])
        if status is None:
            raise NotFound("draft")
        raise ReplyAlreadyDecided(status)
    activity.record(actor, "draft.rejected", subject=f"auto_replies:{reply_id}")
    events.show("reply.decided", workspace_id=actor.workspace_id, ids=[thread_id])


def undo_send(actor: Actor, email_id: int) -> None:
    """Take a queued mail back while its undo window is open; an approved draft waits for a decision again (rule 46).

    Raises NotFound, TooLateToUndo.
    """
    thread_id: int | None = sql.fetch_value("SELECT thread_id FROM emails WHERE id = %s", [email_id])
    if thread_id is None:
        raise NotFound("email")
    if not undo_letter(email_id):
        raise TooLateToUndo
    sql.execute(
        """UPDATE auto_replies SET status = 'drafted', sent_email_id = NULL, reviewed_by_id = NULL, reviewed_at = NULL
           WHERE sent_email_id = %s""",
        [email_id],
    )
    refresh_threads([thread_id])
    activity.record(actor, "mail.send_undone", subject=f"emails:{email_id}")
    events.show("reply.drafted", workspace_id=actor.workspace_id, ids=[thread_id])


def mark_read(actor: Actor, email_ids: Sequence[int], *, is_read: bool) -> list[int]:
    """Mark messages as read or unread; the answer is the ids that are there. The server's \\Seen follows (rule 2)."""
    rows = sql.run(
        "UPDATE emails SET is_read = %s WHERE id = ANY(%s) RETURNING id, thread_id",
        [is_read, list(email_ids)],
    ).fetchall()
    found = [email_id for email_id, _ in rows]
    if found:
        sql.execute(
            """UPDATE email_deliveries SET seen_wanted = NULLIF(%s::boolean, is_seen)
               WHERE email_id = ANY(%s) AND uid IS NOT NULL""",
            [is_read, found],
        )
        refresh_threads({thread_id for _, thread_id in rows})
        events.show("email.read", workspace_id=actor.workspace_id, ids=found)
    return found


def mark_threads_read(actor: Actor, thread_ids: Sequence[int], *, is_read: bool) -> list[int]:
    """Mark whole conversations: all messages read, or the newest inbound one unread."""
    if is_read:
        ids = sql.fetch_column(
            "SELECT id FROM emails WHERE thread_id = ANY(%s) AND NOT is_read", [list(thread_ids)]
        )
    else:
        ids = sql.fetch_column(
            """SELECT DISTINCT ON (thread_id) id FROM emails WHERE thread_id = ANY(%s) AND direction = 'inbound'
               ORDER BY thread_id, received_at DESC, id DESC""",
            [list(thread_ids)],
        )
    return mark_read(actor, ids, is_read=is_read)
