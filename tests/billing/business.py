"""A seller, buyers of every kind and their registration numbers, for tests of invoices."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from convergio.billing.invoicing.actions import issue_invoice
from convergio.billing.invoicing.gst import check_digit
from convergio.billing.invoicing.taxes import Item
from convergio.billing.models import Invoice
from tests.cast import Person

NOON = datetime(2026, 11, 26, 6, 30, tzinfo=UTC)  # 12:00 in India
PRO = Item("Pro plan, 26 Nov to 25 Dec 2026", 1_999_00)


def gstin(state: str, pan: str = "AAAFN4321K") -> str:
    """A registration that could exist."""
    return f"{state}{pan}1Z{check_digit(f'{state}{pan}1Z')}"


SELLER_GSTIN = gstin("27", "AAACC1234F")


@pytest.fixture(autouse=True)
def seller(settings: Any) -> None:
    """Convergio in Pune, registered, with an undertaking for exports."""
    settings.SELLER_NAME = "Convergio Software Private Limited"
    settings.SELLER_ADDRESS = ["4th Floor, Lotus Court", "Pune 411016"]
    settings.SELLER_GSTIN, settings.SELLER_STATE = SELLER_GSTIN, "27"
    settings.SELLER_LUT = "AD270426000123X"
    settings.PRICES_INCLUDE_TAX = True


@pytest.fixture
def clock() -> Iterator[Any]:
    """Noon of a Thursday in India, standing still."""
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


def sell(person: Person, *items: Item, payment: str = "", **more: Any) -> Invoice:
    """A paid invoice."""
    return issue_invoice(
        person.user, lines=items or [PRO], paid_at=NOON, gateway="fake", gateway_id=payment, **more
    )
