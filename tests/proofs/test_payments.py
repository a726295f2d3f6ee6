"""Proof of payments: random webhooks, duplicated, reordered and lost, end as the gateway's own books say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.billing.test_random_sequences import run

pytestmark = pytest.mark.proof


@pytest.mark.django_db
def test_1000_random_sequences_end_as_the_gateway_says(settings: Any, tmp_path: Path) -> None:
    paid = run(settings, tmp_path, range(1_000, 2_000))
    print(
        f"1,000 random webhook sequences: {paid} purchases paid, each credited once, all as the gateway says"
    )
    assert paid > 500
