"""What the environment says of the seller is checked at the start, not at the first invoice."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

import convergio
from convergio.core.environment import SettingError
from tests.billing.business import gstin

SETTINGS = Path(convergio.__file__).with_name("settings.py")


def start(monkeypatch: pytest.MonkeyPatch, **values: str) -> dict[str, Any]:
    for name, value in values.items():
        monkeypatch.setenv(f"CONVERGIO_{name}", value)
    return runpy.run_path(str(SETTINGS))


def test_the_state_is_that_of_the_registration(monkeypatch: pytest.MonkeyPatch) -> None:
    found = start(
        monkeypatch,
        SELLER_NAME="Convergio",
        SELLER_GSTIN=gstin("29").lower(),
        SELLER_ADDRESS="1, Lotus Court; ; Pune",
    )
    assert (found["SELLER_GSTIN"], found["SELLER_STATE"]) == (gstin("29"), "29")
    assert found["SELLER_ADDRESS"] == ["1, Lotus Court", "Pune"]


def test_without_any_there_is_no_seller_and_18_percent_inside_the_price(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = start(monkeypatch)
    assert (found["SELLER_NAME"], found["SELLER_GSTIN"], found["SELLER_STATE"]) == ("", "", "")
    assert (found["GST_RATE"], found["PRICES_INCLUDE_TAX"], found["SAC_CODE"]) == (1800, True, "997331")


def test_the_tax_may_come_on_top_of_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    assert start(monkeypatch, TAX_ON_TOP="true")["PRICES_INCLUDE_TAX"] is False


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"SELLER_GSTIN": "27AAPFU0939F1ZA"}, "CONVERGIO_SELLER_GSTIN: The GSTIN's check digit"),
        ({"SELLER_STATE": "Goa"}, "CONVERGIO_SELLER_STATE is the two digits"),
        ({"SELLER_GSTIN": gstin("29"), "SELLER_STATE": "27"}, "is not the state in which"),
        ({"SAC_CODE": "1234"}, "CONVERGIO_SAC_CODE"),
        ({"GST_RATE_BASIS_POINTS": "1801"}, "CONVERGIO_GST_RATE_BASIS_POINTS"),
        ({"GST_RATE_BASIS_POINTS": "10002"}, "CONVERGIO_GST_RATE_BASIS_POINTS"),
        ({"INVOICE_PREFIX": "LONG"}, "one to three capitals or digits"),
        ({"CREDIT_NOTE_PREFIX": "c-"}, "one to three capitals or digits"),
        ({"INVOICE_PREFIX": "CN"}, "must differ"),
    ],
)
def test_a_wrong_value_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], sentence: str
) -> None:
    with pytest.raises(SettingError, match=sentence):
        start(monkeypatch, **values)
