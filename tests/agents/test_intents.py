"""What a customer wants is read without a model: the weights are the examples', and read well enough."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from agents import fitting, intents
from agents.routing import INTENTS, OUT_OF_SCOPE
from bench.quality.intents import auroc
from providers.embedding import embedder

HELD_OUT = Path(__file__).parents[2] / "bench" / "intents"
LANGUAGES = {"pt", "en", "es", "fr"}


def test_the_weights_are_those_of_the_examples() -> None:
    """When this fails: make intents."""
    with np.load(intents.PATH) as kept:
        assert str(kept["examples"]) == fitting.digest(fitting.examples())


def test_there_are_enough_examples_of_each_intent_in_each_language() -> None:
    known = Counter((one.intent, one.language) for one in fitting.examples())
    assert set(known) == {(intent, language) for intent in INTENTS for language in LANGUAGES}
    assert min(known.values()) >= 25


def test_what_is_asked_in_tests_was_never_learnt() -> None:
    learnt = {example.text for example in fitting.examples()}
    assert not learnt & {one.text for path in HELD_OUT.glob("*.jsonl") for one in fitting.read(path)}


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_held_out_messages_are_read(language: str, embedding: str) -> None:
    """Generous bounds, for gross regressions: the figures themselves are in docs/benchmarks.md."""
    known = fitting.read(HELD_OUT / f"{language}.jsonl")
    asked = [one for at, one in enumerate(known) if one.intent == OUT_OF_SCOPE or at % 3 == 0]
    local = embedder(embedding)
    found = []
    for one in asked:
        model, vector = local.embed_question(one.text)
        found.append((one.intent, intents.read(vector, model=model)))
    readings = [(intent, reading) for intent, reading in found if reading is not None]
    assert len(readings) == len(asked)
    assert sum(intent == reading.intent for intent, reading in readings) >= 0.65 * len(asked)
    outside = [reading.out_of_scope for intent, reading in readings if intent == OUT_OF_SCOPE]
    inside = [reading.out_of_scope for intent, reading in readings if intent != OUT_OF_SCOPE]
    assert auroc(outside, inside) >= 0.94


def test_another_models_vector_is_not_read() -> None:
    assert intents.read(np.ones(3, dtype="<f2"), model="vendor/other/3") is None


class TestCorrections:
    """Three intents along three axes; the classifier takes everything for the first."""

    BY = intents.Classifier(
        "m", ("booking", "price", "refund"), np.zeros((3, 3), dtype="f4"), np.array([2.0, 0.0, 0.0])
    )

    def test_the_same_words_mean_what_a_person_said(self) -> None:
        said = intents.Corrections(["price"], np.array([[0.0, 1.0, 0.0]]))
        found = intents.reading(self.BY, np.array([0.0, 1.0, 0.0]), said)
        assert found.intent == "price" and found.confidence > 0.9

    def test_what_is_far_from_them_stays(self) -> None:
        said = intents.Corrections(["price"], np.array([[0.0, 1.0, 0.0]]))
        assert intents.reading(self.BY, np.array([1.0, 0.0, 0.0]), said).intent == "booking"

    def test_an_intent_that_nobody_knows_any_more_does_nothing(self) -> None:
        said = intents.Corrections(["gone"], np.array([[0.0, 1.0, 0.0]]))
        assert intents.reading(self.BY, np.array([0.0, 1.0, 0.0]), said).intent == "booking"


def test_the_examples_are_one_object_a_line() -> None:
    for path in intents.EXAMPLES.glob("*.jsonl"):
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        assert {row["language"] for row in rows} == {path.stem}
