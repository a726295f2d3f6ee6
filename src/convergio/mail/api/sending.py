"""REST of sending mail."""

from __future__ import annotations

import msgspec
from django.http import HttpResponse
from ninja import Field, File, Router, Schema, UploadedFile

from convergio.accounts.permissions import require
from convergio.accounts.requests import SignedInHttpRequest
from convergio.core.errors import TooLarge
from convergio.core.idempotency import idempotent
from convergio.core.rest import json_answer, schema_of
from convergio.mail.attachments import MOST_BYTES, AttachmentReference, StoredAttachment, store_attachment
from convergio.mail.compose import Composed, find_parent, find_sending_inbox, send_email
from convergio.mail.queries import threads
from convergio.mail.queries.rows import EmailDetail

router = Router(tags=["emails"])
EmailOut = schema_of(EmailDetail)
AttachmentOut = schema_of(StoredAttachment)


class AttachmentIn(Schema):
    """An uploaded file, and the name it is sent under."""

    id: int = Field(description="Of the answer of upload-attachment")
    filename: str = "attachment"


class SendIn(Schema):
    """A mail to send. Addresses are lists or text with commas."""

    to: str | list[str]
    cc: str | list[str] = ""
    bcc: str | list[str] = ""
    subject: str = Field("", description="Default of a reply: its parent's, with Re:")
    body: str = Field("", description="Plain text; made from body_html when empty")
    body_html: str = ""
    from_inbox: str | int = Field(
        "", description="Id, address or tag; default of a reply: the inbox that got its parent"
    )
    parent_message_id: str = Field("", description="Message-ID of the mail that is answered")
    references_chain: str | list[str] = Field(
        "", description="Its References, in case the parent itself is not here"
    )
    attachments: list[AttachmentIn] = []


@router.post("/send-email", response={201: EmailOut}, summary="Queue a mail; Idempotency-Key is honoured")
@idempotent
def send(request: SignedInHttpRequest, body: SendIn) -> HttpResponse:
    chain = body.references_chain
    references = chain.split() if isinstance(chain, str) else chain
    is_reply = bool(body.parent_message_id.strip() or references)
    parent_id = find_parent(request.actor, body.parent_message_id, references) if is_reply else None
    composed = Composed(
        inbox_id=find_sending_inbox(request.actor, str(body.from_inbox), parent_id=parent_id),
        to=_joined(body.to),
        cc=_joined(body.cc),
        bcc=_joined(body.bcc),
        subject=body.subject,
        text=body.body,
        html=body.body_html,
        parent_id=parent_id,
        attachments=[AttachmentReference(one.id, one.filename) for one in body.attachments],
    )
    email_id = send_email(request.actor, composed)
    return json_answer(threads.get_email(request.actor, email_id), status=201)


@router.post("/upload-attachment", response={201: AttachmentOut}, summary="Keep a file to send")
def upload(request: SignedInHttpRequest, file: File[UploadedFile]) -> HttpResponse:
    require(request.actor, "emails.send")
    if (file.size or 0) > MOST_BYTES:
        raise TooLarge("attachment_too_large", f"A file may have {MOST_BYTES // 1024 // 1024} MB at most.")
    stored = store_attachment(request.actor, filename=file.name or "attachment", content=file.read())
    return json_answer(msgspec.structs.asdict(stored), status=201)


def _joined(value: str | list[str]) -> str:
    return value if isinstance(value, str) else ", ".join(value)
