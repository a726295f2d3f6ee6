"""The board, moved by drag and by key, and seen in another browser on another web process."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.e2e.conftest import OpenPage
from tests.e2e.service import Service

BOARD = "/dashboard/workboost"


def test_a_dragged_card_moves_in_the_other_window_too(service: Service, open_page: OpenPage) -> None:
    service.call("POST", "/api/tasks", {"title": "Pack the samples"})
    page, other = open_page(BOARD), open_page(BOARD, on=1)
    card = page.locator(".cv-task", has_text="Pack the samples")
    target = page.locator('.cv-col__list[data-status="in_progress"]')
    start, end = card.bounding_box(), target.bounding_box()
    assert start
    assert end
    page.mouse.move(start["x"] + 30, start["y"] + 10)
    page.mouse.down()
    page.mouse.move(start["x"] + 60, start["y"] + 20, steps=4)
    page.mouse.move(end["x"] + 60, end["y"] + 30, steps=12)
    page.mouse.up()
    expect(target).to_contain_text("Pack the samples")
    expect(other.locator('.cv-col__list[data-status="in_progress"]')).to_contain_text("Pack the samples")
    [task] = service.call("GET", "/api/tasks?search=Pack")
    assert task["status"] == "in_progress"


def test_a_card_moves_by_keys_and_keeps_the_focus(service: Service, open_page: OpenPage) -> None:
    service.call("POST", "/api/tasks", {"title": "Call the printer"})
    page, other = open_page(BOARD), open_page(BOARD, on=1)
    title = page.get_by_role("link", name="Call the printer")
    title.focus()
    page.keyboard.press("m")
    page.get_by_label("Column").select_option("done")
    page.get_by_role("button", name="Move task").press("Enter")
    expect(page.locator('.cv-col__list[data-status="done"]')).to_contain_text("Call the printer")
    expect(other.locator('.cv-col__list[data-status="done"]')).to_contain_text("Call the printer")
    page.wait_for_timeout(700)
    expect(page.get_by_role("link", name="Call the printer")).to_be_focused()


def test_a_task_is_written_and_finished_without_script(service: Service, open_page: OpenPage) -> None:
    page = open_page(f"{BOARD}/new", java_script_enabled=False)
    page.get_by_label("Title").fill("Water the plants")
    page.get_by_role("button", name="Make task").click()
    page.get_by_label("Status").select_option("done")
    page.get_by_role("button", name="Save task").click()
    expect(page.locator('.cv-col__list[data-status="done"]')).to_contain_text("Water the plants")
