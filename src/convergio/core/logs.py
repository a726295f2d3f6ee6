"""Structured logs: constant dotted event names and ids; JSON in production, aligned text for people.

Never bodies, tokens, addresses or whole objects.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog
from django.conf import settings


def configure(options: dict[str, Any]) -> None:
    """Called by Django with settings.LOGGING; routes structlog and the standard library to one stream."""
    json_format = settings.LOG_FORMAT == "json"
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # Where `rich` is installed the console shows the variables of every frame, passwords among them.
    console = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    renderer: Any = structlog.processors.JSONRenderer() if json_format else console
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    final: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if json_format:
        final.append(structlog.processors.format_exc_info)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[*final, renderer])
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(str(options["level"]).upper())
    for noisy in ("procrastinate", "httpx", "imapclient", "fontTools"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # It warns of letters that its fonts lack, and quotes them.
    logging.getLogger("fpdf").setLevel(logging.ERROR)
    # It warns of what it raises anyway; its pool, which does not, keeps its own level.
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    logging.getLogger("psycopg.pool").setLevel(logging.WARNING)
