"""What a log line may hold."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

_BREAKS = """
import django, logging, structlog
django.setup()
def sign_in():
    password = "-".join(["hunter", "2"])
    raise ValueError("it broke")
for log in (structlog.get_logger("engine"), logging.getLogger("library")):
    try:
        sign_in()
    except ValueError:
        log.exception("engine.broke")
"""


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_traceback_shows_no_variables(log_format: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _BREAKS],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "CONVERGIO_LOG_FORMAT": log_format},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.count("it broke") >= 2
    assert "hunter-2" not in done.stderr + done.stdout
