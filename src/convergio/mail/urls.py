"""Addresses of CommBoost and of the inbox settings."""

from __future__ import annotations

from django.urls import path

from convergio.mail.views import composing, conversation, decisions, drafts, inboxes, listing

app_name = "mail"
_HOME = "dashboard/commboost"
_EMAIL = f"{_HOME}/emails/<int:email_id>"
_SETTINGS = "dashboard/settings/inboxes"

urlpatterns = [
    path(_HOME, listing.commboost, name="commboost"),
    path("dashboard/inbox/<str:tag>", listing.commboost, name="inbox"),
    path(f"{_HOME}/read", listing.mark_read, name="mark_read"),
    path(f"{_HOME}/threads/<int:thread_id>", conversation.thread, name="thread"),
    path(f"{_HOME}/threads/<int:thread_id>/reply", composing.reply, name="reply"),
    path(f"{_HOME}/new", composing.compose, name="compose"),
    path(f"{_HOME}/writing", drafts.save, name="save_draft"),
    path(f"{_HOME}/writing/<int:draft_id>/discard", drafts.discard, name="discard_draft"),
    path(f"{_HOME}/files", drafts.upload, name="upload"),
    path(f"{_HOME}/ask", decisions.ask, name="ask"),
    path(f"{_HOME}/drafts/<int:reply_id>/approve", decisions.approve, name="approve"),
    path(f"{_HOME}/drafts/<int:reply_id>/reject", decisions.reject, name="reject"),
    path(f"{_EMAIL}/undo", decisions.undo, name="undo"),
    path(f"{_EMAIL}/retry", decisions.retry, name="retry"),
    path(f"{_EMAIL}/settle", decisions.settle, name="settle"),
    path(f"{_EMAIL}/body", conversation.email_body, name="email_body"),
    path(f"{_EMAIL}/files/<int:number>", conversation.attachment, name="attachment"),
    path(
        "mail-images/<int:workspace_id>/<int:email_id>/<int:number>/<int:expires>/<str:signature>",
        conversation.linked_image,
        name="linked_image",
    ),
    path(_SETTINGS, inboxes.inboxes, name="inboxes"),
    path(f"{_SETTINGS}/new", inboxes.new_inbox, name="new_inbox"),
    path(f"{_SETTINGS}/sync", inboxes.sync_now, name="sync_now"),
    path(f"{_SETTINGS}/<int:inbox_id>", inboxes.edit_inbox, name="edit_inbox"),
    path(f"{_SETTINGS}/<int:inbox_id>/test", inboxes.test_inbox, name="test_inbox"),
    path(f"{_SETTINGS}/<int:inbox_id>/delete", inboxes.delete_inbox, name="delete_inbox"),
]
