"""Proof of subscriptions: 14 months of 1,000 customers with upgrades, failures, cancellations and refunds."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from convergio.billing import checks
from tests.billing.sellers import fake_seller
from tests.billing.subscribing import clock, shop
from tests.billing.town import live
from tests.proofs.report import report

__all__ = ["clock", "shop"]
pytestmark = [pytest.mark.proof, pytest.mark.usefixtures("shop")]
CUSTOMERS, DAYS = 1_000, 425


def test_fourteen_months_of_1000_customers_agree_to_the_paisa(
    committed: None, settings: Any, tmp_path: Path, clock: Any
) -> None:
    began = time.perf_counter_ns()
    with fake_seller(settings, tmp_path) as seller:
        seen = live(clock, seller, customers=CUSTOMERS, days=DAYS, seed=2099)
    seconds = (time.perf_counter_ns() - began) / 1e9
    assert seen.payments > 3_000
    assert min(seen.upgrades, seen.failed, seen.given_up, seen.refunds) > 50
    report(
        "Fourteen months of 1,000 customers",
        [
            (
                f"- {seen.payments:,} payments of subscriptions over {seen.amount:,} paise, each with one "
                f"invoice and one grant, all as the gateway's books say; {seen.upgrades:,} upgrades within a period."
            ),
            (
                f"- {seen.failed:,} charges failed, {seen.given_up:,} of them for 14 days; {seen.refunds:,} "
                f"purchases of tokens refunded; {seen.events:,} steps in the history."
            ),
            f"- All {len(checks.invariants())} invariants hold at the end; {seconds:.0f} seconds.",
        ],
    )
