"""Keys for programs: made by a person who signed in just now, shown once, ended at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from convergio.accounts import activity, history
from convergio.accounts.actor import Actor
from convergio.accounts.client import Client
from convergio.accounts.errors import InvalidField
from convergio.accounts.fields import clean_line
from convergio.accounts.models import ApiKey
from convergio.accounts.permissions import ALL_SCOPES, SCOPES, allows, require, require_fresh, require_person
from convergio.accounts.reach import INBOX_DOMAINS
from convergio.accounts.tokens import SHOWN_LENGTH, new_api_key
from convergio.core import sql
from convergio.core.clock import now
from convergio.core.crypto import token_digest
from convergio.core.errors import NotFound

# Who may see and end every key of the workspace.
ALL_KEYS = "members.edit"
INBOX_SCOPES = tuple(scope for scope in SCOPES if scope.partition(":")[0] in INBOX_DOMAINS)
MOST_INBOXES = 200

_OUR_INBOXES = "SELECT id FROM inboxes WHERE workspace_id = %s AND id = ANY(%s)"
_REVOKE = """
UPDATE api_keys SET revoked_at = statement_timestamp()
WHERE id = %(key)s AND workspace_id = %(workspace)s AND revoked_at IS NULL
  AND (%(all)s OR user_id = %(user)s)
RETURNING name, user_id
"""


def create_api_key(
    actor: Actor,
    *,
    name: str,
    client: Client,
    scopes: Sequence[str] | None = None,
    inbox_ids: Sequence[int] | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Make a key for programs: its row and, this once, its full value.

    Without scopes it may do all that its maker may; with inboxes it reaches their mail only. Raises InvalidField,
    NotFound (an inbox), FreshSignInRequired, PersonRequired.
    """
    require_fresh(actor)
    require(actor, "api_keys.edit")
    inboxes = None if inbox_ids is None else _clean_inboxes(actor, inbox_ids)
    key, value = issue_api_key(
        user_id=actor.require_user(),
        workspace_id=actor.workspace_id,
        name=name,
        scopes=_clean_scopes(scopes, limited=inboxes is not None),
        inbox_ids=inboxes,
        expires_at=expires_at,
    )
    history.note_success("api_key_made", email=actor.email, client=client, user_id=actor.user_id)
    facts = {"name": key.name, "scopes": key.scopes, "inboxes": key.inbox_ids, "ends": key.expires_at}
    activity.record(actor, "api_key.created", subject=f"api_keys:{key.id}", ip=client.ip, **facts)
    return key, value


def issue_api_key(
    *,
    user_id: int,
    workspace_id: int,
    name: str,
    scopes: Sequence[str] = (ALL_SCOPES,),
    inbox_ids: Sequence[int] | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Make a key for a user in a workspace, as the operator's command line does. Raises InvalidField."""
    name = clean_line("name", name, longest=100, required=True)
    if expires_at is not None and expires_at <= now():
        raise InvalidField("expires_at", "Choose a moment in the future, or none.")
    value = new_api_key()
    key = ApiKey.objects.create(
        user_id=user_id,
        workspace_id=workspace_id,
        name=name,
        prefix=value[:SHOWN_LENGTH],
        key_hash=token_digest(value),
        scopes=list(scopes),
        inbox_ids=None if inbox_ids is None else list(inbox_ids),
        expires_at=expires_at,
    )
    return key, value


def revoke_api_key(actor: Actor, key_id: int, *, client: Client) -> None:
    """End a key from its next request on: one's own, or as an admin any of this workspace. Raises NotFound."""
    require_person(actor)
    ended = sql.fetch_rows(
        _REVOKE,
        {
            "key": key_id,
            "workspace": actor.workspace_id,
            "all": allows(actor, ALL_KEYS),
            "user": actor.require_user(),
        },
    )
    if not ended:
        raise NotFound("API key")
    [(name, maker_id)] = ended
    history.note_success("api_key_revoked", email=actor.email, client=client, user_id=actor.user_id)
    facts = {"name": name, "maker": maker_id}
    activity.record(actor, "api_key.revoked", subject=f"api_keys:{key_id}", ip=client.ip, **facts)


def _clean_scopes(scopes: Sequence[str] | None, *, limited: bool) -> list[str]:
    """The scopes in the order of SCOPES; absent ones are all that there are for the key's reach."""
    if scopes is None:
        return list(INBOX_SCOPES) if limited else [ALL_SCOPES]
    if not scopes:
        raise InvalidField("scopes", "Choose at least one thing that the key may do.")
    if ALL_SCOPES in scopes:
        if limited:
            raise InvalidField(
                "scopes", f"A key that is limited to inboxes takes {_listed(INBOX_SCOPES)} only."
            )
        return [ALL_SCOPES]
    for scope in scopes:
        if scope not in SCOPES:
            raise InvalidField("scopes", f"There is no scope “{scope[:50]}”. There are: {_listed(SCOPES)}.")
        if limited and scope not in INBOX_SCOPES:
            raise InvalidField(
                "scopes", f"A key that is limited to inboxes takes {_listed(INBOX_SCOPES)} only."
            )
    return [scope for scope in SCOPES if scope in scopes]


def _clean_inboxes(actor: Actor, inbox_ids: Sequence[int]) -> list[int]:
    """Inboxes of the actor's workspace; an empty choice is refused: it could be read as no limit. Raises NotFound."""
    wanted = sorted(set(inbox_ids))
    if not wanted or len(wanted) > MOST_INBOXES:
        raise InvalidField("inbox_ids", f"Choose 1 to {MOST_INBOXES} inboxes, or leave the limit out.")
    known = [inbox_id for inbox_id in wanted if 0 < inbox_id < 2**63]
    if sorted(sql.fetch_column(_OUR_INBOXES, [actor.workspace_id, known])) != wanted:
        raise NotFound("inbox")
    return wanted


def _listed(scopes: Sequence[str]) -> str:
    return ", ".join(scopes)
