"""The web chat on somebody else's site, whose policy allows the installation and nothing inline."""

import re
import threading
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import faults
from tests.browser.conftest import HOST, Product

pytestmark = pytest.mark.browser
PATIENT = 60_000
ARRIVED = re.compile("Delivered|Read")
PAGE = """<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>A shop</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<script src="http://localhost:{port}/widget.js" data-channel="{channel}" defer></script></head>
<body><main><h1>A shop</h1><p>With a <a href="#x">link</a>.</p></main></body></html>"""


class Site:
    """A customer's own site: another origin, a strict policy, one page for every chat and language."""

    def __init__(self, product: Product) -> None:
        site, self.product = self, product

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.answer(self)

            def log_message(self, *_words: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        port = self.product.port
        policy = (
            f"default-src 'none'; script-src http://localhost:{port}; style-src 'self'; "
            f"connect-src http://localhost:{port} ws://localhost:{port}; require-trusted-types-for 'script'"
        )
        _nothing, chat, language = [*request.path.split("/"), "", ""][:3]
        known = self.product.web_chats.get(chat)
        body = PAGE.format(port=port, channel=known, language=language or "en").encode()
        request.send_response(200 if known else 404)
        for name, value in (("Content-Type", "text/html"), ("Content-Security-Policy", policy)):
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body if known else b"")

    def url(self, chat: str = "Site", language: str = "en") -> str:
        return f"http://shop.localhost:{self.server.server_port}/{chat}/{language}"


@pytest.fixture
def site(product: Product, owner: Any) -> Iterator[Site]:
    """The site, once the business's documents are read."""
    site = Site(product)
    yield site
    site.server.shutdown()
    site.server.server_close()


def opened(page: Any, site: Site, **where: str) -> Any:
    """The chat, open, on the site."""
    page.goto(site.url(**where))
    page.get_by_role("button", name="Open chat").click()
    chat = page.get_by_role("dialog", name="Blue Door")
    expect(chat).to_be_visible()
    return chat


def ask(page: Any, text: str) -> None:
    page.get_by_label("Your message").fill(text)
    page.keyboard.press("Enter")


def stored(page: Any) -> list[str]:
    return sorted(page.evaluate("Object.keys(localStorage).map((key) => key.split(':')[2])"))


def test_asks_is_answered_with_the_source_and_finds_it_again(site: Site, page_at: Callable[..., Any]) -> None:
    page = page_at()
    chat = opened(page, site)
    expect(page.get_by_label("Your message")).to_be_focused()
    expect(chat.get_by_text("Welcome to the Blue Door.")).to_be_visible()
    expect(chat.get_by_text("Automatic assistant")).to_be_visible()
    assert not faults(page)
    assert stored(page) == [] and page.context.cookies() == []
    ask(page, "How much does a dog cost?")
    answer = chat.locator(".them[data-id]")
    expect(answer).to_contain_text("12 euros a night", timeout=PATIENT)
    expect(answer.locator(".source")).to_contain_text("House rules")
    expect(chat.locator(".me")).to_contain_text("Read")
    expect(chat.get_by_text("This browser remembers the conversation.")).to_be_visible()
    assert not faults(page)
    assert "token" in stored(page) and page.context.cookies() == []
    chat = opened(page, site)
    expect(chat.locator(".me")).to_have_count(1)
    expect(chat.locator(".them[data-id]")).to_have_count(1)
    expect(chat.locator(".me")).to_contain_text("How much does a dog cost?")


def test_a_visitor_can_be_forgotten(site: Site, page_at: Callable[..., Any]) -> None:
    page = page_at()
    chat = opened(page, site)
    ask(page, "Remember me?")
    expect(chat.locator(".me")).to_contain_text(ARRIVED, timeout=PATIENT)
    chat.get_by_role("button", name="Forget it").click()
    chat.get_by_role("button", name="Forget", exact=True).click()
    expect(chat.locator("[data-id]")).to_have_count(0)
    assert stored(page) == []
    chat = opened(page, site)
    expect(chat.locator("[data-id]")).to_have_count(0)


def test_a_cut_line_loses_and_doubles_nothing(site: Site, page_at: Callable[..., Any]) -> None:
    page, lines = page_at(), []
    page.route_web_socket("**/ws/chat/*", lambda line: (lines.append(line), line.connect_to_server()))
    chat = opened(page, site)
    ask(page, "First")
    expect(chat.locator(".me", has_text="First")).to_contain_text(ARRIVED, timeout=PATIENT)
    page.context.set_offline(True)
    lines[-1].close()
    expect(chat.get_by_text("No connection.")).to_be_visible()
    ask(page, "Second")
    ask(page, "Third")
    expect(chat.locator(".me", has_text="Third")).to_contain_text("Waiting to be sent")
    assert not faults(page)
    page.context.set_offline(False)
    expect(chat.locator(".me", has_text="Third")).not_to_contain_text("Waiting", timeout=PATIENT)
    expect(chat.get_by_text("No connection.")).to_be_hidden()
    chat = opened(page, site)
    expect(chat.locator(".me p")).to_have_count(3)
    words = chat.locator(".me p").all_inner_texts()
    assert [word.rsplit("\n")[-1].removeprefix("You: ") for word in words] == ["First", "Second", "Third"]


def test_where_sockets_are_barred_it_polls(site: Site, page_at: Callable[..., Any]) -> None:
    page = page_at()
    page.route_web_socket("**/ws/chat/*", lambda line: line.close())
    chat = opened(page, site)
    ask(page, "From when on is check-in?")
    expect(chat.locator(".them[data-id]")).to_contain_text("3 pm", timeout=PATIENT)
    expect(chat.locator(".me")).to_have_count(1)


def test_a_person_answers_while_the_visitor_watches(
    product: Product, site: Site, page_at: Callable[..., Any], owner: Any
) -> None:
    visitor, staff, mark = page_at(), page_at(state=owner), uuid.uuid4().hex[:6]
    chat = opened(visitor, site)
    ask(visitor, f"I want to talk to a human {mark}")
    expect(chat.get_by_text("A person will reply")).to_be_visible(timeout=PATIENT)
    staff.goto(product.url(HOST, "/chats/?filter=waiting"))
    staff.locator("#chat-list").get_by_role("link").last.click(timeout=PATIENT)
    staff.get_by_role("button", name="Take over").click()
    staff.get_by_label("Your reply").fill(f"Here I am {mark}")
    expect(chat.locator(".dots")).to_be_visible(timeout=PATIENT)
    staff.keyboard.press("Enter")
    expect(chat.get_by_text(f"Here I am {mark}")).to_be_visible(timeout=PATIENT)
    expect(chat.get_by_text("A person is with you")).to_be_visible()
    expect(chat.locator(".dots")).to_be_hidden()


def test_a_file_and_a_voice_note(site: Site, page_at: Callable[..., Any]) -> None:
    page = page_at()
    chat = opened(page, site)
    notes = {"name": "notes of mine.txt", "mimeType": "text/plain", "buffer": b"A dog of 30 kg."}
    chat.locator("input[type=file]").set_input_files(notes)
    expect(chat.get_by_role("link", name="notes of mine.txt")).to_be_visible(timeout=PATIENT)
    chat.get_by_role("button", name="Record a voice message").click()
    expect(chat.get_by_role("timer")).to_have_text("0:01")
    assert not faults(page)
    chat.get_by_role("button", name="Discard").click()
    expect(page.get_by_label("Your message")).to_be_focused()
    chat.get_by_role("button", name="Record a voice message").click()
    expect(chat.get_by_role("timer")).to_have_text("0:01")
    chat.get_by_role("button", name="Send").click()
    expect(chat.get_by_role("link", name="voice.webm")).to_be_visible(timeout=PATIENT)
    expect(chat.locator(".me")).to_have_count(2)
    expect(chat.get_by_text("A person will reply")).to_be_visible(timeout=PATIENT)
    assert not faults(page)


def test_a_phone_by_keyboard_alone(site: Site, page_at: Callable[..., Any]) -> None:
    page = page_at(width=390, dark=True)
    page.emulate_media(reduced_motion="reduce")  # so that it does not slide in
    chat = opened(page, site)
    assert chat.get_attribute("aria-modal") == "true"
    assert chat.bounding_box() == {"x": 0, "y": 0, "width": 390, "height": 844}
    assert not faults(page)
    for _number in range(12):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.localName") == "frontdesk-chat"
    page.keyboard.press("Escape")
    expect(chat).to_be_hidden()
    focused = "document.activeElement.shadowRoot.activeElement.className"
    assert page.evaluate(focused) == "launch"
    page.keyboard.press("Enter")
    expect(chat).to_be_visible()


def test_it_speaks_the_pages_language(site: Site, page_at: Callable[..., Any]) -> None:
    page = page_at()
    words = {"pt-BR": "Abrir o chat", "es": "Abrir el chat", "fr": "Ouvrir le chat", "de": "Open chat"}
    for language, name in words.items():
        page.goto(site.url(language=language))
        expect(page.get_by_role("button", name=name)).to_be_visible()


def test_a_site_that_is_not_listed_is_told_in_its_console(site: Site, page_at: Callable[..., Any]) -> None:
    page, said = page_at(), []
    page.on("console", lambda line: said.append(line.text))
    with page.expect_console_message(lambda line: "is not among the domains" in line.text):
        page.goto(site.url(chat="Elsewhere"))
    assert page.locator("frontdesk-chat").count() == 0
    assert "http://shop.localhost" in " ".join(said)


def test_its_settings(product: Product, page_at: Callable[..., Any], owner: Any) -> None:
    page = page_at(state=owner)
    page.goto(product.url(HOST, f"/account/web-chat/{product.web_chats['Site']}"))
    preview = page.locator("#widget-preview")
    expect(preview.get_by_role("dialog", name="Blue Door")).to_be_visible()
    assert not in_every_look(page)
    page.get_by_role("textbox", name="Title").fill("Concierge")
    expect(preview.get_by_role("dialog", name="Concierge")).to_be_visible()
    page.get_by_role("textbox", name="Sites").fill("not a domain!")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Write domains, such as")).to_be_visible()
    assert not in_every_look(page)


def in_every_look(page: Any) -> list[str]:
    """What is wrong with what is shown now, wide and on a phone, light and dark."""
    found = []
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 844})
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)
            found += faults(page)
    return found
