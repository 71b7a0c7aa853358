"""Credits are bought in a browser: our page, the vendor's page, and ours again, which says so by itself."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import HOST, Product

pytestmark = pytest.mark.browser
PATIENT = 60_000


def test_credits_are_bought_and_are_there(product: Product, page_at: Callable[..., Any], owner: Any) -> None:
    product.sell(credits=1000, amount=2_000, currency="usd")
    page = page_at(state=owner, width=390)
    page.goto(product.url(HOST, "/account/"))
    page.get_by_label("Amount (USD)").fill("0.50")  # who writes an amount has chosen it
    page.get_by_role("button", name="Go to payment").click()
    expect(page.get_by_text("From $")).to_be_visible()  # kept, with the reason beside it
    expect(page.get_by_label("Amount (USD)")).to_have_value("0.50")
    page.get_by_label("Amount (USD)").fill("$25.00")
    # The same page in another tab, on which somebody writes meanwhile.
    other = page.context.new_page()
    other.goto(product.url(HOST, "/account/"))
    other.get_by_label("Amount (USD)").fill("77")
    page.get_by_role("button", name="Go to payment").click()
    page.wait_for_url(re.compile(rf"^{re.escape(product.stripe_url)}/pay/"))
    page.get_by_role("button", name="card").click()
    expect(page.get_by_text("Paid. 1,250 credits were added")).to_be_visible(timeout=PATIENT)
    expect(other.locator("#entries").get_by_text("+1,250")).to_be_visible(timeout=PATIENT)
    expect(other.locator("#purchases").get_by_role("link", name="1,250 credits")).to_be_visible()
    expect(other.get_by_label("Amount (USD)")).to_have_value("77")
    page.get_by_role("link", name="Back to the credits").click()
    expect(page.locator("#entries").get_by_text("+1,250")).to_be_visible()
