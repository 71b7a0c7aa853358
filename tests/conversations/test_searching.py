"""Messages and people are found by words, whatever their accents and endings, with the words marked."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from conversations import search_index, searching
from conversations.models import (
    ContactIdentity,
    Conversation,
    Message,
    MessageWords,
    SearchMark,
    Transcript,
)
from conversations.searching import Piece, pieces
from tests.conversations.test_list import Inbox, inbox

__all__ = ["inbox"]


def say(chat: Conversation, text: str, **fields: Any) -> Message:
    usual = {"direction": "in", "author_kind": "contact", "status": "received", "body": text}
    return Message.objects.create(conversation=chat, **(usual | fields))


def found(inbox: Inbox, words: str, **query: Any) -> list[Message]:
    answer = inbox.browser.get("/chats/list", {"q": words, **query})
    assert answer.status_code == 200
    return [hit.message for hit in answer.context["found"].hits]


def test_what_is_found(inbox: Inbox) -> None:
    pt, fr = inbox.chat("João Conceição", language="pt"), inbox.chat("Zoé", language="fr", status="closed")
    booking = say(pt, "Queria saber dos agendamentos de amanhã, é às 15h?")
    order = say(pt, "Pedido nº 48213-AB, R$ 1.250,00", direction="out", author_kind="agent", status="sent")
    cats = say(fr, "Mes chattes mangeaient très bien au château")
    voice = say(fr, "", kind="audio")
    Transcript.objects.create(
        message=voice, status="done", text="Vocês vendem ração para gatos?", confidence=0.9
    )
    file = say(pt, "", kind="document", media_name="orçamento-final.pdf")
    test = say(inbox.chat("T", channel=inbox.tests), "agendamentos de teste")
    for words, expected in {
        "agendamento": [booking],  # another ending
        "AGENDAM": [booking],  # a part, in capitals
        "amanha as 15h": [booking],  # no accents, several words
        "48213": [order],
        "482": [order],
        "château": [cats],
        "chateau manger": [cats],  # a stem beside a word as it stands
        "racao gatos": [voice],  # heard in a voice note
        "orcamento": [file],
        "agendamentos gatos": [],
        "xyz": [],
        "!!! ' & | :* <->": [],
    }.items():
        assert found(inbox, words) == expected, words
    assert found(inbox, "agendamentos", filter="tests") == [test]
    assert found(inbox, "chateau", filter="closed") == [cats] and not found(
        inbox, "chateau", filter="waiting"
    )
    assert not found(inbox, "agendamento", channel=str(inbox.other.pk))
    # The words that are found are marked, and lead to their place in the thread.
    page = inbox.browser.get("/chats/?q=agendamento").content.decode()
    assert re.search(r"<mark\s*>agendamentos</mark>", page)
    assert f'href="/chats/{pt.pk}/?q=agendamento&amp;at={booking.pk}#message-{booking.pk}"' in page


def test_people_are_found_by_name_number_and_address(inbox: Inbox) -> None:
    joao = inbox.chat("João da Conceição")
    mail = inbox.chat("Bia", status="closed")
    ContactIdentity.objects.create(
        contact=joao.contact, channel=inbox.channel, kind="c.us", value="5511988887777@c.us"
    )
    mail.contact.details = {"email": "bia@loja.example"}
    mail.contact.save()
    for words, expected in {
        "joao": [joao], "conceicao joao": [joao], "CONCEI": [joao], "oao": [joao], "maria": [],
        "98888-7777": [joao], "+55 11 98888": [joao], "bia@loja": [mail], "55": [],
    }.items():  # fmt: skip
        assert inbox.shown(f"?q={words.replace('+', '%2B')}") == [chat.pk for chat in expected], words


def test_nothing_is_left_out_of_what_is_found(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Words are written down once, in batches; late ones, changed ones and those of a slow commit too."""
    chat, now = inbox.chat(), timezone.now()
    old = now - timedelta(minutes=10)
    messages = [say(chat, f"palavra {n}", created_at=old) for n in range(7)]
    assert search_index.is_behind(now=now)
    assert [search_index.write(now=now, most=3) for _ in range(3)] == [True, True, False]
    assert SearchMark.objects.get().until == messages[-1].pk and not search_index.is_behind(now=now)
    fresh = say(chat, "palavra fresca")
    search_index.write(now=now)
    assert SearchMark.objects.get().until == messages[-1].pk  # somebody may still commit a lower number
    assert MessageWords.objects.count() == 8 and found(inbox, "fresca") == [fresh]
    fresh.body = "outra coisa"
    fresh.save()
    search_index.renew(fresh.pk)
    assert not found(inbox, "fresca") and found(inbox, "outra") == [fresh]
    monkeypatch.setattr(searching, "PAGE", 3)
    first = found(inbox, "palavra")
    rest = found(inbox, "palavra", after=str(first[-1].pk))
    assert [one.pk for one in first + rest] == [one.pk for one in messages[::-1][:6]]


@pytest.mark.django_db
def test_a_backlog_is_written_down_behind(
    inbox: Inbox, background: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "WRITTEN_DOWN", 2)
    chat = inbox.chat()
    messages = [say(chat, "palavra") for _ in range(5)]
    assert found(inbox, "palavra") == messages[1::-1]
    assert "still being made findable" in inbox.browser.get("/chats/?q=palavra").content.decode()
    background.run()
    assert found(inbox, "palavra") == messages[::-1]


def test_marks() -> None:
    """Over stems and beginnings, never over one another, around the first that is found."""
    words = ["gato", "racao"]
    assert list(pieces("O \x02gato\x03 quer ração", words)) == [
        Piece("O ", False), Piece("gato", True), Piece(" quer ", False), Piece("ração", True),
    ]  # fmt: skip
    long = "a " * 300 + "gatos e mais " + "b " * 300
    cut = list(pieces(long, words))
    assert cut[0].text == cut[-1].text == "…" and Piece("gatos", True) in cut
    assert sum(len(one.text) for one in cut) <= searching.WINDOW + 10
    assert "".join(one.text for one in pieces("<b>gato", words)) == "<b>gato"
    assert list(pieces("", words)) == []
