"""Static files from the package, Swagger UI from django-ninja's own, the admin's from Django: nothing is copied."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ninja
from django.contrib import admin
from whitenoise.middleware import WhiteNoiseMiddleware

SWAGGER_FILES = ("swagger-ui.css", "swagger-ui-bundle.js")


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]
    """WhiteNoise with /static/ninja/ and /static/admin/ added."""

    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)
        self.add_files(str(Path(admin.__file__).parent / "static/admin"), prefix="/static/admin/")
        folder = Path(ninja.__file__).parent / "static/ninja"
        for name in SWAGGER_FILES:
            path = folder / name
            self.files[f"/static/ninja/{name}"] = self.get_static_file(str(path), f"/static/ninja/{name}")
