"""A database that goes away, for a moment or for longer."""

from __future__ import annotations

import psycopg
from django.db import connection

from tests.cast import make_person


def test_a_request_survives_a_restarted_database(committed: None, database_urls: tuple[str, str]) -> None:
    client = make_person("owner").program()
    assert client.get("/api/auth/me").status_code == 200
    connection.ensure_connection()
    pid = connection.connection.info.backend_pid
    with psycopg.connect(database_urls[0], autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s)", [pid])
    assert client.get("/api/auth/me").status_code == 200
    assert connection.connection.info.backend_pid != pid


def test_without_its_database_the_service_says_so(committed: None) -> None:
    client = make_person("owner").program()
    port = connection.settings_dict["PORT"]
    connection.close()
    connection.settings_dict["PORT"] = "1"
    try:
        answers = [client.get("/api/health"), client.get("/api/auth/me")]
    finally:
        connection.close()
        connection.settings_dict["PORT"] = port
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (503, "database_unavailable")
    ] * 2
