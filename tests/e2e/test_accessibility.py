"""axe on every page in light, dark and at 375 px; no page scrolls sideways."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.e2e.conftest import OpenPage
from tests.e2e.letters import letter
from tests.e2e.service import Service
from tests.e2e.test_mail import thread_about

PAGES = (
    "/dashboard",
    "/dashboard/commboost",
    "/dashboard/commboost?view=drafts",
    "/dashboard/commboost?q=nosuchword",
    "/dashboard/commboost/threads/{thread}",
    "/dashboard/commboost/new",
    "/dashboard/inbox/hello",
    "/dashboard/workboost",
    "/dashboard/workboost?view=list",
    "/dashboard/workboost/new",
    "/dashboard/settings/profile",
    "/dashboard/settings/security",
    "/dashboard/settings/api-keys",
    "/dashboard/settings/workspace",
    "/dashboard/settings/people",
    "/dashboard/workspaces",
    "/invite?token=unknown",
    "/dashboard/settings/inboxes",
    "/dashboard/settings/inboxes/new",
    "/dashboard/settings/inboxes/{inbox}",
    "/dashboard/settings/inboxes/{inbox}/delete",
    "/dashboard/settings/knowledge",
    "/dashboard/settings/knowledge/new",
    "/dashboard/settings/billing",
    "/dashboard/settings/billing/details",
    "/dashboard/settings/billing/plan?plan=pro",
    "/dashboard/settings/tokens",
    "/dashboard/settings/tokens/buy?package=growth",
    "/dashboard/settings/tokens/purchases/{purchase}",
    "/dashboard/settings/tokens/checkout/{purchase}",
    "/dashboard/no-such-page",
)
LOOKS: dict[str, dict[str, Any]] = {
    "desktop": {"color_scheme": "light", "viewport": {"width": 1440, "height": 900}},
    "phone": {"color_scheme": "dark", "viewport": {"width": 375, "height": 812}, "has_touch": True},
}


@pytest.fixture(scope="module")
def places(service: Service) -> dict[str, int]:
    """A conversation with everything in it, and an inbox."""
    html = '<h1>Offer</h1><p>With a <a href="https://shop.example">link</a> and <img src="https://shop.example/a.png">'
    service.deliver(letter("Everything in one mail", html=html, attach=b"notes"))
    return {
        "thread": thread_about(service, "Everything in one mail"),
        "inbox": service.call("GET", "/api/inboxes")[0]["id"],
        "purchase": service.call("POST", "/api/settings/tokens/purchase", {"package": "growth"})["purchase"][
            "id"
        ],
    }


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_serious(
    open_page: OpenPage, service: Service, places: dict[str, int], look: str
) -> None:
    page = open_page("/dashboard", **LOOKS[look])
    found: list[str] = []
    for path in PAGES:
        page.goto(service.urls[0] + path.format(**places))
        found += violations(page, path)
        if look == "desktop":
            page.emulate_media(color_scheme="dark")
            page.locator("html[data-bs-theme=dark]").wait_for(state="attached")
            page.evaluate("Promise.all(document.getAnimations().map((colour) => colour.finished))")
            found += violations(page, f"{path} in dark")
            page.emulate_media(color_scheme="light")
    assert found == []


def violations(page: Page, where: str) -> list[str]:
    """What axe finds serious, with the element, and whether the page scrolls sideways."""
    found = [
        f"{where}: {violation['id']}: {node['html'][:160]}"
        for violation in Axe().run(page).response["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append(f"{where}: scrolls sideways")
    return found
