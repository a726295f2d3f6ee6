"""Filling an empty installation with the demo agency: its people, inboxes, knowledge base and a week of mail.

The week comes in as raw messages through the mail engine and is worked on through the actions that people use, so the
demo shows nothing that the product did not do itself.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth.hashers import make_password
from django.db import transaction

from convergio.accounts.actions import set_password
from convergio.accounts.actor import Actor
from convergio.accounts.api_keys import issue_api_key
from convergio.accounts.entrance import create_workspace
from convergio.accounts.models import ApiKey, User, Workspace, WorkspaceMember
from convergio.accounts.seeds import TAGS
from convergio.ai.actions import add_document
from convergio.core import clock, sql
from convergio.core.tenancy import workspace_scope
from convergio.mail.actions import mark_read
from convergio.mail.inboxes import create_inbox
from convergio.mail.ingest import Arrival, load_receiver, store_messages
from convergio.site.demo.documents import demo_documents
from convergio.site.demo.week import DOMAIN, DemoMessage, demo_messages
from convergio.work.actions import TaskFields, update_task

EMAIL = f"demo@{DOMAIN}"
AGENCY = "Saffron Talent"
OWNER = "Rhea Kapoor"
# Their mailboxes are named after the first name, as the week's tables name them too.
TEAM = {"Imran Sheikh": "admin", "Lata Menon": "member", "Dev Arora": "member"}
KEY_NAME = "Demo"


@dataclass(frozen=True, slots=True)
class DemoLogin:
    """How to come in, as a person and as a program."""

    email: str
    password: str
    api_key: str


def seed_demo(data_dir: Path) -> DemoLogin:
    """Make what is not there, all of it or nothing, and a new password and API key; inboxes lie below `data_dir`.

    Safe to repeat: an agency that is there keeps what people did with it.
    """
    for tag in TAGS:
        for name in ("new", "cur", "tmp"):
            (data_dir / "mail" / tag.lower() / name).mkdir(parents=True, exist_ok=True, mode=0o700)
    (data_dir / "outbox").mkdir(exist_ok=True, mode=0o700)
    with transaction.atomic():
        owner = User.objects.filter(email=EMAIL).first()
        workspace = Workspace.objects.get(owner=owner) if owner else _make_agency()
        return _new_login(workspace)


def _new_login(workspace: Workspace) -> DemoLogin:
    password = secrets.token_urlsafe(9)
    set_password(workspace.owner, password)
    ApiKey.objects.filter(user=workspace.owner, name=KEY_NAME, revoked_at=None).update(revoked_at=clock.now())
    _, key = issue_api_key(user_id=workspace.owner_id, workspace_id=workspace.id, name=KEY_NAME)
    return DemoLogin(EMAIL, password, key)


def _make_agency() -> Workspace:
    nobody = make_password(None)
    owner = User.objects.create(email=EMAIL, name=OWNER, company=AGENCY, password=nobody)
    workspace = create_workspace(owner, name=AGENCY)
    people = {_first_name(OWNER): owner.id}
    for name, role in TEAM.items():
        address = f"{_first_name(name)}@{DOMAIN}"
        user = User.objects.create(email=address, name=name, company=AGENCY, password=nobody)
        WorkspaceMember.objects.create(workspace=workspace, user=user, role=role)
        people[_first_name(name)] = user.id
    actor = Actor(workspace_id=workspace.id, user_id=owner.id, role="owner", email=EMAIL, name=OWNER)
    with workspace_scope(workspace.id):
        inboxes = {tag.lower(): _make_inbox(actor, tag) for tag in TAGS}
        for document in demo_documents():
            inbox_id = inboxes[document.inbox_tag] if document.inbox_tag else None
            add_document(actor, title=document.title, body=document.body, inbox_id=inbox_id)
        for message in demo_messages(clock.now()):
            _take_in(actor, message, inboxes[message.inbox_tag], people)
    return workspace


def _first_name(name: str) -> str:
    return name.partition(" ")[0].lower()


def _make_inbox(actor: Actor, tag: str) -> int:
    return create_inbox(
        actor,
        {
            "name": AGENCY if tag == "Hello" else f"{AGENCY} {tag}",
            "email_address": f"{tag.lower()}@{DOMAIN}",
            "tag": tag,
            "colour": TAGS[tag],
            "kind": "maildir",
            "reply_mode": "draft",
            "signature": f"{AGENCY}\nPune",
        },
    )


def _take_in(actor: Actor, message: DemoMessage, inbox_id: int, people: dict[str, int]) -> None:
    """Store one message as its server would have handed it over then, and do what somebody has done with it since."""
    arrival = Arrival(raw=message.raw, received_at=message.received_at, in_sent_folder=message.is_sent)
    (stored,) = store_messages(load_receiver(inbox_id), [arrival])
    if message.is_read:
        mark_read(actor, [stored.email_id], is_read=True)
    if message.task:
        changes: TaskFields = {}
        if "assignee" in message.task:
            changes["assignee_id"] = people[message.task["assignee"]]
        if "status" in message.task:
            changes["status"] = message.task["status"]
        task_id = sql.fetch_value("SELECT id FROM tasks WHERE email_id = %s", [stored.email_id])
        update_task(actor, task_id, changes)
