"""Razorpay's API as far as we call it, with answers in the shapes that it publishes and signatures by its formulas."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable
from itertools import count
from typing import Any

from tests.billing.servers.loopback import Answer, LoopbackServer

KEY_ID, KEY_SECRET = "rzp_test_key", "rzp-key-secret"
WEBHOOK_SECRET, OLD_WEBHOOK_SECRET = "rzp-hook-new", "rzp-hook-old"
Json = dict[str, Any]
_AUTH = "Basic " + base64.b64encode(f"{KEY_ID}:{KEY_SECRET}".encode()).decode()


class Refused(Exception):
    """A request that Razorpay would not take."""


class RazorpayServer(LoopbackServer):
    """Keeps orders, payments, refunds, customers, plans and subscriptions in memory."""

    def __init__(self) -> None:
        super().__init__()
        self._ids = count(1)
        self.things: dict[str, Json] = {}
        self.refunds_become = "processed"
        self.routes: list[tuple[str, str, Callable[..., Json]]] = [
            ("POST", "/v1/orders", self._create_order),
            ("GET", "/v1/orders", self._list_orders),
            ("GET", "/v1/orders/([^/]+)", self._fetch),
            ("GET", "/v1/orders/([^/]+)/payments", self._order_payments),
            ("GET", "/v1/payments/([^/]+)", self._fetch),
            ("POST", "/v1/payments/([^/]+)/capture", self._capture),
            ("POST", "/v1/payments/([^/]+)/refund", self._refund),
            ("GET", "/v1/payments/([^/]+)/refunds", self._refunds),
            ("POST", "/v1/customers", self._create_customer),
            ("GET", "/v1/customers/([^/]+)/tokens", self._tokens),
            ("DELETE", "/v1/customers/([^/]+)/tokens/([^/]+)", self._delete_token),
            ("POST", "/v1/plans", self._create_plan),
            ("GET", "/v1/plans", lambda _: self._collection("plan")),
            ("POST", "/v1/subscriptions", self._create_subscription),
            ("GET", "/v1/subscriptions", self._list_subscriptions),
            ("GET", "/v1/subscriptions/([^/]+)", self._fetch),
            ("PATCH", "/v1/subscriptions/([^/]+)", self._edit_subscription),
            ("POST", "/v1/subscriptions/([^/]+)/cancel", self._cancel_subscription),
            ("POST", "/v1/subscriptions/([^/]+)/resume", self._resume_subscription),
            ("GET", "/v1/invoices", self._list_invoices),
        ]

    def answer(
        self, method: str, path: str, query: list[tuple[str, str]], body: bytes, headers: dict[str, str]
    ) -> Answer:
        if headers.get("authorization") != _AUTH:
            return 401, _error("Authentication failed")
        for verb, pattern, view in self.routes:
            if verb == method and (match := re.fullmatch(pattern, path)):
                facts = json.loads(body) if method in ("POST", "PATCH") else dict(query)
                try:
                    return 200, view(*match.groups(), facts)
                except Refused as refusal:
                    return 400, _error(str(refusal))
        return 400, _error("The requested URL was not found on the server.")

    # --- What buyers and the gateway do ---------------------------------------------------------------------

    def pay(
        self, order_id: str, *, amount: int | None = None, currency: str = "", held: bool = False
    ) -> Json:
        order = self.things[order_id]
        paid = self._payment(order, amount=amount, currency=currency)
        self.things[paid["id"]] = paid | {
            "status": "authorized" if held else "captured",
            "captured": not held,
        }
        order.update(status="attempted" if held else "paid", attempts=order["attempts"] + 1)
        return self.things[paid["id"]]

    def decline(self, order_id: str, *, reason: str) -> Json:
        order = self.things[order_id]
        failed = self._payment(order) | {
            "status": "failed",
            "error_code": "BAD_REQUEST_ERROR",
            "error_description": reason,
        }
        self.things[failed["id"]] = failed
        order.update(status="attempted", attempts=order["attempts"] + 1)
        return failed

    def agree(self, subscription_id: str) -> None:
        """The mandate is given; the first debit follows at once, unless the start is in the future."""
        subscription = self.things[subscription_id]
        if (subscription.get("start_at") or 0) > time.time():
            subscription["status"] = "authenticated"
        else:
            self.debit(subscription_id)

    def debit(self, subscription_id: str, *, works: bool = True) -> None:
        """The next period begins; its invoice is paid by the mandate, or the bank refuses and tries follow."""
        subscription = self.things[subscription_id]
        start = subscription["current_end"] or subscription.get("start_at") or int(time.time())
        end = start + 30 * 86_400
        item = self.things[subscription["plan_id"]]["item"]
        order = self._new(
            "order", entity="order", status="created", attempts=0, receipt=None, amount=item["amount"]
        )
        order["currency"] = item["currency"]
        paid = self.pay(order["id"]) if works else self.decline(order["id"], reason="The mandate was refused")
        self._new(
            "inv",
            entity="invoice",
            subscription_id=subscription_id,
            order_id=order["id"],
            payment_id=paid["id"] if works else None,
            status="paid" if works else "issued",
            amount=item["amount"],
            amount_paid=item["amount"] if works else 0,
            currency=item["currency"],
            billing_start=start,
            billing_end=end,
        )
        subscription["status"] = "active" if works else "pending"
        if works:
            paid_count = subscription["paid_count"] + 1
            subscription.update(current_start=start, current_end=end, paid_count=paid_count)

    def subscription_webhook(self, event: str, subscription_id: str) -> tuple[bytes, dict[str, str]]:
        """Raw body and headers as they are delivered."""
        return self._signed(event, {"subscription": {"entity": self.things[subscription_id]}})

    def webhook(
        self, event: str, order_id: str, *, event_id: str = "", secret: str = WEBHOOK_SECRET
    ) -> tuple[bytes, dict[str, str]]:
        """Raw body and headers as they are delivered."""
        order = self.things[order_id]
        payments = self._payments_of(order_id)
        payload: Json = {"order": {"entity": order}}
        if payments:
            payload["payment"] = {"entity": payments[-1]}
        if not event.startswith("order."):
            del payload["order"]
        return self._signed(event, payload, event_id=event_id, secret=secret)

    def _signed(
        self, event: str, payload: Json, *, event_id: str = "", secret: str = WEBHOOK_SECRET
    ) -> tuple[bytes, dict[str, str]]:
        body = json.dumps(
            {
                "entity": "event",
                "event": event,
                "contains": list(payload),
                "payload": payload,
                "created_at": int(time.time()),
            }
        ).encode()
        return body, {
            "X-Razorpay-Signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
            "X-Razorpay-Event-Id": event_id or f"evt_{next(self._ids)}",
        }

    def come_back(self, order_id: str) -> dict[str, str]:
        payment_id = self._payments_of(order_id)[-1]["id"]
        signed = f"{order_id}|{payment_id}".encode()
        return {
            "razorpay_order_id": order_id,
            "razorpay_payment_id": payment_id,
            "razorpay_signature": hmac.new(KEY_SECRET.encode(), signed, hashlib.sha256).hexdigest(),
        }

    # --- The API --------------------------------------------------------------------------------------------

    def _new(self, prefix: str, **fields: Any) -> Json:
        thing_id = f"{prefix}_{next(self._ids):014d}"
        self.things[thing_id] = {"id": thing_id, "created_at": int(time.time())} | fields
        return self.things[thing_id]

    def _collection(self, entity: str, **equal: Any) -> Json:
        items = [
            thing
            for thing in self.things.values()
            if thing["entity"] == entity and all(thing.get(key) == value for key, value in equal.items())
        ]
        return {"entity": "collection", "count": len(items), "items": items}

    def _fetch(self, thing_id: str, _facts: Json) -> Json:
        if thing_id not in self.things:
            raise Refused("The id provided does not exist")
        return self.things[thing_id]

    def _create_order(self, facts: Json) -> Json:
        if not isinstance(facts["amount"], int) or facts["amount"] < 100:
            raise Refused("The amount is invalid")
        if len(facts["receipt"]) > 40:
            raise Refused("The receipt may not be greater than 40 characters.")
        return self._new("order", entity="order", status="created", attempts=0, **facts)

    def _list_orders(self, facts: Json) -> Json:
        equal = {"receipt": facts["receipt"]} if "receipt" in facts else {}
        items = self._collection("order", **equal)["items"]
        items = [order for order in items if order["created_at"] >= int(facts.get("from", 0))]
        skip = int(facts.get("skip", 0))
        items = items[skip : skip + int(facts.get("count", 10))]
        if facts.get("expand[]") == "payments":
            items = [order | {"payments": self._order_payments(order["id"], facts)} for order in items]
        return {"entity": "collection", "count": len(items), "items": items}

    def _order_payments(self, order_id: str, facts: Json) -> Json:
        self._fetch(order_id, facts)
        return self._collection("payment", order_id=order_id)

    def _payments_of(self, order_id: str) -> list[Json]:
        items: list[Json] = self._collection("payment", order_id=order_id)["items"]
        return items

    def _payment(self, order: Json, *, amount: int | None = None, currency: str = "") -> Json:
        return self._new(
            "pay",
            entity="payment",
            amount=order["amount"] if amount is None else amount,
            currency=currency or order["currency"],
            status="created",
            order_id=order["id"],
            method="card",
            amount_refunded=0,
            refund_status=None,
            captured=False,
            notes=[],
            error_code=None,
            error_description=None,
        )

    def _capture(self, payment_id: str, facts: Json) -> Json:
        payment = self._fetch(payment_id, facts)
        if payment["status"] != "authorized":
            raise Refused("This payment has already been captured")
        if facts["amount"] != payment["amount"]:
            raise Refused("Capture amount must be equal to the amount authorized")
        payment.update(status="captured", captured=True)
        self.things[payment["order_id"]]["status"] = "paid"
        return payment

    def _refund(self, payment_id: str, facts: Json) -> Json:
        payment = self._fetch(payment_id, facts)
        total = payment["amount_refunded"] + facts["amount"]
        if payment["status"] not in ("captured", "refunded") or total > payment["amount"]:
            raise Refused("The total refund amount is greater than the refund payment amount")
        payment["amount_refunded"] = total
        payment["refund_status"] = "full" if total == payment["amount"] else "partial"
        if total == payment["amount"]:
            payment["status"] = "refunded"
        return self._new(
            "rfnd",
            entity="refund",
            payment_id=payment_id,
            currency=payment["currency"],
            status=self.refunds_become,
            **facts,
        )

    def _refunds(self, payment_id: str, _facts: Json) -> Json:
        return self._collection("refund", payment_id=payment_id)

    def _create_customer(self, facts: Json) -> Json:
        customer = self._new("cust", entity="customer", email=facts["email"], name=facts["name"])
        card = {
            "last4": "4366",
            "network": "Visa",
            "expiry_month": "2",
            "expiry_year": "2028",
            "type": "credit",
        }
        self._new("token", entity="token", customer_id=customer["id"], method="card", card=card)
        upi = {"username": "owner", "handle": "okbank", "name": None}
        self._new("token", entity="token", customer_id=customer["id"], method="upi", vpa=upi, expired_at=None)
        return customer

    def _tokens(self, customer_id: str, _facts: Json) -> Json:
        return self._collection("token", customer_id=customer_id)

    def _delete_token(self, _customer_id: str, token_id: str, _facts: Json) -> Json:
        del self.things[token_id]
        return {"deleted": True}

    def _create_plan(self, facts: Json) -> Json:
        return self._new("plan", entity="plan", **facts)

    def _create_subscription(self, facts: Json) -> Json:
        return self._new(
            "sub",
            entity="subscription",
            status="created",
            current_start=None,
            current_end=None,
            short_url="https://rzp.example/i/agree",
            paid_count=0,
            **facts,
        )

    def _list_invoices(self, facts: Json) -> Json:
        items = self._collection("invoice", subscription_id=facts["subscription_id"])["items"]
        skip = int(facts.get("skip", 0))
        items = items[skip : skip + int(facts.get("count", 10))]
        return {"entity": "collection", "count": len(items), "items": items}

    def _list_subscriptions(self, facts: Json) -> Json:
        return self._collection("subscription", plan_id=facts["plan_id"])

    def _edit_subscription(self, subscription_id: str, facts: Json) -> Json:
        if facts["schedule_change_at"] not in ("now", "cycle_end"):
            raise Refused("The schedule change at is invalid")
        subscription = self._fetch(subscription_id, facts)
        subscription["plan_id"] = facts["plan_id"]
        return subscription

    def _cancel_subscription(self, subscription_id: str, facts: Json) -> Json:
        subscription = self._fetch(subscription_id, facts)
        if facts["cancel_at_cycle_end"]:
            subscription["cancel_at_cycle_end"] = True
        else:
            subscription["status"] = "cancelled"
        return subscription

    def _resume_subscription(self, subscription_id: str, facts: Json) -> Json:
        subscription = self._fetch(subscription_id, facts)
        if subscription["status"] != "paused":
            raise Refused("Subscription is not in paused state")
        subscription["status"] = "active"
        return subscription


def _error(description: str) -> Json:
    return {"error": {"code": "BAD_REQUEST_ERROR", "description": description, "field": None}}
