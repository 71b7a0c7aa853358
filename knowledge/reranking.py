"""The order of the best passages by a vendor of the business's choice; without one our own order stays."""

from collections.abc import Sequence

from django.db import transaction

from knowledge import embeddings
from knowledge.joining import Found
from knowledge.models import Reranker
from providers import reranking
from tenants import audit, written
from tenants.models import User

SECONDS = 2.0  # a customer waits
LOOKED_AT = 20  # passages that are put in order
TRIED = (
    "aceitam cartão?",
    ["Abrimos às oito.", "Aceitamos dinheiro, Pix e cartões.", "Há vagas."],
)


def chosen() -> Reranker | None:
    """Who puts passages in order for this business; usually nobody."""
    return _CHOSEN.first()


_CHOSEN = written.Rows(lambda: Reranker.objects.order_by("pk")[:1])


def ordered(row: Reranker, question: str, passages: Sequence[Found]) -> tuple[Found, ...]:
    """The same passages, best first by the vendor; raises ProviderError after two seconds at most."""
    texts = ["\n".join([" › ".join(found.heading), found.text]).strip() for found in passages]
    order = _adapter(row).rerank(question, texts, seconds=SECONDS)
    return tuple(passages[place] for place, _score in order)


def try_out(row: Reranker) -> None:
    """Ask once, to see that key, model and address are right; raises ProviderError."""
    question, passages = TRIED
    _adapter(row).rerank(question, passages, seconds=5 * SECONDS)


def _adapter(row: Reranker) -> reranking.Reranker:
    return reranking.build(
        row.vendor,
        api_key=row.api_key,
        base_url=row.base_url or None,
        model=row.model,
        allow_private=embeddings.may_be_private(row.base_url),
    )


@transaction.atomic
def keep(row: Reranker, *, actor: User | None) -> None:
    """From now on passages are put in order by this vendor."""
    audit.record("reranker.choose", actor=actor, target=row)
    row.pk = 1
    row.save()


@transaction.atomic
def remove(*, actor: User | None) -> None:
    """Our own order again."""
    for row in Reranker.objects.all():
        audit.record("reranker.remove", actor=actor, target=row)
        row.delete()
