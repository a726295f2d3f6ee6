"""From "buy" to the credited balance and the invoice's PDF, in Chromium, over the gateway that moves no money."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pypdf
import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import OpenPage
from tests.e2e.service import Service, wait_for

# Where to leave pictures for a person to look at.
SHOTS = os.environ.get("CONVERGIO_SHOTS", "")


def test_a_purchase_ends_in_tokens_and_an_invoice(
    open_page: OpenPage, service: Service, tmp_path: Path
) -> None:
    page = open_page("/dashboard/settings/tokens", viewport={"width": 1440, "height": 900})
    page.get_by_role("link", name="Buy Growth").click()
    expect(page.get_by_role("button", name="Pay ₹1,999")).to_be_visible()
    page.get_by_label("How many").fill("2")
    page.get_by_label("How many").blur()
    page.get_by_role("button", name="Pay ₹3,998").click()
    expect(page.get_by_text("No money moves")).to_be_visible()
    # Another tab looks at the same purchase, and finds out by itself.
    number = page.url.rpartition("/")[2]
    other = open_page(f"/dashboard/settings/tokens/purchases/{number}")
    expect(other.get_by_text("We wait for the word of Test payment")).to_be_visible()
    page.get_by_role("button", name="Pay ₹3,998 (test)").click()
    expect(page.get_by_text("55,000 AI tokens are on the balance")).to_be_visible()
    expect(other.get_by_text("55,000 AI tokens are on the balance")).to_be_visible()
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Invoice CB/").click()
    file = tmp_path / downloading.value.suggested_filename
    downloading.value.save_as(file)
    text = pypdf.PdfReader(file).pages[0].extract_text()
    for words in ("Lotus Software Private Limited", "Growth package: 25,000 AI tokens", "3,998.00"):
        assert words in " ".join(text.split())
    page.goto(service.urls[0] + "/dashboard/settings/tokens")
    expect(page.locator("section", has=page.get_by_role("heading", name="AI tokens"))).to_contain_text(
        re.compile(r"5[56],\d00")
    )
    page.goto(service.urls[0] + "/dashboard/settings/billing")
    expect(page.get_by_role("link", name="PDF of CB/")).to_be_visible()
    wait_for(lambda: service.sent_about("Invoice CB/"), "the invoice by mail")
    if SHOTS:
        Path(SHOTS, "invoice.pdf").write_bytes(file.read_bytes())


def test_it_works_without_script(open_page: OpenPage) -> None:
    page = open_page(
        "/dashboard/settings/tokens", java_script_enabled=False, viewport={"width": 375, "height": 812}
    )
    page.get_by_role("link", name="Buy Starter").click()
    page.get_by_label("How many").fill("3")
    page.get_by_role("button", name="Update the total").click()
    page.get_by_role("button", name="Pay ₹1,497").click()
    page.get_by_role("button", name="Decline").click()
    expect(page.get_by_text("You chose to decline it. Nothing was credited.")).to_be_visible()


@pytest.mark.skipif(not SHOTS, reason="only for a person to look at: CONVERGIO_SHOTS names a folder")
@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_pictures(open_page: OpenPage, service: Service, look: str) -> None:
    size = {"width": 375, "height": 812} if look == "phone" else {"width": 1440, "height": 900}
    page = open_page(
        "/dashboard",
        viewport=size,
        color_scheme="light" if look == "light" else "dark",
        has_touch=look == "phone",
    )
    made = service.call("POST", "/api/settings/tokens/purchase", {"package": "business"})["purchase"]["id"]
    for name, path in {
        "tokens": "tokens",
        "buy": "tokens/buy?package=growth",
        "checkout": f"tokens/checkout/{made}",
        "purchase": f"tokens/purchases/{made}",
        "billing": "billing",
        "plan": "billing/plan?plan=pro",
        "details": "billing/details",
    }.items():
        page.goto(f"{service.urls[0]}/dashboard/settings/{path}")
        page.screenshot(path=f"{SHOTS}/{name}-{look}.png")
