"""What is found, in which order, in which languages, and when nothing supports an answer."""

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from django_tenants.utils import schema_context

from knowledge import documents, embeddings, retrieval
from knowledge.models import Chunk, Document
from tenants.db import connection

HOUSE = """# Pousada

## Café da manhã
O café da manhã é servido das 7h às 10h no salão.

## Estacionamento
O estacionamento é gratuito e fica atrás da casa.

## Animais
Aceitamos cães pequenos, com taxa de R$ 50 por estadia.

## Wi-Fi
A senha da rede sem fio está no cartão do quarto XK-204.

## Cancelamento
Cancelamentos com menos de 48 horas pagam a primeira diária."""


@pytest.fixture
def house(alpha, background):
    """Alpha's one document, read."""
    with schema_context(alpha.schema_name):
        file = SimpleUploadedFile("pousada.md", HOUSE.encode())
        documents.add(file=file, name="pousada.md", added_by=None, now=timezone.now())
        background.run()
        yield Document.objects.get()


def first(question, **more):
    found = retrieval.search(question=question, **more)
    return found.passages[0].heading[-1], found.supported


@pytest.mark.parametrize(
    ("question", "heading"),
    [
        ("que horas é o café?", "Café da manhã"),
        ("a que horas servem o CAFE DA MANHA", "Café da manhã"),
        ("tem onde parar o carro?", "Estacionamento"),
        ("posso levar meu cachorro?", "Animais"),
        ("is parking free?", "Estacionamento"),
        ("do you accept dogs?", "Animais"),
        ("¿a qué hora es el desayuno?", "Café da manhã"),
        ("peut-on venir avec un chien ?", "Animais"),
        ("XK-204", "Wi-Fi"),
        ("e se eu cancelar na véspera?", "Cancelamento"),
    ],
)
def test_the_right_passage_comes_first_in_four_languages(house, question, heading):
    assert first(question)[0] == heading


@pytest.mark.parametrize(
    "question", ["que horas é o café da manhã?", "is parking free?", "aceitam cachorros?"]
)
def test_what_is_there_is_supported(house, question):
    assert retrieval.search(question=question).supported


@pytest.mark.parametrize(
    "question",
    [
        "Qual é a capital da Mongólia?",
        "me ajuda com a declaração de imposto de renda",
        "who won the world cup?",
        "asdf",
    ],
)
def test_what_is_not_there_is_refused(house, question):
    assert not retrieval.search(question=question).supported


@pytest.mark.parametrize("question", ["", "  ", "\n"])
def test_no_question_finds_nothing(house, question):
    assert retrieval.search(question=question) == retrieval.NOTHING


@pytest.mark.parametrize(
    "question",
    [
        "'",
        "a' | b:* & !c",
        "\\",
        "\\' \\",
        "café\x00",
        "\ud800 café",
        "é" * 5000,
        "%s %b {}",
        "🐶🐶",
        "; DROP",
    ],
)
def test_strange_questions_harm_nothing(house, question):
    assert len(retrieval.search(question=question, limit=3).passages) == 3


@pytest.mark.parametrize(
    ("question", "heading"),
    [
        ("que horas é o café?", "Café da manhã"),
        ("onde fica o estacionamento?", "Estacionamento"),
        ("cães pequenos podem?", "Animais"),
        ("XK-204", "Wi-Fi"),
        ("qual a senha da rede?", "Wi-Fi"),
    ],
)
def test_words_alone_find_what_is_said_as_it_is_written(house, question, heading):
    found = retrieval.search_words(question=question)
    assert found.passages[0].heading[-1] == heading


def test_words_alone_support_an_answer_or_do_not(house):
    for known in ("onde fica o estacionamento?", "qual a senha da rede sem fio?", "aceitam cães pequenos?"):
        assert retrieval.search_words(question=known).supported, known
    for unknown in (
        "Qual é a capital da Mongólia?",
        "me ajuda com o imposto de renda",
        "asdf",
        "who won?",
        "",
    ):
        assert not retrieval.search_words(question=unknown).supported, unknown


def test_the_limit_holds_and_the_best_comes_first(house):
    passages = retrieval.search(question="estacionamento", limit=3).passages
    scores = [passage.score for passage in passages]
    assert len(scores) == 3 and scores == sorted(scores, reverse=True)
    assert (passages[0].document_id, passages[0].document_title) == (house.pk, "pousada.md")


def test_one_statement_and_its_setting_ends_with_it(house, alpha):
    retrieval.rank(question="café", vector=embeddings.question("café"), limit=3)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%told.word%'")
        assert cursor.fetchone() == (1,)


def test_what_was_replaced_does_not_hide_what_is_there(house):
    """An index keeps what was deleted until it is vacuumed; the search must look past it."""
    chunk = house.chunks.get(heading__contains=["Estacionamento"])
    for _again in range(3):
        copies = [Chunk(**{**_fields(chunk), "position": 100 + n}) for n in range(100)]
        Chunk.objects.bulk_create(copies)
        Chunk.objects.filter(position__gte=100).delete()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # as in a business with thousands of passages
        cursor.execute("SET LOCAL enable_sort = off")
    assert len(retrieval.search(question="onde fica o estacionamento?").passages) == 5


def _fields(chunk):
    """The same passage, a hair's breadth away: equal vectors would share one place in the index."""
    names = ("document_id", "heading", "text", "language", "embedding_model", "search")
    vector = np.array(chunk.embedding) + np.random.default_rng().normal(0, 1e-3, 896)
    return {name: getattr(chunk, name) for name in names} | {"embedding": vector.tolist()}


def test_a_kept_plan_never_reads_another_business(alpha, beta, background):
    """The statement names no schema: the plan that a connection keeps follows its search path."""
    for tenant, word in ((alpha, "morangos"), (beta, "abacates")):
        with schema_context(tenant.schema_name):
            file = SimpleUploadedFile("a.txt", f"Vendemos {word} frescos.".encode())
            documents.add(file=file, name="a.txt", added_by=None, now=timezone.now())
            background.run()
    for _again in range(7):
        for tenant, word in ((alpha, "morangos"), (beta, "abacates")):
            with schema_context(tenant.schema_name):
                (found,) = retrieval.search(question="vendem frutas frescas?").passages
                assert word in found.text
                assert Chunk.objects.get().pk == found.chunk_id
