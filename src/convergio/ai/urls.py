"""Pages under /dashboard/settings."""

from __future__ import annotations

from django.urls import path

from convergio.ai import views

app_name = "ai"
urlpatterns = [
    path("dashboard/settings/knowledge", views.knowledge, name="knowledge"),
    path("dashboard/settings/knowledge/new", views.new_document, name="new_document"),
    path("dashboard/settings/knowledge/<int:document_id>", views.edit_document, name="document"),
    path(
        "dashboard/settings/knowledge/<int:document_id>/delete", views.delete_document, name="delete_document"
    ),
]
