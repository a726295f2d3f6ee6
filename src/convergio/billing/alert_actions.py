"""Alerts as the owner sets them up."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypedDict, Unpack

import msgspec
from django.db import IntegrityError, transaction

from convergio.accounts import activity
from convergio.accounts.actor import Actor
from convergio.accounts.permissions import require
from convergio.billing.errors import AlertExists, BadThreshold, TooManyAlerts
from convergio.billing.payers import payer_id_of
from convergio.core import sql
from convergio.core.errors import NotFound

PERMISSION = "billing.edit"
MOST_ALERTS = 20
MOST_TOKENS = 10**12
Unit = Literal["percent", "tokens"]
Channel = Literal["email", "app", "both"]

_COLUMNS = "id, threshold, unit::text, channel::text, armed, last_fired_at, created_at"
_LIST = f"SELECT {_COLUMNS} FROM usage_alerts WHERE user_id = %s ORDER BY unit, threshold DESC"
_GET = f"SELECT {_COLUMNS} FROM usage_alerts WHERE user_id = %s AND id = %s"
_ADD = """
INSERT INTO usage_alerts (user_id, threshold, unit, channel) VALUES (%s, %s, %s, %s)
ON CONFLICT (user_id, unit, threshold) DO NOTHING RETURNING id
"""
# With another threshold it waits for its crossing anew.
_CHANGE = """
UPDATE usage_alerts SET threshold = %(threshold)s::bigint, unit = %(unit)s::varchar, channel = %(channel)s,
  armed = armed OR (threshold, unit) IS DISTINCT FROM (%(threshold)s::bigint, %(unit)s::varchar)
WHERE id = %(id)s
"""


class Alert(msgspec.Struct, frozen=True):
    """`threshold` is in percent of the plan's monthly tokens, or in tokens.

    An alert that is not `armed` has fired and waits for a refill.
    """

    id: int
    threshold: int
    unit: str
    channel: str
    armed: bool
    last_fired_at: datetime | None
    created_at: datetime


class AlertFields(TypedDict, total=False):
    """What a change may name."""

    threshold: int
    unit: Unit
    channel: Channel


def list_alerts(actor: Actor) -> list[Alert]:
    """The owner's. Raises NotAllowed."""
    require(actor, PERMISSION)
    return sql.fetch_all(Alert, _LIST, [payer_id_of(actor.workspace_id)])


def get_alert(actor: Actor, alert_id: int) -> Alert:
    """One of the owner's. Raises NotAllowed, NotFound."""
    require(actor, PERMISSION)
    alert = sql.fetch_one(Alert, _GET, [payer_id_of(actor.workspace_id), alert_id])
    if alert is None:
        raise NotFound("alert")
    return alert


def add_alert(actor: Actor, *, threshold: int, unit: Unit, channel: Channel) -> int:
    """Set one up; the answer is its id. Raises NotAllowed, BadThreshold, AlertExists, TooManyAlerts."""
    require(actor, PERMISSION)
    _require_threshold(threshold, unit)
    if len(list_alerts(actor)) >= MOST_ALERTS:
        raise TooManyAlerts(MOST_ALERTS)
    alert_id: int | None = sql.fetch_value(_ADD, [payer_id_of(actor.workspace_id), threshold, unit, channel])
    if alert_id is None:
        raise AlertExists
    _record(actor, "alert.added", alert_id, threshold=threshold, unit=unit)
    return alert_id


def change_alert(actor: Actor, alert_id: int, **changes: Unpack[AlertFields]) -> None:
    """Set what is named. Raises NotAllowed, NotFound, BadThreshold, AlertExists."""
    known = get_alert(actor, alert_id)
    threshold, unit = changes.get("threshold", known.threshold), changes.get("unit", known.unit)
    _require_threshold(threshold, unit)
    channel = changes.get("channel", known.channel)
    values = {"id": alert_id, "threshold": threshold, "unit": unit, "channel": channel}
    try:
        with transaction.atomic():
            sql.execute(_CHANGE, values)
    except IntegrityError:
        raise AlertExists from None
    _record(actor, "alert.changed", alert_id, threshold=threshold, unit=unit)


def delete_alert(actor: Actor, alert_id: int) -> None:
    """Forget it. Raises NotAllowed, NotFound."""
    known = get_alert(actor, alert_id)
    sql.execute("DELETE FROM usage_alerts WHERE id = %s", [alert_id])
    _record(actor, "alert.deleted", alert_id, threshold=known.threshold, unit=known.unit)


def _require_threshold(threshold: int, unit: str) -> None:
    if not 0 <= threshold <= (100 if unit == "percent" else MOST_TOKENS):
        raise BadThreshold(unit)


def _record(actor: Actor, action: str, alert_id: int, *, threshold: int, unit: str) -> None:
    activity.record(actor, action, subject=f"usage_alerts:{alert_id}", threshold=threshold, unit=unit)
