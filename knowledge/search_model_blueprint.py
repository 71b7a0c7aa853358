"""The models of the search in the business file."""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from knowledge import embedding_choice, reranking
from knowledge.embedding_choice import Choice
from knowledge.models import LOCAL, Embedding, Reranker, embedding_vendors, reranking_vendors
from providers.embedding import MOST_DIMENSIONS
from tenants import blueprints
from tenants.blueprint_files import Hidden, Steps
from tenants.blueprints import Context, Part, Secret

SAME = ("vendor", "base_url", "model")


def _embeds(vendor: str) -> str:
    return _one_of(vendor, dict(embedding_vendors()))


def _ranks(vendor: str) -> str:
    return _one_of(vendor, {"none": "", **dict(reranking_vendors())})


def _one_of(vendor: str, known: dict[str, str]) -> str:
    if vendor not in known:
        raise ValueError(f"there is no vendor {vendor}; vendors are {', '.join(known)}")
    return vendor


class EmbeddingPart(Part):
    """The model that finds by meaning; dimensions only where fewer are wanted than it has."""

    vendor: Annotated[str, AfterValidator(_embeds)]
    base_url: str = Field("", pattern=r"^(https?://\S+)?$", max_length=500)
    api_key: Secret | None = None
    model: str = Field("", max_length=100)
    dimensions: int | None = Field(None, ge=1, le=MOST_DIMENSIONS)


class RerankerPart(Part):
    """Who puts the best passages in order; "none" is our own order."""

    vendor: Annotated[str, AfterValidator(_ranks)]
    base_url: str = Field("", pattern=r"^(https?://\S+)?$", max_length=500)
    api_key: Secret | None = None
    model: str = Field("", max_length=100)


def register() -> None:
    """Tell the business file about both."""
    blueprints.register(
        blueprints.Section("embedding", EmbeddingPart, apply=_apply, export=_export, check=_check, plan=_plan)
    )
    blueprints.register(
        blueprints.Section(
            "reranker",
            RerankerPart,
            apply=_apply_reranker,
            export=_export_reranker,
            check=_check_reranker,
            plan=_plan_reranker,
        )
    )


# -- what finds by meaning


def _wanted(context: Context) -> Embedding | None:
    """What a person or a file chose last, built or still being built; None is the installation's own."""
    if context.tenant is None:
        return None
    rows = {row.status == Embedding.Status.SERVING: row for row in Embedding.objects.order_by("pk")}
    return rows.get(False) or rows.get(True)


def _check(value: EmbeddingPart, context: Context) -> Iterable[tuple[Steps, str]]:
    if value.vendor == "local":
        return
    if not value.model:
        yield ("model",), "is missing"
    if not value.api_key and not _key(value, _wanted(context)):
        yield ("api_key",), "is missing"


def _key(value: EmbeddingPart | RerankerPart, row: Embedding | Reranker | None) -> str:
    """The file's key, else the one that is there for this vendor and address."""
    if value.api_key:
        return value.api_key
    same = row is not None and (row.vendor, row.base_url) == (value.vendor, value.base_url.rstrip("/"))
    return row.api_key if row is not None and same else ""


def _choice(value: EmbeddingPart, row: Embedding | None) -> Choice:
    if value.vendor == "local":
        return Choice(vendor="local")
    return Choice(
        vendor=value.vendor,
        model=value.model,
        api_key=_key(value, row),
        base_url=value.base_url.rstrip("/"),
        dimensions=value.dimensions,
    )


def _is_wanted(choice: Choice, row: Embedding | None) -> bool:
    if row is None or choice.vendor == LOCAL:
        return choice.vendor == (row.vendor if row else LOCAL)
    alike = all(getattr(row, name) == getattr(choice, name) for name in SAME)
    return alike and choice.dimensions == (row.dimensions if row.shortened else None)


def _plan(value: EmbeddingPart, context: Context) -> list[str]:
    row = _wanted(context)
    choice = _choice(value, row)
    if not _is_wanted(choice, row):
        return [f"embedding: {choice.vendor} {choice.model}".rstrip()]
    return ["embedding: another key"] if row and row.api_key != choice.api_key else []


def _apply(value: EmbeddingPart, context: Context) -> None:
    """Have everything embedded by it in the background, where what is missing is found out."""
    row = _wanted(context)
    choice = _choice(value, row)
    if _is_wanted(choice, row):
        if row is not None:
            Embedding.objects.filter(pk=row.pk).update(api_key=choice.api_key)
        return
    embedding_choice.begin(
        choice,
        dimensions=choice.dimensions or 0,
        shortened=choice.dimensions is not None,
        actor=context.actor,
        now=context.now,
    )


def _export(context: Context) -> dict[str, Any] | None:
    row = _wanted(context)
    if row is None or row.vendor == LOCAL:
        return None
    return _written(row) | ({"dimensions": row.dimensions} if row.shortened else {})


def _written(row: Embedding | Reranker) -> dict[str, Any]:
    known = {name: value for name in SAME if (value := getattr(row, name))}
    return known | {"api_key": Hidden(row.api_key)}


# -- who puts in order


def _ranker(context: Context) -> Reranker | None:
    return reranking.chosen() if context.tenant else None


def _check_reranker(value: RerankerPart, context: Context) -> Iterable[tuple[Steps, str]]:
    if value.vendor != "none" and not _key(value, _ranker(context)):
        yield ("api_key",), "is missing"


def _row(value: RerankerPart, context: Context) -> Reranker | None:
    if value.vendor == "none":
        return None
    return Reranker(
        vendor=value.vendor,
        base_url=value.base_url.rstrip("/"),
        model=value.model,
        api_key=_key(value, _ranker(context)),
    )


def _plan_reranker(value: RerankerPart, context: Context) -> list[str]:
    wanted, there = _row(value, context), _ranker(context)
    names = (*SAME, "api_key")
    if wanted is None or there is None:
        return [] if wanted is there else [f"reranker: {value.vendor}"]
    return [f"reranker: {name}" for name in names if getattr(wanted, name) != getattr(there, name)]


def _apply_reranker(value: RerankerPart, context: Context) -> None:
    if not _plan_reranker(value, context):
        return
    row = _row(value, context)
    if row is None:
        reranking.remove(actor=context.actor)
    else:
        reranking.keep(row, actor=context.actor)


def _export_reranker(context: Context) -> dict[str, Any] | None:
    row = _ranker(context)
    return _written(row) if row else None
