"""Live pages after a gap: whatever was missed, they show what a fresh load shows (M12)."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import WebSocketRoute, expect

from tests.browser.conftest import HOST, Product, new_phone

pytestmark = pytest.mark.browser
PATIENT = 60_000
# What differs between two looks at the same state: names of forms, and moments in words.
_PASSING = re.compile(r'(csrfmiddlewaretoken|name="key"|data-(?:seq|latest|key|since))[^>]*|just now|\d+ min')


class Cut:
    """The line of a page, which the test can make deaf, and cut."""

    def __init__(self, page: Any) -> None:
        self.deaf = False
        self.dropped = 0
        self._page: WebSocketRoute | None = None
        page.route_web_socket(re.compile(r"/ws/live$"), self._lay)

    def _lay(self, route: WebSocketRoute) -> None:
        server = route.connect_to_server()
        self._page = route
        server.on_message(lambda text: self._pass(route, text))

    def _pass(self, route: WebSocketRoute, text: str | bytes) -> None:
        if self.deaf:
            self.dropped += 1
        else:
            route.send(text)

    def cut(self) -> None:
        assert self._page is not None
        self._page.close(code=4000, reason="a cable was pulled")


def looks(page: Any, part: str) -> str:
    """A part of the page as it is, without what passes."""
    html = page.locator(part).evaluate("element => element.innerHTML")
    return re.sub(r"\s+", " ", _PASSING.sub("", html)).strip()


def test_two_hundred_missed_events_leave_a_page_as_a_fresh_load(
    product: Product, page_at: Callable[..., Any], owner: Any
) -> None:
    page, name, phone = page_at(state=owner), "Teresa Vaz", new_phone()
    cut = Cut(page)
    product.hear("How much does a cat cost?", phone=phone, name=name)
    page.goto(product.url(HOST, "/chats/"))
    page.locator("#chat-list").get_by_role("link", name=name).click(timeout=PATIENT)
    expect(page.locator("#thread article").nth(1)).to_be_visible(timeout=PATIENT)
    cut.deaf = True
    other = page_at(state=owner)
    other.goto(page.url)
    for number in range(40):  # each is several events: it came, it is answered, it went
        product.hear(f"And number {number}?", phone=phone, name=name)
    product.hear("I want to talk to a human", phone=phone, name=name)
    expect(other.get_by_role("button", name="Take over").first).to_be_visible(timeout=PATIENT)
    page.wait_for_function("() => document.documentElement.dataset.line === 'on'")
    assert cut.dropped > 40
    cut.deaf = False
    cut.cut()
    expect(page.locator("#thread").get_by_text("I want to talk to a human")).to_be_visible(timeout=PATIENT)
    other.reload()
    for part in ("#chat-list", "#thread"):
        fresh = looks(other, part)
        page.wait_for_function(
            "([part, length]) => document.querySelector(part).innerHTML.length > length / 2",
            arg=[part, len(fresh)],
        )
        assert looks(page, part) == fresh


def test_what_happens_between_a_page_and_its_line_is_not_lost(
    product: Product, page_at: Callable[..., Any], owner: Any
) -> None:
    """The line opens only after the message came: no event of it was ever heard."""
    page, name = page_at(state=owner), "Bento Reis"
    cut = Cut(page)
    cut.deaf = True
    page.goto(product.url(HOST, "/chats/"))
    product.hear("Is there room on Friday?", phone=new_phone(), name=name)
    other = page_at(state=owner)
    other.goto(product.url(HOST, "/chats/"))
    expect(other.locator("#chat-list").get_by_role("link", name=name)).to_be_visible(timeout=PATIENT)
    cut.deaf = False
    cut.cut()
    expect(page.locator("#chat-list").get_by_role("link", name=name)).to_be_visible(timeout=PATIENT)
