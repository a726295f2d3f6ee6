"""REST of inboxes, their servers, their reading and their replies. No answer holds a secret."""

from __future__ import annotations

from typing import Literal, cast

from django.http import HttpResponse
from ninja import Field, Router, Schema

from convergio.accounts.actor import Actor
from convergio.accounts.reach import require_whole_workspace, writing
from convergio.accounts.requests import SignedInHttpRequest
from convergio.core.rest import json_answer, schema_of
from convergio.mail import inboxes
from convergio.mail.compose import find_sending_inbox
from convergio.mail.queries import inboxes as queries

router = Router(tags=["inboxes"])
InboxOut = schema_of(queries.InboxRow)
SendingInboxOut = schema_of(queries.SendingInbox)
SyncStateOut = schema_of(queries.SyncState)
ResponderOut = schema_of(queries.ResponderState)


class InboxChanges(Schema):
    """Fields that are absent keep their value; passwords are stored encrypted and never shown again."""

    name: str = ""
    email_address: str = ""
    tag: str = ""
    colour: str = ""
    kind: Literal["imap", "maildir"] = "imap"
    is_active: bool = True
    reply_mode: Literal["off", "draft", "auto"] = "off"
    imap_host: str = ""
    imap_port: int = 993
    imap_security: Literal["tls", "starttls", "plain"] = "tls"
    imap_username: str = ""
    imap_password: str = ""
    smtp_host: str = ""
    smtp_port: int = 465
    smtp_security: Literal["tls", "starttls", "plain"] = "tls"
    smtp_username: str = ""
    smtp_password: str = ""
    maildir_path: str = Field(
        "", description="Kind maildir: a folder directly below the installation's mail folder"
    )
    outbox_path: str = ""
    signature: str = ""

    def given(self) -> inboxes.InboxFields:
        """The fields that the client named."""
        return cast(inboxes.InboxFields, self.model_dump(exclude_unset=True))


class NewInbox(InboxChanges):
    """An inbox over IMAP and SMTP, or over folders (`maildir`)."""

    email_address: str


class Deleted(Schema):
    """Whether the inbox is gone; one that has mail is switched off instead."""

    id: int
    deleted: bool
    is_active: bool


class Half(Schema):
    """One side of a connection test, with the sentence that says what is wrong."""

    success: bool
    error: str


class Connection(Schema):
    """Both sides of an inbox."""

    imap: Half
    smtp: Half


class SyncIn(Schema):
    """One inbox, or all when absent."""

    inbox: str | int = Field("", description="Id, address or tag")


class SyncOut(Schema):
    """The inboxes that will be looked into."""

    status: str
    inboxes: list[int]


class SyncStatus(Schema):
    """Every active inbox, and whether one is being read."""

    is_syncing: bool
    inboxes: list[SyncStateOut]  # type: ignore[valid-type]


class Toggle(Schema):
    """Switch replies of an inbox on or off; `reply_mode` says how they are switched on."""

    inbox: str | int = Field(description="Id, address or tag")
    enabled: bool
    reply_mode: Literal["draft", "auto"] = "draft"


class Responders(Schema):
    """Whether replies are written for any inbox, and for which."""

    enabled: bool
    inboxes: list[ResponderOut]  # type: ignore[valid-type]


@router.get("/inboxes", response=list[InboxOut], summary="All inboxes")  # type: ignore[valid-type]
def list_inboxes(request: SignedInHttpRequest) -> HttpResponse:
    return json_answer(queries.list_inboxes(request.actor))


@router.post("/inboxes", response={201: InboxOut}, summary="Add an inbox")
def create_inbox(request: SignedInHttpRequest, body: NewInbox) -> HttpResponse:
    require_whole_workspace(request.actor)
    inbox_id = inboxes.create_inbox(request.actor, body.given())
    return json_answer(queries.get_inbox(request.actor, inbox_id), status=201)


@router.get("/inboxes/{int:inbox_id}", response=InboxOut, summary="One inbox")
def get_inbox(request: SignedInHttpRequest, inbox_id: int) -> HttpResponse:
    return json_answer(queries.get_inbox(request.actor, inbox_id))


@router.patch("/inboxes/{int:inbox_id}", response=InboxOut, summary="Change an inbox")
def update_inbox(request: SignedInHttpRequest, inbox_id: int, body: InboxChanges) -> HttpResponse:
    with writing(request.actor, "inbox", [inbox_id]):
        inboxes.update_inbox(request.actor, inbox_id, body.given())
    return json_answer(queries.get_inbox(request.actor, inbox_id))


@router.delete(
    "/inboxes/{int:inbox_id}", response=Deleted, summary="Remove an inbox, or switch it off when it has mail"
)
def delete_inbox(request: SignedInHttpRequest, inbox_id: int) -> HttpResponse:
    with writing(request.actor, "inbox", [inbox_id]):
        deleted = inboxes.delete_inbox(request.actor, inbox_id)
    return json_answer({"id": inbox_id, "deleted": deleted, "is_active": False})


@router.post("/inboxes/{int:inbox_id}/test", response=Connection, summary="Try both servers of an inbox")
def test_inbox(request: SignedInHttpRequest, inbox_id: int) -> HttpResponse:
    with writing(request.actor, "inbox", [inbox_id]):
        report = inboxes.test_connection(request.actor, inbox_id)
    sides = {"imap": report.incoming, "smtp": report.outgoing}
    return json_answer({name: {"success": side.success, "error": side.error} for name, side in sides.items()})


@router.get("/smtp-inboxes", response=list[SendingInboxOut], summary="Inboxes to send from")  # type: ignore[valid-type]
def list_sending_inboxes(request: SignedInHttpRequest) -> HttpResponse:
    return json_answer(queries.list_sending_inboxes(request.actor))


@router.post("/sync", response={202: SyncOut}, summary="Look for new mail now")
def request_sync(request: SignedInHttpRequest, body: SyncIn | None = None) -> HttpResponse:
    named = str(body.inbox) if body else ""
    inbox_id = find_sending_inbox(request.actor, named) if named else None
    requested = inboxes.request_sync(request.actor, inbox_id)
    return json_answer({"status": "requested", "inboxes": requested}, status=202)


@router.get("/sync/status", response=SyncStatus, summary="How far every inbox is read")
def sync_status(request: SignedInHttpRequest) -> HttpResponse:
    states = queries.list_sync_states(request.actor)
    return json_answer({"is_syncing": any(one.state == "syncing" for one in states), "inboxes": states})


@router.get("/auto-responder/status", response=Responders, summary="For which inboxes replies are written")
def responder_status(request: SignedInHttpRequest) -> HttpResponse:
    return _responders(request.actor)


@router.post("/auto-responder/toggle", response=Responders, summary="Switch replies of an inbox on or off")
def toggle_responder(request: SignedInHttpRequest, body: Toggle) -> HttpResponse:
    inbox_id = find_sending_inbox(request.actor, str(body.inbox))
    with writing(request.actor, "inbox", [inbox_id]):
        inboxes.set_auto_responder(request.actor, inbox_id, enabled=body.enabled, mode=body.reply_mode)
    return _responders(request.actor)


def _responders(actor: Actor) -> HttpResponse:
    states = queries.list_responders(actor)
    return json_answer({"enabled": any(one.enabled for one in states), "inboxes": states})
