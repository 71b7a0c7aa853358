"""Every page that a URL names: axe in light and dark, 390 to 2560 pixels, a keyboard's focus, less motion.

Here each page is loaded once and looked at wide and light, then as a phone in the dark; by `make axe` in all
four ways, and empty as well. Which pages there are is read from the URLs: a new one is looked at by itself.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection

from tests.browser.accessibility import contrast, faults, moving, too_wide, unseen_focus
from tests.browser.pages import Shown, Site, of_business, of_installation, shown_to
from tests.tenants import rows

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
NUMBER = 1_000_007
ALL_LOOKS = os.environ.get("AXE") == "all"


@pytest.fixture
def looked_at(browser: Any) -> Iterator[Callable[..., dict[str, list[str]]]]:
    """`looked_at(site, pages, cookies)`: what is wrong, by path."""
    contexts = []

    def look(site: Site, pages: list[Shown], cookies: list[dict[str, Any]]) -> dict[str, list[str]]:
        context = browser.new_context(reduced_motion="reduce", locale="en-GB")
        contexts.append(context)
        context.add_cookies(cookies)
        page = context.new_page()
        page.set_default_timeout(20_000)
        whole = [shown.path for shown in pages if shown.whole]
        found = {path: _look(page, site.url(path)) for path in whole}
        return {path: what for path, what in found.items() if what}

    yield look
    for context in contexts:
        context.close()


def _look(page: Any, url: str) -> list[str]:
    """What is wrong with one page, loaded once."""
    _show(page, width=1280, dark=False)
    answer = page.goto(url)
    found = (
        [] if answer is not None and answer.status in (200, 404) else [f"status {answer and answer.status}"]
    )
    found += [*faults(page), *unseen_focus(page), *moving(page)]
    if ALL_LOOKS:
        _show(page, width=1280, dark=True)
        found += contrast(page)
        _show(page, width=390, dark=False)
        found += faults(page)
    _show(page, width=390, dark=True)
    found += faults(page)
    _show(page, width=2560, dark=False)
    return found + too_wide(page)


def _show(page: Any, *, width: int, dark: bool) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    page.emulate_media(color_scheme="dark" if dark else "light")


@pytest.fixture
def filled(alpha: Any, member_of: Any, settings: Any, tmp_path: Any) -> dict[str, Any]:
    """A row of every kind in alpha; the ids."""
    settings.MEDIA_ROOT = tmp_path
    ids = rows.fill(alpha, number=NUMBER, user=member_of(alpha))
    connection.set_schema_to_public()
    return ids


def test_of_a_business(
    alpha: Any, filled: Any, member_of: Any, client_for: Any, live_server: Any, looked_at: Any
) -> None:
    member = member_of(alpha)
    client, site = client_for(alpha, member), Site("alpha.localhost", live_server.thread.port)
    pages = shown_to(client, of_business(alpha, filled, member))
    assert len([shown for shown in pages if shown.whole]) > 60
    assert looked_at(site, pages, site.cookies(client)) == {}


def test_of_the_installation(filled: Any, client_for: Any, live_server: Any, looked_at: Any) -> None:
    client, site = client_for(None), Site("localhost", live_server.thread.port)
    pages = [*shown_to(client, of_installation(filled)), Shown("/nothing-here/", whole=True)]
    assert len(pages) > 5
    assert looked_at(site, pages, []) == {}


@pytest.mark.skipif(not ALL_LOOKS, reason="by `make axe`")
def test_of_a_business_with_nothing_in_it(
    beta: Any, filled: Any, member_of: Any, client_for: Any, live_server: Any, looked_at: Any
) -> None:
    client, site = client_for(beta, member_of(beta)), Site("beta.localhost", live_server.thread.port)
    pages = shown_to(client, of_business(beta, filled, member_of(beta)))
    assert looked_at(site, pages, site.cookies(client)) == {}
