"""The URL map."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from convergio.site import live, today, usage, views
from convergio.site.api import api
from convergio.site.backoffice.desk import desk

_USAGE = "dashboard/settings/tokens/usage"
_pages = [
    path("dashboard", today.dashboard, name="dashboard"),
    path("dashboard/nav", views.nav, name="nav"),
    path(_USAGE, usage.show_usage, name="usage"),
    path(f"{_USAGE}/csv", usage.download, name="usage_file"),
    path(f"{_USAGE}/latest", usage.latest_notice, name="latest_notice"),
    path("dashboard/settings/tokens/alerts", usage.add_alert, name="add_alert"),
    path("dashboard/settings/tokens/alerts/<int:alert_id>/delete", usage.delete_alert, name="delete_alert"),
]

# Patterns are tried in their order: what is asked for most comes first, and no address is in two of them.
urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.root, name="root"),
    path("api/events", live.stream_events, name="events"),
    path("api/", api.urls),
    path("", include("convergio.mail.urls")),
    path("", include((_pages, "site"))),
    path("", include("convergio.work.urls")),
    path("", include("convergio.accounts.urls")),
    path("", include("convergio.ai.urls")),
    path("", include("convergio.billing.urls")),
    path("api-docs", views.api_docs, name="api_docs"),
    path("admin", RedirectView.as_view(url="/admin/")),
    path("admin/", desk.urls),
]

handler400 = "convergio.site.errors.bad_request"
handler403 = "convergio.site.errors.forbidden"
handler404 = "convergio.site.errors.not_found"
handler500 = "convergio.site.errors.server_error"
