"""Objects of the owner's workspace, by the names under which addresses, bodies and filters ask for them.

A new endpoint whose parameter is not named here fails tests/site/test_outsider.py: add the factory of its object.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

from django.test import override_settings

from convergio.accounts import trusted_devices
from convergio.accounts.api_keys import issue_api_key
from convergio.accounts.models import (
    Passkey,
    TrustedDevice,
    User,
    UserSession,
    WorkspaceInvitation,
    WorkspaceMember,
)
from convergio.ai.models import KnowledgeDocument
from convergio.billing.invoicing.actions import issue_invoice
from convergio.billing.invoicing.credit_notes import issue_credit_note
from convergio.billing.invoicing.parties import save_profile
from convergio.billing.invoicing.taxes import Item
from convergio.billing.models import Invoice, PaymentMethod, TokenPackage, TokenPurchase, UsageAlert
from convergio.core.clock import now
from convergio.core.tenancy import workspace_scope
from convergio.mail.attachments import store_attachment
from convergio.mail.drafts import DraftFields, save_draft
from convergio.mail.ingest import store_messages
from convergio.mail.models import AutoReply, Email, Inbox
from convergio.work.models import Task
from tests.cast import Person, make_user
from tests.mail.messages import arrival, make_inbox, receiver_of

Factory = Callable[[Person], Any]


def canary(person: Person) -> str:
    """Text that stands in every object of one person's workspace and nowhere else."""
    return f"canary of {person.user.name}"


def session_id(owner: Person) -> int:
    owner.program()
    return UserSession.objects.filter(user=owner.user).latest("id").id


def device_id(owner: Person) -> int:
    trusted_devices.trust(owner.user.id, session_id(owner))
    return TrustedDevice.objects.filter(user=owner.user).latest("id").id


def key_id(owner: Person) -> int:
    return issue_api_key(user_id=owner.user.id, workspace_id=owner.workspace.id, name=canary(owner))[0].id


def passkey_id(owner: Person) -> int:
    number = Passkey.objects.count()
    return Passkey.objects.create(
        user=owner.user,
        name=canary(owner),
        credential_id=f"canary {number}".encode(),
        user_handle=b"canary",
        public_key=b"canary",
    ).id


def task_id(owner: Person) -> int:
    return Task.objects.create(workspace=owner.workspace, title=canary(owner), source="manual").id


def inbox(owner: Person) -> Inbox:
    """Never the last one: that may not be deleted."""
    number = Inbox.objects.count()
    make_inbox(owner.workspace, f"more{number}@canary.test", name=canary(owner))
    return make_inbox(owner.workspace, f"canary{number}@canary.test", name=canary(owner))


def email(owner: Person) -> Email:
    """A mail with an attachment, taken up by the engine."""
    place = inbox(owner)
    message = EmailMessage()
    message["Message-ID"] = f"<{place.id}@canary.test>"
    message["From"] = "Ananya Rao <ananya@lumen.example>"
    message["To"] = place.email_address
    message["Subject"] = canary(owner)
    message.set_content(canary(owner))
    message.add_attachment(canary(owner).encode(), maintype="text", subtype="plain", filename="canary.txt")
    (stored,) = store_messages(receiver_of(place), [arrival(message.as_bytes())])
    return Email.objects.get(id=stored.email_id)


def reply_id(owner: Person) -> int:
    answered = email(owner)
    return AutoReply.objects.create(
        workspace=owner.workspace,
        email=answered,
        thread_id=answered.thread_id,
        inbox=inbox(owner),
        reply_text=canary(owner),
        ai_model="offline",
    ).id


def file_id(owner: Person) -> int:
    return store_attachment(owner.actor, filename="canary.txt", content=canary(owner).encode()).id


def document_id(owner: Person) -> int:
    return KnowledgeDocument.objects.create(
        workspace=owner.workspace, title=canary(owner), body=canary(owner)
    ).id


def member_id(owner: Person) -> int:
    """Somebody who is in no other workspace."""
    member = make_user(f"member{User.objects.count()}")
    User.objects.filter(id=member.id).update(name=canary(owner))
    WorkspaceMember.objects.create(workspace=owner.workspace, user=member, role="member")
    return member.id


def alert_id(owner: Person) -> int:
    """Of who pays for the workspace."""
    threshold = 10_000 + UsageAlert.objects.count()
    return UsageAlert.objects.create(user=owner.workspace.owner, threshold=threshold, unit="tokens").id


def invitation_id(owner: Person) -> int:
    return WorkspaceInvitation.objects.create(
        workspace=owner.workspace,
        email=f"invited{WorkspaceInvitation.objects.count()}@canary.test",
        role="member",
        token_hash=os.urandom(32),
        invited_by=owner.user,
        expires_at=now() + timedelta(days=1),
    ).id


def purchase_id(owner: Person) -> int:
    """Paid, and for a package that nobody else bought."""
    number = TokenPurchase.objects.count()
    package = TokenPackage.objects.create(slug=f"canary{number}", name=canary(owner), tokens=10, price=100)
    return TokenPurchase.objects.create(
        user=owner.user,
        workspace=owner.workspace,
        package=package,
        tokens=10,
        amount=100,
        status="pending",
        gateway="fake",
        idempotency_key=f"canary{number}",
    ).id


def invoice(owner: Person) -> Invoice:
    """Issued to a name of the owner's."""
    save_profile(owner.user.id, name=canary(owner), address=[])
    with override_settings(SELLER_NAME="Convergio Software Private Limited"):
        return issue_invoice(owner.user, lines=[Item(canary(owner), 100)], paid_at=now())


def note_id(owner: Person) -> int:
    return issue_credit_note(invoice(owner).id, reason=canary(owner)).id


def method_id(owner: Person) -> int:
    number = PaymentMethod.objects.count()
    return PaymentMethod.objects.create(
        user=owner.user, gateway="fake", gateway_id=f"canary{number}", kind="card", label=canary(owner)
    ).id


# Parameters of addresses.
IDS: dict[str, Factory] = {
    "session_id": session_id,
    "device_id": device_id,
    "key_id": key_id,
    "passkey_id": passkey_id,
    "task_id": task_id,
    "email_id": lambda owner: email(owner).id,
    "thread_id": lambda owner: email(owner).thread_id,
    "inbox_id": lambda owner: inbox(owner).id,
    "reply_id": reply_id,
    "document_id": document_id,
    "user_id": member_id,
    "invitation_id": invitation_id,
    "alert_id": alert_id,
    "purchase_id": purchase_id,
    "invoice_id": lambda owner: invoice(owner).id,
    "note_id": note_id,
    "method_id": method_id,
    "draft_id": lambda owner: save_draft(owner.actor, DraftFields(subject=canary(owner))),
    "workspace_id": lambda owner: owner.workspace.id,
    "expires": lambda _: 4_102_444_800,
    "signature": lambda _: "0" * 40,
    "object_id": lambda owner: owner.user.id,  # of the back office, which has no workspace
    "content_type_id": lambda _: 1,
    "number": lambda _: 0,  # of a mail's files; the mail beside it is the foreign one
}
# Fields of bodies and filters that name objects. Lists take one of them; a dot leads into a list's objects.
FIELDS: dict[str, Factory] = {
    **IDS,
    "ids": lambda owner: email(owner).id,
    "from_inbox": lambda owner: inbox(owner).id,
    "parent_message_id": lambda owner: email(owner).message_id,
    "references_chain": lambda owner: email(owner).message_id,
    "attachments.id": file_id,
    "before": task_id,
    "after": task_id,
    "assignee_id": lambda owner: owner.user.id,
    "assignee": lambda owner: owner.user.id,
    "cursor": lambda owner: email(owner).id + 10**6,  # above every object of the list
    "thread": lambda owner: email(owner).thread_id,
    "search": lambda _: "canary",
    "tag": lambda owner: inbox(owner).tag,
    "inbox": lambda owner: inbox(owner).tag,
    "inbox_ids": lambda owner: inbox(owner).id,
    "user": lambda owner: owner.user.id,
}
# Fields that end like an id and name nothing of a workspace.
NO_OBJECTS = frozenset({"message_id", "external_id", "answer.id"})  # the last: a credential's own
# Words and places in a list: every workspace answers them for itself, and need not know them.
NO_IDS = frozenset({"search", "tag", "cursor", "expires", "signature", "number"})
# Bodies that an operation accepts, where the smallest one by its schema is refused before its ids are looked up.
BODIES: dict[str, Callable[[Person], dict[str, Any]]] = {
    "POST /api/send-email": lambda person: {
        "from_inbox": inbox(person).id,
        "to": "ananya@lumen.example",
        "subject": "Hello",
        "body": "Hello",
    },
    "POST /api/workspaces/{workspace_id}/transfer": lambda person: {"name": person.workspace.name},
}
# What pages read of their forms and addresses beside the path, and what of another workspace is put there.
PAGE_FIELDS: dict[str, Factory] = {
    "email": IDS["email_id"],
    "ids": IDS["thread_id"],
    "thread": IDS["thread_id"],
    "draft": IDS["draft_id"],
    "queued": IDS["email_id"],
    "inbox": IDS["inbox_id"],
    "stored": lambda owner: f"{file_id(owner)}/canary.txt",
    "before": task_id,
    "after": task_id,
    "assignee": lambda owner: owner.user.id,
    "user_id": member_id,
    "of": member_id,
    "offset": lambda _: 1,
    "tasks": lambda _: 1,
    "page": lambda owner: email(owner).id,
    "q": lambda _: "canary",
    "question": lambda _: "canary",
    "tag": lambda owner: inbox(owner).tag,
}

# What a page's form sends, where its view looks at the form before it looks for the objects.
FORMS: dict[str, dict[str, str]] = {
    "/dashboard/settings/security/passkeys/{passkey_id}/rename": {"name": "mine"},
    "/dashboard/commboost/compose": {"to": "ananya@lumen.example", "subject": "x", "body_text": "x"},
    "/dashboard/workboost/tasks/new": {"title": "x", "status": "todo", "priority": "medium"},
    "/dashboard/workboost/tasks/{task_id}": {"title": "x", "status": "todo", "priority": "medium"},
    "/dashboard/workboost/tasks/{task_id}/move": {"status": "done"},
}


def make(factory: Factory, owner: Person) -> Any:
    """Run a factory inside the owner's scope."""
    with workspace_scope(owner.workspace.id):
        return factory(owner)
