"""From an uploaded file to an answer, and from the answer back to the page that it stands on."""

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import faults
from tests.browser.conftest import HOST, Product
from tests.knowledge import files

pytestmark = pytest.mark.browser
PATIENT = 120_000


def guide(thing: str, price: str) -> bytes:
    """Two pages; the second one says what such a thing costs. Nothing that was asked before is in them."""
    first = [
        (60, 780, 22, "Guest guide"),
        (60, 740, 14, "Greenhouse"),
        (60, 715, 10, "Please close its door."),
    ]
    second = [(60, 780, 14, "For hire"), (60, 755, 10, f"The {thing} costs {price}.")]
    return files.pdf([first, second])


def test_an_answer_leads_to_its_page(product: Product, page_at: Callable[..., Any], owner: Any) -> None:
    page, name, word, price = page_at(state=owner), f"guide-{uuid.uuid4().hex[:6]}", "canoe", "37 euros"
    page.goto(product.url(HOST, "/assistant/"))
    page.locator("input[name=files]").first.set_input_files(
        [{"name": f"{name}.pdf", "mimeType": "application/pdf", "buffer": guide(word, price)}]
    )
    expect(page.locator("li", has_text=name).get_by_text("ready").first).to_be_visible(timeout=PATIENT)
    page.goto(product.url(HOST, "/assistant/try/"))
    page.get_by_label("Your question").fill(f"How much does the {word} cost?")
    page.keyboard.press("Enter")
    expect(page.locator("#thread .quote").last).to_contain_text(price, timeout=PATIENT)
    page.locator("#thread").get_by_role("link", name="Why").last.click()
    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_role("heading", name="What rests on what")).to_be_visible()
    assert not wide_and_narrow(page)
    sheet.locator(".quote a", has_text=name).first.click()
    page.wait_for_url(re.compile(r"/assistant/passages/\d+$"))
    expect(page.get_by_role("heading", name="Page 2 of 2")).to_be_visible()
    drawn = page.locator(".paper img")
    expect(drawn).to_be_visible()
    page.wait_for_function("document.querySelector('.paper img').naturalWidth > 600")
    expect(page.locator(".paper rect")).not_to_have_count(0)
    expect(page.locator("mark")).to_contain_text(word)
    assert not wide_and_narrow(page)
    page.get_by_role("link", name="Page before").click()
    expect(page.get_by_role("heading", name="Page 1 of 2")).to_be_visible()
    expect(page.locator(".paper rect")).to_have_count(0)
    page.get_by_role("link", name="About this document").click()
    expect(page.get_by_role("heading", name=f"{name}.pdf")).to_be_visible()
    assert not wide_and_narrow(page)


def wide_and_narrow(page: Any) -> list[str]:
    """What is wrong with what is shown now, wide and on a phone."""
    found = faults(page)
    page.set_viewport_size({"width": 390, "height": 844})
    found += faults(page)
    page.set_viewport_size({"width": 1280, "height": 844})
    return found


def test_the_box_tells_why(product: Product, page_at: Callable[..., Any], owner: Any) -> None:
    page = page_at(state=owner, width=390)
    page.goto(product.url(HOST, "/assistant/test/"))
    page.get_by_label("Question").fill("What does a dog cost?")
    page.keyboard.press("Enter")
    result = page.locator("#box-result")
    expect(result.get_by_text("12 euros a night").first).to_be_visible(timeout=PATIENT)
    expect(result.get_by_text("would answer")).to_be_visible()
    assert not faults(page)
    page.get_by_label("Question").fill("Who won the football yesterday?")
    page.keyboard.press("Enter")
    expect(result.get_by_text("would say that it does not know")).to_be_visible(timeout=PATIENT)
