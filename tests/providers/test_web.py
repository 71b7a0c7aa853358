"""Fetching from strangers' sites: what comes, what is refused, and how long and how much at most."""

import gzip
import threading
import time
from collections.abc import Iterator

import pytest

from providers import web
from providers.errors import ProviderError, ProviderRejected
from tests.counterparts.website import Website

VISITOR = web.Visitor(contact="https://frontdesk.example/", private_hosts=("*",), pause=0.0)


@pytest.fixture(scope="module")
def _site() -> Iterator[Website]:
    with Website() as site:
        yield site


@pytest.fixture
def site(_site: Website) -> Website:
    _site.app.things.clear()
    _site.forget()
    _site.app.always = 0
    return _site


def test_a_page_with_what_its_server_said_of_it(site: Website) -> None:
    url = site.page("/a", "<p>Olá</p>", last_modified="Sat, 01 Nov 2025 10:00:00 GMT")
    page = VISITOR.fetch(url)
    assert (page.url, page.kind, page.charset, page.unchanged) == (url, "text/html", "utf-8", False)
    assert "Olá" in page.body.decode()
    assert page.modified == "Sat, 01 Nov 2025 10:00:00 GMT"
    assert site.app.requests[0].headers["user-agent"] == "Frontdesk/1.0 (+https://frontdesk.example/)"
    again = VISITOR.fetch(url, etag=page.etag, modified=page.modified)
    assert (again.unchanged, again.body) == (True, b"")
    assert site.app.requests[1].headers["if-modified-since"] == page.modified


def test_packed_pages_are_unpacked(site: Website) -> None:
    url = site.put("/a", gzip.compress(b"<p>packed</p>"), headers={"content-encoding": "gzip"})
    assert VISITOR.fetch(url).body == b"<p>packed</p>"
    for coding, body in (("br", b"x"), ("gzip", b"not packed"), ("zstd", b"x")):
        site.put("/a", body, headers={"content-encoding": coding})
        with pytest.raises(ProviderRejected, match="packed"):
            VISITOR.fetch(url)


def test_a_bomb_is_not_unpacked(site: Website) -> None:
    url = site.bomb("/a")
    began = time.process_time()
    with pytest.raises(web.TooLarge):
        VISITOR.fetch(url)
    assert time.process_time() - began < 0.5


def test_redirects_are_followed_to_an_end(site: Website) -> None:
    for number in range(5):
        site.redirect(f"/r{number}", f"/r{number + 1}", 301 + number % 2)
    site.page("/r5", "<p>da</p>")
    assert VISITOR.fetch(f"{site.url}/r0").url == f"{site.url}/r5"
    site.redirect("/r5", "/r0")
    site.forget()
    with pytest.raises(ProviderRejected, match="circles"):
        VISITOR.fetch(f"{site.url}/r0")
    assert len(site.asked()) == 6
    for odd in ("file:///etc/passwd", "javascript:alert(1)", "", "http://[::1"):
        site.redirect("/odd", odd)
        with pytest.raises(ProviderRejected):
            VISITOR.fetch(f"{site.url}/odd")


def test_a_redirect_goes_only_where_the_caller_goes(site: Website) -> None:
    site.page("/b", "<p>b</p>")
    url = site.redirect("/a", "/b")
    with pytest.raises(web.Elsewhere) as error:
        VISITOR.fetch(url, may_go=lambda to: False)
    assert error.value.url == f"{site.url}/b" and site.asked() == ["/a"]


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (404, web.Missing, "no page"), (410, web.Missing, "no page"), (401, ProviderRejected, "us in"),
        (403, ProviderRejected, "us in"), (418, ProviderRejected, "refuses"), (500, ProviderError, "order"),
        (503, ProviderError, "later"), (429, ProviderError, "later"),
    ],
)  # fmt: skip
def test_every_other_answer_has_its_end(
    site: Website, status: int, error: type[ProviderError], words: str
) -> None:
    url = site.status("/a", status, retry_after="7")
    with pytest.raises(ProviderError, match=words) as raised:
        VISITOR.fetch(url)
    assert type(raised.value) is error
    if error is ProviderError:
        assert raised.value.retry_after == 7
    if isinstance(raised.value, web.Missing):
        assert raised.value.for_good == (status == 410)


def test_a_date_says_how_long_to_stay_away(site: Website) -> None:
    for said, seconds in (
        ("Fri, 01 Jan 2100 00:00:00 GMT", 86400.0),
        ("soon", None),
        ("", None),
        ("-3", None),
    ):
        url = site.status("/a", 503, retry_after=said)
        with pytest.raises(ProviderError) as raised:
            VISITOR.fetch(url)
        assert raised.value.retry_after == seconds


def test_what_is_not_wanted_or_too_large_is_not_downloaded(site: Website) -> None:
    url = site.put("/a", b"x" * 3_000_000, "video/mp4")
    with pytest.raises(web.Unwanted):
        VISITOR.fetch(url, most_bytes=lambda kind: 0)
    with pytest.raises(web.TooLarge):
        VISITOR.fetch(url, most_bytes=lambda kind: 2_000_000)
    assert len(VISITOR.fetch(url, most_bytes=lambda kind: 100, cut=True).body) == 100


@pytest.mark.parametrize("fault", ["hang", "drip"])
def test_the_whole_time_is_bounded(site: Website, fault: str) -> None:
    url, began = site.fault("/a", fault), time.monotonic()
    with pytest.raises(ProviderError, match="in time"):
        VISITOR.fetch(url, seconds=0.4)
    assert time.monotonic() - began < 2


def test_a_cut_connection_may_pass(site: Website) -> None:
    with pytest.raises(ProviderError, match="reached"):
        VISITOR.fetch(site.fault("/a", "reset"))


def test_one_at_a_time_and_a_pause_between() -> None:
    polite = web.Visitor(contact="x", private_hosts=("*",), pause=0.15)
    with Website() as site:
        url, began = site.page("/a", "<p>a</p>"), time.monotonic()
        threads = [threading.Thread(target=polite.fetch, args=(url,)) for _number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert time.monotonic() - began >= 0.45
        assert site.app.most_at_once == 1 and len(site.asked()) == 4


def test_a_cookie_is_nobody_s(site: Website) -> None:
    """What a site gives to one business is not sent for another."""
    url = site.page("/a", "<p>a</p>", set_cookie="id=1; Path=/")
    VISITOR.fetch(url)
    VISITOR.fetch(url)
    assert all("cookie" not in request.headers for request in site.app.requests)
