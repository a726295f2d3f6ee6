"""What was changed in the back office, by whom and why."""

from __future__ import annotations

from convergio.site.backoffice.base import Part


class LogAdmin(Part):
    """Django's log of its admin, to read."""

    list_display = ("action_time", "user", "content_type", "object_repr", "change_message")
    list_filter = ("content_type",)
    list_select_related = ("user", "content_type")
    search_fields = ("object_repr", "change_message", "user__email")
    ordering = ("-id",)
    fields = ("action_time", "user", "content_type", "object_id", "object_repr", "change_message")
