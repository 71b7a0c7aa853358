"""From the front page to the first answer with its passage, and nothing else in between."""

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Product

pytestmark = pytest.mark.browser

RULES = """House rules of the Blue Door guest house.

Check-in is from 3 pm until 10 pm. Breakfast is served from 7.30 to 10 in the garden.

Pets: cats are welcome free of charge. A dog costs 12 euros a night and must stay on the ground floor.
"""


def test_a_stranger_teaches_and_is_answered(product: Product, page_at: Callable[..., Any]) -> None:
    page = page_at()
    name = f"Blue Door {uuid.uuid4().hex[:6]}"
    sign_up(product, page, name=name)
    expect(page.get_by_role("heading", name=f"Welcome to {name}")).to_be_visible()
    page.get_by_label("Or paste text").fill(RULES)
    page.get_by_role("button", name="Teach this text").click()
    expect(page.locator("#w-docs").get_by_text("ready")).to_be_visible(timeout=90_000)
    page.get_by_label("Your question").fill("How much does a dog cost?")
    page.keyboard.press("Enter")
    answer = page.locator("#thread .quote")
    expect(answer).to_contain_text("12 euros a night", timeout=60_000)
    expect(page.get_by_role("heading", name="That was the first answer from your own words")).to_be_visible()
    page.locator("#thread").get_by_role("link", name="Why").click()
    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_role("heading", name="Why this answer")).to_be_visible()
    expect(sheet.get_by_text("cited")).to_be_visible()
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()


def test_a_file_is_taught_by_dropping_it(product: Product, page_at: Callable[..., Any]) -> None:
    page = page_at(width=390)
    sign_up(product, page, name=f"Drop In {uuid.uuid4().hex[:6]}")
    page.get_by_label("Choose files").set_input_files(
        [
            {"name": "rules.txt", "mimeType": "text/plain", "buffer": RULES.encode()},
            {"name": "nothing.txt", "mimeType": "text/plain", "buffer": b"  \n"},
        ]
    )
    documents = page.locator("#w-docs")
    expect(documents.locator("li", has_text="rules").get_by_text("ready")).to_be_visible(timeout=90_000)
    expect(documents.locator("li", has_text="nothing").get_by_text("needs attention")).to_be_visible()


def sign_up(product: Product, page: Any, *, name: str) -> None:
    """Through the form, the e-mail's link and the moment of making, to the three steps."""
    email = f"{uuid.uuid4().hex}@example.com"
    page.goto(product.url("localhost"))
    page.get_by_role("link", name="Create your business").click()
    page.get_by_label("Name of your business").fill(name)
    page.locator("input[type=email]").fill(email)
    page.locator("input[type=password]").fill("a quiet green door 7")
    page.get_by_role("button", name="Create my business").click()
    expect(page.get_by_role("heading", name="Look in your inbox")).to_be_visible()
    page.goto(confirmation(product, email))
    page.get_by_role("button", name="Yes, confirm it").click()
    page.wait_for_url(re.compile(r"/welcome/"), timeout=60_000)


def confirmation(product: Product, email: str) -> str:
    """The link in the mail to this address."""
    mail = next(mail for mail in reversed(product.mails()) if email in mail)
    found = re.search(r"http://\S+/accounts/confirm-email/\S+", mail)
    assert found, mail
    return found[0]
