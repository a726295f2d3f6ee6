"""Adding, changing and taking away inboxes, and trying their servers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal, TypedDict

from django.db import IntegrityError, transaction

from convergio.accounts import activity
from convergio.accounts.actor import Actor
from convergio.accounts.fields import clean_email, clean_line
from convergio.accounts.models import Tag
from convergio.accounts.permissions import require
from convergio.core import crypto, events, sql
from convergio.core.errors import Conflict, InvalidInput, NotFound
from convergio.mail.connections import mailbox_settings, open_secrets, seal_secrets
from convergio.mail.folders import maildir_folder, make_folders, outbox_folder
from convergio.mail.mailboxes import open_mailbox
from convergio.mail.mailboxes.protocol import MailboxReport
from convergio.mail.models import Inbox
from convergio.mail.outcomes import hasten

CHANGED = "inbox.changed"
SYNC_REQUESTED = "inbox.sync_requested"
# Somebody is waiting in front of the page.
TEST_SECONDS = 10.0
COLOURS = ("blue", "purple", "cyan", "orange", "green", "grey")
Security = Literal["tls", "starttls", "plain"]
ReplyMode = Literal["off", "draft", "auto"]
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:_-]{0,253}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")
# A password goes to the server that its owner named, and to no other one.
_WHERE_PASSWORDS_GO = {
    "imap_password": ("imap_host", "imap_port", "imap_security"),
    "smtp_password": ("smtp_host", "smtp_port", "smtp_security"),
}


class InboxFields(TypedDict, total=False):
    """What may be written; absent keys keep their value, or take the column's default."""

    name: str
    email_address: str
    tag: str
    colour: str
    kind: Literal["imap", "maildir"]
    is_active: bool
    reply_mode: ReplyMode
    imap_host: str
    imap_port: int
    imap_security: Security
    imap_username: str
    imap_password: str
    smtp_host: str
    smtp_port: int
    smtp_security: Security
    smtp_username: str
    smtp_password: str
    maildir_path: str
    outbox_path: str
    signature: str


class LastInbox(Conflict):
    """Mail must have somewhere to arrive."""

    def __init__(self) -> None:
        super().__init__("last_inbox", "This is the last active inbox; add another one before you remove it.")


def create_inbox(actor: Actor, fields: InboxFields) -> int:
    """Add an inbox; the answer is its id. Raises InvalidInput, Conflict for an address or folder in use."""
    require(actor, "inboxes.edit")
    checked, secrets = _checked(fields)
    checked = {"kind": "imap", **checked}
    if "email_address" not in checked:
        raise InvalidInput("address_needed", "Enter the inbox's mail address.", field="email_address")
    local_part = checked["email_address"].partition("@")[0]
    checked["name"] = checked.get("name") or checked.get("tag") or local_part.title()
    checked["tag"] = checked.get("tag") or checked["name"][:50]
    checked.setdefault("colour", _colour_of(actor, checked["tag"]))
    if checked["kind"] == "maildir":
        checked["maildir_path"] = maildir_folder(checked.get("maildir_path", ""), checked["tag"])
        checked["outbox_path"] = outbox_folder(checked.get("outbox_path", ""))
    elif not checked.get("imap_host") or not checked.get("smtp_host"):
        missing = "smtp_host" if checked.get("imap_host") else "imap_host"
        raise InvalidInput(
            "host_needed", "Enter the servers for fetching (IMAP) and sending (SMTP).", field=missing
        )
    if secrets:
        checked.setdefault("smtp_username", checked.get("imap_username") or checked["email_address"])
    [inbox_id] = sql.next_ids("inboxes", 1)
    with _conflicts_named():
        Inbox.objects.create(
            id=inbox_id,
            workspace_id=actor.workspace_id,
            secrets=seal_secrets(inbox_id, _with_smtp(secrets)) if secrets else None,
            **checked,
        )
    if checked["kind"] == "maildir":
        make_folders(checked["maildir_path"], checked["outbox_path"])
    events.show(CHANGED, workspace_id=actor.workspace_id, ids=[inbox_id])
    activity.record(
        actor, "inbox.created", subject=f"inboxes:{inbox_id}", tag=checked["tag"], kind=checked["kind"]
    )
    return inbox_id


def update_inbox(actor: Actor, inbox_id: int, fields: InboxFields) -> None:
    """Write the given fields; an empty password removes the stored one. Raises NotFound, LastInbox and as above."""
    require(actor, "inboxes.edit")
    inbox = _locked(actor, inbox_id)
    checked, secrets = _checked(fields)
    if checked.get("kind", inbox.kind) != inbox.kind:
        raise InvalidInput("kind_is_fixed", "An inbox keeps its kind; add a new inbox instead.", field="kind")
    if checked.get("is_active") is False and inbox.is_active:
        _require_another_active(actor, inbox_id)
    _check_folders(inbox, checked)
    stored = _stored_secrets(inbox)
    _require_passwords(inbox, checked, secrets, stored)
    if secrets:
        checked["secrets"] = seal_secrets(
            inbox_id, {name: value for name, value in (stored | secrets).items() if value}
        )
    if secrets or any(name.startswith(("imap_", "smtp_")) for name in checked):
        checked |= {"state": "new", "last_error": "", "sending_error": "", "auth_failures": 0}
    with _conflicts_named():
        Inbox.objects.filter(id=inbox_id).update(**checked)
    if inbox.sending_error and "sending_error" in checked:
        hasten(actor.workspace_id, inbox_id)
    events.show(CHANGED, workspace_id=actor.workspace_id, ids=[inbox_id])
    _record_changes(actor, inbox, fields)


def delete_inbox(actor: Actor, inbox_id: int) -> bool:
    """Remove an inbox, or switch it off when it has mail; tells whether it is gone. Raises NotFound, LastInbox."""
    require(actor, "inboxes.edit")
    inbox = _locked(actor, inbox_id)
    if inbox.is_active:
        _require_another_active(actor, inbox_id)
    has_mail = sql.fetch_value("SELECT EXISTS (SELECT FROM email_deliveries WHERE inbox_id = %s)", [inbox_id])
    if has_mail:
        Inbox.objects.filter(id=inbox_id).update(is_active=False, state="paused")
    else:
        inbox.delete()
    events.show(CHANGED, workspace_id=actor.workspace_id, ids=[inbox_id])
    action = "inbox.switched_off" if has_mail else "inbox.deleted"
    activity.record(actor, action, subject=f"inboxes:{inbox_id}", tag=inbox.tag)
    return not has_mail


def test_connection(actor: Actor, inbox_id: int) -> MailboxReport:
    """Sign in on both of the inbox's servers and report each. Raises NotFound."""
    require(actor, "inboxes.edit")
    _locked(actor, inbox_id)
    settings = mailbox_settings(inbox_id)
    if settings is None:
        raise NotFound("inbox")
    mailbox = open_mailbox(replace(settings, timeout=TEST_SECONDS, confirmation_timeout=TEST_SECONDS))
    try:
        return mailbox.check()
    finally:
        mailbox.close()


def request_sync(actor: Actor, inbox_id: int | None = None) -> list[int]:
    """Ask whoever holds the inboxes' connections to look now; the answer is their ids. Raises NotFound."""
    ids = sql.fetch_column(
        "SELECT id FROM inboxes WHERE workspace_id = %s AND is_active AND (%s::bigint IS NULL OR id = %s) ORDER BY id",
        [actor.workspace_id, inbox_id, inbox_id],
    )
    if inbox_id is not None and not ids:
        raise NotFound("inbox")
    if ids:
        events.show(SYNC_REQUESTED, workspace_id=actor.workspace_id, ids=ids)
    return ids


def set_auto_responder(actor: Actor, inbox_id: int, *, enabled: bool, mode: ReplyMode = "draft") -> None:
    """Switch the writing of replies off, or on in this mode; what is on already keeps its mode. Raises NotFound."""
    require(actor, "inboxes.edit")
    changed = sql.fetch_column(
        """UPDATE inboxes SET reply_mode = CASE WHEN NOT %(on)s THEN 'off' WHEN reply_mode = 'off' THEN %(mode)s
             ELSE reply_mode END, auto_paused_until = NULL
           WHERE id = %(id)s AND workspace_id = %(workspace)s RETURNING reply_mode""",
        {"on": enabled, "mode": mode, "id": inbox_id, "workspace": actor.workspace_id},
    )
    if not changed:
        raise NotFound("inbox")
    events.show(CHANGED, workspace_id=actor.workspace_id, ids=[inbox_id])
    activity.record(actor, "inbox.reply_mode_changed", subject=f"inboxes:{inbox_id}", mode=changed[0])


def _record_changes(actor: Actor, before: Inbox, fields: InboxFields) -> None:
    """Which fields were written, never what: among them are passwords. The reply mode has a line of its own."""
    subject = f"inboxes:{before.id}"
    mode = fields.get("reply_mode", before.reply_mode)
    if mode != before.reply_mode:
        activity.record(actor, "inbox.reply_mode_changed", subject=subject, mode=mode)
    if others := sorted(fields.keys() - {"reply_mode"}):
        activity.record(actor, "inbox.changed", subject=subject, tag=before.tag, fields=others)


def _locked(actor: Actor, inbox_id: int) -> Inbox:
    inbox = Inbox.objects.select_for_update().filter(workspace_id=actor.workspace_id, id=inbox_id).first()
    if inbox is None:
        raise NotFound("inbox")
    return inbox


def _require_another_active(actor: Actor, inbox_id: int) -> None:
    """All active rows are locked, so that two people cannot take away one half each."""
    active = sql.fetch_column(
        "SELECT id FROM inboxes WHERE workspace_id = %s AND is_active ORDER BY id FOR UPDATE",
        [actor.workspace_id],
    )
    if not set(active) - {inbox_id}:
        raise LastInbox


def _checked(fields: InboxFields) -> tuple[dict[str, Any], dict[str, str]]:
    """Columns, and passwords apart from them."""
    checked: dict[str, Any] = dict(fields)
    secrets = {name: checked.pop(name) for name in _WHERE_PASSWORDS_GO if checked.get(name) is not None}
    if "email_address" in checked:
        checked["email_address"] = clean_email(checked["email_address"])
    for name, longest in (("name", 100), ("tag", 50), ("imap_username", 255), ("smtp_username", 255)):
        if name in checked:
            checked[name] = clean_line(name, checked[name], longest=longest, required=name in ("name", "tag"))
    for name in ("imap_host", "smtp_host"):
        if checked.get(name) and not _HOST.fullmatch(checked[name]):
            raise InvalidInput("invalid_host", "Enter a server's name like imap.example.com.", field=name)
    for name in ("imap_port", "smtp_port"):
        if name in checked and not 0 < checked[name] < 65536:
            raise InvalidInput("invalid_port", "A port is a number from 1 to 65535.", field=name)
    if checked.get("colour") not in (None, *COLOURS):
        raise InvalidInput("invalid_colour", f"Choose one of {', '.join(COLOURS)}.", field="colour")
    return checked, secrets


def _check_folders(inbox: Inbox, checked: dict[str, Any]) -> None:
    if inbox.kind != "maildir":
        checked.pop("maildir_path", None)
        checked.pop("outbox_path", None)
        return
    # A folder that the operator set keeps its place; only a new one has to be in ours.
    if checked.get("maildir_path", inbox.maildir_path) != inbox.maildir_path:
        checked["maildir_path"] = maildir_folder(checked["maildir_path"], checked.get("tag", inbox.tag))
    if checked.get("outbox_path", inbox.outbox_path) != inbox.outbox_path:
        checked["outbox_path"] = outbox_folder(checked["outbox_path"])


def _stored_secrets(inbox: Inbox) -> dict[str, str]:
    """The passwords that can still be opened; after a lost secret key they are entered anew."""
    try:
        return open_secrets(inbox.id, bytes(inbox.secrets) if inbox.secrets else None)
    except crypto.Unreadable:
        return {}


def _require_passwords(
    inbox: Inbox, checked: Mapping[str, Any], secrets: Mapping[str, str], stored: Mapping[str, str]
) -> None:
    for password, places in _WHERE_PASSWORDS_GO.items():
        moved = any(name in checked and checked[name] != getattr(inbox, name) for name in places)
        if moved and stored.get(password) and password not in secrets:
            raise InvalidInput(
                "password_needed", "The server changes, so enter its password again.", field=password
            )


def _with_smtp(secrets: dict[str, str]) -> dict[str, str]:
    """Most accounts have one password for both servers."""
    return {"smtp_password": secrets.get("imap_password", ""), **secrets}


def _colour_of(actor: Actor, tag: str) -> str:
    known = (
        Tag.objects.filter(workspace_id=actor.workspace_id, name__iexact=tag)
        .values_list("colour", flat=True)
        .first()
    )
    return known or "grey"


@contextmanager
def _conflicts_named() -> Iterator[None]:
    """What the database's rules refuse, in a sentence; the transaction around stays usable."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if "inboxes_address_once" in str(error):
            raise Conflict(
                "inbox_exists", "There is an inbox with this address already.", field="email_address"
            ) from None
        if "inboxes_maildir_once" in str(error):
            raise Conflict(
                "folder_in_use", "This folder belongs to another inbox.", field="maildir_path"
            ) from None
        raise
