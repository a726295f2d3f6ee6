"""REST of asking a model for a draft."""

from __future__ import annotations

from django.http import HttpResponse
from ninja import Router, Schema

from convergio.accounts.requests import SignedInHttpRequest
from convergio.core.rest import METERED, json_answer
from convergio.core.tenancy import workspace_scope
from convergio.mail.api.replies import AutoReplyOut
from convergio.mail.drafting import ask_for_draft
from convergio.mail.queries import replies

router = Router(tags=["ai"])


class DraftWanted(Schema):
    """The mail whose conversation waits for an answer."""

    email_id: int


@router.post(
    "/ai/email-draft", response={201: AutoReplyOut}, summary="Have a reply drafted", openapi_extra=METERED
)
def draft_email(request: SignedInHttpRequest, body: DraftWanted) -> HttpResponse:
    """Outside the request's transaction: what is held for the call is committed before the model is asked."""
    reply_id = ask_for_draft(request.actor, body.email_id)
    with workspace_scope(request.actor.workspace_id):
        return json_answer(replies.get_reply(request.actor, reply_id), status=201)
