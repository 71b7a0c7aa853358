"""Texts into vectors, by the model that serves this business.

Vectors of two models are never compared: whoever keeps a vector keeps the id of its model beside it
(`Chunk.embedding_model`, `PinnedQuestion.vector_model`), and compares only where the ids are equal. Who
writes such vectors says so in the same transaction (`guard`): a change of the model waits for it.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.conf import settings
from django.core.cache import cache
from django.utils.crypto import salted_hmac

from knowledge import metering
from knowledge.models import LOCAL, Embedding, embedding_vendors
from providers import embedding
from providers.addresses import names_host
from providers.embedding import Embedder, embedder
from providers.errors import ProviderError
from tenants import written
from tenants.db import connection

LOCK = 7_260_011
KEPT_SECONDS = 6 * 3600  # a question's vector, in the cache; about 2 KB each
_SPACES = re.compile(r"[^\w%+$€£#]+|_")
_VOWELS = re.compile(r"([aeiouy])\1{2,}")  # "boooom dia"
_ENDS = re.compile(r"([^\W\d])\1{2,}\b")  # "oláaaa", "simmmm"
_INSIDE = re.compile(r"([^\W\d])\1{2,}")  # "carrrro": no language has three of them


class Changed(ProviderError):
    """Another model began to serve while these texts were embedded: embed them again."""


@dataclass(frozen=True, slots=True, eq=False)
class Vector:
    """A question's unit vector of halves, and the id of the model that made it."""

    model: str
    values: Any


@dataclass(frozen=True, slots=True)
class Serving:
    """Who embeds for this business, and how many passages are best given at once."""

    adapter: Embedder

    @property
    def batch(self) -> int:
        return self.adapter.batch


def serving() -> Serving:
    """The model that serves this business at this moment."""
    row = _SERVING.first()
    return Serving(adapter(row) if row else embedder(settings.EMBEDDING_URL))


_SERVING = written.Rows(lambda: Embedding.objects.filter(status=Embedding.Status.SERVING).order_by("pk")[:1])


def adapter(row: Embedding) -> Embedder:
    """Who embeds by this choice, with the business's own key; raises ProviderRejected."""
    if row.vendor == LOCAL:
        return embedder(settings.EMBEDDING_URL)
    return embedding.build(
        row.vendor,
        api_key=row.api_key,
        base_url=row.base_url or None,
        model=row.model,
        dimensions=row.dimensions or None,
        shortened=row.shortened,
        allow_private=may_be_private(row.base_url),
    )


def may_be_private(base_url: str) -> bool:
    """Whether the installation lets this address lead into a private network; raises ProviderRejected."""
    return bool(base_url) and names_host(base_url, settings.MODEL_PRIVATE_HOSTS)


def question(text: str) -> Vector:
    """The vector of what somebody asks; one that was asked lately costs no call. Raises ProviderError."""
    return _of(text, by=serving().adapter)


def by_installation(text: str) -> Vector:
    """As `question`, by the installation's own model, whatever serves this business."""
    return _of(text, by=embedder(settings.EMBEDDING_URL))


def _of(text: str, *, by: Embedder) -> Vector:
    if by.known_model and (kept := cache.get(_key(text, by.known_model))) is not None:
        return Vector(by.known_model, np.frombuffer(kept, dtype="<f2"))
    model, values = by.embed_question(text)
    cache.set(_key(text, model), np.asarray(values, dtype="<f2").tobytes(), KEPT_SECONDS)
    return Vector(model, values)


def passages(texts: Sequence[str], *, by: Embedder | None = None) -> tuple[str, list[Any]]:
    """The model's id and a unit vector of halves for each passage; raises ProviderError.

    By the model that serves, unless another is named; what a vendor takes for it is on record. Give
    `serving().batch` of them at once: progress moves, and a call that is lost costs little.
    """
    by = by or serving().adapter
    made = by.embed_passages(texts)
    if texts:
        metering.embedded(by, characters=sum(map(len, texts)))
    return made


def guard(model: str) -> None:
    """In the caller's transaction, before vectors of this model are written; raises Changed.

    No other model begins to serve until the transaction ends.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s, hashtext(current_schema()))", [LOCK])
    if not serves(model):
        raise Changed("Another model serves by now.")


def serves(model: str) -> bool:
    """Whether vectors of the model with this id are what is searched now."""
    row = Embedding.objects.filter(status=Embedding.Status.SERVING).first()
    if row is None or row.vendor == LOCAL:
        return not model.startswith(tuple(f"{vendor}/" for vendor, _label in embedding_vendors()))
    return model == model_of(row)


def model_of(row: Embedding) -> str:
    """The id of a vendor's model, as it stands beside its vectors."""
    return embedding.model_id(
        row.vendor, base_url=row.base_url or None, model=row.model, dimensions=row.dimensions
    )


def folded(text: str) -> str:
    """A question as its near-equals have it, too: no case, accents, punctuation, or letters drawn out."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    plain = _INSIDE.sub(r"\1\1", _ENDS.sub(r"\1", _VOWELS.sub(r"\1", plain)))
    return " ".join(_SPACES.sub(" ", plain).split())


def _key(text: str, model: str) -> str:
    """Where a question's vector is kept: nobody who reads the cache learns what was asked."""
    read = embedding.cut(text, longest=embedding.QUESTION_CHARACTERS)
    secret = salted_hmac("knowledge.embeddings", f"{model}\n{folded(read) or read}", algorithm="sha256")
    return f"question:{secret.hexdigest()}"
