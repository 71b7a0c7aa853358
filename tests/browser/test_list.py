"""Chats, the list, by keyboard: find, choose several, do something with them, and take it back."""

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import faults
from tests.browser.conftest import HOST, Product, new_phone

pytestmark = pytest.mark.browser
PATIENT = 60_000


def test_the_list_by_keyboard(product: Product, page_at: Callable[..., Any], owner: Any) -> None:
    mark = uuid.uuid4().hex[:6]
    for number in range(3):
        product.hear(f"Is the garden open? {mark}", phone=new_phone(), name=f"Kai{mark} {number}")
    page = page_at(state=owner)
    page.goto(product.url(HOST, "/chats/"))
    rows = page.locator("#chat-rows > li").filter(has_text=f"Kai{mark}")
    expect(rows).to_have_count(3, timeout=PATIENT)
    # A word is looked for while it is typed, and stands in the address.
    page.keyboard.press("/")
    page.keyboard.type(f"Kai{mark}")
    expect(page.locator("#chat-list li.chat-item")).to_have_count(3)
    expect(page).to_have_url(re.compile(f"q=Kai{mark}"))
    # From there two are chosen and closed at once; that is taken back.
    page.keyboard.press("ArrowDown")
    for key in ("x", "j", "x"):
        page.keyboard.press(key)
    bar = page.get_by_role("form", name="With the chosen chats")
    expect(bar).to_contain_text("2 chosen")
    assert not faults(page)
    bar.get_by_role("button", name="Close the chats").click()
    expect(rows.filter(has_text="closed")).to_have_count(2)
    expect(bar).to_be_hidden()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Undone.", exact=True)).to_be_visible()
    expect(rows.filter(has_text="closed")).to_have_count(0)
    # An opened chat keeps the search beside it.
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("#thread")).to_contain_text(mark)
    expect(page.locator('[aria-current="true"].chat-row')).to_have_count(1)
    # A label that is new is made where it is needed.
    page.keyboard.press("l")
    page.get_by_label("New label").fill(f"Garden {mark}")
    page.keyboard.press("Enter")
    expect(page.locator("#chat-labels .tag").filter(has_text=f"Garden {mark}").first).to_be_visible()
    expect(rows.filter(has_text=f"Garden {mark}")).to_have_count(1)
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    assert not faults(page)
    # Found words lead to their message.
    page.goto(product.url(HOST, f"/chats/?q=gardens+{mark}"))
    hit = page.locator("#chat-hits mark").first
    expect(hit).to_have_text("garden")
    hit.click()
    expect(page).to_have_url(re.compile(r"at=\d+"))
