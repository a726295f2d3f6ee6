"""Gateways that are on, and a buyer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.billing.business import SELLER_GSTIN
from tests.billing.sellers import Seller, bank_seller, fake_seller, razorpay_seller, stripe_seller
from tests.billing.servers.stripe import localstripe


@pytest.fixture(autouse=True)
def named_seller(settings: Any) -> None:
    """Nothing is sold while nobody is named as the seller."""
    settings.SELLER_NAME = "Convergio Software Private Limited"
    settings.SELLER_GSTIN, settings.SELLER_STATE = SELLER_GSTIN, "27"


@pytest.fixture(scope="session")
def stripe_upstream() -> Iterator[str]:
    """One localstripe for the run."""
    with localstripe() as address:
        yield address


def _open(name: str, request: pytest.FixtureRequest, settings: Any, folder: Path) -> Any:
    if name == "fake":
        return fake_seller(settings, folder)
    if name == "razorpay":
        return razorpay_seller(settings)
    if name == "manual":
        return bank_seller(settings)
    return stripe_seller(settings, request.getfixturevalue("stripe_upstream"))


@pytest.fixture(params=["fake", "razorpay", "stripe", "manual"])
def seller(request: pytest.FixtureRequest, settings: Any, tmp_path: Path, db: None) -> Iterator[Seller]:
    """Every gateway in turn."""
    with _open(request.param, request, settings, tmp_path) as found:
        yield found


@pytest.fixture(params=["fake", "razorpay", "stripe"])
def online_seller(
    request: pytest.FixtureRequest, settings: Any, tmp_path: Path, db: None
) -> Iterator[Seller]:
    """Every gateway that has customers and sends webhooks."""
    with _open(request.param, request, settings, tmp_path) as found:
        yield found


@pytest.fixture
def fake(settings: Any, tmp_path: Path, db: None) -> Iterator[Seller]:
    with fake_seller(settings, tmp_path) as found:
        yield found


@pytest.fixture
def razorpay(settings: Any, db: None) -> Iterator[Seller]:
    with razorpay_seller(settings) as found:
        yield found


@pytest.fixture
def stripe(settings: Any, stripe_upstream: str, db: None) -> Iterator[Seller]:
    with stripe_seller(settings, stripe_upstream) as found:
        yield found


@pytest.fixture
def bank(settings: Any, db: None) -> Iterator[Seller]:
    with bank_seller(settings) as found:
        yield found
