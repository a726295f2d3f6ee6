"""Our reading of the gateways' own published shapes and formulas, and the SDKs' agreement with our signatures."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import razorpay as razorpay_sdk
import stripe as stripe_sdk

from convergio.billing.gateways import razorpay, stripe
from convergio.billing.gateways.signatures import is_signed, sign
from tests.billing.sellers import Seller, request
from tests.billing.servers.stripe import SHARED, described, signature

SPECS = SHARED / "specs"
at_hand = pytest.mark.skipif(
    not SPECS.is_dir(), reason=f"the platforms' published descriptions are not in {SPECS}"
)


def published(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SPECS / "razorpay" / name).read_text())
    return found


@at_hand
def test_razorpays_published_payments_are_read() -> None:
    order = {"id": "order_1", "receipt": "r", "amount": 500, "currency": "INR"}
    captured = razorpay._payment(order, [published("fake_captured_payment.json")])
    assert (captured.status, captured.amount, captured.currency) == ("paid", 500, "INR")
    collection = published("payment_collection.json")["items"]
    assert razorpay._payment(order, collection).status == "pending"
    assert razorpay._payment(published("fake_order.json"), []).reference == "12121"


@at_hand
def test_razorpays_published_subscriptions_are_read() -> None:
    active = razorpay._subscription(published("fake_subscription.json"))
    assert (active.status, active.plan_id) == ("active", "plan_8kihN0YqhnF8a7")
    assert active.period_end is not None
    cancelled = razorpay._subscription(published("fake_subscription_cancelled.json"))
    assert (cancelled.status, cancelled.period_end) == ("cancelled", None)


@at_hand
def test_razorpays_published_webhook_is_read_and_its_status_not_believed(razorpay: Seller) -> None:
    body = (SPECS / "razorpay" / "fake_payment_authorized_webhook.json").read_bytes()
    event = razorpay.gateway.read_event(body, {})
    assert (event.kind, event.name) == ("payment", "payment.authorized")
    assert (event.order_id, event.payment_id) == ("order_100000000order", "pay_6koWN7bvxujzxM")
    assert len(event.id) == 64  # without the header: the body's own hash


@at_hand
def test_our_razorpay_server_answers_in_the_published_shapes(razorpay: Seller) -> None:
    """Every field of the published shapes that our code reads is in the server's answers, in the same type."""
    order_id = razorpay.order()
    payment = razorpay.server.pay(order_id)
    refund = razorpay.server._refund(payment["id"], {"amount": 1, "receipt": "r"})
    for answer, name, read in (
        (
            razorpay.server.things[order_id],
            "fake_order.json",
            ("id", "amount", "currency", "receipt", "status"),
        ),
        (payment, "fake_captured_payment.json", ("id", "amount", "currency", "status", "amount_refunded")),
        (refund, "fake_refund.json", ("id", "amount", "currency", "payment_id", "receipt", "status")),
        (razorpay.server.answer("GET", "/v1/x", [], b"", {})[1]["error"], "bad_request_error.json", ()),
    ):
        shape = published(name)
        shape = shape.get("error", shape)
        for field in read or ("code", "description"):
            assert type(answer[field]) is type(shape[field]), (name, field)


@at_hand
def test_stripes_published_objects_are_read() -> None:
    resources = json.loads((SPECS / "stripe-fixtures3.json").read_text())["resources"]
    session, intent = resources["checkout.session"], resources["payment_intent"]
    unpaid = stripe._payment(session | {"payment_intent": intent | {"last_payment_error": None}})
    assert (unpaid.order_id, unpaid.status, unpaid.currency) == (session["id"], "pending", "USD")
    received = intent | {
        "status": "succeeded",
        "amount_received": 1_099,
        "latest_charge": resources["charge"],
    }
    paid = stripe._payment(session | {"payment_intent": received})
    assert (paid.status, paid.amount, paid.refunded) == (
        "paid",
        1_099,
        resources["charge"]["amount_refunded"],
    )
    subscription = stripe._subscription(resources["subscription"])
    assert (subscription.status, subscription.plan_id) == (
        "active",
        resources["subscription"]["items"]["data"][0]["price"]["id"],
    )
    method = stripe._method(resources["payment_method"])
    assert (method.label, str(method.expires_on)) == ("Visa ending 4242", "2030-08-31")


@at_hand
def test_requests_are_checked_against_stripes_description(stripe: Seller) -> None:
    """The check can fail: what is wrong with a request is named."""
    description = described()
    assert description is not None
    operation = description.operation("POST", "/v1/checkout/sessions")
    assert operation is not None
    good = stripe_sdk_form(stripe)
    assert description.faults(operation, query={}, body=good) == []
    assert description.faults(operation, query={}, body=good | {"amount": "1"}) == ["body.amount is unknown"]
    assert description.faults(operation, query={}, body=good | {"mode": "gift"})
    assert description.faults(operation, query={"x": "1"}, body=good) == ["query x is unknown"]


def stripe_sdk_form(stripe: Seller) -> dict[str, Any]:
    """The form that the SDK really sent."""
    stripe.gateway.create_order(request())
    form: dict[str, Any] = stripe.server.last_form
    return form


def test_stripe_is_told_nothing_about_this_machine(stripe: Seller) -> None:
    stripe.order()
    stripe.gateway.fetch_payment(stripe.order("another0001"))
    for _, _, headers in stripe.server.requests:
        assert headers["user-agent"] == "Convergio"
        assert not [name for name in headers if "telemetry" in name or name == "x-stripe-client-user-agent"]


def test_the_sdks_agree_with_our_signatures() -> None:
    body = '{"id":"evt_1"}'
    moment = int(time.time())
    assert stripe_sdk.WebhookSignature.verify_header(
        body, signature(body.encode(), secret="whsec", moment=moment), "whsec", 300
    )
    client = razorpay_sdk.Client(auth=("id", "key-secret"))
    assert client.utility.verify_webhook_signature(body, sign("hook", body.encode()), "hook")
    assert client.utility.verify_payment_signature(
        {
            "razorpay_order_id": "order_1",
            "razorpay_payment_id": "pay_1",
            "razorpay_signature": sign("key-secret", b"order_1|pay_1"),
        }
    )
    assert client.utility.verify_subscription_payment_signature(
        {
            "razorpay_subscription_id": "sub_1",
            "razorpay_payment_id": "pay_1",
            "razorpay_signature": sign("key-secret", b"pay_1|sub_1"),
        }
    )


def test_a_subscription_that_comes_back_from_checkout_is_signed_the_other_way_round(razorpay: Seller) -> None:
    fields = {"razorpay_subscription_id": "sub_1", "razorpay_payment_id": "pay_1"}
    right = fields | {"razorpay_signature": sign("rzp-key-secret", b"pay_1|sub_1")}
    assert razorpay.gateway.verify_checkout(right) == "sub_1"
    wrong = fields | {"razorpay_signature": sign("rzp-key-secret", b"sub_1|pay_1")}
    with pytest.raises(Exception, match="signature"):
        razorpay.gateway.verify_checkout(wrong)


def test_an_unset_secret_signs_nothing() -> None:
    assert not is_signed(b"x", signatures=[sign("", b"x")], secrets=["", ""])
    assert is_signed(b"x", signatures=["", sign("s", b"x")], secrets=["", "s"])


def test_the_sdks_are_not_loaded_without_payments() -> None:
    program = (
        "import sys, convergio.billing.gateways.stripe, convergio.billing.gateways.razorpay;"
        "print({'stripe', 'requests'} & set(sys.modules))"
    )
    source = Path(__file__).resolve().parents[2] / "src"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(source), "PATH": ""},
    )
    assert done.stdout.strip() == "set()"
