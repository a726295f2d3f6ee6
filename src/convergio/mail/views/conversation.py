"""One conversation: its page, the bodies and files of its messages."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from convergio.accounts.requests import SignedInHttpRequest
from convergio.mail import actions
from convergio.mail.attachments import open_attachment
from convergio.mail.display import frame_document, render_html, render_text
from convergio.mail.downloads import download, shown_image
from convergio.mail.image_links import image_link, open_linked_image
from convergio.mail.queries.threads import get_email, get_thread
from convergio.mail.views.drafts import saved_reply
from convergio.mail.views.listing import Listing, show
from convergio.mail.views.reading import shown_thread

# A mail's own policy: nothing runs, nothing is loaded but pictures; remote ones only when the reader asked.
_POLICY = (
    "default-src 'none'; img-src 'self' data:{remote}; media-src data:{remote}; font-src data:; "
    "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; "
    "sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox"
)


@require_safe
def thread(request: SignedInHttpRequest, thread_id: int) -> HttpResponse:
    """The conversation, which is read by that; `live=1` is the page's own look for what is new, and is no reading."""
    return show_thread(request, thread_id)


def show_thread(request: SignedInHttpRequest, thread_id: int) -> HttpResponse:
    """The same, also as the answer to a decision."""
    found = get_thread(request.actor, thread_id)
    is_live = request.GET.get("live") == "1"
    if not is_live and any(not message.is_read for message in found.messages):
        actions.mark_threads_read(request.actor, [thread_id], is_read=True)
    images = request.GET.get("images", "")
    shown = shown_thread(request.actor, found, images_of=int(images) if images.isdecimal() else 0)
    blocks = ["live", "details"] if is_live else ["conversation", "details"]
    return show(
        request,
        Listing.of(request),
        block=blocks,
        thread=shown,
        writing=saved_reply(request.actor, thread_id),
        queued=next((one for one in shown.messages if str(one.email_id) == request.GET.get("queued")), None),
    )


@require_safe
def email_body(request: SignedInHttpRequest, email_id: int) -> HttpResponse:
    """The message for the page's frame; with `images=1` what it wants from other servers is loaded."""
    email = get_email(request.actor, email_id)
    remote = request.GET.get("images") == "1"
    cids = {
        file["content_id"]: image_link(request.actor, email_id, number)
        for number, file in enumerate(email.attachments)
        if file.get("content_id")
    }
    if email.body_html:
        text = render_html(email.body_html, allow_remote=remote, cid_urls=cids).html
    else:
        text = render_text(email.body_text)
    response = HttpResponse(frame_document(text, title=email.subject or "(no subject)"))
    response.headers["Content-Security-Policy"] = _POLICY.format(remote=" https: http:" if remote else "")
    return response


@require_safe
def attachment(request: SignedInHttpRequest, email_id: int, number: int) -> HttpResponse:
    """A file of a message, to save."""
    return download(open_attachment(request.actor, email_id, number))


@require_safe
def linked_image(
    request: HttpRequest,  # noqa: ARG001 - the address is the proof, whoever asks
    workspace_id: int,
    email_id: int,
    number: int,
    expires: int,
    signature: str,
) -> HttpResponse:
    """A picture that the message shows in its text."""
    return shown_image(open_linked_image((workspace_id, email_id, number, expires), signature))
