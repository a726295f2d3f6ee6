"""Which conversation a message belongs to (rules 26 to 28).

Every id that a message has or names is remembered per inbox in `thread_references`, whether that message is here yet or
not; so the order of arrival does not matter. When a message names ids of two conversations, they become one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from convergio.core import sql
from convergio.mail.identity import is_ours
from convergio.mail.ingest.arrivals import Receiver
from convergio.mail.ingest.incoming import Incoming
from convergio.mail.parsing.subjects import base_subject, is_reply_subject

# Rule 27: without any reference, the same correspondent's "Re: subject" joins within this time.
SUBJECT_WINDOW = timedelta(days=7)
MOST_PARTICIPANTS = 500
LONGEST_ADDRESS = 255


@dataclass(slots=True)
class Conversation:
    """A thread while a batch is stored. `moments` are when this batch's messages of it were received."""

    id: int
    subject: str
    participants: set[str]
    is_open_list: bool
    is_new: bool = False
    is_changed: bool = False
    subject_changed: bool = False
    absorbed: list[int] = field(default_factory=list)
    moments: list[datetime] = field(default_factory=list)


class _ThreadRow(msgspec.Struct):
    id: int
    subject: str
    participants: list[str]
    is_open_list: bool


class _ReferenceRow(msgspec.Struct):
    message_id: str
    thread_id: int


class Threader:
    """Finds or makes the conversation of each message of one batch, then writes what changed."""

    def __init__(self, receiver: Receiver, batch: Sequence[Incoming]) -> None:
        self.receiver = receiver
        self._by_reference: dict[str, Conversation] = {}
        self._by_id: dict[int, Conversation] = {}
        self._new_references: dict[str, Conversation] = {}
        self._new_ids = iter(sql.next_ids("email_threads", len(batch)))
        self._load(batch)

    def place(self, incoming: Incoming) -> Conversation:
        """The conversation of this message; its ids and people are added to it."""
        named = [incoming.message.message_id, *incoming.references]
        candidates = self._candidates(incoming, named)
        conversation = candidates[0] if candidates else self._begin(incoming)
        for other in candidates[1:]:
            self._absorb(conversation, other)
        self._remember(conversation, incoming, named)
        return conversation

    def write(self) -> None:
        """Store new and changed conversations and references; re-hang what absorbed ones held."""
        conversations = list({id(one): one for one in self._by_id.values()}.values())
        workspace_id = self.receiver.workspace_id
        sql.execute_many(
            """INSERT INTO email_threads (id, workspace_id, subject, participants, is_open_list)
               VALUES (%s, %s, %s, %s, %s)""",
            [
                [one.id, workspace_id, one.subject, sorted(one.participants), one.is_open_list]
                for one in conversations
                if one.is_new
            ],
        )
        sql.execute_many(
            """UPDATE email_threads SET participants = %s, is_open_list = %s, subject_changed = subject_changed OR %s
               WHERE id = %s""",
            [
                [sorted(one.participants), one.is_open_list, one.subject_changed, one.id]
                for one in conversations
                if one.is_changed
            ],
        )
        for one in conversations:
            if one.absorbed:
                merge_threads(one.id, one.absorbed)
        sql.execute(
            """INSERT INTO thread_references (workspace_id, inbox_id, message_id, thread_id)
               SELECT %s, %s, * FROM unnest(%s::text[], %s::bigint[])
               ON CONFLICT (inbox_id, message_id) DO UPDATE SET thread_id = excluded.thread_id""",
            [
                workspace_id,
                self.receiver.inbox_id,
                list(self._new_references),
                [conversation.id for conversation in self._new_references.values()],
            ],
        )

    def current(self, thread_id: int) -> int:
        """The id under which a conversation goes on, when this batch merged it into another."""
        conversation = self._by_id.get(thread_id)
        return conversation.id if conversation else thread_id

    def _load(self, batch: Sequence[Incoming]) -> None:
        named = {one for incoming in batch for one in (incoming.message.message_id, *incoming.references)}
        references = sql.fetch_all(
            _ReferenceRow,
            "SELECT message_id, thread_id FROM thread_references WHERE inbox_id = %s AND message_id = ANY(%s)",
            [self.receiver.inbox_id, list(named)],
        )
        known = {incoming.thread_id for incoming in batch if incoming.thread_id}
        rows = sql.fetch_all(
            _ThreadRow,
            "SELECT id, subject, participants, is_open_list FROM email_threads WHERE id = ANY(%s)",
            [list(known | {row.thread_id for row in references})],
        )
        for row in rows:
            self._by_id[row.id] = Conversation(row.id, row.subject, set(row.participants), row.is_open_list)
        for reference in references:
            self._by_reference[reference.message_id] = self._by_id[reference.thread_id]

    def _candidates(self, incoming: Incoming, named: list[str]) -> list[Conversation]:
        # A message that another inbox got first brings its conversation along.
        found = [self._by_id[incoming.thread_id]] if incoming.thread_id else []
        for reference in named:
            conversation = self._by_reference.get(reference)
            if (
                conversation
                and conversation not in found
                and self._may_join(incoming, conversation, reference)
            ):
                found.append(conversation)
        if not found and not incoming.references:
            found += self._by_subject(incoming)
        return sorted(found, key=lambda one: (one.is_new, one.id))

    def _may_join(self, incoming: Incoming, conversation: Conversation, reference: str) -> bool:
        """Rule 28: knowing an id is not enough; one must have been part of the conversation, or hold our signed id."""
        if conversation.is_open_list or is_ours(reference):
            return True
        return bool(self._people(incoming) & conversation.participants)

    def _by_subject(self, incoming: Incoming) -> list[Conversation]:
        if not incoming.sender or not is_reply_subject(incoming.message.subject):
            return []
        subject = base_subject(incoming.message.subject)
        for conversation in self._by_id.values():
            is_near = any(abs(at - incoming.received_at) <= SUBJECT_WINDOW for at in conversation.moments)
            if conversation.is_new and is_near and self._continues(conversation, incoming, subject):
                return [conversation]
        rows = sql.fetch_all(
            _ThreadRow,
            """SELECT DISTINCT thread.id, thread.subject, thread.participants, thread.is_open_list
               FROM emails AS email
               JOIN email_threads AS thread ON thread.id = email.thread_id
               JOIN thread_inboxes AS listed ON listed.thread_id = thread.id AND listed.inbox_id = %(inbox)s
               WHERE email.workspace_id = %(workspace)s AND %(sender)s IN (email.from_address, email.to_address)
                 AND email.received_at BETWEEN %(at)s - %(window)s::interval AND %(at)s + %(window)s::interval
               ORDER BY thread.id DESC LIMIT 200""",
            {
                "inbox": self.receiver.inbox_id,
                "workspace": self.receiver.workspace_id,
                "sender": incoming.sender[:LONGEST_ADDRESS],
                "at": incoming.received_at,
                "window": SUBJECT_WINDOW,
            },
        )
        for row in rows:
            conversation = self._by_id.get(row.id) or Conversation(
                row.id, row.subject, set(row.participants), row.is_open_list
            )
            if self._continues(conversation, incoming, subject):
                self._by_id[row.id] = conversation
                return [conversation]
        return []

    def _continues(self, conversation: Conversation, incoming: Incoming, subject: str) -> bool:
        return (
            incoming.sender[:LONGEST_ADDRESS] in conversation.participants
            and base_subject(conversation.subject) == subject
        )

    def _begin(self, incoming: Incoming) -> Conversation:
        conversation = Conversation(next(self._new_ids), incoming.message.subject, set(), False, is_new=True)
        self._by_id[conversation.id] = conversation
        return conversation

    def _absorb(self, keep: Conversation, other: Conversation) -> None:
        keep.participants |= other.participants
        keep.is_open_list |= other.is_open_list
        keep.absorbed += other.absorbed
        keep.moments += other.moments
        if other.is_new:
            other.is_new = False
        else:
            keep.absorbed.append(other.id)
        for table in (self._by_reference, self._new_references):
            for reference, conversation in table.items():
                if conversation is other:
                    table[reference] = keep
        for thread_id, conversation in self._by_id.items():
            if conversation is other:
                self._by_id[thread_id] = keep

    def _remember(self, conversation: Conversation, incoming: Incoming, named: list[str]) -> None:
        people = self._people(incoming)
        if len(conversation.participants) < MOST_PARTICIPANTS and not people <= conversation.participants:
            conversation.participants |= people
        conversation.is_open_list |= _has_open_audience(incoming)
        conversation.subject_changed |= base_subject(incoming.message.subject) != base_subject(
            conversation.subject
        )
        conversation.is_changed = not conversation.is_new
        conversation.moments.append(incoming.received_at)
        for reference in named:
            known = self._by_reference.get(reference)
            if known is None or (known is not conversation and _is_its_own(incoming, reference)):
                self._by_reference[reference] = self._new_references[reference] = conversation

    def _people(self, incoming: Incoming) -> set[str]:
        message = incoming.message
        addresses = {one.address.lower() for one in (*message.to, *message.cc, *message.reply_to)}
        return {
            one[:LONGEST_ADDRESS] for one in addresses | {incoming.sender} if one
        } - self.receiver.own_addresses


def _is_its_own(incoming: Incoming, reference: str) -> bool:
    """An id leads to the message that has it, whoever named it before (and to the first one that has it, rule 22)."""
    return reference == incoming.message.message_id == incoming.key


def _has_open_audience(incoming: Incoming) -> bool:
    """True where the headers do not say who got it: a list, or nobody named. Then anybody who got it may answer."""
    message = incoming.message
    return bool(message.list_id) or not (message.to or message.cc)


def merge_threads(keep: int, absorbed: Sequence[int]) -> None:
    """Hang everything of the absorbed conversations under the kept one. The oldest open draft stays a draft."""
    gone = list(absorbed)
    sql.execute("UPDATE emails SET thread_id = %s WHERE thread_id = ANY(%s)", [keep, gone])
    sql.execute("UPDATE thread_references SET thread_id = %s WHERE thread_id = ANY(%s)", [keep, gone])
    sql.execute("UPDATE email_drafts SET thread_id = %s WHERE thread_id = ANY(%s)", [keep, gone])
    sql.execute(
        """UPDATE auto_replies SET status = 'superseded', updated_at = now()
           WHERE status = 'drafted' AND thread_id = ANY(%(all)s) AND id <> (
             SELECT min(id) FROM auto_replies WHERE status = 'drafted' AND thread_id = ANY(%(all)s))""",
        {"all": [keep, *gone]},
    )
    sql.execute("UPDATE auto_replies SET thread_id = %s WHERE thread_id = ANY(%s)", [keep, gone])
    sql.execute("DELETE FROM thread_inboxes WHERE thread_id = ANY(%s)", [gone])
    sql.execute("DELETE FROM email_threads WHERE id = ANY(%s)", [gone])
