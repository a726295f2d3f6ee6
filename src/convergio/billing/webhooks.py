"""What gateways tell us: verified, kept once, answered at once, and handled by a job that asks the gateway itself.

An event only says what to look at. So it may come in any order and any number of times, and be handled again: take its
`handled_at` away, or call `replay`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

import msgspec
import structlog
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from procrastinate.contrib.django import app

from convergio.billing import gateways
from convergio.billing.gateways.protocol import EventKind, GatewayEvent
from convergio.billing.payments import adopt_order, complete_purchase
from convergio.billing.purchases import find_purchase
from convergio.core import sql
from convergio.core.clock import now
from convergio.core.errors import AppError, NotFound, ProviderError, TooLarge
from convergio.core.jobs import RETRIES, enqueue

log = structlog.get_logger(__name__)

MOST_BYTES = 1024 * 1024
# Headers that an event is read by later; the signature is not among them.
_KEPT_HEADERS = ("X-Razorpay-Event-Id",)
# After this time the event's own job has used up its tries or got lost; before the second, gateways may still resend.
_LEFT_AFTER = timedelta(minutes=30)
_LEFT_UNTIL = timedelta(days=15)

_KEEP = """
INSERT INTO inbound_events (source, external_id, payload, headers) VALUES (%s, %s, %s, %s::jsonb)
ON CONFLICT DO NOTHING RETURNING id
"""
_GET = "SELECT source, payload, headers, handled_at IS NOT NULL FROM inbound_events WHERE id = %s"
_HANDLED = "UPDATE inbound_events SET handled_at = %s, error = '' WHERE id = %s"
_FAILED = "UPDATE inbound_events SET error = %s WHERE id = %s"
_AGAIN = "UPDATE inbound_events SET handled_at = NULL WHERE id = %s AND source = ANY(%s)"
_LEFT = """
SELECT id FROM inbound_events
WHERE handled_at IS NULL AND source = ANY(%s) AND received_at BETWEEN %s AND %s ORDER BY id LIMIT 500
"""


class _Kept(msgspec.Struct):
    source: str
    payload: bytes
    headers: dict[str, str]
    is_handled: bool


@csrf_exempt
@require_POST
def receive(request: HttpRequest, gateway: str) -> HttpResponse:
    """POST /api/webhooks/<gateway>. 200 for what is kept or known, 400 for what the gateway did not sign."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > MOST_BYTES:
        raise TooLarge("too_large", "No gateway sends messages of this size.")
    event = gateways.find(gateway).verify_webhook(request.body, request.headers)
    _keep(gateway, event, body=request.body, headers=request.headers)
    return HttpResponse(b'{"received":true}', content_type="application/json")


def handle(event_id: int) -> None:
    """Act on a kept event, unless that was done. Raises ProviderError to be tried again."""
    kept = sql.fetch_one(_Kept, _GET, [event_id])
    if kept is None or kept.is_handled:
        return
    try:
        event = gateways.find(kept.source).read_event(bytes(kept.payload), kept.headers)
        if act := HANDLERS.get(event.kind):
            act(kept.source, event)
    except AppError as error:
        sql.execute(_FAILED, [error.message, event_id])
        raise
    sql.execute(_HANDLED, [now(), event_id])


def replay(event_id: int) -> None:
    """Handle an event again, whatever became of it. Raises NotFound."""
    with transaction.atomic():
        if not sql.execute(_AGAIN, [event_id, list(gateways.GATEWAYS)]):
            raise NotFound("event")
        enqueue(handle_event, event_id=event_id)


def handle_left_over() -> int:
    """Handle what no job got done, also rows whose handled_at was taken away; the answer is how many succeeded."""
    done = 0
    moment = now()
    values = [list(gateways.GATEWAYS), moment - _LEFT_UNTIL, moment - _LEFT_AFTER]
    for event_id in sql.fetch_column(_LEFT, values):
        try:
            handle(event_id)
            done += 1
        except AppError as error:
            log.warning("billing.webhook_left", event_id=event_id, code=error.code)
    return done


@app.task(name="billing.handle_event", retry=RETRIES)
def handle_event(event_id: int) -> None:
    """One kept event."""
    try:
        handle(event_id)
    except ProviderError as error:
        if error.kind == "retry":
            raise
        log.error("billing.webhook_failed", event_id=event_id, code=error.code)  # staff see it on the event


def _keep(gateway: str, event: GatewayEvent, *, body: bytes, headers: Mapping[str, str]) -> None:
    kept = {name: headers[name] for name in _KEPT_HEADERS if name in headers}
    with transaction.atomic():
        event_id = sql.fetch_value(_KEEP, [gateway, event.id, body, msgspec.json.encode(kept).decode()])
        if event_id is not None:
            enqueue(handle_event, event_id=event_id)
    log.info("billing.webhook", gateway=gateway, name=event.name, kind=event.kind, known=event_id is None)


def _look_at_payment(gateway: str, event: GatewayEvent) -> None:
    """Somebody else's payment on the same account has no purchase here, and is none of our business."""
    purchase_id = find_purchase(
        gateway, order_id=event.order_id, payment_id=event.payment_id, reference=event.reference
    )
    if purchase_id is not None:
        adopt_order(purchase_id, order_id=event.order_id)
        complete_purchase(purchase_id)
        return
    for act in OTHER_ORDERS:
        act(gateway, event)


# Kinds without a handler are kept and marked handled; the subscriptions' state machine adds "subscription".
HANDLERS: dict[EventKind, Callable[[str, GatewayEvent], None]] = {"payment": _look_at_payment}
# Asked for payments that are for no purchase.
OTHER_ORDERS: list[Callable[[str, GatewayEvent], None]] = []
