"""A number is added and its phone connected, in a real browser: the code renews itself, the scan shows."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import faults
from tests.browser.conftest import HOST, Product
from tests.counterparts.gateway import Gateway

pytestmark = pytest.mark.browser
KEY = "the gateway's own key"


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    """A gateway on which nothing is paired."""
    with Gateway() as gateway:
        gateway.app.sessions.clear()
        gateway.app.gateway_key = KEY
        yield gateway


def phone(gateway: Gateway, what: str, **body: Any) -> None:
    """Do something with the phone: scan, qr (the next code), state."""
    url, data = f"{gateway.url}/_control/{what}", json.dumps({"session": "desk", **body}).encode()
    headers = {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=10) as answer:
        assert answer.status == 200


def test_a_phone_is_connected(
    product: Product, page_at: Callable[..., Any], owner: Any, gateway: Gateway
) -> None:
    page = page_at(state=owner, width=390)
    page.goto(product.url(HOST, "/account/channels/"))
    page.get_by_role("link", name="WhatsApp through a gateway").click()
    page.get_by_label("Name", exact=True).fill("Desk phone")
    page.get_by_label("Address of the gateway").fill(gateway.url)
    page.get_by_label("Key of the gateway").fill("a wrong key")
    page.get_by_label("Session").fill("desk")
    page.get_by_role("button", name="Add and connect the phone").click()
    expect(page.get_by_text("refused the key")).to_be_visible()
    page.get_by_label("Key of the gateway").fill(KEY)
    page.get_by_role("button", name="Add and connect the phone").click()

    code = page.get_by_role("img", name="QR code")
    expect(code).to_be_visible()
    first = code.get_attribute("src")
    phone(gateway, "qr")
    expect(code).not_to_have_attribute("src", first)
    page.get_by_label("Number of the phone").fill("+351 912 345 678")
    page.get_by_role("button", name="Get a code to type").click()
    expect(page.get_by_text("ABCD-5678")).to_be_visible()
    assert not faults(page)

    phone(gateway, "state", status="PASSKEY_CONFIRMATION_REQUIRED", data={"code": "21-43"})
    expect(page.get_by_text("21-43")).to_be_visible()
    assert not faults(page)
    page.get_by_role("button", name="It is the same").click()
    expect(page.get_by_text("The phone is connected.")).to_be_visible()
    expect(page.locator("#state-body").get_by_text("Works", exact=True)).to_be_visible()

    phone(gateway, "state", status="FAILED")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    assert not faults(page)
