"""Finding who a request speaks for, and opening their workspace's scope, in one round trip to the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from django.conf import settings
from django.db import DatabaseError, OperationalError, connection
from django.http import HttpRequest
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus

from convergio.accounts.actor import Actor, Role
from convergio.accounts.reach import limit_to_inboxes
from convergio.accounts.tokens import KEY_PREFIX, looks_like_api_key
from convergio.core import sql
from convergio.core.crypto import token_digest
from convergio.core.tenancy import workspace_scope

Kind = Literal["browser", "api", "api_key"]
# The functions are made in migrations/0005: session and key look-up with user, member and scope, planned once per
# connection, which plain statements behind Django's client-side binding are not (0.09 against 0.3 ms of server time).
_STATEMENTS: dict[Kind, str] = {
    "browser": "SELECT * FROM convergio_open_session('\\x{digest}', 'browser')",
    "api": "SELECT * FROM convergio_open_session('\\x{digest}', 'api')",
    "api_key": "SELECT * FROM convergio_open_api_key('\\x{digest}')",
}
_SEEN = """
UPDATE user_sessions SET last_seen_at = statement_timestamp(), ip = coalesce(%s, ip),
    idle_expires_at = statement_timestamp() + make_interval(days => %s)
WHERE id = %s
"""
# The lock on the key's row makes one of two processes the first of a day (in UTC), and that one writes it down.
_KEY_USED = """
WITH before AS (
  SELECT id, workspace_id, user_id, last_used_at FROM api_keys WHERE id = %(key)s FOR UPDATE
), noted AS (
  UPDATE api_keys SET last_used_at = statement_timestamp(), last_used_ip = %(ip)s FROM before
  WHERE api_keys.id = before.id
)
INSERT INTO activity (workspace_id, user_id, api_key_id, ip, action, subject)
SELECT workspace_id, user_id, id, %(ip)s, 'api_key.used', 'api_keys:' || id FROM before
WHERE last_used_at IS NULL OR (last_used_at AT TIME ZONE 'UTC')::date < (statement_timestamp() AT TIME ZONE 'UTC')::date
"""


@dataclass(frozen=True, slots=True)
class Credential:
    """A secret that came with a request, and how it came; only a cookie is sent by browsers unasked."""

    kind: Kind
    digest: bytes


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Whom a credential belongs to. `stale`: its last use was noted over a minute ago."""

    actor: Actor
    stale: bool


class DeadConnection(OperationalError):
    """The first statement found the connection closed; nothing happened yet, so it may be repeated on a new one."""


def credential_of(request: HttpRequest) -> Credential | None:
    """The request's credential: a header if there is one, right or wrong, else the cookie."""
    meta = request.META
    header = meta.get("HTTP_AUTHORIZATION", "")
    token = header[7:].strip() if header[:7].lower() == "bearer " else meta.get("HTTP_X_API_KEY", "").strip()
    if token.startswith(KEY_PREFIX):
        return Credential("api_key", token_digest(token)) if looks_like_api_key(token) else None
    if token:
        return Credential("api", token_digest(token))
    cookie = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    return Credential("browser", token_digest(cookie)) if cookie else None


def open_scope(credential: Credential) -> SignedIn | None:
    """Look the credential up and point the transaction at its workspace; None when it does not hold.

    Call first thing in a transaction. Raises DeadConnection.
    """
    row = _first_statement(_STATEMENTS[credential.kind].format(digest=credential.digest.hex()))
    if row is None:
        return None
    record, workspace, user, role, email, name, timezone, stale, fresh, second, limited, scopes, inboxes = row
    by_key = credential.kind == "api_key"
    actor = Actor(
        workspace_id=int(workspace),
        user_id=int(user),
        role=cast(Role, role.decode()),
        email=email.decode(),
        name=name.decode(),
        timezone=timezone.decode(),
        via="api_key" if by_key else "session",
        session_id=None if by_key else int(record),
        api_key_id=int(record) if by_key else None,
        is_fresh=fresh == b"t",
        has_second_factor=second == b"t",
        is_limited=limited == b"t",
        scopes=frozenset(scopes.decode().split()) if by_key else frozenset(),
        inbox_ids=frozenset(map(int, inboxes.split())) if inboxes else None,
    )
    limit_to_inboxes(actor)
    return SignedIn(actor, stale == b"t")


def note_use(actor: Actor, ip: str | None) -> None:
    """Remember when and from where a session or key was last used, and each day of a key in the activity log.

    In a transaction of its own: it locks the row.
    """
    if actor.session_id is not None:
        sql.execute(_SEEN, [ip, settings.SESSION_IDLE_DAYS, actor.session_id])
        return
    with workspace_scope(actor.workspace_id):
        sql.execute(_KEY_USED, {"ip": ip, "key": actor.api_key_id})


def _first_statement(statement: str) -> list[bytes] | None:
    """Run one SELECT together with the BEGIN that psycopg would send on a round trip of its own."""
    server = connection.connection.pgconn
    begin = "BEGIN;" if server.transaction_status == TransactionStatus.IDLE else ""
    result = server.exec_((begin + statement).encode())
    if result.status == ExecStatus.TUPLES_OK:
        return (
            [result.get_value(0, column) or b"" for column in range(result.nfields)]
            if result.ntuples
            else None
        )
    if server.status == ConnStatus.BAD:
        raise DeadConnection("The database connection was closed.")
    raise DatabaseError(result.error_message.decode(errors="replace"))
