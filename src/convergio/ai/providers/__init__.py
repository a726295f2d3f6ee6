"""The models that can write replies, by the name that CONVERGIO_AI_MODEL takes; a new one is a file and a line here."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings

from convergio.ai.interface import Model
from convergio.ai.providers.offline import OfflineModel

MODELS: dict[str, Callable[[], Model]] = {
    "offline": OfflineModel,
}


def current_model() -> Model:
    """Return the model that this installation uses."""
    return MODELS[settings.AI_MODEL]()
