"""Stripe: localstripe behind a check of each request against Stripe's own description, where that is at hand.

localstripe knows customers, methods, intents, charges, refunds and subscriptions. What it lacks is answered here:
checkout sessions, whose payment is an intent of localstripe, prices (its plans), and Idempotency-Key.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tests.billing.servers.loopback import Answer, LoopbackServer
from tests.billing.servers.openapi import Description, unflatten

SECRET_KEY = "sk_test_12345"
WEBHOOK_SECRET, OLD_WEBHOOK_SECRET = "whsec_new", "whsec_old"
Json = dict[str, Any]
# Its own start listens on every address and keeps a file between runs.
_LOCALSTRIPE = """
import sys
from aiohttp import web
from localstripe import resources, server
resources.Store.dump_to_disk = lambda store: None
web.run_app(server.app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
"""
SHARED = Path(os.environ.get("CONVERGIO_SHARED") or Path(__file__).resolve().parents[4] / "shared")
# Younger than the description at hand (2023-08-16); the SDK's own parameter types have it.
_YOUNGER = {("GET", "/v1/checkout/sessions"): {"created"}}
# Not among the operations that were kept of the description.
_UNDESCRIBED = ("/v1/payment_methods", "/v1/payment_intents/")


def described() -> Description | None:
    """Stripe's description, where the shared folder is at hand."""
    path = SHARED / "specs" / "stripe-billing.openapi.json"
    return Description(json.loads(path.read_text())) if path.exists() else None


@contextmanager
def localstripe() -> Iterator[str]:
    """The address of a fresh localstripe of its own process."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-c", _LOCALSTRIPE, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("localstripe did not start.")


class StripeServer(LoopbackServer):
    """`faults_found` are breaches of the description; a request with one is refused as Stripe would."""

    def __init__(self, upstream: str) -> None:
        super().__init__()
        self.upstream = upstream
        self.description = described()
        self.faults_found: list[str] = []
        self.last_form: Json = {}
        self.sessions: dict[str, Json] = {}
        self._ids = count(1)
        self._answers: dict[str, tuple[str, Answer]] = {}

    def answer(
        self, method: str, path: str, query: list[tuple[str, str]], body: bytes, headers: dict[str, str]
    ) -> Answer:
        form = unflatten(parse_qsl(body.decode(), keep_blank_values=True))
        self.last_form = form
        if headers.get("authorization") != f"Bearer {SECRET_KEY}":
            return 401, _error("authentication_error", "Invalid API Key provided")
        if faults := self._check(method, path, query=unflatten(query), form=form):
            self.faults_found += faults
            return 400, _error("invalid_request_error", "; ".join(faults))
        key = headers.get("idempotency-key", "")
        request = json.dumps([path, form], sort_keys=True)
        if method == "POST" and key in self._answers:
            known, answer = self._answers[key]
            if known != request:
                return 400, _error("idempotency_error", "Keys for idempotent requests can only be used once")
            return answer
        answer = self._dispatch(method, path, query, form)
        if method == "POST" and key and answer[0] < 500:
            self._answers[key] = (request, answer)
        return answer

    # --- What buyers and the gateway do ---------------------------------------------------------------------

    def pay(
        self, order_id: str, *, amount: int | None = None, currency: str = "", held: bool = False
    ) -> Json:
        session = self.sessions[order_id]
        intent: Json = {
            "amount": session["amount_total"] if amount is None else amount,
            "currency": currency.lower() or session["currency"],
            "payment_method": self._card("4242424242424242"),
            "metadata": session["payment_intent_metadata"],
            "capture_method": "manual" if held else "automatic",
            "confirm": "true",
        }
        made = self._upstream("POST", "/v1/payment_intents", form=intent)[1]
        session.update(payment_intent=made["id"], status="complete", payment_status="paid")
        return session

    def decline(self, order_id: str, *, reason: str) -> Json:  # noqa: ARG002
        """localstripe's own sentence is "Your card was declined." whatever the reason."""
        session = self.sessions[order_id]
        intent = {
            "amount": session["amount_total"],
            "currency": session["currency"],
            "payment_method": self._card("4000000000000341"),
            "metadata": session["payment_intent_metadata"],
            "confirm": "true",
        }
        self._upstream("POST", "/v1/payment_intents", form=intent)
        made = self._upstream("GET", "/v1/payment_intents", query=[("limit", "1000")])[1]["data"]
        session["payment_intent"] = next(
            one["id"]
            for one in made
            if one["metadata"] == intent["metadata"] and one["status"] == "requires_payment_method"
        )
        return session

    def webhook(
        self, event: str, order_id: str, *, event_id: str = "", secret: str = WEBHOOK_SECRET, age: int = 0
    ) -> tuple[bytes, dict[str, str]]:
        session = self.sessions[order_id]
        subject: Json = session
        if event.startswith("payment_intent."):
            subject = {
                "object": "payment_intent",
                "id": session["payment_intent"],
                "metadata": session["metadata"],
            }
        elif event.startswith("charge."):
            subject = {"object": "charge", "id": "ch_1", "payment_intent": session["payment_intent"]}
        return self._signed(event, subject, event_id=event_id, secret=secret, age=age)

    def _signed(
        self, event: str, subject: Json, *, event_id: str = "", secret: str = WEBHOOK_SECRET, age: int = 0
    ) -> tuple[bytes, dict[str, str]]:
        body = json.dumps(
            {
                "id": event_id or f"evt_{next(self._ids)}",
                "object": "event",
                "type": event,
                "data": {"object": subject},
            }
        ).encode()
        return body, {"Stripe-Signature": signature(body, secret=secret, moment=int(time.time()) - age)}

    def subscription_webhook(self, event: str, subscription_id: str) -> tuple[bytes, dict[str, str]]:
        """As for a change of the subscription itself."""
        subject = {"object": "subscription", "id": subscription_id, "metadata": {}}
        return self._signed(event, subject)

    def come_back(self, order_id: str) -> dict[str, str]:
        return {"session_id": order_id}

    # --- The API --------------------------------------------------------------------------------------------

    def _check(self, method: str, path: str, *, query: Json, form: Json) -> list[str]:
        if self.description is None or path.startswith(_UNDESCRIBED):
            return []
        operation = self.description.operation(method, path)
        if operation is None:
            return [f"{method} {path} is not described"]
        query = {
            name: value for name, value in query.items() if name not in _YOUNGER.get((method, path), set())
        }
        return self.description.faults(operation, query=query, body=form)

    def _dispatch(self, method: str, path: str, query: list[tuple[str, str]], form: Json) -> Answer:
        if path == "/v1/checkout/sessions":
            return self._create_session(form) if method == "POST" else self._list_sessions(unflatten(query))
        if path.startswith("/v1/checkout/sessions/"):
            session = self.sessions.get(path.rpartition("/")[2])
            if session is None:
                return 404, _error("invalid_request_error", "No such checkout.session")
            return 200, self._expanded(session)
        if path == "/v1/prices":
            return self._create_price(form)
        if path == "/v1/refunds" and method == "POST" and self._is_too_much(form):
            return 400, _error("invalid_request_error", "Refund amount is greater than unrefunded amount")
        if method == "GET" and path.startswith("/v1/payment_intents/"):
            return self._intent(path.rpartition("/")[2])
        if method == "GET" and path.startswith("/v1/invoices/"):
            return self._invoice(path)
        if path.startswith("/v1/subscriptions"):
            form = _for_localstripe(form)
        return self._upstream(method, path, query=query, form=form)

    def _is_too_much(self, form: Json) -> bool:
        intent = self._upstream("GET", f"/v1/payment_intents/{form['payment_intent']}")[1]
        left: int = intent["latest_charge"]["amount"] - intent["latest_charge"]["amount_refunded"]
        return int(form["amount"]) > left

    def _create_session(self, form: Json) -> Answer:
        line = form["line_items"][0]
        session_id = f"cs_test_{next(self._ids):020d}"
        self.sessions[session_id] = {
            "id": session_id,
            "object": "checkout.session",
            "created": int(time.time()),
            "mode": form["mode"],
            "status": "open",
            "payment_status": "unpaid",
            "amount_total": int(line["price_data"]["unit_amount"]) * int(line["quantity"]),
            "currency": line["price_data"]["currency"],
            "client_reference_id": form["client_reference_id"],
            "metadata": form["metadata"],
            "payment_intent": None,
            "payment_intent_metadata": form["payment_intent_data"]["metadata"],
            "url": f"{self.url}/pay/{session_id}",
        }
        return 200, self.sessions[session_id]

    def _list_sessions(self, query: Json) -> Answer:
        newest_first = list(reversed(self.sessions.values()))
        if "starting_after" in query:
            ids = [session["id"] for session in newest_first]
            newest_first = newest_first[ids.index(query["starting_after"]) + 1 :]
        since, limit = int(query["created"]["gte"]), int(query["limit"])
        found = [session for session in newest_first if session["created"] >= since]
        data = [self._expanded(session) for session in found[:limit]]
        return 200, {
            "object": "list",
            "data": data,
            "has_more": len(found) > limit,
            "url": "/v1/checkout/sessions",
        }

    def _expanded(self, session: Json) -> Json:
        if session["payment_intent"] is None:
            return session
        return session | {"payment_intent": self._intent(session["payment_intent"])[1]}

    def _intent(self, intent_id: str) -> Answer:
        """With the two amounts that localstripe does not know; its charge is always expanded."""
        status, intent = self._upstream("GET", f"/v1/payment_intents/{intent_id}")
        if status == 200:
            intent["amount_received"] = intent["amount"] if intent["status"] == "succeeded" else 0
            intent["amount_capturable"] = intent["amount"] if intent["status"] == "requires_capture" else 0
        return status, intent

    def _invoice(self, path: str) -> Answer:
        """With `payments`, as since 2025, in place of its one intent."""
        status, invoice = self._upstream("GET", path)
        if intent := invoice.pop("payment_intent", None):
            payment = {"type": "payment_intent", "payment_intent": intent}
            state = "paid" if invoice["status"] == "paid" else "open"
            paid = {"object": "invoice_payment", "status": state, "payment": payment}
            invoice["payments"] = {"object": "list", "data": [paid], "has_more": False}
        return status, invoice

    def _create_price(self, form: Json) -> Answer:
        plan = {
            "amount": form["unit_amount"],
            "currency": form["currency"],
            "interval": form["recurring"]["interval"],
            "product": form["product_data"],
        }
        return self._upstream("POST", "/v1/plans", form=plan)

    def _card(self, number: str) -> str:
        card = {"number": number, "exp_month": "8", "exp_year": "2030", "cvc": "123"}
        made = self._upstream("POST", "/v1/payment_methods", form={"type": "card", "card": card})
        return str(made[1]["id"])

    def attach_card(self, customer_id: str) -> None:
        method = self._card("4242424242424242")
        self._upstream("POST", f"/v1/payment_methods/{method}/attach", form={"customer": customer_id})
        facts = {"invoice_settings": {"default_payment_method": method}}
        self._upstream("POST", f"/v1/customers/{customer_id}", form=facts)

    def _upstream(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        form: Json | None = None,
    ) -> Answer:
        request = urllib.request.Request(
            f"{self.upstream}{path}?{urlencode(query)}",
            method=method,
            data=json.dumps(form).encode() if form else None,
            headers={"Authorization": f"Bearer {SECRET_KEY}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return 200, json.loads(response.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())


def signature(body: bytes, *, secret: str, moment: int) -> str:
    """A Stripe-Signature header."""
    signed = str(moment).encode() + b"." + body
    return f"t={moment},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


def _for_localstripe(form: Json) -> Json:
    """It calls a price a plan, and knows neither how a method is saved nor how a change is prorated."""
    kept = {
        key: value for key, value in form.items() if key not in ("payment_settings", "proration_behavior")
    }
    kept.pop("payment_behavior", None)
    for item in kept.get("items", []):
        item["plan"] = item.pop("price")
    return kept


def _error(kind: str, message: str) -> Json:
    return {"error": {"type": kind, "message": message}}
