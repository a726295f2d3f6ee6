"""Proof of payments: random webhooks, duplicated, reordered and lost, end as the gateway's own books say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.billing.conftest import named_seller
from tests.billing.subscribing import clock, shop
from tests.billing.test_random_sequences import run
from tests.billing.test_random_subscriptions import run as run_subscriptions
from tests.proofs.report import report

__all__ = ["clock", "named_seller", "shop"]

pytestmark = pytest.mark.proof


@pytest.mark.django_db
def test_1000_random_sequences_end_as_the_gateway_says(settings: Any, tmp_path: Path) -> None:
    paid = run(settings, tmp_path, range(1_000, 2_000))
    report(
        "1,000 random sequences of payments and webhooks",
        [
            f"- {paid:,} purchases were paid; each is credited and invoiced once, and all are as the gateway says."
        ],
    )
    assert paid > 500


@pytest.mark.django_db
@pytest.mark.usefixtures("shop")
def test_1000_random_lives_of_subscriptions_end_as_the_gateway_says(
    settings: Any, tmp_path: Path, clock: Any
) -> None:
    charged = run_subscriptions(settings, tmp_path, clock, range(1_000, 2_000))
    report(
        "1,000 random lives of subscriptions",
        [f"- {charged:,} charges; each is granted and invoiced once, and all are as the gateway says."],
    )
    assert charged > 1_000
