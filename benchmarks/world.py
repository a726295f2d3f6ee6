"""A migrated database filled with many workspaces' mail by plain SQL, so that its size costs seconds, not hours."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from convergio.core.embedded_pg import EmbeddedPostgres, throwaway_postgres
from convergio.core.roles import grant_application_role

WORKSPACES = 20
TAGS = ("Hello", "Partners", "Info", "Support", "Neo")
COOKIE = "benchmark-cookie-0123456789abcdefghijklmnopqrstuvw"
# Every browser sends both from its second page on.
COOKIES = f"convergio={COOKIE}; csrftoken={'b' * 32}"
_MIGRATE = (
    "import django; django.setup(); "
    "from convergio.core.quick_migrations import apply_migrations; apply_migrations()"
)
SECRET = "benchmark-secret-key-0123456789abcdef"  # noqa: S105 - protects nothing


@dataclass(frozen=True, slots=True)
class World:
    """A filled database. `environment` runs any `convergio` command against it as the application's role."""

    postgres: EmbeddedPostgres
    emails: int
    environment: dict[str, str]

    def python(self, *arguments: str) -> str:
        """Run this interpreter with the world's environment; the answer is what it printed."""
        done = subprocess.run(
            [sys.executable, *arguments], env=self.environment, check=True, capture_output=True, text=True
        )
        return done.stdout


@contextmanager
def filled(emails: int, *, workspaces: int = WORKSPACES) -> Iterator[World]:
    """A throw-away server with `emails` messages in workspaces of five inboxes, two messages a conversation."""
    with TemporaryDirectory(prefix="convergio-bench-") as folder:
        Path(folder).chmod(0o711)
        with throwaway_postgres(Path(folder) / "data") as postgres:
            environment = os.environ | {
                "DJANGO_SETTINGS_MODULE": "convergio.settings",
                "CONVERGIO_SECRET_KEY": SECRET,
                "CONVERGIO_RATE_LIMIT": "0",
                "CONVERGIO_DATA_DIR": str(Path(folder) / "files"),
                "CONVERGIO_LOG_LEVEL": "error",
                "DATABASE_URL": postgres.admin_url,
            }
            subprocess.run([sys.executable, "-c", _MIGRATE], env=environment, check=True)
            grant_application_role(postgres.admin_url, "convergio_app")
            with psycopg.connect(postgres.admin_url, autocommit=True) as connection:
                _fill(connection, workspaces, emails // workspaces)
            yield World(postgres, emails, environment | {"DATABASE_URL": postgres.app_url})


def _fill(connection: psycopg.Connection, workspaces: int, each: int) -> None:
    digest = hashlib.sha256(COOKIE.encode()).digest()
    for workspace in range(1, workspaces + 1):
        connection.execute(
            "INSERT INTO users (id, email, password_hash) VALUES (%s, %s, '!')",
            [workspace, f"owner{workspace}@convergio.test"],
        )
        connection.execute(
            "INSERT INTO workspaces (id, name, owner_id) VALUES (%s, %s, %s)",
            [workspace, f"Workspace {workspace}", workspace],
        )
        connection.execute(
            "INSERT INTO workspace_members (workspace_id, user_id, role) VALUES (%s, %s, 'owner')",
            [workspace, workspace],
        )
        for number, tag in enumerate(TAGS):
            connection.execute(
                """INSERT INTO inboxes (id, workspace_id, name, email_address, tag, kind, is_active)
                   VALUES (%s, %s, %s, %s, %s, 'imap', false)""",
                [workspace * 10 + number, workspace, tag, f"{tag.lower()}{workspace}@convergio.test", tag],
            )
    connection.execute(
        """INSERT INTO user_sessions (user_id, workspace_id, kind, token_hash, token_expires_at, expires_at)
           VALUES (1, 1, 'browser', %s, now() + interval '1 day', now() + interval '1 day')""",
        [digest],
    )
    for workspace in range(1, workspaces + 1):
        for statement in _STATEMENTS:
            connection.execute(statement, {"workspace": workspace, "each": each})
    connection.execute("VACUUM ANALYZE")


_WORDS = """concat_ws(' ', 'refund order', md5(n::text), 'shipping invoice number', n, 'please answer',
  (ARRAY['hoodie','podcast','internship','rates','contract','budget','reel','caption'])[1 + n %% 8])"""
# Conversation n // 2 of a workspace lives in one of its five inboxes; newest last.
_STATEMENTS = (
    """INSERT INTO email_threads (id, workspace_id, subject, participants, last_message_at, message_count,
         unread_count, sender_name, sender_address, snippet)
       SELECT %(workspace)s * 10000000 + t, %(workspace)s, 'Matter ' || t, ARRAY['p' || t || '@lumen.example'],
         now() - interval '1 minute' * (%(each)s / 2 - t), 2, (t %% 10 = 0)::int, 'Person ' || t,
         'p' || t || '@lumen.example', 'first words of the matter'
       FROM generate_series(0, %(each)s / 2 - 1) AS t""",
    f"""INSERT INTO emails (id, workspace_id, thread_id, message_id, from_address, from_name, to_address, subject,
         body_text, snippet, tag, direction, received_at, is_read, raw_source, content_hash, reply_allowed,
         reply_reason)
       SELECT %(workspace)s * 10000000 + n, %(workspace)s, %(workspace)s * 10000000 + n / 2, n || '@lumen.example',
         'p' || n / 2 || '@lumen.example', 'Person ' || n / 2, 'support@convergio.test', 'Matter ' || n / 2,
         {_WORDS}, 'first words of the matter', (ARRAY['Hello','Partners','Info','Support','Neo'])[1 + (n / 2) %% 5],
         'inbound', now() - interval '1 minute' * (%(each)s / 2 - n / 2) - interval '1 second' * ((n + 1) %% 2),
         (n / 2) %% 10 <> 0 OR n %% 2 = 0, ''::bytea, ''::bytea, true, 'ok'
       FROM generate_series(0, %(each)s - 1) AS n""",
    """INSERT INTO email_deliveries (workspace_id, email_id, inbox_id, received_at)
       SELECT workspace_id, id, workspace_id * 10 + ((id %% 10000000) / 2) %% 5, received_at
       FROM emails WHERE workspace_id = %(workspace)s""",
    """INSERT INTO thread_inboxes (workspace_id, thread_id, inbox_id, last_message_at, unread_count)
       SELECT workspace_id, id, workspace_id * 10 + (id %% 10000000) %% 5, last_message_at, unread_count
       FROM email_threads WHERE workspace_id = %(workspace)s""",
    """UPDATE email_threads SET last_email_id = workspace_id * 10000000 + (id %% 10000000) * 2 + 1
       WHERE workspace_id = %(workspace)s""",
)
