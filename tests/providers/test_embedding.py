"""The embedding process and its client: what comes in, what comes out, and what cannot break it."""

import json
import threading
import time
import urllib.error
import urllib.request
from http.client import HTTPConnection
from urllib.parse import urlsplit

import numpy as np
import pytest

from providers import embedding_means
from providers.embedding import DIMENSIONS, LocalEmbedder, embedder
from providers.errors import ProviderError
from tests.counterparts.serving import Background, answer

PASSAGE = "Aceitamos dinheiro, Pix e cartões de débito e de crédito."


@pytest.fixture(scope="module")
def local(embedding):
    return LocalEmbedder(embedding)


def send(url, body):
    request = urllib.request.Request(f"{url}/embed", data=body, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code


def test_vectors_are_units_and_name_their_model(local):
    model, vector = local.embed_question("Aceitam cartão?")
    assert (len(vector), vector.dtype, bool(model)) == (DIMENSIONS, np.float16, True)
    assert np.linalg.norm(vector.astype("f4")) == pytest.approx(1, abs=1e-3)
    assert local.embed_passages([PASSAGE])[0] == model


def test_the_same_meaning_is_near_in_any_language(local):
    passages = np.array(local.embed_passages([PASSAGE, "A piscina abre às oito da manhã."])[1], dtype="f4")
    for question in (
        "posso pagar com cartão?",
        "do you take cards?",
        "¿aceptan tarjeta?",
        "payer par carte ?",
    ):
        near, far = passages @ local.embed_question(question)[1].astype("f4")
        assert near > far + 0.1


def test_passages_come_back_in_order_and_none_is_none(local):
    together = local.embed_passages(["um", "dois", "três"])[1]
    alone = [local.embed_passages([text])[1][0] for text in ("um", "dois", "três")]
    assert np.array_equal(np.array(together), np.array(alone))
    assert local.embed_passages([])[1] == []


@pytest.mark.parametrize("text", ["", " ", "\x00", "\ud800", "a" * 100_000, "🐶" * 1000, "\n\n?"])
def test_any_text_has_a_vector_soon(local, text):
    started = time.monotonic()
    assert np.isfinite(local.embed_question(text)[1]).all()
    assert time.monotonic() - started < 8


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"kind": "x", "texts": []}', b'{"kind": "question", "texts": "a"}',
     b'{"kind": "question", "texts": [1]}', json.dumps({"kind": "passage", "texts": ["a"] * 257}).encode()],
)  # fmt: skip
def test_nonsense_is_refused(embedding, body):
    assert send(embedding, body) == 400


def test_other_pages_are_not_there(embedding):
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{embedding}/", timeout=5)


def test_a_question_does_not_wait_for_passages(local):
    busy = threading.Thread(target=lambda: local.embed_passages([f"{PASSAGE} {n} " * 15 for n in range(12)]))
    busy.start()
    time.sleep(0.1)
    started = time.monotonic()
    local.embed_question("uma pergunta que ninguém fez ainda")
    waited, still = time.monotonic() - started, busy.is_alive()
    busy.join()
    assert still and waited < 2


def test_the_same_question_at_once_is_computed_once_and_remembered(local):
    text, answers = f"pergunta repetida {time.time()}", []
    threads = [
        threading.Thread(target=lambda: answers.append(local.embed_question(text)[1])) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8 and all(np.array_equal(answers[0], other) for other in answers)


def test_a_kept_connection_that_was_closed_is_made_again(embedding):
    client = LocalEmbedder(embedding)
    client.embed_question("um")
    client._kept.connection.sock.shutdown(2)
    assert len(client.embed_question("dois")[1]) == DIMENSIONS


def test_one_connection_serves_many_questions(embedding):
    where = urlsplit(embedding)
    client = LocalEmbedder(embedding)
    client.embed_question("um")
    kept: HTTPConnection = client._kept.connection
    client.embed_question("dois")
    assert client._kept.connection is kept and kept.port == where.port


def test_away_is_a_reason_to_try_again():
    with pytest.raises(ProviderError, match="does not answer"):
        embedder("http://127.0.0.1:9").embed_question("oi")


@pytest.mark.parametrize("status", [500, 503, 200])
def test_what_is_no_answer_is_a_reason_to_try_again(status):
    async def app(scope, receive, send):
        await answer(send, status, b"nothing of use", "text/plain")

    counterpart = Background(app)
    counterpart.start()
    try:
        with pytest.raises(ProviderError, match="not ready"):
            LocalEmbedder(counterpart.url).embed_question("oi")
    finally:
        counterpart.stop()


def test_the_means_are_those_of_the_texts_beside_them():
    questions, passages = embedding_means.load()
    assert questions.shape == passages.shape == (384,)
    assert 0.5 < float(np.linalg.norm(questions)) < 1 and not np.allclose(questions, passages)
