"""Static files from the package, and Swagger UI from django-ninja's own: no CDN, nothing copied."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ninja
from whitenoise.middleware import WhiteNoiseMiddleware

SWAGGER_FILES = ("swagger-ui.css", "swagger-ui-bundle.js")


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]
    """WhiteNoise with /static/ninja/ added."""

    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)
        folder = Path(ninja.__file__).parent / "static/ninja"
        for name in SWAGGER_FILES:
            path = folder / name
            self.files[f"/static/ninja/{name}"] = self.get_static_file(str(path), f"/static/ninja/{name}")
