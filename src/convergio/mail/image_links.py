"""Addresses of pictures that a message shows in its text (rule 47).

The frame around a message may have no origin, and then sends no cookie: the address itself proves that whoever shows it
was allowed to open the message. It holds for one picture and for a day or two.
"""

from __future__ import annotations

import hmac

from django.urls import reverse

from convergio.accounts.actor import Actor, system
from convergio.core import clock
from convergio.core.crypto import keyed_digest
from convergio.core.errors import NotFound
from convergio.core.tenancy import workspace_scope
from convergio.mail.attachments import OpenedFile, open_attachment

_DAY = 86_400


def image_link(actor: Actor, email_id: int, number: int) -> str:
    """The path of a picture; the same all day, so that a browser keeps what it has loaded."""
    expires = (int(clock.now().timestamp()) // _DAY + 2) * _DAY
    place = (actor.workspace_id, email_id, number, expires)
    return reverse("mail:linked_image", args=[*place, _signature(place)])


def open_linked_image(place: tuple[int, int, int, int], signature: str) -> OpenedFile:
    """The picture at (workspace, email, number, expiry in Unix seconds). Raises NotFound for a forged or old link."""
    is_ours = hmac.compare_digest(_signature(place).encode(), signature.encode())
    workspace_id, email_id, number, expires = place
    if not is_ours or expires < clock.now().timestamp():
        raise NotFound("picture")
    with workspace_scope(workspace_id):
        return open_attachment(system(workspace_id), email_id, number)


def _signature(place: tuple[int, int, int, int]) -> str:
    return keyed_digest("/".join(map(str, place)), purpose="mail.image-links").hex()[:40]
