"""Loads what works by being known: the jobs of subscriptions, which also answer webhooks and reconciliation."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class BillingConfig(AppConfig):
    """The billing app."""

    name = "convergio.billing"

    def ready(self) -> None:
        import_module("convergio.billing.subscriptions.jobs")
