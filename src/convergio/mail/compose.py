"""Sending what a person or a program wrote: new mail and replies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import uuid4

import msgspec
from django.conf import settings

from convergio.accounts import activity
from convergio.accounts.actor import Actor
from convergio.accounts.permissions import require
from convergio.accounts.reach import whole_workspace
from convergio.core import events, sql
from convergio.core.errors import InvalidInput, NotFound, TooLarge
from convergio.mail.attachments import AttachmentReference, attachment_entries
from convergio.mail.drafts import delete_draft
from convergio.mail.outbox import Letter, queue_letter, undo_window
from convergio.mail.outgoing import Address
from convergio.mail.parsing.addresses import parse_addresses
from convergio.mail.parsing.html_text import html_to_text
from convergio.mail.parsing.subjects import reply_subject

MOST_RECIPIENTS = 100
MOST_CHARACTERS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """A mail as written. Without `text` the text is made from `html`; without `subject` a reply takes its parent's.

    `to`, `cc` and `bcc` are address lists as people type them. `parent_id` is the email that is answered.
    """

    inbox_id: int
    to: str
    cc: str = ""
    bcc: str = ""
    subject: str = ""
    text: str = ""
    html: str = ""
    parent_id: int | None = None
    attachments: Sequence[AttachmentReference] = field(default_factory=tuple)


class _Parent(msgspec.Struct):
    subject: str
    thread_id: int


def send_email(actor: Actor, composed: Composed, *, draft_id: int | None = None) -> int:
    """Queue the mail and forget its draft; the answer is its email id.

    What a person sends waits for the undo window (rule 46); what a program sends leaves at once. Raises InvalidInput,
    InvalidMessage, TooLarge, NotFound (inbox, parent, file).
    """
    require(actor, "emails.send")
    _require_sending_inbox(actor, composed.inbox_id)
    parent = _load_parent(actor, composed.parent_id)
    to, cc, bcc = (_addresses(getattr(composed, name), name) for name in ("to", "cc", "bcc"))
    _check_recipients(to, [*to, *cc, *bcc])
    letter = Letter(
        inbox_id=composed.inbox_id,
        to=to,
        cc=cc,
        bcc=bcc,
        outbox_key=f"compose:{uuid4().hex}",
        subject=" ".join(composed.subject.split()) or (reply_subject(parent.subject) if parent else ""),
        text=_text(composed),
        html=composed.html.replace("\0", ""),
        attachments=attachment_entries(actor, composed.attachments),
        parent_id=composed.parent_id,
        sent_by=actor.user_id,
        send_after=undo_window(settings.UNDO_SECONDS) if actor.via == "session" else None,
    )
    with whole_workspace(actor):
        email_id = queue_letter(actor.workspace_id, letter)
        if parent:
            _retire_machine_draft(actor, parent.thread_id)
    activity.record(actor, "mail.sent", subject=f"emails:{email_id}", inbox=composed.inbox_id)
    if draft_id is not None:
        delete_draft(actor, draft_id)
    return email_id


def _addresses(typed: str, name: str) -> list[Address]:
    found = [Address(one.address, one.name) for one in parse_addresses(typed, MOST_RECIPIENTS + 1)]
    wrong = next((one.address or one.name for one in found if "@" not in one.address), None)
    if wrong is not None:
        raise InvalidInput("invalid_address", f"“{wrong[:80]}” is not a mail address.", field=name)
    return found


def _check_recipients(to: Sequence[Address], everybody: Sequence[Address]) -> None:
    if not to:
        raise InvalidInput("no_recipient", "Enter at least one address to send to.", field="to")
    if len(everybody) > MOST_RECIPIENTS:
        raise TooLarge("too_many_recipients", f"A mail goes to {MOST_RECIPIENTS} addresses at most.")


def _text(composed: Composed) -> str:
    if len(composed.text) + len(composed.html) > MOST_CHARACTERS:
        raise TooLarge("text_too_large", f"The text may have {MOST_CHARACTERS:,} characters at most.")
    text = composed.text or html_to_text(composed.html, max_chars=MOST_CHARACTERS)
    if not text.strip() and not composed.attachments and "<img" not in composed.html.lower():
        raise InvalidInput("empty_email", "The mail has no text; write one before sending.", field="body")
    return text.replace("\0", "")


def _require_sending_inbox(actor: Actor, inbox_id: int) -> None:
    active = sql.fetch_value(
        "SELECT is_active FROM inboxes WHERE id = %s AND workspace_id = %s", [inbox_id, actor.workspace_id]
    )
    if active is None:
        raise NotFound("inbox")
    if not active:
        raise InvalidInput(
            "inbox_inactive", "This inbox is switched off; choose another one.", field="from_inbox"
        )


def _load_parent(actor: Actor, parent_id: int | None) -> _Parent | None:
    if parent_id is None:
        return None
    parent = sql.fetch_one(
        _Parent,
        "SELECT subject, thread_id FROM emails WHERE id = %s AND workspace_id = %s",
        [parent_id, actor.workspace_id],
    )
    if parent is None:
        raise NotFound("email")
    return parent


def _retire_machine_draft(actor: Actor, thread_id: int) -> None:
    """A person has answered: the machine's draft for the same question must not be sent as well."""
    retired = sql.execute(
        """UPDATE auto_replies SET status = 'superseded', reviewed_by_id = %s, reviewed_at = now(), updated_at = now()
           WHERE thread_id = %s AND status = 'drafted'""",
        [actor.user_id, thread_id],
    )
    if retired:
        events.show("reply.decided", workspace_id=actor.workspace_id, ids=[thread_id])


def find_parent(actor: Actor, message_id: str, references: Sequence[str] = ()) -> int:
    """The email with this Message-ID, else the latest known one of its References (rule 26). Raises NotFound."""
    wanted = [one.strip().strip("<>") for one in (message_id, *reversed(references)) if one.strip()]
    found: int | None = sql.fetch_value(
        """SELECT id FROM emails WHERE workspace_id = %(workspace)s AND message_id = ANY(%(ids)s)
           ORDER BY array_position(%(ids)s::varchar[], message_id) LIMIT 1""",
        {"workspace": actor.workspace_id, "ids": wanted},
    )
    if found is None:
        raise NotFound("email")
    return found


def find_sending_inbox(actor: Actor, named: str, *, parent_id: int | None = None) -> int:
    """The inbox by id, address or tag; unnamed, the one that got the parent, else the only one.

    Raises NotFound, InvalidInput.
    """
    if named.strip():
        return _named_inbox(actor, named.strip())
    candidates = sql.fetch_column(
        """SELECT inbox.id FROM inboxes AS inbox
           LEFT JOIN email_deliveries AS delivery ON delivery.inbox_id = inbox.id AND delivery.email_id = %s
           WHERE inbox.workspace_id = %s AND inbox.is_active ORDER BY delivery.id NULLS LAST, inbox.id LIMIT 2""",
        [parent_id, actor.workspace_id],
    )
    if not candidates or (parent_id is None and len(candidates) > 1):
        raise InvalidInput("inbox_needed", "Name the inbox to send from in from_inbox.", field="from_inbox")
    return int(candidates[0])


def _named_inbox(actor: Actor, named: str) -> int:
    found: int | None = sql.fetch_value(
        """SELECT id FROM inboxes WHERE workspace_id = %(workspace)s
             AND (id::text = %(named)s OR lower(email_address) = lower(%(named)s) OR lower(tag) = lower(%(named)s))
           ORDER BY is_active DESC, id LIMIT 1""",
        {"workspace": actor.workspace_id, "named": named},
    )
    if found is None:
        raise NotFound("inbox")
    return found
