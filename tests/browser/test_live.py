"""Live pages after a gap: whatever was missed, they show what a fresh load shows (M12)."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import WebSocketRoute, expect

from tests.browser.conftest import HOST, Product, new_phone

pytestmark = pytest.mark.browser
PATIENT = 60_000
MISSED = 205  # messages, an event each: more than the live end of a thread holds
# What differs between two looks at the same state: names of forms, moments in words, what is on its way.
_PASSING = re.compile(
    r'(csrfmiddlewaretoken|name="key"|data-(?:seq|latest|key|since))[^>]*|just now|\d+ min| ?htmx-request'
)


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
    """A part of the page as it is, without what passes, and without the way to what was said before it."""
    html = page.locator(part).evaluate(
        """element => {
          const copy = element.cloneNode(true);
          copy.querySelectorAll("[data-was-cut]").forEach((link) => link.remove());
          return copy.innerHTML;
        }"""
    )
    return re.sub(r"\s+", " ", re.sub(r">\s+<", "><", _PASSING.sub("", html))).strip()


def test_what_a_page_missed_leaves_it_as_a_fresh_load(
    product: Product, page_at: Callable[..., Any], owner: Any
) -> None:
    """Its line was deaf for 200 events, and then the web process is killed as well."""
    page, phone = page_at(state=owner), new_phone()
    name = f"Teresa {phone}"
    cut = Cut(page)
    product.hear("I want to talk to a human", phone=phone, name=name)
    page.goto(product.url(HOST, "/chats/?filter=waiting"))
    page.locator("#chat-list").get_by_role("link", name=name).click(timeout=PATIENT)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    product.hear("stop", phone=phone, name=name)
    withdrawn = page.locator("#person").get_by_text("withdrawn", exact=True)
    expect(withdrawn).to_be_visible(timeout=PATIENT)
    page.locator("#person").get_by_label("Change: Name").click()
    box = page.locator("#person [data-editing] [name=value]")
    box.fill("Half a name")
    product.hear("start", phone=phone, name=name)
    page.locator("#person [data-stale]").wait_for(state="attached", timeout=PATIENT)
    expect(box).to_have_value("Half a name")  # nobody's form is taken away by what happens
    box.press("Escape")
    expect(withdrawn).to_have_count(0)
    cut.deaf = True
    product.hear("stop", phone=phone, name=name)
    for number in range(MISSED):
        product.hear(f"And number {number}?", phone=phone, name=name)
    other = page_at(state=owner)
    other.goto(page.url)
    last = f"And number {MISSED - 1}?"
    expect(other.locator("#thread").get_by_text(last)).to_be_visible(timeout=PATIENT)
    assert cut.dropped > 200 and not page.locator("#thread").get_by_text(last).count()
    cut.deaf = False
    product.kill_web()
    expect(page.get_by_text("Connecting…", exact=True)).to_be_visible()
    product.wait_until_ready()
    expect(page.locator("#thread").get_by_text(last)).to_be_visible(timeout=PATIENT)
    expect(page.get_by_text("Live", exact=True)).to_be_visible(timeout=PATIENT)
    product.hear("Are you back?", phone=phone, name=name)
    expect(page.locator("#thread").get_by_text("Are you back?")).to_be_visible(timeout=PATIENT)
    other.reload()
    for part in ("#thread", "#chat-list", "#person"):
        fresh = looks(other, part)
        for _try in range(50):
            if looks(page, part) == fresh:
                break
            page.wait_for_timeout(100)
        assert looks(page, part) == fresh


def test_what_happens_between_a_page_and_its_line_is_not_lost(
    product: Product, page_at: Callable[..., Any], owner: Any
) -> None:
    """The line opens only after the message came: no event of it was ever heard."""
    page, phone = page_at(state=owner), new_phone()
    name = f"Bento {phone}"
    cut = Cut(page)
    cut.deaf = True
    page.goto(product.url(HOST, "/chats/"))
    product.hear("Is there room on Friday?", phone=phone, name=name)
    other = page_at(state=owner)
    other.goto(product.url(HOST, "/chats/"))
    expect(other.locator("#chat-list").get_by_role("link", name=name)).to_be_visible(timeout=PATIENT)
    cut.deaf = False
    cut.cut()
    expect(page.locator("#chat-list").get_by_role("link", name=name)).to_be_visible(timeout=PATIENT)
