"""What tests of workspaces, members and invitations do again and again."""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from django.test import Client

from convergio.accounts.models import WorkspaceMember
from convergio.core import sql
from convergio.core.tenancy import workspace_scope
from tests.cast import Person, make_person
from tests.jobs import run_jobs

JSON = "application/json"
TOKEN = re.compile(r"http://testserver/invite\?token=(\S+)")


def answered(answer: Any) -> tuple[int, str]:
    """Status, and the code of a refusal."""
    return answer.status_code, answer.json().get("code", "") if answer.status_code >= 400 else ""


def address(person: Person, rest: str = "") -> str:
    """The REST address of the person's workspace."""
    return f"/api/workspaces/{person.workspace.id}{rest}"


def make_admin(owner: Person, name: str = "admin") -> Person:
    """Somebody with the role admin in the owner's workspace."""
    person = make_person(name, owner.workspace)
    give_role(person, "admin")
    return Person(person.user, owner.workspace, "admin")


def give_role(person: Person, role: str) -> None:
    WorkspaceMember.objects.filter(user=person.user, workspace=person.workspace).update(role=role)


def role_of(person: Person, workspace_id: int) -> str | None:
    """The stored role; None for who is no member."""
    found = WorkspaceMember.objects.filter(user=person.user, workspace_id=workspace_id).first()
    return found.role if found else None


def age_sessions(person: Person) -> None:
    """Nobody proved who they are within the last 10 minutes."""
    earlier = "UPDATE user_sessions SET authenticated_at = statement_timestamp() - interval '11 minutes'"
    sql.execute(f"{earlier} WHERE user_id = %s", [person.user.id])


def activities(workspace_id: int) -> list[tuple[str, dict[str, Any]]]:
    """What was written down in a workspace, oldest first."""
    with workspace_scope(workspace_id):
        return [(a, f) for a, f in sql.fetch_rows("SELECT action, facts FROM activity ORDER BY id")]


def mails(outbox: Path) -> list[EmailMessage]:
    """Run what is queued; the notices that were written, oldest first."""
    run_jobs()
    files = sorted(outbox.glob("*.eml"), key=lambda file: file.stat().st_mtime_ns)
    return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]


def newest_token(outbox: Path) -> str:
    """The token of the link that was mailed last."""
    found = TOKEN.search(mails(outbox)[-1].get_content())
    assert found is not None
    return found[1]


def invite(person: Person, email: str, role: str = "member") -> Any:
    """Invite an address to the person's workspace over REST."""
    body = {"email": email, "role": role}
    return person.program().post(address(person, "/invitations"), body, content_type=JSON)


def accept(client: Client, token: str) -> Any:
    """Accept over REST."""
    return client.post("/api/invitations/accept", {"token": token}, content_type=JSON)
