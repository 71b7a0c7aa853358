"""Another embedding model: tried, built beside the one that serves, swapped at once; killed, it goes on."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.utils import timezone

from knowledge import counting, drafts, embedding_choice, embeddings, gaps, reembedding, retrieval
from knowledge.models import Chunk, DraftChunk, Embedding, Gap, NextVector
from tests.background import Background
from tests.counterparts.embeddings import KEY, Embeddings
from tests.knowledge.passages import add

TEXTS = [
    "Abrimos de segunda a sexta, das 8h às 18h.",
    "O estacionamento fica na Rua das Acácias, 210.",
    "A limpeza dental custa R$ 180,00 e dura quarenta minutos.",
]
QUESTION = "onde fica o estacionamento?"


@pytest.fixture(scope="module")
def _vendor() -> Iterator[Embeddings]:
    with Embeddings() as vendor:
        yield vendor


@pytest.fixture
def vendor(_vendor: Embeddings, settings: Any) -> Iterator[Embeddings]:
    _vendor.forget()
    settings.MODEL_PRIVATE_HOSTS = ["*"]
    yield _vendor
    _vendor.forget()


def choice(vendor: Embeddings, /, **other: Any) -> embedding_choice.Choice:
    known = {"vendor": "openai", "model": "m", "api_key": KEY, "base_url": f"{vendor.url}/v1"}
    return embedding_choice.Choice(**known | other)


def choose(vendor: Embeddings, /, **other: Any) -> Embedding | None:
    return embedding_choice.choose(choice(vendor, **other), actor=None, now=timezone.now())


def models(kind: Any = Chunk) -> set[str]:
    return set(kind.objects.values_list("embedding_model", flat=True))


def found(question: str = QUESTION) -> list[str]:
    return [one.text for one in retrieval.search(question=question, language="pt").passages]


@pytest.mark.django_db
class TestChange:
    def test_everything_is_embedded_once_and_then_searched_by_the_new_model(
        self, in_alpha: Any, vendor: Embeddings, background: Background
    ) -> None:
        add(*TEXTS)
        add("Um rascunho ainda não lido.", title="rascunho", kind=DraftChunk)
        add(TEXTS[0], title="cópia")
        old = models()
        coming = choose(vendor)
        assert coming is not None and (coming.status, coming.dimensions) == ("building", 64)
        assert models() == old and TEXTS[1] in found()  # until then as before
        vendor.requests.clear()
        background.run()
        serving = Embedding.objects.get()
        assert serving.status == "serving" and models() == models(DraftChunk) == {
            embeddings.model_of(serving)
        }
        assert sorted(vendor.texts()) == sorted([*TEXTS, "Um rascunho ainda não lido."])  # a twin only once
        assert not NextVector.objects.exists()
        assert found()[0] == TEXTS[1]
        assert retrieval.search(question="xyzzy plugh", language="pt").supported is False

    def test_going_back_is_a_change_too_and_leaves_no_row(
        self, in_alpha: Any, vendor: Embeddings, background: Background
    ) -> None:
        add(*TEXTS)
        old = models()
        choose(vendor)
        background.run()
        vendor.requests.clear()
        choose(vendor, vendor="local", model="", api_key="", base_url="")
        background.run()
        assert models() == old and not Embedding.objects.exists() and not vendor.requests
        assert TEXTS[1] in found()

    def test_the_same_again_changes_the_key_only(
        self, in_alpha: Any, vendor: Embeddings, background: Background
    ) -> None:
        add(*TEXTS)
        choose(vendor)
        background.run()
        vendor.app.key = "another key"
        assert choose(vendor, api_key="another key") is None
        assert Embedding.objects.get().api_key == "another key" and not background.names()

    def test_what_comes_meanwhile_is_embedded_by_both_before_the_swap(
        self, in_alpha: Any, vendor: Embeddings, background: Background, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        add(*TEXTS)
        swap, late = reembedding._swap, ["Aceitamos cães pequenos.", "Fechamos no Natal."]

        def swap_later(row: Embedding, **when: Any) -> bool:
            if late:
                text = late.pop()
                add(text, title=text)
            return swap(row, **when)

        monkeypatch.setattr(reembedding, "_swap", swap_later)
        choose(vendor)
        background.run()
        assert models() == {embeddings.model_of(Embedding.objects.get())} and Chunk.objects.count() == 5
        assert found("aceitam cães?")[0] == "Aceitamos cães pequenos."

    def test_a_passage_without_a_digest_gets_one_and_one_that_waits_stays_out(
        self, in_alpha: Any, vendor: Embeddings, background: Background
    ) -> None:
        old, edited, _third = add(*TEXTS)
        Chunk.objects.filter(pk=old.pk).update(digest="")
        Chunk.objects.filter(pk=edited.pk).update(digest="waits")
        choose(vendor)
        background.run()
        assert Chunk.objects.get(pk=old.pk).digest == drafts.digest_of({"heading": [], "text": TEXTS[0]})
        assert Chunk.objects.get(pk=edited.pk).embedding_model == edited.embedding_model
        counting.find_middle()  # two models in the table are no error
        assert TEXTS[0] in found("que horas abrem?")

    def test_open_gaps_are_placed_by_the_new_model_too(
        self, in_alpha: Any, vendor: Embeddings, background: Background
    ) -> None:
        def place(question: str) -> bool:
            asked = {"question": question, "language": "pt", "vector": embeddings.question(question)}
            return gaps.place(**asked, now=timezone.now())[1]

        assert place("vocês alugam bicicletas?") is True
        choose(vendor)
        background.run()
        assert Gap.objects.get().vector_model == embeddings.model_of(Embedding.objects.get())
        assert place("vocês alugam bicicletas??") is False

    def test_who_writes_vectors_of_the_old_model_after_the_swap_is_told(
        self, in_alpha: Any, vendor: Embeddings, background: Background
    ) -> None:
        [old] = {row.embedding_model for row in add(*TEXTS)}
        with transaction.atomic():
            embeddings.guard(old)
        choose(vendor)
        background.run()
        with transaction.atomic(), pytest.raises(embeddings.Changed):
            embeddings.guard(old)
        embeddings.guard(embeddings.model_of(Embedding.objects.get()))

    def test_passages_of_an_older_model_are_renewed(
        self, in_alpha: Any, vendor: Embeddings, background: Background
    ) -> None:
        stale, *_others = add(*TEXTS)
        Chunk.objects.filter(pk=stale.pk).update(embedding_model="older")
        background.run_one(reembedding.renew)
        assert Embedding.objects.get().vendor == "local"
        background.run()
        assert models() == {stale.embedding_model} and not Embedding.objects.exists()
        background.run_one(reembedding.renew)
        assert not Embedding.objects.exists()  # nothing is stale


@pytest.mark.django_db
class TestFailure:
    @pytest.mark.parametrize(
        ("other", "said"),
        [
            ({"api_key": "wrong"}, "refuses the key"),
            ({"api_key": "não"}, "refuses the key. Copy it once more"),
            ({"model": "unknown"}, "404"),
            ({"dimensions": 63, "vendor": "cohere"}, "could not be"),
            ({"base_url": "ftp://127.0.0.1"}, "must begin with http"),
            ({"base_url": "http://127.0.0.1:9/v1"}, "could not be reached"),
        ],
    )
    def test_a_choice_that_does_not_work_is_refused_in_words(
        self, in_alpha: Any, vendor: Embeddings, other: dict[str, Any], said: str
    ) -> None:
        if other.get("vendor") == "cohere":
            vendor.fail_next("hollow")
        with pytest.raises(embedding_choice.Refused, match=said):
            choose(vendor, **other)
        assert not Embedding.objects.exists()

    def test_a_number_of_dimensions_that_the_model_has_not_is_said(
        self, in_alpha: Any, vendor: Embeddings
    ) -> None:
        vendor.fail_next("narrow")
        with pytest.raises(embedding_choice.Refused, match="gives 64 dimensions"):
            choose(vendor, dimensions=100)
        assert choose(vendor, dimensions=32).shortened is True  # type: ignore[union-attr]

    def test_a_busy_vendor_is_asked_again_after_pauses_that_grow(
        self, in_alpha: Any, vendor: Embeddings, background: Background
    ) -> None:
        add(*TEXTS)
        choose(vendor)
        vendor.fail_next("503", times=2)
        pauses = []
        for _ in range(2):
            Embedding.objects.update(due_at=timezone.now())
            background.run_one()
            pauses.append(background.sent[-1].countdown)
        assert pauses == [30.0, 60.0] and Embedding.objects.get().status == "building"
        Embedding.objects.update(due_at=timezone.now())
        vendor.fail_next("429:120")
        background.run_one()
        assert background.sent[-1].countdown == 120.0
        Embedding.objects.update(due_at=timezone.now())
        background.run()
        assert Embedding.objects.get().status == "serving" and TEXTS[1] in found()

    def test_what_does_not_pass_ends_in_words_and_goes_on_where_it_was(
        self, in_alpha: Any, vendor: Embeddings, background: Background, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        add(*TEXTS)
        coming = choose(vendor)
        assert coming is not None
        monkeypatch.setattr("providers.embedding_openai.OpenAIEmbedder.batch", 1)
        vendor.requests.clear()
        vendor.app.before_answer = lambda number: vendor.fail_next("401") if number == 3 else None
        background.run()
        coming.refresh_from_db()
        assert (coming.status, coming.done, coming.total) == ("failed", 2, 3)
        assert "refuses the key" in coming.problem or "recusa a chave" in coming.problem
        assert TEXTS[1] in found()  # by the model that serves
        vendor.forget()
        embedding_choice.try_again(now=timezone.now())
        background.run()
        assert Embedding.objects.get().status == "serving" and len(vendor.texts()) == 1  # the last

    def test_another_choice_takes_the_place_of_the_one_that_is_built(
        self, in_alpha: Any, vendor: Embeddings, background: Background
    ) -> None:
        add(*TEXTS)
        first = choose(vendor)
        second = choose(vendor, vendor="voyage", model="wide")
        assert first is not None and second is not None
        background.run()
        assert Embedding.objects.get().vendor == "voyage" and found()[0] == TEXTS[1]
        embedding_choice.choose(choice(vendor), actor=None, now=timezone.now())
        embedding_choice.give_up(actor=None)
        background.run()
        assert Embedding.objects.get().vendor == "voyage" and not NextVector.objects.exists()


@pytest.mark.django_db
class TestQuestions:
    """A repeated or near-same question costs no call."""

    @pytest.fixture
    def served(self, in_alpha: Any, vendor: Embeddings) -> Embeddings:
        cache.clear()
        row = choice(vendor).row(dimensions=64, shortened=False, now=timezone.now())
        row.status = "serving"
        row.save()
        return vendor

    def test_alike_questions_cost_one_call(self, served: Embeddings) -> None:
        alike = ["Até que horas vocês abrem?", "ate que horas voces abrem", "ATÉ QUE HORAS VOCÊS ABREM???",
                 "até  que horas\nvocês abrem", "atééééé que horasss vocês abrem!!!",
                 "*Até que horas vocês abrem*"]  # fmt: skip
        first, *others = [embeddings.question(text) for text in alike]
        assert len(served.requests) == 1
        assert all(one.model == first.model and list(one.values) == list(first.values) for one in others)

    @pytest.mark.parametrize(
        ("one", "other"),
        [("custa 100?", "custa 1000?"), ("10%", "10"), ("caro", "carro"), ("👍", "👎"), ("11h", "111h"),
         ("", "?!")],
    )  # fmt: skip
    def test_others_are_others(self, one: str, other: str) -> None:
        assert (embeddings.folded(one) or one) != (embeddings.folded(other) or other)

    def test_no_business_has_the_vectors_of_another_and_no_key_has_words(
        self, served: Embeddings, beta: Any
    ) -> None:
        embeddings.question("quanto custa o clareamento?")
        names = cache._cache.get_client().keys("*question:*")  # type: ignore[attr-defined]
        assert len(names) == 1 and b"clareamento" not in names[0] and b"alpha" in names[0]
        row = Embedding.objects.get()
        connection.set_tenant(beta)
        row.save(force_insert=True)
        embeddings.question("quanto custa o clareamento?")
        assert len(served.requests) == 2

    def test_another_model_is_asked_anew(self, served: Embeddings) -> None:
        one = embeddings.question("oi")
        Embedding.objects.update(model="wide", dimensions=1536)
        other = embeddings.question("oi")
        assert len(served.requests) == 2 and one.model != other.model and len(other.values) == 1536

    def test_without_redis_it_is_asked_each_time(
        self, served: Embeddings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from redis.exceptions import ConnectionError as Away

        def away(*_: Any, **__: Any) -> Any:
            raise Away

        monkeypatch.setattr("redis.connection.Connection.read_response", away)
        monkeypatch.setattr("redis.connection.Connection.connect", away)
        assert len(embeddings.question("oi").values) == len(embeddings.question("oi").values) == 64
        assert len(served.requests) == 2

    def test_the_installations_own_model_is_not_asked_twice_either(
        self, in_alpha: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cache.clear()
        by = embeddings.serving().adapter
        embeddings.question("uma primeira pergunta, para conhecer o modelo")
        asked: list[str] = []
        embed = by.embed_question

        def counted(text: str) -> Any:
            asked.append(text)
            return embed(text)

        monkeypatch.setattr(by, "embed_question", counted)
        assert embeddings.question("Oi, tudo bem?").model == embeddings.question("oiii tudo bem").model
        assert asked == ["Oi, tudo bem?"]


# (where it dies, what is there then)
POINTS = [
    ("knowledge.reembedding:_settled:after", "claimed"),
    ("knowledge.reembedding:_keep:before", "nothing embedded yet"),
    ("knowledge.reembedding:_keep:after", "a batch is kept"),
    ("knowledge.reembedding:_tell:after", "a batch is embedded and not committed"),
    ("knowledge.reembedding:_put_in_place:after", "the vectors are in place and not committed"),
    ("knowledge.reembedding:_swap:after", "swapped, and the doorbells are lost"),
]


@pytest.fixture
def kill(transactional_db: None) -> Iterator[Callable[..., None]]:
    """`kill(point, settings, embedding_id)`: a process builds, and dies there."""
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
    victim = subprocess.Popen(
        [sys.executable, "-m", "tests.risks.victim"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env
    )
    assert victim.stdin and victim.stdout and victim.stdout.readline() == b"ready\n"

    def order(point: str, settings: dict[str, Any], **ids: int) -> None:
        told = {"step": "embed", "point": point, "schema": "alpha", "settings": settings, "ids": ids}
        victim.stdin.write(json.dumps(told).encode() + b"\n")  # type: ignore[union-attr]
        victim.stdin.flush()  # type: ignore[union-attr]
        assert int(victim.stdout.readline()) == signal.SIGKILL, point  # type: ignore[union-attr]

    yield order
    victim.stdin.close()
    assert victim.wait(timeout=20) == 0


def test_killed_anywhere_it_goes_on(
    kill: Callable[..., None], alpha: Any, vendor: Embeddings, background: Background, settings: Any
) -> None:
    connection.set_tenant(alpha)
    add(*TEXTS)
    said = {"MODEL_PRIVATE_HOSTS": ["*"], "EMBEDDING_URL": settings.EMBEDDING_URL}
    for number, (point, what) in enumerate(POINTS):
        coming = choose(vendor, model=f"m{number}")
        assert coming is not None
        background.sent.clear()
        vendor.requests.clear()
        kill(point, said, embedding_id=coming.pk)
        assert TEXTS[1] in found(), what  # whoever serves now
        Embedding.objects.update(due_at=timezone.now() - timedelta(minutes=1))  # the lease is over
        reembedding.sweep.apply(throw=True)
        connection.set_tenant(alpha)
        background.run()
        serving = Embedding.objects.get()
        assert (serving.pk, serving.status) == (coming.pk, "serving"), what
        assert models() == {embeddings.model_of(serving)} and not NextVector.objects.exists(), what
        embedded = [text for text in vendor.texts() if text in TEXTS]
        lost = point.endswith("_tell:after")  # of a batch whose commit never came nobody knows
        assert len(embedded) == len(TEXTS) * (2 if lost else 1), what
        assert found()[0] == TEXTS[1], what
