"""Choose the model that embeds a business's texts: tried first, then everything is embedded by it."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from knowledge import embeddings, reembedding
from knowledge.models import LOCAL, Embedding
from knowledge.reembedding import SAMPLE, words
from providers.errors import AccountRefused, ProviderError, ProviderRejected
from tenants import audit, live
from tenants.background import enqueue
from tenants.models import User

Status = Embedding.Status


class Refused(Exception):
    """The choice cannot be used; the message says why, to who made it."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a business asks for. No dimensions: as many as the model has."""

    vendor: str
    model: str = ""
    api_key: str = ""
    base_url: str = ""
    dimensions: int | None = None

    def row(self, *, dimensions: int, shortened: bool, now: datetime) -> Embedding:
        """As it is kept while it is built."""
        return Embedding(
            vendor=self.vendor,
            model=self.model,
            api_key=self.api_key,
            base_url=self.base_url,
            dimensions=dimensions,
            shortened=shortened,
            due_at=now,
            created_at=now,
        )


def try_out(choice: Choice) -> tuple[int, bool]:
    """Ask the model once: how many dimensions its vectors have, and whether it must be asked for so many.

    Raises Refused, in words: the key, the model, the dimensions or the address.
    """
    try:
        if choice.dimensions is not None and choice.vendor != LOCAL:
            return _tried_short(choice, choice.dimensions)
        return _size(choice, dimensions=0, shortened=False), False
    except ProviderError as error:
        raise Refused(words(error)) from error


def _tried_short(choice: Choice, dimensions: int) -> tuple[int, bool]:
    try:
        return _size(choice, dimensions=dimensions, shortened=True), True
    except AccountRefused:
        raise
    except ProviderRejected:
        # A server that does not know this wish may have exactly so many all the same.
        has = _size(choice, dimensions=0, shortened=False)
    if has != dimensions:
        raise Refused(_("The model gives %(has)s dimensions, and no other number.") % {"has": has})
    return has, False


def _size(choice: Choice, *, dimensions: int, shortened: bool) -> int:
    row = choice.row(dimensions=dimensions, shortened=shortened, now=timezone.now())
    return len(embeddings.adapter(row).embed_question(SAMPLE)[1])


def choose(choice: Choice, *, actor: User | None, now: datetime) -> Embedding | None:
    """Try a model, and have everything embedded by it; None when it serves already. Raises Refused."""
    dimensions, shortened = try_out(choice)
    with transaction.atomic(durable=True):
        return begin(choice, dimensions=dimensions, shortened=shortened, actor=actor, now=now)


def begin(
    choice: Choice, *, dimensions: int, shortened: bool, actor: User | None, now: datetime
) -> Embedding | None:
    """As `choose`, untried, in the caller's transaction. Dimensions 0: they are found out on the way."""
    new = choice.row(dimensions=dimensions, shortened=shortened, now=now)
    audit.record("embedding.choose", actor=actor, target=new)
    serving = Embedding.objects.select_for_update().filter(status=Status.SERVING).first()
    Embedding.objects.exclude(status=Status.SERVING).delete()
    if _is_same(serving, new):
        Embedding.objects.filter(status=Status.SERVING).update(api_key=new.api_key)
        live.publish("embedding.changed")
        return None
    new.save()
    enqueue(reembedding.rebuild, embedding_id=new.pk)
    live.publish("embedding.changed", id=new.pk)
    return new


def _is_same(serving: Embedding | None, new: Embedding) -> bool:
    if serving is None or new.vendor == LOCAL:
        return serving is None and new.vendor == LOCAL
    alike = all(getattr(serving, name) == getattr(new, name) for name in ("vendor", "model", "base_url"))
    return alike and new.dimensions in (0, serving.dimensions)


@transaction.atomic(durable=True)
def give_up(*, actor: User | None) -> None:
    """Stay with the model that serves."""
    for row in Embedding.objects.exclude(status=Status.SERVING):
        audit.record("embedding.give_up", actor=actor, target=row)
        row.delete()
    live.publish("embedding.changed")


@transaction.atomic(durable=True)
def try_again(*, now: datetime) -> None:
    """Go on with a change that failed; what was embedded is kept."""
    for row in Embedding.objects.select_for_update().filter(status=Status.FAILED):
        row.status, row.problem, row.attempts, row.due_at = Status.BUILDING, "", 0, now
        row.save(update_fields=["status", "problem", "attempts", "due_at"])
        enqueue(reembedding.rebuild, embedding_id=row.pk)
        live.publish("embedding.changed", id=row.pk)
