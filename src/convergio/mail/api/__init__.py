"""REST of mail: messages, sending, replies, inboxes."""

from ninja import Router

from convergio.mail.api.asking import router as asking
from convergio.mail.api.emails import router as emails
from convergio.mail.api.inboxes import router as inboxes
from convergio.mail.api.replies import router as replies
from convergio.mail.api.sending import router as sending

router = Router()
for part in (emails, sending, replies, asking, inboxes):
    router.add_router("", part)

__all__ = ["router"]
