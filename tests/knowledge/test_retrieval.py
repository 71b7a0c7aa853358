"""What is found, in which order, in which languages, and when nothing supports an answer."""

import pytest
from django.contrib.postgres.search import SearchVector
from django.db.models import Value
from django_tenants.utils import schema_context

from knowledge import counting, embeddings, retrieval
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


_vectors: dict[str, object] = {}  # of the same passage once a run: each takes 0.2 s of CPU


def read(title, text):
    """The document as it stands after it was read: a passage a section."""
    head, *sections = text.split("\n\n## ")
    pieces = [([head.lstrip("# "), name], body) for name, body in (part.split("\n", 1) for part in sections)]
    pieces = pieces or [([], text)]
    document = Document.objects.create(
        title=title, bytes=1, sha256=title, status="ready", language="pt", chunk_count=len(pieces)
    )
    made = [_passage(document, n, heading, body) for n, (heading, body) in enumerate(pieces)]
    counting.count_words([chunk.pk for chunk in Chunk.objects.bulk_create(made)])
    counting.find_middle()
    return document


def _passage(document, position, heading, body):
    words = "\n".join([" › ".join(heading), body]).strip()
    if words not in _vectors:
        _vectors[words] = embeddings.passages([words])
    model, (vector,) = _vectors[words]
    return Chunk(
        document=document,
        position=position,
        heading=heading,
        text=body,
        language="pt",
        embedding=vector,
        embedding_model=model,
        search=SearchVector(Value(words), config="public.fd_pt"),
    )


@pytest.fixture
def house(alpha):
    """Alpha's one document, read."""
    with schema_context(alpha.schema_name):
        yield read("pousada.md", HOUSE)


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
    "question", ["que horas é o café da manhã?", "do you accept dogs?", "aceitam cachorros?"]
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


def test_a_kept_plan_never_reads_another_business(alpha, beta):
    """The statement names no schema: the plan that a connection keeps follows its search path."""
    both = ((alpha, "morangos"), (beta, "abacates"))
    for tenant, word in both:
        with schema_context(tenant.schema_name):
            read("a.txt", f"Vendemos {word} frescos.")
    for _again in range(7):
        for tenant, word in both:
            with schema_context(tenant.schema_name):
                (found,) = retrieval.search(question="vendem frutas frescas?").passages
                assert word in found.text
                assert Chunk.objects.get().pk == found.chunk_id


@pytest.mark.parametrize(
    ("question", "heading"),
    [
        ("qnto custa levar cachoro peqeno?", "Animais"),
        ("tem estasionamento?", "Estacionamento"),
        ("canselamento em cima da hora", "Cancelamento"),
        ("vcs tem cafe da manha hj?", "Café da manhã"),
        ("q horas eh o cafeeee", "Café da manhã"),
    ],
)
@pytest.mark.parametrize("mode", ["both", "words"])
def test_misspelled_words_and_chat_spelling_find_what_is_meant(house, question, heading, mode):
    found = retrieval.explain(question, mode=mode, language="pt").passages[0]
    assert found.heading[-1] == heading and found.why.words


def test_why_tells_the_parts_of_the_score_and_the_words(house):
    found = retrieval.explain("tem estasionamento gratuito?", language="pt").passages[0]
    assert found.score == pytest.approx(found.cosine + found.why.weight * found.coverage)
    assert "gratuit" in found.why.words and any(word.startswith("estacion") for word in found.why.words)
    by_meaning = retrieval.explain("tem estasionamento gratuito?", mode="meaning", language="pt")
    assert by_meaning.passages[0].score == pytest.approx(by_meaning.passages[0].cosine)
    assert not by_meaning.passages[0].why.words


class TestWhoMayBeTold:
    @pytest.mark.parametrize("mode", ["both", "words", "meaning"])
    def test_disabled_internal_and_other_assistants_passages_stay_hidden(self, house, mode):
        car = Chunk.objects.filter(heading__contains=["Estacionamento"])

        def told(**more):
            found = retrieval.explain("onde fica o estacionamento gratuito?", mode=mode, **more)
            return any("estacionamento" in passage.text for passage in found.passages)

        assert told()
        car.update(audience="staff")
        assert not told() and told(audience="staff")
        car.update(audience="customers", agent_ids=[7])
        assert not told() and not told(agent_id=8) and told(agent_id=7)
        car.update(agent_ids=[], enabled=False)
        assert not told(audience="staff", agent_id=7)

    def test_what_is_hidden_is_not_read_as_a_neighbour(self, house):
        _under_one_heading(house)
        hidden = Chunk.objects.get(text__contains="gratuito")
        Chunk.objects.filter(pk=hidden.pk).update(audience="staff")
        found = retrieval.search(question="que horas servem o café da manhã?")
        assert "gratuito" not in " ".join(passage.text for passage in found.passages)


def _under_one_heading(document):
    Chunk.objects.filter(document=document).update(heading=["Pousada"])


def test_short_neighbours_are_read_together_and_each_place_knows_its_chunk(house):
    _under_one_heading(house)
    first = retrieval.search(question="que horas servem o café da manhã?").passages[0]
    ids = list(Chunk.objects.order_by("position").values_list("pk", flat=True))
    assert first.chunk_id == ids[0] and first.chunk_ids == tuple(ids[:2])
    assert first.chunk_at(first.text.index("servido")) == ids[0]
    assert first.chunk_at(first.text.index("gratuito")) == ids[1]


def test_what_two_documents_say_alike_is_told_once(house):
    again = HOUSE.replace("O café da manhã é", "Café da manhã é").replace("48 horas", "72 horas")
    read("de-novo.md", again)
    coffee = retrieval.search(question="que horas servem o café da manhã?", limit=10).passages
    assert sum("servido" in passage.text for passage in coffee) == 1
    left = retrieval.search(question="posso cancelar com menos de 48 horas?", limit=10).passages
    assert sum("primeira diária" in passage.text for passage in left) == 2  # they disagree: both are told


def test_another_model_that_takes_over_in_between_is_asked_again(house, monkeypatch):
    """Between the question's vector and the search, all passages got vectors of another model."""
    real, asked = embeddings.question, []

    def swapped(text):
        asked.append(text)
        if len(asked) == 1:
            for chunk in Chunk.objects.all():
                short = list(chunk.embedding)[:384]
                Chunk.objects.filter(pk=chunk.pk).update(embedding=short, embedding_model="other/1")
            return real(text)
        return embeddings.Vector("other/1", real(text).values[:384])

    monkeypatch.setattr(embeddings, "question", swapped)
    found = retrieval.search(question="tem onde parar o carro?", limit=3)
    assert len(asked) == 2 and len(found.passages) == 3
    assert found.passages[0].heading[-1] == "Estacionamento"
