"""Rows of user_subscriptions and what belongs to them: opened, locked, stored, found."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from convergio.billing.subscriptions.events import Event, State, Version
from convergio.billing.subscriptions.machine import look_at
from convergio.core import sql
from convergio.core.clock import now

# Until then nobody else looks; a job that dies is followed by the next.
_CLAIMED_FOR = timedelta(minutes=15)
_MOST_AT_ONCE = 500

_OPEN = """
INSERT INTO user_subscriptions (user_id, plan_id, version_id, look_at)
SELECT %(user)s, v.plan_id, v.id, %(now)s
FROM subscription_plan_versions v JOIN subscription_plans p ON p.id = v.plan_id
WHERE p.slug = 'free' ORDER BY v.number DESC LIMIT 1
ON CONFLICT (user_id) DO NOTHING
"""
_VERSION = (
    "{0}.id, {0}.plan_id, (SELECT slug::text FROM subscription_plans WHERE id = {0}.plan_id), {0}.name::text, "
    "{0}.price, {0}.currency::text, {0}.monthly_tokens"
)
_STATE = f"""
SELECT s.status::text, s.gateway::text, s.gateway_id::text, COALESCE(s.reference, '')::text,
  s.idempotency_key::text, s.anchor, s.period_start, s.period_end, s.past_due_since, s.reminders, s.noticed_end,
  s.updated_at, u.created_at, {_VERSION.format("v")}, {_VERSION.format("n")}, {_VERSION.format("f")}
FROM user_subscriptions s JOIN users u ON u.id = s.user_id
JOIN subscription_plan_versions v ON v.id = s.version_id
LEFT JOIN subscription_plan_versions n ON n.id = s.next_version_id
JOIN LATERAL (
  SELECT latest.* FROM subscription_plan_versions latest
  JOIN subscription_plans p ON p.id = latest.plan_id WHERE p.slug = 'free' ORDER BY latest.number DESC LIMIT 1
) AS f ON true
WHERE s.user_id = %s
"""
_LOCK = "SELECT FROM user_subscriptions WHERE user_id = %s FOR UPDATE"
_ONE_VERSION = f"SELECT {_VERSION.format('v')} FROM subscription_plan_versions v WHERE v.id = %s"
_SAVE = """
UPDATE user_subscriptions SET status = %(status)s, plan_id = %(plan)s, version_id = %(version)s,
  next_version_id = %(next)s, gateway = %(gateway)s, gateway_id = %(gateway_id)s, reference = NULLIF(%(reference)s, ''),
  idempotency_key = %(key)s, anchor = %(anchor)s, period_start = %(start)s, period_end = %(end)s,
  cancel_at_period_end = %(cancel)s, past_due_since = %(since)s, reminders = %(reminders)s,
  noticed_end = %(noticed)s, look_at = %(look_at)s, updated_at = %(changed)s
WHERE user_id = %(user)s
"""
_LOG = """
INSERT INTO subscription_events (user_id, from_state, to_state, event, facts, moment)
VALUES (%s, %s, %s, %s, %s::jsonb, %s) RETURNING id
"""
_LOOK_AGAIN = "UPDATE user_subscriptions SET look_at = %s WHERE user_id = %s"
_CLAIM = """
UPDATE user_subscriptions SET look_at = %(until)s WHERE user_id IN (
  SELECT user_id FROM user_subscriptions WHERE look_at <= %(now)s ORDER BY look_at LIMIT %(most)s
  FOR UPDATE SKIP LOCKED
) RETURNING user_id
"""
_SET_CONTRACT = """
UPDATE user_subscriptions SET gateway_id = %s WHERE user_id = %s AND reference = %s AND gateway_id = ''
"""
_OF_CONTRACT = """
SELECT user_id FROM user_subscriptions
WHERE gateway = %(gateway)s AND (gateway_id <> '' AND gateway_id = %(id)s OR reference = %(reference)s)
"""
_ADOPT = """
INSERT INTO user_subscriptions (user_id, plan_id, version_id, look_at)
SELECT DISTINCT w.owner_id, f.plan_id, f.id, %(now)s::timestamptz FROM workspaces w, (
  SELECT v.id, v.plan_id FROM subscription_plan_versions v JOIN subscription_plans p ON p.id = v.plan_id
  WHERE p.slug = 'free' ORDER BY v.number DESC LIMIT 1
) AS f
WHERE NOT EXISTS (SELECT FROM user_subscriptions s WHERE s.user_id = w.owner_id)
ON CONFLICT (user_id) DO NOTHING
"""


def open_subscription(user_id: int) -> None:
    """Make sure that the user has a row: on Free, to be looked at now."""
    sql.execute(_OPEN, {"user": user_id, "now": now()})


def adopt_owners() -> int:
    """Rows for those who came to own a workspace in another way than by making it; the answer is how many."""
    return sql.execute(_ADOPT, {"now": now()})


def get_state(user_id: int, *, lock: bool = False) -> State:
    """Locked, nobody else changes it until the transaction ends. A user without a row gets one."""
    if (
        lock
    ):  # by a statement of its own: one that waited for the lock would join what was there before it waited
        sql.execute(_LOCK, [user_id])
    rows = sql.fetch_rows(_STATE, [user_id])
    if not rows:
        open_subscription(user_id)
        return get_state(user_id, lock=lock)
    row = rows[0]
    (
        status,
        gateway,
        gateway_id,
        reference,
        key,
        anchor,
        start,
        end,
        since,
        reminders,
        noticed,
        changed,
        up,
    ) = row[:13]
    return State(
        status,
        Version(*row[13:20]),
        Version(*row[27:34]),
        up,
        next_version=Version(*row[20:27]) if row[20] is not None else None,
        gateway=gateway,
        gateway_id=gateway_id,
        reference=reference,
        idempotency_key=key,
        anchor=anchor,
        period_start=start,
        period_end=end,
        past_due_since=since,
        reminders=reminders,
        noticed_end=noticed,
        changed_at=changed,
    )


def get_version(version_id: int) -> Version:
    """A plan as it was sold."""
    return Version(*sql.fetch_rows(_ONE_VERSION, [version_id])[0])


def save_state(user_id: int, state: State, moment: datetime) -> None:
    """Store what the machine answered, and when to look again."""
    values: dict[str, Any] = {
        "user": user_id,
        "status": state.status,
        "cancel": state.status == "cancelling",
        "plan": state.version.plan_id,
        "version": state.version.id,
        "next": state.next_version.id if state.next_version else None,
        "gateway": state.gateway,
        "gateway_id": state.gateway_id,
        "reference": state.reference,
        "key": state.idempotency_key,
        "anchor": state.anchor,
        "start": state.period_start,
        "end": state.period_end,
        "since": state.past_due_since,
        "reminders": state.reminders,
        "noticed": state.noticed_end,
        "look_at": look_at(state, moment),
        "changed": state.changed_at or moment,
    }
    sql.execute(_SAVE, values)


def log_event(user_id: int, *, before: State, after: State, event: Event, moment: datetime) -> int:
    """One row of the append-only history, with the plan that it was about."""
    about = before if after.is_on_free else after
    facts = {
        **msgspec.to_builtins(event),
        "plan": about.version.name,
        "coming": msgspec.to_builtins(about.next_version or about.version),
        "ends_at": about.period_end,
    }
    values = [
        user_id,
        before.status,
        after.status,
        event.name,
        msgspec.json.encode(facts).decode(),
        moment,
    ]
    event_id: int = sql.fetch_value(_LOG, values)
    return event_id


def look_again(user_id: int, *, at: datetime) -> None:
    """Nothing happened; come back then."""
    sql.execute(_LOOK_AGAIN, [at, user_id])


def claim_due() -> list[int]:
    """Users whose subscription somebody has to look at now, each given to one caller."""
    moment = now()
    return sql.fetch_column(_CLAIM, {"now": moment, "until": moment + _CLAIMED_FOR, "most": _MOST_AT_ONCE})


def set_contract(user_id: int, *, reference: str, gateway_id: str) -> None:
    """What the gateway calls the contract."""
    sql.execute(_SET_CONTRACT, [gateway_id, user_id, reference])


def find_subscriber(gateway: str, *, gateway_id: str, reference: str = "") -> int | None:
    """Whose contract it is."""
    values = {"gateway": gateway, "id": gateway_id, "reference": reference or None}
    found: int | None = sql.fetch_value(_OF_CONTRACT, values)
    return found
