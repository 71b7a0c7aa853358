"""What the router made of the last days: answers, credits, waiting and failures by tier."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Aggregate, Case, Count, F, IntegerField, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Greatest

from agents.models import AgentVersion
from agents.routing import TIERS
from billing import credits, pricing
from billing.models import Price
from conversations import route_words, settled
from conversations.models import Channel, Turn
from conversations.routes import REFUSED

DAYS = (7, 30)
QUOTES = "extractive"


class Percentile(Aggregate):
    """The value below which so large a share of the rows lies."""

    function = "PERCENTILE_CONT"
    template = "%(function)s(%(share)s) WITHIN GROUP (ORDER BY %(expressions)s)"

    def __init__(self, expression: str, share: float, **extra: Any) -> None:
        super().__init__(expression, share=share, **extra)


@dataclass(frozen=True, slots=True)
class Row:
    """One tier's answers to customers. Times in milliseconds, None where nothing was timed."""

    tier: str
    name: str
    answers: int
    percent: int
    credits: int
    premium: int  # what the premium model would have taken for the same tokens
    p50: int | None
    p95: int | None
    failed: int
    fell_back: int  # another model had to be asked


@dataclass(frozen=True, slots=True)
class Figures:
    """All tiers of so many days; `unasked` are answers that no model was asked for."""

    days: int
    rows: Sequence[Row]
    answers: int
    credits: int
    premium: int
    saved_percent: int
    unasked: int
    intents: Sequence[tuple[str, int, int]]  # in words, how many, percent


def figures(version: AgentVersion | None, *, days: int, now: datetime) -> Figures:
    """The figures of the last days; `version` says which model is the premium one."""
    turns = _of_customers(since=now - timedelta(days=days), now=now)
    price = credits.price_for(_premium_model(version), at=now)
    by_tier = {row["tier"]: row for row in _by_tier(turns, price)}
    asked = sum(row["asked"] for row in by_tier.values())
    rows = [_row(tier, by_tier[tier], asked) for tier in TIERS if tier in by_tier]
    spent, premium = sum(row.credits for row in rows), sum(row.premium for row in rows)
    return Figures(
        days=days,
        rows=rows,
        answers=sum(row["answers"] for row in by_tier.values()),
        credits=spent,
        premium=premium,
        saved_percent=round(100 * (premium - spent) / premium) if premium > spent else 0,
        unasked=sum(row["unasked"] for row in by_tier.values()),
        intents=_intents(turns),
    )


def _of_customers(*, since: datetime, now: datetime) -> "QuerySet[Turn]":
    ended = Turn.objects.filter(started_at__gte=since, started_at__lte=now)
    ended = ended.filter(
        status__in=[Turn.Status.DONE, Turn.Status.SILENT, Turn.Status.HANDED_OVER, Turn.Status.FAILED]
    )
    return ended.exclude(conversation__channel__kind=Channel.Kind.TEST)


def _premium_model(version: AgentVersion | None) -> str:
    tiers: Mapping[str, Any] = (version.tiers if version else None) or {}
    return (tiers.get("premium") or {}).get("model") or "*"


def _by_tier(turns: "QuerySet[Turn]", price: Price) -> Any:
    """One statement, a row a tier."""
    nobody = Q(vendor__in=[settled.VENDOR, REFUSED]) | Q(cached=True)
    quoted = Q(vendor=QUOTES)  # without a model, and yet a tier's: it stands in where that has none
    done = ~Q(status=Turn.Status.FAILED)
    return (
        turns.order_by()
        .values("tier")
        .annotate(
            answers=Count("pk", filter=done),
            asked=Count("pk", filter=done & ~nobody),
            unasked=Count("pk", filter=done & (nobody | quoted)),
            spent=Sum("credits", filter=~nobody, default=0),
            premium=Sum(_as(price), filter=done & ~nobody, default=0),
            p50=Percentile("latency_ms", 0.5, filter=done & ~nobody),
            p95=Percentile("latency_ms", 0.95, filter=done & ~nobody),
            failed=Count("pk", filter=Q(status=Turn.Status.FAILED)),
            fell_back=Count("pk", filter=Q(route__fallbacks__0__isnull=False)),
        )
    )


def _as(price: Price) -> Any:
    """A turn's credits at this price, as billing.pricing.cost has them; what cost nothing stays so."""
    millionths = (
        F("input_tokens") * price.input_per_million
        + F("output_tokens") * price.output_per_million
        + F("cache_read_tokens") * price.cache_read_per_million
        + F("cache_write_tokens") * price.cache_write_per_million
    )
    rounded_up = (millionths + (pricing.MILLION - 1)) / pricing.MILLION
    return Case(
        When(credits=0, then=Value(0)),
        default=Greatest(rounded_up, Value(price.minimum)),
        output_field=IntegerField(),
    )


def _row(tier: str, row: Mapping[str, Any], asked: int) -> Row:
    return Row(
        tier=tier,
        name=route_words.tier(tier),
        answers=row["asked"],
        percent=round(100 * row["asked"] / asked) if asked else 0,
        credits=row["spent"],
        premium=row["premium"],
        p50=None if row["p50"] is None else round(row["p50"]),
        p95=None if row["p95"] is None else round(row["p95"]),
        failed=row["failed"],
        fell_back=row["fell_back"],
    )


def _intents(turns: "QuerySet[Turn]") -> list[tuple[str, int, int]]:
    """What customers wanted, the commonest first."""
    rows = (
        turns.exclude(intent="").order_by().values("intent").annotate(n=Count("pk")).order_by("-n", "intent")
    )
    found = [(row["intent"], row["n"]) for row in rows]
    total = sum(count for _intent, count in found)
    return [(route_words.intent(name), count, round(100 * count / total)) for name, count in found]
