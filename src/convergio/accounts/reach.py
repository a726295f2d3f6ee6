"""What an API key that is limited to inboxes reaches, enforced by the database.

While such a key asks, unqualified names of tables mean the views of schema convergio_reach first: read-only, and with
the rows of the key's inboxes only (mail/inbox_views.py makes them). A statement that knows nothing of limits is thereby
limited too, and one that writes is refused by the database, unless an action looked its objects up first and then
lifted the limit for the write. Everybody else's statements stay what they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import transaction

from convergio.accounts.actor import Actor
from convergio.core import sql
from convergio.core.errors import Forbidden, NotFound

SCHEMA = "convergio_reach"
# The domains of permissions.KEY_DOMAINS whose objects belong to inboxes.
INBOX_DOMAINS = frozenset({"emails", "inboxes"})

# The cast to regclass fails where the views are missing: a path through a schema that is not there would be no limit.
_LIMIT = f"""
SELECT '{SCHEMA}.emails'::regclass, set_config('convergio.inbox_ids', %s, true),
  set_config('convergio.api_key_id', %s, true),
  set_config('convergio.whole_path', current_setting('search_path'), true),
  set_config('search_path', '{SCHEMA}, ' || current_setting('search_path'), true)
"""
_LIFT = "SELECT set_config('search_path', current_setting('convergio.whole_path'), true)"
# A refused request was rolled back, and with it the limit.
_END = """
SELECT set_config('search_path',
    COALESCE(NULLIF(current_setting('convergio.whole_path', true), ''), current_setting('search_path')), true),
  set_config('convergio.whole_path', '', true), set_config('convergio.inbox_ids', '', true)
"""
_VISIBLE = {
    "email": "SELECT id FROM emails WHERE id = ANY(%s)",
    "inbox": "SELECT id FROM inboxes WHERE id = ANY(%s)",
    "draft": "SELECT id FROM auto_replies WHERE id = ANY(%s)",
}


class OutOfReach(Forbidden):
    """A key that is limited to inboxes asks for what belongs to no inbox."""

    def __init__(self) -> None:
        super().__init__("inbox_key", "This API key is limited to inboxes and cannot do this.")


def limit_to_inboxes(actor: Actor) -> None:
    """Limit the open transaction to the inboxes of the actor's key; nothing for everybody else."""
    if actor.inbox_ids is not None:
        inboxes = "{" + ",".join(map(str, sorted(actor.inbox_ids))) + "}"
        sql.run(_LIMIT, [inboxes, str(actor.api_key_id)])


def end_limit(actor: Actor) -> None:
    """Take the limit off for good, where the transaction outlives the request."""
    if actor.inbox_ids is not None:
        sql.run(_END)


@contextmanager
def whole_workspace(actor: Actor) -> Iterator[None]:
    """Lift the limit for a write whose objects were looked up within it.

    Denormalised columns and conversations are of the whole workspace; a write within the limit would falsify them.
    """
    if actor.inbox_ids is None:
        yield
        return
    before = sql.fetch_value("SELECT current_setting('search_path')")
    sql.run(_LIFT)
    try:
        with transaction.atomic():  # so that the path can be set again after a failed statement
            yield
    finally:
        sql.run("SELECT set_config('search_path', %s, true)", [before])


@contextmanager
def writing(actor: Actor, what: str, ids: Sequence[int]) -> Iterator[None]:
    """Look the objects up (`what`: email, inbox or draft), then lift the limit. Raises NotFound."""
    if actor.inbox_ids is not None and set(sql.fetch_column(_VISIBLE[what], [list(ids)])) != set(ids):
        raise NotFound(what)
    with whole_workspace(actor):
        yield


def require_whole_workspace(actor: Actor) -> None:
    """For what belongs to no inbox, like a new one. Raises OutOfReach."""
    if actor.inbox_ids is not None:
        raise OutOfReach
