"""S3: forty payloads wherever a customer, a colleague or another server has put words, in a real browser.

Every page and every fragment that a URL names, of the business and of the back office, over rows whose words
are payloads: nothing runs, nothing becomes markup, no other host is asked, and the policy refuses nothing,
because nothing gets as far as the policy.
"""

import csv
import io
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django_tenants.utils import schema_context

from conversations.models import Channel
from tenants.models import Tenant
from tenants.spreadsheets import FORMULA
from tests.browser.hostile import COME_TO_LIFE, HOSTILE_PAGE, PAYLOADS, customers, words
from tests.browser.pages import Shown, Site, of_admin, of_business, shown_to
from tests.tenants import rows
from tests.tenants.test_two_tenants import TENANT_ROUTES, path_of

pytestmark = pytest.mark.django_db(transaction=True)
NUMBER = 1_000_007
# As an htmx page does it, into the sheet or, where there is none, into the page.
FETCH = """path => htmx.ajax("GET", path, {target: document.getElementById("sheet-body") || document.body,
  swap: "innerHTML"})"""


@pytest.fixture
def ids(alpha: Any, member_of: Any, settings: Any, tmp_path: Any) -> dict[str, Any]:
    """Rows of every kind in alpha that say payloads, and a chat in which a customer said them all."""
    settings.MEDIA_ROOT = tmp_path
    member = member_of(alpha)
    ids = rows.fill(alpha, number=NUMBER, user=member, words=words())
    Tenant.objects.filter(pk=alpha.pk).update(name=PAYLOADS[2])
    get_user_model().objects.filter(pk=member.pk).update(name=PAYLOADS[5])
    with schema_context(alpha.schema_name):
        chat = customers(Channel.objects.get(pk=ids["uuid"]))
        ids["chat"] = chat.pk
    connection.set_schema_to_public()
    return ids


@pytest.fixture
def come_to_life(browser: Any) -> Iterator[Callable[..., dict[str, list[str]]]]:
    """`come_to_life(site, pages, cookies)`: what ran, became markup, went out or was refused, by path."""
    contexts = []

    def visit(site: Site, pages: list[Shown], cookies: list[dict[str, Any]]) -> dict[str, list[str]]:
        context = browser.new_context(locale="en-GB")
        contexts.append(context)
        context.add_cookies(cookies)
        context.add_init_script(HOSTILE_PAGE)
        page, seen = context.new_page(), []
        page.on("dialog", lambda dialog: (seen.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        context.on("request", lambda request: seen.extend(_outside(request.url)))
        found: dict[str, list[str]] = {}
        for shown in sorted(pages, key=lambda one: not one.whole):  # fragments last, all into one page
            seen.clear()
            page.goto(site.url(shown.path)) if shown.whole else page.evaluate(FETCH, shown.path)
            found[shown.path] = [*page.evaluate(COME_TO_LIFE), *seen]
            page.evaluate("window.pwned.length = 0")
        return {path: what for path, what in found.items() if what}

    yield visit
    for context in contexts:
        context.close()


def _outside(url: str) -> list[str]:
    parts = urlsplit(url)
    ours = parts.scheme in ("data", "blob") or (parts.hostname or "").endswith("localhost")
    return [] if ours else [f"asked {url}"]


@pytest.mark.browser
def test_stay_words_on_every_page(
    alpha: Any, ids: Any, member_of: Any, client_for: Any, live_server: Any, come_to_life: Any
) -> None:
    member = member_of(alpha)
    client, site = client_for(alpha, member), Site("alpha.localhost", live_server.thread.port)
    paths = [*of_business(alpha, ids, member), f"/chats/{ids['chat']}/", f"/chats/{ids['chat']}/person"]
    pages = shown_to(client, paths)
    thread = client.get(f"/chats/{ids['chat']}/").content.decode()
    assert thread.count("onerror=pwn(3)&gt;") >= 2  # it is there, as words
    assert come_to_life(site, pages, site.cookies(client)) == {}


@pytest.mark.browser
def test_stay_words_in_the_back_office(
    alpha: Any, ids: Any, client_for: Any, live_server: Any, come_to_life: Any
) -> None:
    root = get_user_model().objects.create_superuser("root@frontdesk.example", "pass word 1")
    for tenant, host in ((alpha, "alpha.localhost"), (None, "localhost")):
        client, site = client_for(tenant, root), Site(host, live_server.thread.port)
        schema = tenant.schema_name if tenant else "public"
        pages = shown_to(client, of_admin(shared=tenant is None, schema=schema))
        assert pages
        assert come_to_life(site, [one for one in pages if one.whole], site.cookies(client)) == {}


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1+1", "  =1"]


def test_no_cell_of_a_file_is_a_formula(
    alpha: Any, member_of: Any, client_for: Any, settings: Any, tmp_path: Any
) -> None:
    """Every file with commas that a URL offers, over rows that say formulas."""
    settings.MEDIA_ROOT = tmp_path
    member, turns = member_of(alpha), iter(FORMULAS * 1000)
    ids = rows.fill(alpha, number=NUMBER, user=member, words=lambda field: words()(field) and next(turns))
    client, files = client_for(alpha, member), 0
    for route in TENANT_ROUTES:
        answer = client.get(path_of(route, ids))
        if answer.get("Content-Type", "").startswith("text/csv"):
            files += 1
            body = answer.getvalue().decode()
            cells = [cell for row in csv.reader(io.StringIO(body)) for cell in row]
            assert [cell for cell in cells if cell.lstrip(" ")[:1] in FORMULA and not _is_number(cell)] == []
    assert files >= 2


def _is_number(cell: str) -> bool:
    return cell.removeprefix("-").replace(".", "", 1).isdigit()
