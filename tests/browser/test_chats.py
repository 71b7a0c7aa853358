"""The Chats page: what a customer writes shows up by itself, and a person can take over."""

import hashlib
import hmac
import json
import urllib.request
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import faults
from tests.browser.conftest import HOST, PASSWORD, Product

pytestmark = pytest.mark.browser
XSS = "<img src=x onerror=alert(1)><script>alert(2)</script>"
PATIENT = 60_000
STAFF = "sara@frontdesk.example"


def test_a_message_shows_up_by_itself_with_its_answer(
    product: Product, page_at: Callable[..., Any], owner: Any
) -> None:
    page = page_at(state=owner)
    page.goto(product.url(HOST, "/chats/"))
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    mark = uuid.uuid4().hex[:6]
    product.hear(f"How much does a dog cost? {mark}", phone=_phone(), name=f"Marina {mark}")
    row = page.locator("#chat-list").get_by_role("link", name=f"Marina {mark}")
    row.click(timeout=PATIENT)
    answer = page.locator("#thread article").nth(1)
    expect(answer).to_contain_text("12 euros a night", timeout=PATIENT)
    assert not faults(page)
    answer.get_by_role("link", name="Why").click()
    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_text("House rules").first).to_be_visible()
    assert not faults(page)


def test_that_the_customer_writes_is_seen_until_the_words_come(
    product: Product, page_at: Callable[..., Any], owner: Any
) -> None:
    name, phone = f"Rita {uuid.uuid4().hex[:6]}", _phone()
    product.hear("I want to talk to a human", phone=phone, name=name)
    page = page_at(state=owner)
    page.goto(product.url(HOST, "/chats/?filter=waiting"))
    page.locator("#chat-list").get_by_role("link", name=name).click(timeout=PATIENT)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    sign = page.locator("[data-stick] [data-typing]")
    expect(sign).to_be_hidden()
    _writes(product, phone)
    expect(sign).to_be_visible()
    expect(page.locator("#chat-list").get_by_text("is writing…")).to_be_visible()
    assert not faults(page)
    product.hear("Hello?", phone=phone, name=name)
    expect(page.locator("#thread").get_by_text("Hello?")).to_be_visible(timeout=PATIENT)
    expect(sign).to_be_hidden()


def _writes(product: Product, phone: str) -> None:
    """The gateway tells that this person types."""
    presence = {"participant": f"{phone}@c.us", "lastKnownPresence": "typing"}
    payload = {"id": f"{phone}@c.us", "presences": [presence]}
    told = {"event": "presence.update", "session": "blue-door", "timestamp": 1, "payload": payload}
    body = json.dumps(told).encode()
    signature = hmac.new(PASSWORD.encode(), body, hashlib.sha512).hexdigest()
    headers = {"Content-Type": "application/json", "X-Webhook-Hmac": signature}
    with urllib.request.urlopen(urllib.request.Request(product.door, body, headers), timeout=10) as answer:
        assert answer.status == 200


def test_a_person_takes_over(product: Product, page_at: Callable[..., Any], owner: Any) -> None:
    name = f"João {uuid.uuid4().hex[:6]}"
    product.hear("I want to talk to a human", phone=_phone(), name=name)
    page = page_at(state=owner, width=390)
    page.goto(product.url(HOST, "/chats/?filter=waiting"))
    page.locator("#chat-list").get_by_role("link", name=name).click(timeout=PATIENT)
    page.get_by_role("button", name="Take over").click()
    expect(page.get_by_role("button", name="Give back")).to_be_visible()
    words = f"A person here {uuid.uuid4().hex[:6]}"
    page.get_by_label("Your reply").fill(words)
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Enter")
    expect(page.locator("#thread").get_by_text(words)).to_be_visible()
    expect(page.get_by_label("Your reply")).to_have_value("")
    assert not faults(page)
    page.get_by_role("button", name="Give back").click()
    expect(page.get_by_role("button", name="Take over")).to_be_visible()


def test_a_customers_words_are_never_code(product: Product, page_at: Callable[..., Any], owner: Any) -> None:
    page, opened = page_at(state=owner), []
    page.on("dialog", lambda dialog: (opened.append(dialog.message), dialog.dismiss()))
    product.hear(XSS, phone=_phone(), name=XSS)
    page.goto(product.url(HOST, "/chats/"))
    row = page.locator("#chat-list").get_by_role("link", name=XSS).first
    expect(row).to_be_visible(timeout=PATIENT)
    row.click()
    expect(page.locator("#thread").get_by_text(XSS).first).to_be_visible()
    for path in ("/", "/customers/"):
        page.goto(product.url(HOST, path))
        page.wait_for_load_state("load")
    assert not opened


def test_staff_takes_over_from_the_back_office(
    product: Product, page_at: Callable[..., Any], owner: Any
) -> None:
    """From the list of businesses into the live inbox of one, and the team sees who answered."""
    product.employ(STAFF)
    name, words = f"Inês {uuid.uuid4().hex[:6]}", f"The platform here {uuid.uuid4().hex[:6]}"
    product.hear("I want to talk to a human", phone=_phone(), name=name)
    page = page_at()
    page.goto(product.url("localhost", "/admin/"))
    page.locator("[name=login]").fill(STAFF)
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/admin/")
    page.goto(product.url("localhost", "/admin/enter/blue-door/?to=inbox"))
    page.wait_for_url("**/admin/inbox/chats/**")
    page.locator("#chat-list").get_by_role("link", name=name).click(timeout=PATIENT)
    page.get_by_role("button", name="Take over").click()
    page.get_by_label("Your reply").fill(words)
    page.keyboard.press("Enter")
    expect(page.locator("#thread").get_by_text(words)).to_be_visible()
    assert not faults(page)
    team = page_at(state=owner)
    team.goto(page.url.replace("/admin/inbox", ""))
    expect(team.locator("#thread").get_by_text("Frontdesk support").first).to_be_visible()
    page.get_by_role("button", name="Give back").click()
    expect(team.get_by_role("button", name="Take over")).to_be_visible(timeout=PATIENT)


def _phone() -> str:
    return f"3519{uuid.uuid4().int % 10**8:08d}"
