"""The domain's own pages, without the site around them."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("", include("convergio.ai.urls"))]
