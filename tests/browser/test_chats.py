"""The Chats page: what happens elsewhere shows up by itself, and a person can take over."""

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import faults
from tests.browser.conftest import DEMO_HOST, Product

pytestmark = pytest.mark.browser
XSS = "<img src=x onerror=alert(1)><script>alert(2)</script>"


def test_chats_are_live(product: Product, page_at: Callable[..., Any], owner: Any) -> None:
    chats = page_at(state=owner)
    chats.goto(product.url(DEMO_HOST, "/chats/"))
    expect(chats.get_by_text("Live", exact=True)).to_be_visible()
    mark = f"Qual o horário de funcionamento? {uuid.uuid4().hex[:8]}"
    ask(product, page_at(state=owner), mark)
    row = chats.locator("#chat-list").get_by_role("link").first
    expect(row).to_be_visible()
    row.click()
    thread = chats.locator("#thread")
    expect(thread.get_by_text(mark)).to_be_visible()
    expect(thread.get_by_role("link", name="Why").last).to_be_visible(timeout=60_000)
    assert not faults(chats)


def test_a_person_takes_over_and_gives_back(
    product: Product, page_at: Callable[..., Any], owner: Any
) -> None:
    ask(product, page_at(state=owner), f"Vocês atendem aos sábados? {uuid.uuid4().hex[:8]}")
    page = page_at(state=owner, width=390)
    page.goto(product.url(DEMO_HOST, "/chats/"))
    page.locator("#chat-list").get_by_role("link").first.click()
    page.get_by_role("button", name="Take over").click()
    expect(page.get_by_role("button", name="Give back")).to_be_visible()
    words = f"A person here {uuid.uuid4().hex[:8]}"
    page.get_by_label("Your reply").fill(words)
    page.keyboard.press("Enter")
    expect(page.locator("#thread").get_by_text(words)).to_be_visible()
    expect(page.get_by_label("Your reply")).to_have_value("")
    page.get_by_role("button", name="Give back").click()
    expect(page.get_by_role("button", name="Take over")).to_be_visible()
    assert not faults(page)


def test_a_customers_words_are_never_code(product: Product, page_at: Callable[..., Any], owner: Any) -> None:
    page, opened = page_at(state=owner), []
    page.on("dialog", lambda dialog: (opened.append(dialog.message), dialog.dismiss()))
    ask(product, page, XSS)
    for path in ("/chats/", "/assistant/try/", "/customers/", "/"):
        page.goto(product.url(DEMO_HOST, path))
        page.wait_for_load_state("load")
    page.goto(product.url(DEMO_HOST, "/chats/"))
    page.locator("#chat-list").get_by_role("link").first.click()
    expect(page.locator("#thread").get_by_text(XSS).last).to_be_visible()
    assert not opened


def test_the_line_comes_back(product: Product, page_at: Callable[..., Any], owner: Any) -> None:
    page = page_at(state=owner)
    page.goto(product.url(DEMO_HOST, "/chats/"))
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    page.context.set_offline(True)
    page.evaluate("window.dispatchEvent(new Event('offline'))")
    page.context.set_offline(False)
    expect(page.get_by_text("Live", exact=True)).to_be_visible(timeout=30_000)


def ask(product: Product, page: Any, text: str) -> None:
    """Say something in the test chat, and wait until it stands in the thread."""
    page.goto(product.url(DEMO_HOST, "/assistant/try/"))
    page.get_by_label("Your question").fill(text)
    page.get_by_role("button", name=re.compile("^Ask$")).click()
    expect(page.locator("#thread article").get_by_text(text).last).to_be_visible()
