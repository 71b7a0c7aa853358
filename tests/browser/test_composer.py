"""Writing in a chat, in a real browser: sent once whatever the line does, by keyboard and by voice."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import faults
from tests.browser.conftest import HOST, Product

pytestmark = pytest.mark.browser
PATIENT = 60_000
# The first arrives and its answer is lost; the others find no line at all.
LOSE_ANSWERS = """() => {
  const real = window.fetch;
  let sent = 0;
  window.fetch = async (...asked) => {
    if (!String(asked[0]).endsWith("/send")) return real(...asked);
    if (!sent++) await real(...asked);
    throw new TypeError("lost");
  };
}"""


@pytest.fixture
def chat(product: Product, page_at: Callable[..., Any], owner: Any) -> Any:
    """The page of a new chat that waits for a person."""
    name = f"Nora {uuid.uuid4().hex[:6]}"
    product.hear("I want to talk to a human", phone=f"3519{uuid.uuid4().int % 10**8:08d}", name=name)
    page = page_at(state=owner)
    page.goto(product.url(HOST, "/chats/?filter=waiting"))
    page.locator("#chat-list").get_by_role("link", name=name).click(timeout=PATIENT)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    return page


def test_words_wait_for_the_line_and_arrive_once(chat: Any) -> None:
    box, thread = chat.get_by_label("Your reply"), chat.locator("#thread")
    words, kept = f"Hello {uuid.uuid4().hex[:6]}", f"Begun {uuid.uuid4().hex[:6]}"
    chat.evaluate(LOSE_ANSWERS)
    box.fill(words)
    box.press("Enter")
    expect(box).to_have_value("")
    sign = chat.locator("#thread-sending [data-sending]")
    expect(sign).to_contain_text("No connection")
    box.fill(kept)
    chat.reload()
    expect(thread.get_by_text(words)).to_be_visible(timeout=PATIENT)
    expect(chat.locator("#thread-sending [data-sending]")).to_have_count(0, timeout=PATIENT)
    chat.reload()
    expect(thread.get_by_text(words)).to_have_count(1)
    expect(chat.get_by_label("Your reply")).to_have_value(kept)


def test_notes_and_canned_replies_by_keyboard(product: Product, chat: Any) -> None:
    short = f"hi{uuid.uuid4().hex[:6]}"
    beside = chat.context.new_page()
    beside.goto(product.url(HOST, "/account/replies/"))
    beside.locator("[name=shortcut]").first.fill(short)
    beside.locator("[name=text]").first.fill("Dear {{first_name}}, {{business}} here.")
    beside.get_by_role("button", name="Add the reply").click()
    expect(beside.get_by_text(f"/{short}", exact=True).first).to_be_visible()
    beside.close()
    chat.keyboard.press("Alt+n")
    note = chat.get_by_label("Private note", exact=True)
    expect(note).to_be_focused()
    note.press_sequentially("Ask @")
    expect(chat.locator("#people-list [role=option]").first).to_be_visible()
    chat.keyboard.press("Enter")
    chat.keyboard.press("Enter")
    expect(chat.locator("#thread .bubble-note .mention")).to_be_visible()
    chat.keyboard.press("Alt+r")
    box = chat.get_by_label("Your reply")
    box.press_sequentially(f"/{short[:4]}")
    expect(chat.locator("#canned-list [role=option]").first).to_contain_text(short)
    assert not faults(chat)
    chat.keyboard.press("Tab")
    expect(box).to_have_value("Dear Nora, Blue Door here.")
    chat.locator("#thread .bubble-note ~ div").get_by_role("button", name="Remove").click()
    chat.get_by_role("button", name="Undo").click()
    expect(chat.locator("#thread .bubble-note")).to_be_visible()


def test_a_voice_note_is_recorded_and_sent(chat: Any) -> None:
    chat.context.grant_permissions(["microphone"])
    chat.get_by_role("button", name="Record a voice note").click()
    expect(chat.get_by_role("timer")).to_have_text("0:01", timeout=PATIENT)
    chat.get_by_role("button", name="Send it").click()
    player = chat.locator("#thread audio").first
    expect(player).to_be_visible(timeout=PATIENT)
    # It plays here, too: what was made of the recording is Ogg that a browser reads.
    seconds = player.evaluate(
        "player => new Promise(done => { player.onloadedmetadata = () => done(player.duration);"
        " player.onerror = () => done(-1); player.preload = 'metadata'; player.load(); })"
    )
    assert 0.5 < seconds < 10
