"""The index on meaning comes with many passages, goes with few, and a killed build leaves nothing behind."""

import numpy as np
import pytest
from django.contrib.postgres.search import SearchVector
from django.db.models import Value
from django_tenants.utils import schema_context

from knowledge import counting, embeddings, meaning_index, retrieval
from knowledge import search_statement as statements
from knowledge.models import Chunk, Document
from tenants.db import connection

pytestmark = pytest.mark.django_db(transaction=True)
MODEL, DIMENSIONS = "own/model-1", 48
NEAREST = statements.by_both(MODEL, DIMENSIONS)


@pytest.fixture
def few(monkeypatch):
    """Ten passages are many."""
    monkeypatch.setattr(meaning_index, "MADE_AT", 10)
    monkeypatch.setattr(meaning_index, "DROPPED_BELOW", 5)


@pytest.fixture
def shop(alpha, few):
    """Alpha with forty passages of a model of its own."""
    with schema_context(alpha.schema_name):
        document = Document.objects.create(title="a", bytes=1, sha256="a", status="ready", chunk_count=40)
        Chunk.objects.bulk_create(passage(document, number) for number in range(40))
        yield document
        Chunk.objects.all().delete()
        meaning_index.settle()
        assert there() == {}


def passage(document, number, *, model=MODEL, dimensions=DIMENSIONS):
    return Chunk(
        document=document,
        position=number,
        heading=[str(number)],  # so that nothing is read together with its neighbours
        text=f"Passage {number}",
        language="en",
        embedding=vector(number, dimensions).tolist(),
        embedding_model=model,
        search="",
    )


def vector(number, dimensions=DIMENSIONS):
    made = np.random.default_rng(number).normal(size=dimensions)
    return made / np.linalg.norm(made)


def there():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, indisvalid FROM pg_index JOIN pg_class named ON named.oid = indexrelid"
            " WHERE indrelid = 'knowledge_chunk'::regclass AND relname LIKE 'chunk\\_meaning%'"
        )
        return dict(cursor.fetchall())


def plan(statement):
    """How PostgreSQL runs a search where looking at every passage costs too much."""
    values = {"words": "passage", "limit": 5, "wanted": 5, "staff": False, "agent": -1}
    values["vector"] = retrieval.Halves(vector(7))
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        try:
            rows = retrieval.prepared(f"EXPLAIN {statement}", values)
        finally:
            cursor.execute("RESET enable_seqscan")
    return "\n".join(line for (line,) in rows)


def nearest(number):
    asked = embeddings.Vector(MODEL, vector(number))
    return retrieval.rank(question="?", vector=asked, limit=3).passages[0].text


@pytest.fixture
def common(shop, monkeypatch):
    """Every second passage is red, every third has a door; neither word finds by itself."""
    monkeypatch.setattr(statements, "BY_WORDS", 5)
    monkeypatch.setattr(statements, "BY_MEANING", 5)
    statements.by_both.cache_clear()
    for chunk in Chunk.objects.all():
        words = "red " * (chunk.position % 2 == 0) + "door " * (chunk.position % 3 == 0)
        chunk.search = SearchVector(Value(words), config="public.fd_en")
        chunk.save(update_fields=["search"])
    counting.count_words(list(Chunk.objects.values_list("pk", flat=True)))
    yield
    statements.by_both.cache_clear()


def test_two_common_words_together_find_what_is_not_near(common):
    asked = embeddings.Vector(MODEL, vector(7))
    found = retrieval.rank(question="red door", vector=asked, limit=4).passages
    assert [int(passage.heading[0]) for passage in found] == [7, 36, 0, 24]  # 38, 4 and 19 are nearer


class TestKeep:
    def test_it_is_made_used_and_dropped_again(self, shop):
        before = nearest(7)
        meaning_index.settle()
        ((name, whole),) = there().items()
        assert whole and name in plan(NEAREST)
        assert nearest(7) == before == "Passage 7"

        Chunk.objects.filter(position__gte=7).delete()  # few, but not so few that it goes
        meaning_index.settle()
        assert list(there()) == [name]

        Chunk.objects.filter(position__gte=3).delete()
        meaning_index.settle()
        assert there() == {}

    def test_few_passages_need_none(self, shop):
        Chunk.objects.filter(position__gte=9).delete()
        meaning_index.settle()
        assert there() == {}

    def test_another_model_has_its_own_and_its_passages_are_let_in_before(self, shop):
        meaning_index.settle()
        (old,) = there()
        for chunk in Chunk.objects.all():
            other = vector(chunk.position, 64).tolist()
            Chunk.objects.filter(pk=chunk.pk).update(embedding=other, embedding_model="own/model-2")
        meaning_index.settle()
        (new,) = there()
        assert new != old
        assert there() == {new: True}

    def test_what_a_killed_build_left_is_made_anew(self, shop):
        meaning_index.settle()
        (name,) = there()
        with connection.cursor() as cursor:  # as a build that was stopped leaves it
            cursor.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass", [name])
        assert there() == {name: False}
        meaning_index.settle()
        assert there() == {name: True}


def test_the_sweep_rings_for_who_has_many_or_has_an_index(shop, alpha, beta, background, few):
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE knowledge_chunk")
    meaning_index.sweep()
    rung = [sent.headers["schema"] for sent in background.sent if sent.name.endswith("meaning_index.keep")]
    assert rung == [alpha.schema_name]
    background.run()
    with schema_context(alpha.schema_name):
        assert len(there()) == 1
