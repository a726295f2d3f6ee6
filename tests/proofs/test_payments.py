"""Proof of payments: random webhooks, duplicated, reordered and lost, end as the gateway's own books say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.billing.subscribing import clock, shop
from tests.billing.test_random_sequences import run
from tests.billing.test_random_subscriptions import run as run_subscriptions

__all__ = ["clock", "shop"]

pytestmark = pytest.mark.proof


@pytest.mark.django_db
def test_1000_random_sequences_end_as_the_gateway_says(settings: Any, tmp_path: Path) -> None:
    paid = run(settings, tmp_path, range(1_000, 2_000))
    print(
        f"1,000 random webhook sequences: {paid} purchases paid, each credited once, all as the gateway says"
    )
    assert paid > 500


@pytest.mark.django_db
@pytest.mark.usefixtures("shop")
def test_1000_random_lives_of_subscriptions_end_as_the_gateway_says(
    settings: Any, tmp_path: Path, clock: Any
) -> None:
    charged = run_subscriptions(settings, tmp_path, clock, range(1_000, 2_000))
    print(
        f"1,000 random lives of subscriptions: {charged} charges, each credited and invoiced once, as the gateway says"
    )
    assert charged > 500
