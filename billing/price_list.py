"""What things cost now, as owners read it; the rows are `Price`, the newest that has begun of each model."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from billing import pricing
from billing.models import Price

TEMPLATE = "template:"
PAGES, CHARACTERS = 100, 1000


@dataclass(frozen=True, slots=True)
class Model:
    """Credits for a thousand tokens read and written are too small to tell: they stand for a million."""

    name: str  # empty for every model without its own
    read: int
    written: int
    least: int


@dataclass(frozen=True, slots=True)
class PriceList:
    """Credits: by model for a million tokens, else for so much of each."""

    models: list[Model]
    minute_heard: int
    pages_read: int  # of PAGES
    characters_spoken: int  # of CHARACTERS
    templates: list[tuple[str, int]]  # category, credits a message; only what costs something


def current(*, now: datetime) -> PriceList:
    """One statement."""
    rows: dict[str, Price] = {}
    for row in Price.objects.filter(effective_from__lte=now).order_by("effective_from"):
        rows[row.model] = row
    if "*" not in rows:
        raise Price.DoesNotExist("There is no price list.")
    every = rows.pop("*")
    named = [
        row for name, row in sorted(rows.items()) if not name.startswith(TEMPLATE) and name != "extractive"
    ]
    return PriceList(
        models=[_model(row) for row in [*named, every]],
        minute_heard=pricing.audio_cost(every, 60),
        pages_read=pricing.reading_cost(every, PAGES),
        characters_spoken=pricing.spoken_cost(every, CHARACTERS),
        templates=_templates(rows, every),
    )


def _model(row: Price) -> Model:
    name = "" if row.model == "*" else row.model
    return Model(name, row.input_per_million, row.output_per_million, row.minimum)


def _templates(rows: dict[str, Price], every: Price) -> list[tuple[str, int]]:
    named = {
        name.removeprefix(TEMPLATE): pricing.message_cost(row)
        for name, row in sorted(rows.items())
        if name.startswith(TEMPLATE)
    }
    known = {**named, "": pricing.message_cost(every)}
    return [(name or _("others"), cost) for name, cost in known.items() if cost]
