"""Session and key look-up as functions: PL/pgSQL plans them once per connection, also behind a transaction pooler."""

from django.db import migrations

_ROW = """
    RETURNS TABLE (id bigint, workspace_id bigint, user_id bigint, role text, email text, name text, timezone text,
                   stale boolean)
    LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    entry record;
BEGIN
    {select};
    IF NOT FOUND THEN
        RETURN;
    END IF;
    PERFORM set_config('convergio.workspace_id', entry.workspace_id::text, true);
    RETURN QUERY SELECT entry.id, entry.workspace_id, entry.user_id, entry.role::text, entry.email::text,
                        entry.name::text, entry.timezone::text, entry.stale;
END $$
"""
_SESSION = _ROW.format(select="""
    SELECT s.id, s.workspace_id, s.user_id, m.role, u.email, u.name, u.timezone,
           s.last_seen_at < statement_timestamp() - interval '1 minute' AS stale
    INTO entry
    FROM user_sessions s
    JOIN users u ON u.id = s.user_id AND u.is_active
    JOIN workspace_members m ON m.workspace_id = s.workspace_id AND m.user_id = s.user_id
    WHERE s.token_hash = digest AND s.kind = wanted AND s.revoked_at IS NULL
      AND s.token_expires_at > statement_timestamp() AND s.expires_at > statement_timestamp()
""".strip())
_KEY = _ROW.format(select="""
    SELECT k.id, k.workspace_id, k.user_id, m.role, u.email, u.name, u.timezone,
           coalesce(k.last_used_at < statement_timestamp() - interval '1 minute', true) AS stale
    INTO entry
    FROM api_keys k
    JOIN users u ON u.id = k.user_id AND u.is_active
    JOIN workspace_members m ON m.workspace_id = k.workspace_id AND m.user_id = k.user_id
    WHERE k.key_hash = digest AND k.revoked_at IS NULL
      AND (k.expires_at IS NULL OR k.expires_at > statement_timestamp())
""".strip())


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_row_security")]

    operations = [
        migrations.RunSQL(
            f"CREATE FUNCTION convergio_open_session(digest bytea, wanted text) {_SESSION}",
            "DROP FUNCTION convergio_open_session(bytea, text)",
        ),
        migrations.RunSQL(
            f"CREATE FUNCTION convergio_open_api_key(digest bytea) {_KEY}",
            "DROP FUNCTION convergio_open_api_key(bytea)",
        ),
        migrations.RunSQL(
            """
            COMMENT ON FUNCTION convergio_open_session IS
                'Finds the living session of a token and opens its workspace for the transaction';
            COMMENT ON FUNCTION convergio_open_api_key IS
                'Finds the living API key of a digest and opens its workspace for the transaction';
            """,
            migrations.RunSQL.noop,
        ),
    ]
