"""REST of messages. Lists go from SQL rows to bytes."""

from __future__ import annotations

from typing import Literal

from django.http import HttpResponse
from ninja import Field, Query, Router, Schema
from pydantic import AliasChoices, ConfigDict

from convergio.accounts.actor import Actor
from convergio.accounts.permissions import require
from convergio.accounts.reach import writing
from convergio.accounts.requests import SignedInHttpRequest
from convergio.core.errors import NotFound
from convergio.core.moments import aware, read_bound
from convergio.core.paging import DEFAULT_LIMIT, Page
from convergio.core.rest import Moment, json_answer, list_answer, schema_of
from convergio.mail import actions
from convergio.mail.attachments import OpenedFile, open_attachment
from convergio.mail.downloads import download
from convergio.mail.posted import PostedFile, PostedMessage, receive_posted
from convergio.mail.queries import lists, search, threads
from convergio.mail.queries.analysis import EmailAnalysis, analyse_email
from convergio.mail.queries.lists import EmailFilter
from convergio.mail.queries.rows import EmailDetail, EmailRow

router = Router(tags=["emails"])
EmailRowOut = schema_of(EmailRow)
EmailOut = schema_of(EmailDetail)
ThreadOut = schema_of(threads.Thread)
AnalysisOut = schema_of(EmailAnalysis)
MOST_IDS = 1_000


class EmailQuery(Schema):
    """Filters of the list, and its page."""

    tag: str = Field("", description="Of an inbox that got the mail; without case")
    direction: Literal["", "inbound", "outbound"] = ""
    search: str = Field("", description='Words, "phrases", from:, subject:, tag:, is:, has:, before:, after:')
    is_read: bool | None = None
    status: Literal["", "open", "done"] = Field("", description="Of the conversation")
    thread: int | None = None
    since: str = Field("", alias="from", description="ISO 8601 date or moment, included")
    until: str = Field(
        "", alias="to", description="ISO 8601 date (that day included) or moment (not included)"
    )
    limit: int = DEFAULT_LIMIT
    offset: int = 0
    cursor: int | None = Field(None, description="X-Next-Cursor of the page before")

    def wanted(self, actor: Actor) -> EmailFilter:
        """The filters, with days of the actor."""
        return EmailFilter(
            tag=self.tag.strip(),
            direction=self.direction,
            is_read=self.is_read,
            status=self.status,
            thread=self.thread,
            since=read_bound(self.since, zone=actor.timezone, field="from"),
            until=read_bound(self.until, zone=actor.timezone, field="to"),
            search=self.search.strip(),
        )


class FileIn(Schema):
    """A file of a posted message."""

    filename: str = "attachment"
    content: str = Field(description="Base64")


class EmailIn(Schema):
    """A message in fields, or whole in `raw`. Inbox, tag, task and conversation follow from it."""

    model_config = ConfigDict(populate_by_name=True)

    raw: str = Field("", description="The whole message (RFC 5322) in base64; other fields are then ignored")
    message_id: str = ""
    from_address: str = Field("", validation_alias=AliasChoices("from_address", "from"))
    from_name: str = ""
    to_address: str | list[str] = Field("", validation_alias=AliasChoices("to_address", "to"))
    cc: str | list[str] = ""
    subject: str = ""
    body_text: str = Field("", validation_alias=AliasChoices("body_text", "text"))
    body_html: str = Field("", validation_alias=AliasChoices("body_html", "html"))
    in_reply_to: str = ""
    references: str | list[str] = Field("", description="Message-IDs, oldest first")
    date: Moment | None = Field(None, description="The Date header")
    received_at: Moment | None = Field(None, description="Default: now")
    headers: dict[str, str] = Field({}, description="Further headers, such as Auto-Submitted or List-Id")
    attachments: list[FileIn] = []
    tag: str = Field("", description="Tag of the receiving inbox; default: the inbox that it is addressed to")

    def message(self) -> PostedMessage:
        """The same, as the mail engine takes it."""
        return PostedMessage(
            raw=self.raw,
            message_id=self.message_id,
            from_address=self.from_address,
            from_name=self.from_name,
            to=_listed(self.to_address),
            cc=_listed(self.cc),
            subject=self.subject,
            body_text=self.body_text,
            body_html=self.body_html,
            in_reply_to=self.in_reply_to,
            references=self.references.split() if isinstance(self.references, str) else self.references,
            date=aware(self.date),
            headers=self.headers,
            attachments=[
                PostedFile(filename=file.filename, content=file.content) for file in self.attachments
            ],
        )


class ReadMarks(Schema):
    """Messages, and what they become."""

    ids: list[int] = Field(min_length=1, max_length=MOST_IDS)
    is_read: bool = True


class Marked(Schema):
    """The messages that were marked."""

    updated: int
    ids: list[int]


@router.get("/emails", response=list[EmailRowOut], summary="Messages, newest first")  # type: ignore[valid-type]
def list_emails(request: SignedInHttpRequest, query: Query[EmailQuery]) -> HttpResponse:
    wanted = query.wanted(request.actor)
    page = Page.of(limit=query.limit, offset=query.offset, cursor=query.cursor)
    found = (search.search_emails if wanted.search else lists.list_emails)(request.actor, wanted, page)
    if not found.emails:
        lists.require_known(request.actor, thread_id=query.thread, email_id=query.cursor)
    return list_answer(found.emails, total=found.total, next_cursor=found.next_cursor)


@router.post("/emails", response={201: EmailOut}, summary="Take a message up (webhook)")
def create_email(request: SignedInHttpRequest, body: EmailIn) -> HttpResponse:
    require(request.actor, "emails.edit")
    stored = receive_posted(request.actor, body.message(), tag=body.tag, received_at=aware(body.received_at))
    return json_answer(threads.get_email(request.actor, stored.email_id), status=201)


@router.patch("/emails/read", response=Marked, summary="Mark messages as read or unread")
def mark_emails(request: SignedInHttpRequest, body: ReadMarks) -> HttpResponse:
    require(request.actor, "emails.edit")
    with writing(request.actor, "email", body.ids):
        found = actions.mark_read(request.actor, body.ids, is_read=body.is_read)
    if set(found) != set(body.ids):
        raise NotFound("email")
    return json_answer({"updated": len(found), "ids": sorted(found)})


@router.get("/emails/{int:email_id}", response=EmailOut, summary="One message with its replies")
def get_email(request: SignedInHttpRequest, email_id: int) -> HttpResponse:
    return json_answer(threads.get_email(request.actor, email_id))


@router.get("/emails/{int:email_id}/thread", response=ThreadOut, summary="The conversation of a message")
def get_thread(request: SignedInHttpRequest, email_id: int) -> HttpResponse:
    return json_answer(threads.get_thread(request.actor, threads.thread_of(request.actor, email_id)))


@router.get(
    "/emails/{int:email_id}/ai-analysis", response=AnalysisOut, summary="What the machine makes of a message"
)
def get_analysis(request: SignedInHttpRequest, email_id: int) -> HttpResponse:
    return json_answer(analyse_email(request.actor, email_id))


@router.get("/emails/{int:email_id}/raw", summary="The message as it came, byte for byte")
def get_raw(request: SignedInHttpRequest, email_id: int) -> HttpResponse:
    found = threads.get_raw(request.actor, email_id)
    return download(OpenedFile(f"{email_id}.eml", "message/rfc822", found.raw))


@router.get("/emails/{int:email_id}/attachments/{int:number}", summary="A file of a message, counted from 0")
def get_attachment(request: SignedInHttpRequest, email_id: int, number: int) -> HttpResponse:
    return download(open_attachment(request.actor, email_id, number))


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
