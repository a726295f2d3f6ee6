"""The look-ups also tell how the person came in, what a key may do, and whether the workspace asks for more."""

from importlib import import_module

from django.db import migrations

_before = import_module("convergio.accounts.migrations.0003_open_scope")

_ROW = """
    RETURNS TABLE (id bigint, workspace_id bigint, user_id bigint, role text, email text, name text, timezone text,
                   stale boolean, fresh boolean, second_factor boolean, limited boolean, scopes text, inboxes text)
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
                        entry.name::text, entry.timezone::text, entry.stale, entry.fresh, entry.second_factor,
                        entry.limited, entry.scopes, entry.inboxes;
END $$
"""
_SESSION = _ROW.format(select="""
    SELECT s.id, s.workspace_id, s.user_id, m.role, u.email, u.name, u.timezone,
           s.last_seen_at < statement_timestamp() - interval '1 minute' AS stale,
           s.authenticated_at > statement_timestamp() - interval '10 minutes' AS fresh,
           s.second_factor, w.require_two_factor AND NOT s.second_factor AS limited,
           NULL::text AS scopes, NULL::text AS inboxes
    INTO entry
    FROM user_sessions s
    JOIN users u ON u.id = s.user_id AND u.is_active
    JOIN workspaces w ON w.id = s.workspace_id
    JOIN workspace_members m ON m.workspace_id = s.workspace_id AND m.user_id = s.user_id
    WHERE s.token_hash = digest AND s.kind = wanted AND s.revoked_at IS NULL
      AND s.token_expires_at > statement_timestamp() AND s.expires_at > statement_timestamp()
      AND (s.idle_expires_at IS NULL OR s.idle_expires_at > statement_timestamp())
""".strip())
_KEY = _ROW.format(select="""
    SELECT k.id, k.workspace_id, k.user_id, m.role, u.email, u.name, u.timezone,
           coalesce(k.last_used_at < statement_timestamp() - interval '1 minute', true) AS stale,
           false AS fresh, false AS second_factor,
           w.require_two_factor
             AND NOT EXISTS (SELECT FROM user_2fa t WHERE t.user_id = u.id AND t.enabled_at IS NOT NULL)
             AND NOT EXISTS (SELECT FROM passkeys p WHERE p.user_id = u.id) AS limited,
           (SELECT string_agg(scope, ' ') FROM jsonb_array_elements_text(k.scopes) AS scope) AS scopes,
           (SELECT string_agg(inbox, ' ') FROM jsonb_array_elements_text(k.inbox_ids) AS inbox) AS inboxes
    INTO entry
    FROM api_keys k
    JOIN users u ON u.id = k.user_id AND u.is_active
    JOIN workspaces w ON w.id = k.workspace_id
    JOIN workspace_members m ON m.workspace_id = k.workspace_id AND m.user_id = k.user_id
    WHERE k.key_hash = digest AND k.revoked_at IS NULL
      AND (k.expires_at IS NULL OR k.expires_at > statement_timestamp())
""".strip())
_COMMENTS = """
    COMMENT ON FUNCTION convergio_open_session IS
        'Finds the living session of a token and opens its workspace for the transaction';
    COMMENT ON FUNCTION convergio_open_api_key IS
        'Finds the living API key of a digest and opens its workspace for the transaction';
"""


def _replace(name: str, arguments: str, body: str) -> list[str]:
    types = arguments.replace("digest ", "").replace("wanted ", "")
    return [f"DROP FUNCTION {name}({types})", f"CREATE FUNCTION {name}({arguments}) {body}"]


def _replace_both(session: str, key: str) -> list[str]:
    return [
        *_replace("convergio_open_session", "digest bytea, wanted text", session),
        *_replace("convergio_open_api_key", "digest bytea", key),
        _COMMENTS,
    ]


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_whole_accounts")]

    operations = [
        migrations.RunSQL(
            """UPDATE api_keys SET scopes = '["*"]' WHERE scopes = '[]'""", migrations.RunSQL.noop
        ),
        migrations.RunSQL(
            _replace_both(_SESSION, _KEY),
            _replace_both(_before._SESSION, _before._KEY),  # noqa: SLF001 - what they were before
        ),
    ]
