"""REST of the own address: proving it, changing it."""

from __future__ import annotations

from typing import Literal

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema

from convergio.accounts import email_address
from convergio.accounts.client import client_of
from convergio.accounts.requests import SignedInHttpRequest
from convergio.core.rest import json_answer

router = Router()


class MailedToken(Schema):
    """The token of a mailed link."""

    token: str


class NewAddress(Schema):
    """The address to sign in with from now on."""

    email: str


class Asked(Schema):
    """Mail is on its way."""

    status: Literal["ok"] = "ok"


class Confirmed(Schema):
    """`waiting`: the other address of a change must confirm too."""

    status: Literal["ok", "waiting"]


@router.post(
    "/auth/email/verify",
    auth=None,
    response=Confirmed,
    tags=["auth"],
    summary="Spend a link mailed to an address",
)
def verify(request: HttpRequest, body: MailedToken) -> HttpResponse:
    done = email_address.confirm(body.token, client=client_of(request))
    return json_answer({"status": "ok" if done else "waiting"})


@router.post(
    "/auth/email/verification", response=Asked, tags=["auth"], summary="Mail the confirming link anew"
)
def send_verification(request: SignedInHttpRequest) -> HttpResponse:
    email_address.ask_for_verification(request.actor, client=client_of(request))
    return json_answer({"status": "ok"})


@router.post(
    "/settings/profile/email",
    response=Asked,
    tags=["profile"],
    summary="Ask for another address; both addresses get a link",
)
def change_email(request: SignedInHttpRequest, body: NewAddress) -> HttpResponse:
    email_address.request_change(request.actor, email=body.email, client=client_of(request))
    return json_answer({"status": "ok"})
