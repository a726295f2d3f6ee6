"""Loads every domain's `seeds` module once the apps are ready."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class CoreConfig(AppConfig):
    """The core app."""

    name = "convergio.core"

    def ready(self) -> None:
        autodiscover_modules("seeds")
