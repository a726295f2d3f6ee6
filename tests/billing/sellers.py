"""Each gateway with its other side: what buyers do there, and what it sends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from convergio.billing import gateways
from convergio.billing.gateways.fake import FakeGateway
from convergio.billing.gateways.protocol import Gateway, OrderRequest
from convergio.core import sql
from tests.billing.servers import razorpay, stripe
from tests.billing.servers.razorpay import RazorpayServer
from tests.billing.servers.stripe import StripeServer


class OtherSide(Protocol):
    """What happens at the gateway."""

    def pay(
        self, order_id: str, *, amount: int | None = None, currency: str = "", held: bool = False
    ) -> object: ...
    def decline(self, order_id: str, *, reason: str) -> object: ...
    def webhook(
        self, event: str, order_id: str, *, event_id: str = "", secret: str = ""
    ) -> tuple[bytes, dict[str, str]]: ...
    def come_back(self, order_id: str) -> dict[str, str]: ...


@dataclass(frozen=True)
class FakeSide:
    gateway: FakeGateway

    def pay(self, order_id: str, **how: Any) -> object:
        return self.gateway.pay(order_id, **how)

    def decline(self, order_id: str, *, reason: str) -> object:
        return self.gateway.decline(order_id, reason=reason)

    def webhook(self, event: str, order_id: str, **how: str) -> tuple[bytes, dict[str, str]]:
        return self.gateway.notice(event, order_id=order_id, event_id=how.get("event_id", ""))

    def come_back(self, order_id: str) -> dict[str, str]:
        return self.gateway.come_back(order_id)


class BankSide:
    def pay(self, order_id: str, *, amount: int | None = None, currency: str = "", **_: object) -> object:
        received = (
            "UPDATE manual_payments SET received = COALESCE(%s, amount),"
            " received_currency = COALESCE(NULLIF(%s, ''), currency) WHERE reference = %s"
        )
        return sql.execute(received, [amount, currency, order_id])

    def decline(self, order_id: str, *, reason: str) -> object:
        raise NotImplementedError("A bank transfer comes or does not come.")

    def webhook(self, *_: object, **__: object) -> tuple[bytes, dict[str, str]]:
        return b"{}", {}

    def come_back(self, order_id: str) -> dict[str, str]:
        return {"reference": order_id}


@dataclass(frozen=True)
class Seller:
    """A gateway that is on."""

    name: str
    side: Any
    paid_event: str = ""
    server: Any = None

    @property
    def gateway(self) -> Gateway:
        return gateways.find(self.name)

    def order(self, reference: str = "reference0001", amount: int = 49_900) -> str:
        return self.gateway.create_order(request(reference, amount)).id


def request(reference: str = "reference0001", amount: int = 49_900) -> OrderRequest:
    return OrderRequest(
        reference=reference,
        amount=amount,
        currency="INR",
        description="5,000 AI tokens",
        email="owner@convergio.test",
        return_url="http://testserver/back",
    )


@contextmanager
def fake_seller(settings: Any, folder: Path) -> Iterator[Seller]:
    settings.DATA_DIR, settings.FAKE_GATEWAY = folder, True
    gateway = gateways.find("fake")
    assert isinstance(gateway, FakeGateway)
    yield Seller("fake", FakeSide(gateway), "payment.paid")


@contextmanager
def razorpay_seller(settings: Any) -> Iterator[Seller]:
    server = RazorpayServer()
    settings.RAZORPAY_URL = server.url
    settings.RAZORPAY_KEY_ID, settings.RAZORPAY_KEY_SECRET = razorpay.KEY_ID, razorpay.KEY_SECRET
    settings.RAZORPAY_WEBHOOK_SECRET = razorpay.WEBHOOK_SECRET
    settings.RAZORPAY_WEBHOOK_SECRET_OLD = razorpay.OLD_WEBHOOK_SECRET
    with server.running():
        yield Seller("razorpay", server, "payment.captured", server)


@contextmanager
def stripe_seller(settings: Any, upstream: str) -> Iterator[Seller]:
    server = StripeServer(upstream)
    settings.STRIPE_URL = server.url
    settings.STRIPE_SECRET_KEY = stripe.SECRET_KEY
    settings.STRIPE_WEBHOOK_SECRET = stripe.WEBHOOK_SECRET
    settings.STRIPE_WEBHOOK_SECRET_OLD = stripe.OLD_WEBHOOK_SECRET
    with server.running():
        yield Seller("stripe", server, "checkout.session.completed", server)
    assert server.faults_found == []


@contextmanager
def bank_seller(settings: Any) -> Iterator[Seller]:
    settings.BANK_DETAILS = "Convergio Test, account 0001, Bank of Example"
    yield Seller("manual", BankSide())
