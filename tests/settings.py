"""The product's settings with the environment that tests need; pytest-django loads this before any conftest."""

from __future__ import annotations

import os
import tempfile

os.environ.update(
    {
        "CONVERGIO_SECRET_KEY": "test-secret-key-test-secret-key-test",
        "CONVERGIO_ARGON2_MEMORY_KIB": "8",
        "CONVERGIO_RATE_LIMIT": "0",
        "CONVERGIO_ALLOW_PRIVATE_HOSTS": "true",
        "CONVERGIO_DATA_DIR": tempfile.mkdtemp(prefix="convergio-test-"),
        "CONVERGIO_PUBLIC_URL": "http://testserver",
    }
)
os.environ.pop("DATABASE_URL", None)

from convergio.settings import *  # noqa: F403
