"""What a message looks like in a list and by itself, and the columns that it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec


class ReplyVerdict(msgspec.Struct, frozen=True):
    """Whether a machine may answer the message (rules 31 to 36), by which rule."""

    may_answer: bool
    reason: str
    rule: str


class EmailRow(msgspec.Struct, frozen=True):
    """A message without its text. `reply_verdict` is None for outbound mail, `delivery_state` for inbound."""

    id: int
    thread_id: int
    message_id: str
    from_address: str
    from_name: str
    to_address: str
    subject: str
    snippet: str
    tag: str
    direction: str
    attachments: list[dict[str, Any]]
    received_at: datetime
    is_read: bool
    delivery_state: str | None
    reply_verdict: ReplyVerdict | None


class AutoReplyRow(msgspec.Struct, frozen=True):
    """A reply that a machine wrote. `cost` is in paise, `confidence` between 0 and 1 or None without a model.

    `usage_id` is the latest call for it in the usage; `stopped_by` the limit that kept the model from writing it
    (tokens, emails, ai_replies), or empty.
    """

    id: int
    email_id: int
    thread_id: int
    inbox_id: int
    status: str
    reply_text: str
    reply_html: str
    ai_model: str
    citations: list[dict[str, Any]]
    confidence: float | None
    handover_reason: str
    input_tokens: int
    output_tokens: int
    cost: int
    usage_id: int | None
    stopped_by: str
    sent_email_id: int | None
    sent_at: datetime | None
    reviewed_by: int | None
    reviewed_at: datetime | None
    created_at: datetime
    updated_at: datetime


class EmailDetail(EmailRow, frozen=True):
    """A message with its text, the inboxes that got it (`tags`) and the replies written to it.

    People are `{"name", "address"}`. `last_error` and `attempts` are about sending.
    """

    tags: list[str]
    to: list[dict[str, str]]
    cc: list[dict[str, str]]
    bcc: list[dict[str, str]]
    reply_to: list[dict[str, str]]
    body_text: str
    body_html: str | None
    in_reply_to: str
    references: list[str]
    date_header: datetime | None
    list_id: str
    is_automatic: bool
    parse_error: str | None
    send_after: datetime | None
    attempts: int
    last_error: str
    created_at: datetime
    auto_replies: list[AutoReplyRow]


EMAIL_COLUMNS = """e.id, e.thread_id, e.message_id, e.from_address, e.from_name, e.to_address, e.subject, e.snippet,
e.tag, e.direction, e.attachments, e.received_at, e.is_read, e.delivery_state,
e.reply_allowed, e.reply_reason, e.reply_rule"""

DETAIL_COLUMNS = f"""{EMAIL_COLUMNS},
ARRAY(SELECT inbox.tag FROM email_deliveries AS delivery JOIN inboxes AS inbox ON inbox.id = delivery.inbox_id
      WHERE delivery.email_id = e.id ORDER BY delivery.id),
COALESCE(e.recipients->'to', '[]'), COALESCE(e.recipients->'cc', '[]'), COALESCE(e.recipients->'bcc', '[]'),
COALESCE(e.recipients->'reply_to', '[]'), e.body_text, e.body_html, e.in_reply_to, e."references", e.date_header,
e.list_id, e.is_automatic, e.parse_error, e.send_after, e.attempts, e.last_error, e.created_at"""

REPLY_COLUMNS = """r.id, r.email_id, r.thread_id, r.inbox_id, r.status, r.reply_text, r.reply_html, r.ai_model,
r.citations, r.confidence, r.handover_reason, r.input_tokens, r.output_tokens, r.cost, r.usage_id, r.stopped_by,
r.sent_email_id, r.sent_at,
r.reviewed_by_id, r.reviewed_at, r.created_at, r.updated_at"""

_DIRECTION, _VERDICT = 9, 14


def email_row(columns: Sequence[Any]) -> EmailRow:
    """An EmailRow from EMAIL_COLUMNS."""
    return EmailRow(*[*columns[:_VERDICT], _verdict(columns)])


def email_detail(columns: Sequence[Any], replies: list[AutoReplyRow]) -> EmailDetail:
    """An EmailDetail from DETAIL_COLUMNS and the replies to the message."""
    return EmailDetail(*[*columns[:_VERDICT], _verdict(columns), *columns[_VERDICT + 3 :], replies])


def _verdict(columns: Sequence[Any]) -> ReplyVerdict | None:
    return ReplyVerdict(*columns[_VERDICT : _VERDICT + 3]) if columns[_DIRECTION] == "inbound" else None
