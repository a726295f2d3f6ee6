"""Whether this process can do its work."""

from __future__ import annotations

from django.db import OperationalError, connection

from convergio.core import sql


def check_database() -> None:
    """Ask the database for one row, on a new connection if the old one died. Raises OperationalError."""
    try:
        sql.fetch_value("SELECT 1")
    except OperationalError:
        if connection.in_atomic_block:
            raise
        connection.close()
        sql.fetch_value("SELECT 1")
