"""An answer that is given again: when it is, when never, and what of it anybody could read."""

from dataclasses import fields, replace
from typing import Any

import pytest
from django.contrib.postgres.search import SearchVector
from django.core.cache import cache
from django.db import connection
from django.db.models import Value
from django_tenants.utils import schema_context
from redis import Redis

from agents import publishing
from agents.models import Agent
from billing.models import CreditAccount, Hold, LedgerEntry, Usage
from conversations import impersonal, reuse
from conversations.models import Message, Turn
from knowledge import counting
from knowledge.models import Chunk, Document
from tenants.models import VendorPrice

QUESTION = "Onde fica o estacionamento gratuito?"
TEXT = "O estacionamento gratuito fica atrás da casa, na Rua das Flores, 210. Abre às 8h."
ANSWER = "O estacionamento gratuito fica atrás da casa, na Rua das Flores, 210. [1]"
PLAIN = {
    "pt": [
        "Onde fica o estacionamento?", "vcs aceitam cartão", "Quais formas de pagamento vocês aceitam?",
        "Vocês abrem aos sábados?", "Quanto custa o corte?", "Tem wifi?", "Qual o preço da limpeza completa?",
        "Como funciona a entrega", "Preciso levar documento?", "QUANTO CUSTA A LIMPEZA",
    ],
    "en": [
        "Where can I park?", "Do you take cards?", "What time do you open on Saturdays?",
        "How much is a haircut?", "Do I need to book?", "Can I pay in cash?", "Is there parking?",
    ],
    "es": [
        "¿Dónde puedo aparcar?", "¿Aceptan tarjeta?", "¿Cuánto cuesta la limpieza?", "¿Abren los sábados?",
    ],
    "fr": [
        "Où se garer ?", "Acceptez-vous la carte ?", "Combien coûte une coupe ?", "C'est ouvert le samedi ?",
    ],
}  # fmt: skip
PERSONAL = {
    "pt": [
        "Meu pedido já saiu?", "Sou a Ana, quanto custa?", "Me chamo João, têm vaga?", "Paguei e não recebi",
        "Onde está a minha encomenda?", "Tenho diabetes, posso fazer a limpeza?", "Vocês abrem hoje?",
        "Tem vaga amanhã?", "Quanto custa no dia 25?", "Meu CPF é 123.456.789-00", "Abrem em dezembro?",
        "O doutor Marcelo atende?", "Aqui é a Júlia, tudo bem?", "Ana aqui, quanto custa?",
        "tô grávida, pode?",
        "Pode mandar para ana@x.com?", "Estou com dor", "Comprei ontem e quebrou", "Nosso contrato venceu",
        "Moro na Vila Mariana, entregam?", "", "42?",
    ],
    "en": [
        "Where is my order?", "I'm Ana, how much is it?", "Are you open now?", "Do you open tomorrow?",
        "I have diabetes, can you help?", "I paid but got nothing", "My name is John", "Is Dr. Miller there?",
        "This is Karen", "Call +1 555 0100", "I booked last week", "We have a contract", "Open in December?",
    ],
    "es": [
        "¿Dónde está mi pedido?", "Soy Ana, ¿cuánto cuesta?", "Me llamo Juan", "¿Abren hoy?", "Tengo fiebre",
        "¿Hay hora para mañana?", "Compré ayer", "Nuestra cita", "¿Atiende el doctor Gómez?",
    ],
    "fr": [
        "Où est ma commande ?", "Je m'appelle Paul", "Je suis malade", "C'est ouvert aujourd'hui ?",
        "J'ai payé hier", "Mes papiers sont prêts ?", "Notre rendez-vous", "Est-ce que Claire travaille ?",
        "Vous ouvrez demain ?", "C'est Paul qui parle",
    ],
}  # fmt: skip


def test_what_is_anybodys_is_told_from_what_is_somebodys() -> None:
    for language, questions in PLAIN.items():
        wrong = [one for one in questions if not impersonal.is_plain(one, language=language, published=TEXT)]
        assert not wrong, (language, wrong)
    for language, questions in PERSONAL.items():
        wrong = [one for one in questions if impersonal.is_plain(one, language=language, published=TEXT)]
        assert not wrong, (language, wrong)


@pytest.mark.parametrize(
    ("answer", "is_plain"),
    [
        ("Atrás da casa, na Rua das Flores, 210.", True),
        ("Abre às 8h. O estacionamento é gratuito.", True),
        ("Abre às 9h.", False),
        ("Claro, Marina! Atrás da casa.", False),
        ("Hoje abre às 8h.", False),
        ("Fica na Avenida Paulista.", False),
    ],
)
def test_an_answer_says_only_what_is_published(answer: str, is_plain: bool) -> None:
    assert impersonal.is_plain_answer(answer, published=TEXT) is is_plain


def test_a_name_that_the_business_publishes_is_no_customers() -> None:
    asked = "A doutora Marina atende aos sábados?"
    assert not impersonal.is_plain(asked, language="pt", published=TEXT)
    assert impersonal.is_plain(asked, language="pt", published="A Dra. Marina atende de segunda a sábado.")


@pytest.fixture
def house(shop: Any, settings: Any) -> Any:
    """The shop with one passage, found by its words: the embedder is away."""
    settings.EMBEDDING_URL = "http://127.0.0.1:9"
    settings.ANSWERS_REUSED_SECONDS = 3600
    cache.clear()
    connection.set_tenant(shop.tenant)
    add_passage()
    VendorPrice.objects.create(
        price_list="127.0.0.1", model="m", effective_from="2020-01-01T00:00Z",
        input_per_million=1_000_000, output_per_million=2_000_000,
    )  # fmt: skip
    yield shop
    cache.clear()


def add_passage(text: str = TEXT) -> Chunk:
    document = Document.objects.create(
        title=f"Clínica {len(text)}",
        status="ready",
        kind="md",
        bytes=9,
        sha256=f"{len(text):064d}",
        chunk_count=1,
    )
    chunk = Chunk.objects.create(
        document=document, position=0, text=text, language="pt", embedding=[1.0] + [0.0] * 895,
        search=SearchVector(Value(text), config="public.fd_pt"),
    )  # fmt: skip
    counting.count_words([chunk.pk])
    return chunk


def ask(house: Any, words: str = QUESTION, *, who: int = 1, answer: str = ANSWER) -> Turn:
    """This customer writes for the first time, and is answered."""
    connection.set_tenant(house.tenant)
    house.models.answer_with(answer)
    house.say(words, chat=f"55119888{who:05d}@c.us")
    house.work()
    house.models.app.answers.clear()
    return Turn.objects.latest("pk")


def asked(house: Any) -> int:
    return sum(one["path"].endswith("/chat/completions") for one in house.models.requests)


class TestGivenAgain:
    def test_to_the_next_customer_without_a_model_and_for_nothing(self, house: Any) -> None:
        first = ask(house)
        assert (first.cached, asked(house)) == (False, 1)
        assert first.provider_cost and first.provider_saved is None
        again = ask(house, "onde fica o ESTACIONAMENTO gratuito", who=2)
        assert asked(house) == 1
        assert (again.cached, again.credits, again.provider_cost) == (True, 0, 0)
        assert again.provider_saved == first.provider_cost
        assert (again.model, again.vendor, again.supported, again.input_tokens) == ("m", "openai", True, 0)
        assert house.texts()[0] == house.texts()[1]
        # With its source, which is this customer's own turn's.
        assert again.passages.get(cited=True).text == TEXT and again.citations == first.citations
        assert [step["kind"] for step in again.steps] == ["search", "cache"]
        assert Usage.objects.count() == LedgerEntry.objects.filter(kind="turn").count() == 1
        assert CreditAccount.objects.get().held == 0 and not Hold.objects.filter(status="held").exists()

    def test_holds_no_word_of_the_customer(self, house: Any, settings: Any) -> None:
        ask(house)
        client = Redis.from_url(settings.REDIS_URL)
        keys = [key for key in client.keys("*") if b":answer:" in key]
        [key] = keys
        assert b":alpha:" in key and b"estacionamento" not in key
        assert QUESTION.encode() not in client.get(key)

    def test_never_to_another_business(self, house: Any, told: list[Any]) -> None:
        ask(house)
        [(question, found, request)] = told
        assert reuse.look(question, found, request) is not None
        with schema_context("beta"):
            assert reuse.look(question, found, request) is None


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the engine asked to be kept: (question, what it found, what a model is told)."""
    seen: list[Any] = []
    kept = reuse.keep

    def keep(question: Any, found: Any, request: Any, *rest: Any, **more: Any) -> None:
        seen.append((question, found, request))
        kept(question, found, request, *rest, **more)

    monkeypatch.setattr(reuse, "keep", keep)
    return seen


class TestAskedAnew:
    @pytest.mark.parametrize("change", ["passage", "another passage", "version", "language"])
    def test_when_anything_has_changed(self, house: Any, change: str) -> None:
        ask(house)
        if change == "passage":
            Chunk.objects.update(text=f"{TEXT} E é coberto.")
        elif change == "another passage":
            add_passage("O estacionamento gratuito do anexo fica na praça.")
        elif change == "version":
            agent = Agent.objects.order_by("pk")[0]
            publishing.publish_at_once(agent, content={"tone": "alegre"}, user=None, now=house.now())
        words = "Where is the estacionamento gratuito located please?" if change == "language" else QUESTION
        assert not ask(house, words, who=2).cached and asked(house) == 2

    def test_within_a_talk(self, house: Any) -> None:
        ask(house)
        ask(house, "Obrigada, e o wifi?", who=2, answer="Não sei.")
        assert not ask(house, who=2).cached and asked(house) == 3

    @pytest.mark.parametrize(
        ("words", "answer"),
        [
            (f"{QUESTION} Sou a Ana.", ANSWER),
            (QUESTION, "Claro, Marina: atrás da casa. [1]"),
            (QUESTION, "Hoje, atrás da casa. [1]"),
            (QUESTION, "Não sei."),
        ],
    )
    def test_what_is_personal_or_says_nothing(self, house: Any, words: str, answer: str) -> None:
        ask(house, words, answer=answer)
        assert not ask(house, words, who=2, answer=answer).cached and asked(house) == 2

    def test_where_the_installation_wants_none_of_it(self, house: Any, settings: Any) -> None:
        ask(house)
        settings.ANSWERS_REUSED_SECONDS = 0
        assert not ask(house, who=2).cached

    def test_with_a_file_or_anything_else_of_this_customers(self, house: Any, told: list[Any]) -> None:
        ask(house)
        [(question, found, request)] = told
        assert reuse.look(question, found, request) is not None
        for name in {one.name for one in fields(question)} - reuse.KEYED - reuse.INDIFFERENT:
            assert reuse.look(replace(question, **{name: "anything"}), found, request) is None, name

    def test_after_the_document_is_gone(self, house: Any) -> None:
        ask(house)
        Chunk.objects.all().delete()
        turn = ask(house, who=2, answer="Não sei.")
        assert not turn.cached and Message.objects.filter(direction="out").count() == 2
