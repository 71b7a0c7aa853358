"""Every page, at two widths and in two lights: nothing that axe can see is wrong with it."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import faults
from tests.browser.conftest import HOST, Product

pytestmark = pytest.mark.browser

PUBLIC = ["/", "/accounts/signup/", "/accounts/login/", "/accounts/password/reset/", "/nothing-here/"]
TENANT = [
    "/",
    "/chats/",
    "/assistant/",
    "/assistant/test/",
    "/assistant/try/",
    "/assistant/publish/",
    "/assistant/tools/",
    "/assistant/tools/add/http",
    "/welcome/",
    "/customers/",
    "/account/",
    "/account/team/",
    "/account/channels/",
    "/account/keys/",
    "/accounts/password/change/",
    "/accounts/email/",
    "/accounts/2fa/",
    "/accounts/2fa/totp/activate/",
    "/accounts/logout/",
]
LOOKS = [(1280, False), (1280, True), (390, False), (390, True)]
LOOK_NAMES = ["wide-light", "wide-dark", "phone-light", "phone-dark"]


@pytest.mark.parametrize(("width", "dark"), LOOKS, ids=LOOK_NAMES)
def test_public_pages(product: Product, page_at: Callable[..., Any], width: int, dark: bool) -> None:
    page = page_at(width=width, dark=dark)
    assert not _faults_at(page, [product.url("localhost", path) for path in PUBLIC])


@pytest.mark.parametrize(("width", "dark"), LOOKS, ids=LOOK_NAMES)
def test_business_pages(
    product: Product, page_at: Callable[..., Any], owner: Any, width: int, dark: bool
) -> None:
    page = page_at(width=width, dark=dark, state=owner)
    assert not _faults_at(page, [product.url(HOST, path) for path in TENANT])


def test_the_menu_is_five_words(product: Product, page_at: Callable[..., Any], owner: Any) -> None:
    page = page_at(state=owner)
    page.goto(product.url(HOST))
    words = page.get_by_role("navigation", name="Menu").locator("visible=true").get_by_role("link")
    assert words.all_inner_texts() == ["Today", "Chats", "Assistant", "Customers", "Account"]


def test_the_chosen_light_is_remembered(product: Product, page_at: Callable[..., Any]) -> None:
    page = page_at()
    page.goto(product.url("localhost"))
    page.get_by_role("button", name="Dark colours").click()
    page.reload()
    assert page.locator("html").get_attribute("data-theme") == "frontdesk-dark"
    assert page.get_by_role("button", name="Dark colours").get_attribute("aria-pressed") == "true"


def test_the_content_is_one_key_away(product: Product, page_at: Callable[..., Any]) -> None:
    page = page_at()
    page.goto(product.url("localhost"))
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def _faults_at(page: Any, urls: list[str]) -> dict[str, list[str]]:
    found = {}
    for url in urls:
        page.goto(url)
        page.wait_for_load_state("load")
        found[url] = faults(page)
    return {url: what for url, what in found.items() if what}
