"""A workspace's rows are seen and written inside its scope only, whatever the query forgets."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import ProgrammingError, transaction

from convergio.accounts.models import Workspace
from convergio.core import sql
from convergio.core.tenancy import set_scope, workspace_scope
from convergio.mail.models import Email, EmailThread
from tests.cast import make_user, make_workspace

# They decide the scope, or are read before there is one.
IDENTITY = {
    "api_keys",
    "inbound_events",
    "user_sessions",
    "workspace_invitations",
    "workspace_members",
}
# Usage is the owner's, over all their workspaces, and outlives them; the workspace is only named in it.
OF_USERS = {"ai_stops", "token_purchases", "token_reservations", "token_usage", "usage_notices"}
# Not owned by a workspace: by a user, by an identity, or by nobody.
WITHOUT_WORKSPACE = {
    "billing_profiles",
    "credit_notes",
    "gateway_customers",
    "gateway_differences",
    "gateway_plans",
    "invoice_counters",
    "invoices",
    "login_history",
    "login_throttles",
    "manual_payments",
    "one_time_links",
    "passkeys",
    "payment_methods",
    "sign_in_steps",
    "subscription_events",
    "subscription_orders",
    "subscription_payments",
    "subscription_plan_versions",
    "subscription_plans",
    "subscription_refunds",
    "token_balances",
    "token_ledger",
    "token_lots",
    "token_packages",
    "token_refunds",
    "trusted_devices",
    "usage_alerts",
    "usage_counters",
    "user_2fa",
    "user_identities",
    "user_subscriptions",
    "users",
    "workspaces",
}
_TABLES = r"""
SELECT relname::text,
    EXISTS (
        SELECT FROM pg_attribute WHERE attrelid = t.oid AND attname = 'workspace_id' AND NOT attisdropped
    ),
    relrowsecurity AND relforcerowsecurity AND EXISTS (
        SELECT FROM pg_policy WHERE polrelid = t.oid AND polqual IS NOT NULL AND polwithcheck IS NOT NULL
    )
FROM pg_class t
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname !~ '^(procrastinate|django|auth)_'
"""

pytestmark = pytest.mark.django_db


@pytest.fixture
def pair() -> tuple[Workspace, Workspace]:
    """Two workspaces with one mail each, whose subject is the workspace's name."""
    pair = make_workspace(make_user("olga")), make_workspace(make_user("eve"))
    for workspace in pair:
        with workspace_scope(workspace.pk):
            _store_email(workspace)
    return pair


def _store_email(workspace: Workspace, *, inside: int | None = None) -> None:
    owner = inside or workspace.pk
    thread = EmailThread.objects.create(workspace_id=owner)
    Email.objects.create(
        workspace_id=owner,
        thread=thread,
        message_id=f"{workspace.pk}@shop.test",
        subject=workspace.name,
        direction="inbound",
        received_at=datetime(2026, 11, 24, tzinfo=UTC),
        raw_source=b"",
        content_hash=b"",
    )


def _subjects() -> list[str]:
    return [row[0] for row in sql.fetch_rows("SELECT subject, emails.* FROM emails")]


def test_a_raw_select_sees_only_the_scope_s_rows(pair: tuple[Workspace, Workspace]) -> None:
    for workspace in pair:
        with workspace_scope(workspace.pk):
            assert _subjects() == [workspace.name]


def test_without_a_scope_there_are_no_rows(pair: tuple[Workspace, Workspace]) -> None:
    set_scope(None)
    assert _subjects() == []


def test_nothing_can_be_written_into_another_workspace(pair: tuple[Workspace, Workspace]) -> None:
    ours, theirs = pair
    for attempt in (
        lambda: _store_email(ours, inside=theirs.pk),
        lambda: sql.execute("UPDATE emails SET workspace_id = %s", [theirs.pk]),
        lambda: sql.execute(
            "INSERT INTO tags (workspace_id, name, colour) VALUES (%s, 'x', 'x')", [theirs.pk]
        ),
    ):
        with (
            workspace_scope(ours.pk),
            pytest.raises(ProgrammingError, match="row-level security"),
            transaction.atomic(),
        ):
            attempt()


def test_other_rows_can_be_neither_changed_nor_deleted(pair: tuple[Workspace, Workspace]) -> None:
    ours, theirs = pair
    with workspace_scope(ours.pk):
        assert sql.execute("UPDATE emails SET subject = 'mine'") == 1
        assert sql.execute("DELETE FROM emails WHERE workspace_id = %s", [theirs.pk]) == 0
    with workspace_scope(theirs.pk):
        assert _subjects() == [theirs.name]


def test_every_table_with_a_workspace_is_under_a_forced_policy() -> None:
    tables = sql.fetch_rows(_TABLES)
    assert {name for name, owned, protected in tables if owned and not protected} == IDENTITY | OF_USERS


def test_every_other_table_is_known_to_have_no_workspace() -> None:
    assert {name for name, owned, _ in sql.fetch_rows(_TABLES) if not owned} == WITHOUT_WORKSPACE


def test_the_application_role_cannot_leave_the_policies() -> None:
    role = sql.fetch_rows("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
    assert role == [(False, False)]
    owned = sql.fetch_column(
        "SELECT relname FROM pg_class WHERE relowner = current_user::regrole AND relkind = 'r'"
    )
    assert owned == []
    for statement in ("ALTER TABLE emails NO FORCE ROW LEVEL SECURITY", "TRUNCATE emails CASCADE"):
        with pytest.raises(ProgrammingError), transaction.atomic():
            sql.execute(statement)
