"""Where the footing of an answer stands once the answer has become a bubble."""

from typing import Any

import pytest
from django.contrib.postgres.search import SearchVector
from django.db.models import Value

from conversations import citing, wording
from conversations.models import Turn
from knowledge import corrections, counting
from knowledge.models import Chunk, Document
from providers.llm import Completion, Span, Usage

PRICES = (
    "**Prices**\n\n* Cleaning: 90 €\n* Check-up: 50 €\n\nWe open at 8. See [our site](https://shop.example)."
)


def completion(text: str, *stretches: str) -> Completion:
    """An answer in which each of these stretches rests on the passage of its number."""
    spans, after = [], 0
    for number, stretch in enumerate(stretches):
        start = text.index(stretch, after)
        after = start + len(stretch)
        spans.append(Span(start, after, (number,)))
    return Completion(text=text, usage=Usage(), model="m", spans=tuple(spans))


def told(answer: Completion, *, markup: Any = "plain", limit: int = 1000) -> list[tuple[str, list[int]]]:
    body = wording.fit(answer.text, markup=markup, limit=limit)
    return [(body[one["start"] : one["end"]], one["passages"]) for one in citing.placed(answer, body)]


@pytest.mark.parametrize("markup", ["plain", "whatsapp"])
def test_marks_of_the_model_move_nothing(markup: str) -> None:
    answer = completion(PRICES, "* Cleaning: 90 €\n", "* Check-up: 50 €", "We open at 8.")
    found = [(text.lstrip("- "), passages) for text, passages in told(answer, markup=markup)]
    assert found == [("Cleaning: 90 €", [0]), ("Check-up: 50 €", [1]), ("We open at 8.", [2])]


def test_what_was_cut_off_rests_on_nothing() -> None:
    answer = completion("At 8. " * 20 + "Closed on Sunday. At 8.", "At 8.", "Closed on Sunday.", "At 8.")
    assert told(answer, limit=60) == [("At 8.", [0])]
    assert [text for text, _ in told(answer)] == ["At 8.", "Closed on Sunday.", "At 8."]


def test_of_two_equal_stretches_each_is_its_own() -> None:
    text = "<b>Gold</b> costs 8. Silver costs 8. Bronze costs 5."
    answer = Completion(text=text, usage=Usage(), model="m", spans=(Span(28, 36, (0,)),))
    assert text[28:36] == "costs 8."
    body = wording.fit(text, markup="plain", limit=500)
    [one] = citing.placed(answer, body)
    assert body[: one["start"]] == "Gold costs 8. Silver "


def test_words_that_were_put_otherwise_rest_on_nothing() -> None:
    table = "| Cut | Price |\n|---|---|\n| Short | 20 |\n| Long | 30 |\n"
    assert told(completion(f"{table}\nAsk us.", "| Short | 20 |\n| Long | 30 |")) in (
        [],
        [("Short: 20\n- Long: 30", [0])],
    )


@pytest.fixture
def parking(shop: Any, settings: Any) -> Chunk:
    """A passage about parking, found by its words: the embedder is away."""
    settings.EMBEDDING_URL = "http://127.0.0.1:9"
    document = Document.objects.create(
        title="Clínica", status="ready", kind="md", bytes=9, sha256="a" * 64, chunk_count=1
    )
    text = "O estacionamento é gratuito e fica atrás da casa."
    chunk = Chunk.objects.create(
        document=document, position=0, text=text, language="pt", embedding=[1.0] + [0.0] * 895,
        search=SearchVector(Value(text), config="public.fd_pt"),
    )  # fmt: skip
    counting.count_words([chunk.pk])
    return chunk


def test_each_sentence_leads_to_its_passage_or_to_what_was_read(
    shop: Any, parking: Chunk, client_for: Any, member_of: Any
) -> None:
    shop.models.answer_with("O estacionamento é **gratuito** [1]. Temos piscina [9]. Fica atrás da casa [1].")
    shop.say("Vocês têm estacionamento gratuito?")
    shop.work()
    turn = Turn.objects.get()
    message = turn.messages.get(direction="out")
    said = [(message.body[one["start"] : one["end"]], one["passages"]) for one in turn.citations]
    assert said == [("O estacionamento é *gratuito*.", [0]), ("Fica atrás da casa.", [0])]
    passage = turn.passages.get()
    browser = client_for(shop.tenant, member_of(shop.tenant, "viewer"))
    why = browser.get(f"/messages/{message.pk}/why").content.decode()
    assert "What rests on what" in why and why.count(f"/chats/passages/{passage.pk}") == 3
    assert "no passage was named for this" in why
    thread = browser.get(f"/chats/{turn.conversation_id}/thread").content.decode()
    assert f"/chats/passages/{passage.pk}" in thread
    opened = browser.get(f"/chats/passages/{passage.pk}")
    assert opened["Location"] == f"/assistant/passages/{parking.pk}"
    Chunk.objects.filter(pk=parking.pk).update(text="O estacionamento é pago.")
    changed = browser.get(f"/chats/passages/{passage.pk}").content.decode()
    assert "is not in the document any more" in changed and "fica atrás da casa" in changed
    Document.objects.all().delete()
    gone = browser.get(f"/chats/passages/{passage.pk}").content.decode()
    assert "This document is not there any more" in gone and "fica atrás da casa" in gone


def test_a_passage_that_was_read_anew_is_found_again(shop: Any, parking: Chunk) -> None:
    old, text = parking.pk, f"Antes.\n{parking.text}\nDepois."
    parking.pk = None
    Chunk.objects.filter(pk=old).delete()
    parking.search = ""
    parking.save(force_insert=True)
    found = corrections.standing(chunk_id=old, document_id=parking.document_id, text=text)
    assert found == parking.pk
    assert corrections.standing(chunk_id=old, document_id=parking.document_id, text="Outra coisa.") is None
