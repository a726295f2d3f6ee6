"""`convergio check`: for each thing that can be wrong, the sentence and the remedy that a person gets."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Iterator

import psycopg
import pytest

from convergio.core.embedded_pg import EmbeddedPostgres
from tests.support.commands import convergio
from tests.support.pooler import needs_pgbouncer, pooler
from tests.support.postgres import reachable_folder

INBOX = """
INSERT INTO inboxes (workspace_id, name, email_address, tag, kind, state, last_error, secrets_encrypted)
SELECT min(id), 'Help', %s, 'Help', 'imap', %s, %s, %s FROM workspaces
"""
EMAIL = """
WITH thread AS (INSERT INTO email_threads (workspace_id, subject) SELECT min(id), 'x' FROM workspaces RETURNING *)
INSERT INTO emails (workspace_id, thread_id, message_id, direction, received_at, raw_source, content_hash,
  delivery_state, created_at)
SELECT workspace_id, id, %s, 'outbound', now(), '', '', %s, now() - interval '1 hour' FROM thread
"""
JOB = """
INSERT INTO procrastinate_jobs (queue_name, task_name, status, scheduled_at, attempts)
VALUES ('default', 'mail.draft_reply', %s, now() - interval '10 minutes', 1)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    """A running database with its tables and one account, which the commands join."""
    with reachable_folder() as folder, EmbeddedPostgres(folder / "data", durable=False) as server:
        assert convergio("migrate", "--data-dir", server.data_dir).stderr == ""
        made = convergio("user", "create", "ada@convergio.test", "--data-dir", server.data_dir)
        assert made.returncode == 0
        yield server


@pytest.fixture
def owner(server: EmbeddedPostgres) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server.admin_url, autocommit=True) as connection:
        yield connection


def external(server: EmbeddedPostgres) -> dict[str, str]:
    """The environment of an installation with a database of its own."""
    return {
        "DATABASE_URL": server.app_url,
        "DATABASE_ADMIN_URL": server.admin_url,
        "CONVERGIO_SECRET_KEY": "k" * 40,
        "CONVERGIO_DATA_DIR": str(server.data_dir),
    }


def problems(server: EmbeddedPostgres) -> str:
    """What check finds wrong; it fails exactly then."""
    done = convergio("check", "--data-dir", server.data_dir)
    assert done.stderr == ""
    lines = [line for line in done.stdout.splitlines() if not line.startswith(("ok ", "note "))]
    # The machine that runs the tests may be short of space; that is another test's subject.
    found = "\n".join(
        line for line in lines if not line.startswith("problem  disk:") and "Free some" not in line
    )
    assert done.returncode == (1 if "problem " in done.stdout else 0)
    return found


def test_a_healthy_installation_has_no_problem(server: EmbeddedPostgres) -> None:
    assert "problem " not in problems(server)


def test_pending_migrations(server: EmbeddedPostgres, owner: psycopg.Connection) -> None:
    gone = owner.execute(
        "DELETE FROM django_migrations WHERE app = 'work' RETURNING app, name, applied"
    ).fetchall()
    found = problems(server)
    with owner.cursor() as cursor:
        cursor.executemany("INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, %s)", gone)
    assert f"{len(gone)} migrations are pending." in found
    assert "Run convergio migrate." in found


def test_tables_of_a_newer_release(server: EmbeddedPostgres, owner: psycopg.Connection) -> None:
    owner.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('mail', '9999_future', now())")
    found = problems(server)
    owner.execute("DELETE FROM django_migrations WHERE name = '9999_future'")
    assert "The database was migrated by a newer release (mail.9999_future)." in found
    assert "Install that release again, or restore a backup from before." in found


def test_a_superuser_as_the_applications_role(server: EmbeddedPostgres) -> None:
    done = convergio("check", **external(server) | {"DATABASE_URL": server.admin_url})
    assert done.returncode == 1
    assert (
        "DATABASE_URL connects as convergio, a superuser: nothing keeps one workspace's rows" in done.stdout
    )
    assert "Make a plain role (CREATE ROLE convergio_app LOGIN" in done.stdout


def test_a_role_that_row_security_does_not_hold(server: EmbeddedPostgres, owner: psycopg.Connection) -> None:
    owner.execute("ALTER ROLE convergio_app BYPASSRLS")
    found = problems(server)
    owner.execute("ALTER ROLE convergio_app NOBYPASSRLS")
    assert "DATABASE_URL connects as convergio_app, a role with BYPASSRLS" in found


def test_an_owner_whom_row_security_holds_is_told_of_every_workspace_all_the_same(
    server: EmbeddedPostgres, owner: psycopg.Connection
) -> None:
    """As with DATABASE_URL alone: one role, which owns the tables."""
    owner.execute(INBOX, ["far@convergio.test", "unreachable", "", None])
    owner.execute(INBOX, ["old@convergio.test", "ok", "", b"\x01" + secrets.token_bytes(40)])
    owner.execute(EMAIL, ["failed", "failed"])
    owner.execute("CREATE ROLE plain_owner LOGIN IN ROLE convergio")
    plain = server.admin_url.replace("//convergio@", "//plain_owner@")
    assert plain != server.admin_url
    done = convergio("check", **external(server) | {"DATABASE_ADMIN_URL": plain})
    for statement in ("DELETE FROM inboxes", "DELETE FROM emails", "DROP ROLE plain_owner"):
        owner.execute(statement)
    assert (done.returncode, done.stderr) == (1, "")
    assert "The mailbox far@convergio.test cannot be reached." in done.stdout
    assert "The password of old@convergio.test was stored under another CONVERGIO_SECRET_KEY." in done.stdout
    assert "1 message could not be sent." in done.stdout
    assert "The owner plain_owner does not see every row, so convergio db backup" in done.stdout


def test_a_table_without_row_security(server: EmbeddedPostgres, owner: psycopg.Connection) -> None:
    owner.execute("ALTER TABLE emails DISABLE ROW LEVEL SECURITY")
    owner.execute("ALTER TABLE tasks NO FORCE ROW LEVEL SECURITY")
    found = problems(server)
    owner.execute("ALTER TABLE emails ENABLE ROW LEVEL SECURITY")
    owner.execute("ALTER TABLE tasks FORCE ROW LEVEL SECURITY")
    for table in ("emails", "tasks"):
        assert f"Row-level security is off for the table {table}:" in found
        assert f"run ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY." in found
    assert found.count("problem ") == 2


def test_a_failed_job_is_listed_and_run_again_by_the_commands_that_the_remedy_names(
    server: EmbeddedPostgres, owner: psycopg.Connection
) -> None:
    (number,) = owner.execute(f"{JOB} RETURNING id", ["failed"]).fetchone() or (0,)
    shell = ("manage", "--data-dir", server.data_dir, "procrastinate", "shell")
    found = convergio("check", "--data-dir", server.data_dir).stdout
    assert "convergio manage procrastinate shell list_jobs status=failed" in found
    assert "convergio manage procrastinate shell retry" in found
    assert f"#{number} mail.draft_reply" in convergio(*shell, "list_jobs", "status=failed").stdout
    convergio(*shell, "retry", str(number))
    status = owner.execute(
        "DELETE FROM procrastinate_jobs WHERE id = %s RETURNING status", [number]
    ).fetchone()
    assert status == ("todo",)


def test_jobs_that_wait_and_jobs_that_failed(server: EmbeddedPostgres, owner: psycopg.Connection) -> None:
    for status in ("todo", "failed", "failed"):
        owner.execute(JOB, [status])
    found = problems(server)
    owner.execute("DELETE FROM procrastinate_jobs")
    assert "1 job is due, the oldest for 10 minutes, with 0 workers running." in found
    assert "Start convergio worker, or more of them." in found
    assert "2 jobs of mail.draft_reply failed for good." in found


def test_mailboxes_in_trouble(server: EmbeddedPostgres, owner: psycopg.Connection) -> None:
    owner.execute(INBOX, ["help@convergio.test", "sign_in_failed", "Wrong password.", None])
    owner.execute(INBOX, ["far@convergio.test", "unreachable", "", None])
    found = problems(server)
    owner.execute("DELETE FROM inboxes")
    assert "The mailbox help@convergio.test refuses our password (Wrong password)." in found
    assert "The mailbox far@convergio.test cannot be reached." in found
    assert found.count("Correct it in Settings, Inboxes, and test the connection there.") == 2


def test_mail_that_does_not_leave(server: EmbeddedPostgres, owner: psycopg.Connection) -> None:
    for state in ("failed", "uncertain", "queued", "sent"):
        owner.execute(EMAIL, [state, state])
    found = problems(server)
    owner.execute("DELETE FROM emails")
    assert "1 message could not be sent." in found
    assert "1 message may or may not have been delivered." in found
    assert "1 message has waited to be sent for more than 15 minutes." in found
    assert found.count("problem ") == 3


def test_tokens_that_do_not_add_up(server: EmbeddedPostgres, owner: psycopg.Connection) -> None:
    owner.execute("INSERT INTO token_balances (user_id, tokens) SELECT min(id), 5 FROM users")
    owner.execute(
        "INSERT INTO gateway_differences (gateway, kind, subject) VALUES ('stripe', 'paid_twice', 'cs_1')"
    )
    done = convergio("check", "--data-dir", server.data_dir)
    for statement in ("DELETE FROM token_balances", "DELETE FROM gateway_differences"):
        owner.execute(statement)
    assert (done.returncode, done.stderr) == (1, "")
    assert "problem  money:       1 row breaks this: A balance is the sum of its ledger." in done.stdout
    assert "1 difference waits with stripe (paid twice)." in done.stdout
    assert "rules of balances and invoices hold." in convergio("check", "--data-dir", server.data_dir).stdout


def test_a_password_stored_under_another_key(server: EmbeddedPostgres, owner: psycopg.Connection) -> None:
    owner.execute(INBOX, ["old@convergio.test", "ok", "", b"\x01" + secrets.token_bytes(40)])
    found = problems(server)
    owner.execute("DELETE FROM inboxes")
    assert "The password of old@convergio.test was stored under another CONVERGIO_SECRET_KEY." in found
    assert "CONVERGIO_SECRET_KEY_OLD" in found


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a small disk")
def test_a_disk_that_is_nearly_full(server: EmbeddedPostgres) -> None:
    with reachable_folder() as folder:
        mount = ["mount", "-t", "tmpfs", "-o", "size=8m,mode=0711", "tmpfs", os.fspath(folder)]
        if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
            pytest.skip("this machine lets nobody mount a small disk")
        try:
            done = convergio("check", **external(server) | {"CONVERGIO_DATA_DIR": str(folder / "data")})
        finally:
            subprocess.run(["umount", folder], check=True)
    assert done.returncode == 1
    assert f"problem  disk:        Only 0.0 GB are free for {folder / 'data'}." in done.stdout


@needs_pgbouncer
@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_a_transaction_pooler_in_between_is_found(server: EmbeddedPostgres, mode: str) -> None:
    with reachable_folder() as folder, pooler(server, folder, mode) as url:
        done = convergio("check", **external(server), DATABASE_DIRECT_URL=url)
    assert done.stderr == ""
    assert ("DATABASE_DIRECT_URL goes through a transaction pooler" in done.stdout) == (mode == "transaction")
