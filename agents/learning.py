"""What people of a business have corrected about the router: kept as examples, read beside the classifier."""

import re
from datetime import datetime
from typing import Any

import numpy as np
from django.core.cache import cache
from django.db import transaction

from agents.intents import Corrections
from agents.models import IntentExample
from agents.routing import INTENTS
from providers.embedding import DIMENSIONS
from tenants import audit
from tenants.models import User

KEPT = "intent-corrections"
KEPT_SECONDS = 24 * 3600
MOST = 500  # the newest; about 2 KB each
LONGEST = 300
_PRIVATE = re.compile(r"[\w.+-]+@[\w.-]+|\+?\d[\d .()/-]{4,}\d")


def corrections() -> Corrections:
    """Those of this business; without a statement while the cache knows them."""
    kept = cache.get(KEPT)
    if kept is None:
        kept = _stored()
        cache.set(KEPT, kept, KEPT_SECONDS)
    names, vectors = kept
    return Corrections(names, np.frombuffer(vectors, dtype="<f2").reshape(len(names), -1 if names else 0))


def _stored() -> tuple[list[str], bytes]:
    rows = IntentExample.objects.exclude(vector=None).order_by("-pk")
    named = ((intent, bytes(vector or b"")) for intent, vector in rows.values_list("intent", "vector")[:MOST])
    found = [(intent, vector) for intent, vector in named if len(vector) == DIMENSIONS * 2]
    return [intent for intent, _vector in found], b"".join(vector for _intent, vector in found)


@transaction.atomic
def correct(
    text: str, *, intent: str, language: str, vector: Any, user: User | None, now: datetime
) -> IntentExample:
    """Keep what this message means, without what may tell whose it was; the last word counts.

    `vector` is the unit vector of the text by the installation's own model. Raises ValueError for an intent
    that nobody knows.
    """
    if intent not in INTENTS:
        raise ValueError(f"There is no intent {intent}.")
    example, _new = IntentExample.objects.update_or_create(
        text=without_names(text),
        language=language[:5],
        defaults={
            "intent": intent,
            "vector": np.asarray(vector, dtype="<f2").tobytes(),
            "created_by": user,
            "created_at": now,
        },
    )
    audit.record("intent.correct", actor=user, target=example)
    transaction.on_commit(forget)
    return example


@transaction.atomic(durable=True)
def change(example: IntentExample, *, intent: str, user: User) -> None:
    """This message means something else after all; raises ValueError for an intent that nobody knows."""
    if intent not in INTENTS:
        raise ValueError(f"There is no intent {intent}.")
    example.intent, example.created_by = intent, user
    example.save(update_fields=["intent", "created_by"])
    audit.record("intent.correct", actor=user, target=example)
    transaction.on_commit(forget)


@transaction.atomic(durable=True)
def unlearn(example: IntentExample, *, user: User) -> None:
    """The router reads messages like this one by itself again."""
    audit.record("intent.unlearn", actor=user, target=example)
    example.delete()
    transaction.on_commit(forget)


def forget() -> None:
    """The next message reads the corrections anew."""
    cache.delete(KEPT)


def without_names(text: str) -> str:
    """A message without addresses and numbers, as far as it is kept."""
    return _PRIVATE.sub("…", " ".join(text.split()))[:LONGEST]
