"""What the Models page shows: a business's accounts, who does which part of the work, and what was saved."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from agents import hearing, replies, trying
from agents.models import ModelProvider, vendors
from billing import vendor_prices
from conversations import breakers, settled
from conversations.models import Breaker, Channel, Turn
from knowledge.models import LOCAL, Embedding
from knowledge.reranking import chosen as chosen_reranker
from providers import registry
from providers.errors import ProviderRejected
from tenants.current import tenant
from tenants.models import VendorPrice
from tenants.secrets import last_four

DAYS = 30
MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Account:
    """A business's account at a vendor, as its card shows it."""

    provider: ModelProvider
    label: str
    model: str  # that answers; empty where it does not
    key: str  # its last four letters
    does: Sequence[str]
    trouble: Breaker | None
    price: str


@dataclass(frozen=True, slots=True)
class Work:
    """A part of the work: who does it, whether on the business's own account, and where that is changed."""

    icon: str
    title: str
    who: str
    own: bool
    url: str = ""


@dataclass(frozen=True, slots=True)
class Month:
    """The customers' answers of the last days. Money is text in US dollars, empty where nothing is known."""

    answered: int
    reused: int
    percent: int
    saved: str
    spent: str
    unpriced: int  # answers whose model has no known price
    from_cache: int  # percent of what models read that came from the vendor's own cache


def accounts(*, now: datetime) -> list[Account]:
    """Every account of this business, the default one first."""
    known = breakers.all_known()
    rows = ModelProvider.objects.order_by("-is_default", "name")
    return [_account(row, known.get(row.name) or known.get(f"speech:{row.name}"), now=now) for row in rows]


def _account(row: ModelProvider, breaker: Breaker | None, *, now: datetime) -> Account:
    does = trying.does(row)
    model = (row.model or replies.usual_model(row.vendor)) if "llm" in does else ""
    said = {"llm": _("answers"), "speech": _("hears voice notes"), "speaking": _("speaks")}
    return Account(
        row,
        label=row.get_vendor_display(),
        model=model,
        key=last_four(row.api_key) if row.api_key else "",
        does=[said[one] for one in does],
        trouble=breaker if breaker is not None and breaker.is_open else None,
        price=_price(row, model, now=now) if model else "",
    )


def _price(row: ModelProvider, model: str, *, now: datetime) -> str:
    """What the vendor takes, in words."""
    prices = registry.price_list(row.vendor, row.base_url)
    found: VendorPrice | None = vendor_prices.price(prices, model, at=now) if prices else None
    if found is None:
        return ""
    read, written = found.input_per_million, found.output_per_million
    if read is None or written is None:
        return ""
    amounts = {"read": dollars(read), "written": dollars(written)}
    return _("%(read)s read, %(written)s written, for a million tokens") % amounts


def dollars(millionths: int) -> str:
    """Money for people: two places, more where it is less than ten cents."""
    places = 2 if abs(millionths) >= MILLION // 10 or not millionths else 4
    return f"US$ {number_format(Decimal(millionths) / MILLION, decimal_pos=places)}"


@dataclass(frozen=True, slots=True)
class Offer:
    """A vendor at which an account may be added."""

    name: str
    label: str
    does: str


def offers() -> list[Offer]:
    """Who may answer, hear or speak, each with what they do."""
    known = registry.all_known()
    said: dict[registry.Capability, str] = {
        "llm": _("answers"),
        "speech": _("hears voice notes"),
        "speaking": _("speaks"),
    }
    return [
        Offer(name, label, ", ".join(words for one, words in said.items() if known[name].can(one)))
        for name, label in vendors()
    ]


# -- who does what


def parts() -> list[Work]:
    """Answering, hearing, speaking, finding, ordering: each with who does it now."""
    return [_answers(), _hears(), _speaks(), _finds(), _orders()]


def _answers() -> Work:
    title = _("Answers, where nothing else is chosen")
    able = [vendor.name for vendor in registry.having("llm")]
    own = ModelProvider.objects.filter(vendor__in=able).order_by("-is_default", "pk").first()
    if own is not None:
        who = f"{own} · {own.model or replies.usual_model(own.vendor)}"
        return Work("messages-square", title, who, own=True)
    return Work("messages-square", title, _of_installation(), own=False)


def _of_installation() -> str:
    if settings.ANTHROPIC_API_KEY:
        return _("%(model)s of this installation") % {"model": f"Claude ({settings.ANTHROPIC_MODEL})"}
    if settings.OPENAI_API_KEY:
        return _("%(model)s of this installation") % {"model": settings.OPENAI_MODEL}
    return _("nobody: sentences from your documents") if settings.EXTRACTIVE_ALLOWED else _("nobody")


def _hears() -> Work:
    title = _("Hears voice notes")
    try:
        found = hearing.listeners(language=tenant().language[:2])
    except ProviderRejected as error:
        return Work("mic", title, str(error), own=True)
    if not found:
        return Work("mic", title, _("nobody: a person listens"), own=False)
    first = found[0]
    own = bool(first.account) and not first.account.startswith("installation:")
    where = first.account if own else _("of this installation")
    model = first.model.rstrip("/").rpartition("/")[2]
    return Work("mic", title, f"{where} · {model}", own=own)


def _speaks() -> Work:
    able = [vendor.name for vendor in registry.having("speaking")]
    own = ModelProvider.objects.exclude(speaking_model="").filter(vendor__in=able)
    row = own.order_by("-is_default", "pk").first()
    who = f"{row} · {row.speaking_model}" if row else _("nobody yet")
    return Work("headset", _("Speaks"), who, own=row is not None)


def _finds() -> Work:
    row = Embedding.objects.filter(status=Embedding.Status.SERVING).exclude(vendor=LOCAL).first()
    who = f"{row.get_vendor_display()} · {row.model}" if row else _("the model of this installation")
    return Work("search", _("Finds by meaning"), who, own=row is not None, url=reverse("account_search"))


def _orders() -> Work:
    row = chosen_reranker()
    who = row.get_vendor_display() if row else _("our own order")
    title = _("Puts the best passages in order")
    return Work("list", title, who, own=row is not None, url=reverse("account_search"))


# -- what it came to


def month(*, now: datetime) -> Month:
    """The answers to customers of the last thirty days, in one statement; tests of one's own do not count."""
    rows = Turn.objects.filter(status=Turn.Status.DONE, started_at__gte=now - timedelta(days=DAYS))
    asked = rows.exclude(vendor__in=(settled.VENDOR, "extractive", "refused"))
    asked = asked.exclude(conversation__channel__kind=Channel.Kind.TEST)
    read = F("input_tokens") + F("cache_read_tokens") + F("cache_write_tokens")
    sums = asked.aggregate(
        answered=Count("pk"),
        reused=Count("pk", filter=Q(cached=True)),
        saved=Sum("provider_saved"),
        spent=Sum("provider_cost"),
        unpriced=Count("pk", filter=Q(provider_cost=None)),
        read=Coalesce(Sum(read), 0),
        from_cache=Coalesce(Sum("cache_read_tokens"), 0),
    )
    return Month(
        answered=sums["answered"],
        reused=sums["reused"],
        percent=_percent(sums["reused"], sums["answered"]),
        saved="" if sums["saved"] is None else dollars(sums["saved"]),
        spent="" if sums["spent"] is None else dollars(sums["spent"]),
        unpriced=sums["unpriced"],
        from_cache=_percent(sums["from_cache"], sums["read"]),
    )


def _percent(part: int, whole: int) -> int:
    return round(100 * part / whole) if whole else 0
