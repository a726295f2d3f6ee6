"""Races for one invitation: 50 requests at once on two web processes, and exactly one wins."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlencode

import pytest

from convergio.accounts.models import User, WorkspaceInvitation, WorkspaceMember
from tests.e2e.service import Service, wait_for
from tests.proofs.racing import REQUESTS, at_once, send, service
from tests.proofs.report import report

__all__ = ["service"]
pytestmark = pytest.mark.proof

GUEST, NEW, PASSWORD = "imran@convergio.test", "lata@convergio.test", "correct horse battery"


def mailed_token(service: Service, email: str) -> str:
    """Invite the address as the owner; the token of the link that the worker mailed."""
    place = service.call("GET", "/api/workspaces")[0]["id"]
    service.call("POST", f"/api/workspaces/{place}/invitations", {"email": email, "role": "member"})

    def found() -> Any:
        texts = [mail.get_content() for mail in service.sent() if mail["To"] == email]
        return re.search(r"/invite\?token=(\S+)", texts[0]) if texts else None

    return str(wait_for(found, "the invitation's mail")[1])


def test_proof_of_50_parallel_uses_of_one_invitation_exactly_one_wins(service: Service) -> None:
    account = {"email": GUEST, "password": PASSWORD, "name": "Imran Sheikh"}
    guest = service.call("POST", "/api/auth/register", account)["token"]
    body = json.dumps({"token": mailed_token(service, GUEST)})
    accepted = at_once(
        service,
        lambda url: send(
            url,
            "/api/invitations/accept",
            body=body,
            Authorization=f"Bearer {guest}",
            Content_Type="application/json",
        ),
    )

    token = mailed_token(service, NEW)
    _, headers, page = send(service.urls[0], f"/invite?{urlencode({'token': token})}")
    (field,) = set(re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page))
    form = {"csrfmiddlewaretoken": field, "token": token, "name": "Lata Menon", "password": PASSWORD}
    registered = at_once(
        service,
        lambda url: send(
            url,
            "/invite",
            body=urlencode(form),
            Cookie=headers["Set-Cookie"].partition(";")[0],
            Content_Type="application/x-www-form-urlencoded",
        ),
    )
    report(
        "One invitation, used 50 times at once on two web processes",
        [
            f"accepted by its signed-in address: {dict(accepted)}",
            f"registered with by somebody new: {dict(registered)}",
        ],
    )
    assert accepted == {200: 1, 400: REQUESTS - 1}
    assert registered == {302: 1, 400: REQUESTS - 1}
    assert User.objects.filter(email=NEW).count() == 1
    assert WorkspaceInvitation.objects.exclude(accepted_at=None).count() == 2
    members = WorkspaceMember.objects.filter(user__email__in=[GUEST, NEW]).values_list("user__email", "role")
    assert sorted(members) == [(GUEST, "member"), (GUEST, "owner"), (NEW, "member")]
