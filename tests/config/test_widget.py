"""The web chat's script, as it is built and served: small, harmless to its host page, for any site."""

import gzip
import re
from io import StringIO
from pathlib import Path

import pytest
from channels.testing import HttpCommunicator
from django.core.management import call_command

from config.asgi import application

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 15 * 1024


@pytest.fixture(scope="module")
def built() -> bytes:
    call_command("build_frontend", stdout=StringIO())
    return (ROOT / "frontend" / "dist" / "widget.js").read_bytes()


def test_it_is_small(built):
    assert len(gzip.compress(built, 9)) < LIMIT


@pytest.mark.parametrize(
    "word",
    [
        "eval(",
        "new Function",
        "innerHTML",
        "insertAdjacentHTML",
        "document.write",
        "cookie",
        "@import",
        "url(",
    ],
)
def test_it_does_nothing_that_a_strict_policy_or_a_visitor_forbids(built, word):
    assert word not in built.decode()


def test_it_asks_no_third_party(built):
    hosts = set(re.findall(r"https?://[a-z0-9.]+", built.decode()))
    assert hosts <= {"http://www.w3.org"}


def test_every_language_says_the_same_things():
    text = (ROOT / "frontend" / "widget" / "words.js").read_text()
    said = {code: set(re.findall(r"^    (\w+):", body, re.M)) for code, body in re.findall(
        r"^  (\w\w): \{\n(.*?)^  \},", text, re.M | re.S
    )}  # fmt: skip
    assert set(said) == {"en", "pt", "es", "fr"}
    assert all(keys == said["en"] for keys in said.values())


async def get(method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    answer = await HttpCommunicator(application, method, "/widget.js", b"", pairs).get_response(timeout=10)
    told = {name.decode(): value.decode() for name, value in answer["headers"]}
    return answer["status"], told, answer["body"]


async def test_any_site_may_take_it_and_keep_it(built):
    status, headers, body = await get(origin="https://shop.example", host="localhost")
    assert (status, body) == (200, built)
    assert headers["access-control-allow-origin"] == "*" and headers["vary"] == "accept-encoding"
    assert headers["content-type"] == "text/javascript; charset=utf-8" and "set-cookie" not in headers
    status, packed, body = await get(accept_encoding="gzip, br")
    assert packed["content-encoding"] == "gzip" and gzip.decompress(body) == built
    assert (await get(if_none_match=headers["etag"]))[0] == 304
    assert (await get("HEAD"))[2] == b"" and (await get("POST"))[0] == 405


async def test_browsers_ask_for_a_new_one_soon(built, settings):
    settings.WHITENOISE_MAX_AGE = 31536000
    assert (await get())[1]["cache-control"] == "public, max-age=600"
