"""Webhooks of the gateways."""

from __future__ import annotations

from django.urls import path

from convergio.billing import webhooks

app_name = "billing"

urlpatterns = [
    path(f"api/webhooks/{name}", webhooks.receive, {"gateway": name}, name=f"webhook_{name}")
    for name in ("razorpay", "stripe", "fake")
]
