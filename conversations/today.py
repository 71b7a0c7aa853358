"""Today: does it work, what needs a person, and yesterday in three numbers."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Min
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing import foresight
from conversations import accounting, decisions, figures, invariants
from conversations.models import Breaker, Channel, Turn
from knowledge.models import Document, PinnedAnswer
from tenants import access
from tenants.current import tenant
from tenants.models import Membership, User


def summary(*, now: datetime, midnight: datetime, user: User, role: str) -> dict[str, Any]:
    """Everything on the page, for this person. `midnight` is the start of the business's own day."""
    ahead = foresight.outlook(now=now)
    channels = _channels(now=now)
    return {
        "channels": channels,
        "waiting": _waiting(),
        "ledger": accounting.figures(now=now),
        "breakers": list(Breaker.objects.exclude(opened_at=None).order_by("pk")),
        "incidents": invariants.open_incidents(),
        "answered_today": _answered(midnight, now),
        "ahead": ahead,
        "decisions": decisions.pressing(user=user, role=role, now=now, ahead=ahead),
        "yesterday": _yesterday(timezone.localdate(now) - timedelta(days=1), midnight),
        "steps": _first_steps(channels) if role in access.MANAGERS else [],
    }


def _waiting() -> dict[str, Any]:
    return decisions.queue().aggregate(count=Count("pk"), oldest=Min("waiting_since"))


def _answered(start: datetime, end: datetime) -> int:
    answered = Turn.objects.filter(status=Turn.Status.DONE, finished_at__gte=start, finished_at__lt=end)
    return answered.exclude(conversation__channel__kind=Channel.Kind.TEST).count()


# -- does it work?


@dataclass(frozen=True, slots=True)
class Working:
    """One channel: itself, who waits longest on it, and what nobody can explain."""

    channel: Channel
    waiting: int
    oldest: datetime | None
    unexplained: int


def _channels(*, now: datetime) -> list[Working]:
    """Every channel; three statements however many there are."""
    waits = decisions.queue().values("channel").order_by()
    counted = waits.annotate(n=Count("pk"), oldest=Min("waiting_since"))
    queued: dict[Any, Any] = {row["channel"]: row for row in counted}
    unexplained = accounting.unexplained_by_channel(now=now)
    nobody = {"n": 0, "oldest": None}
    return [
        Working(one, **_of_queue(queued.get(one.pk, nobody)), unexplained=unexplained.get(one.pk, 0))
        for one in Channel.objects.order_by("kind", "name")
    ]


def _of_queue(row: dict[str, Any]) -> dict[str, Any]:
    return {"waiting": row["n"], "oldest": row["oldest"]}


# -- yesterday


@dataclass(frozen=True, slots=True)
class Number:
    """One of the three; it opens the very list that it counts."""

    title: str | Promise
    value: int
    url: str


def _yesterday(day: date, midnight: datetime) -> list[Number]:
    """The same figures as on Numbers, of that day in the business's own time."""
    start = timezone.make_aware(datetime.combine(day, datetime.min.time()))
    found = figures.totals(start, midnight, figures.Part())
    return [
        Number(_("chats answered"), found["n_answered"], _list(day, "answered")),
        Number(_("with a person"), found["n_person"], _list(day, "person")),
        Number(_("credits used"), found["sum_credits"], _list(day, "paid")),
    ]


def _list(day: date, show: str) -> str:
    return f"{reverse('numbers_list')}?{urlencode({'by': 'day', 'on': day.isoformat(), 'show': show})}"


# -- the first steps


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a new business does once."""

    title: str | Promise
    text: str | Promise
    url: str
    is_done: bool


def _first_steps(channels: list[Working]) -> list[Step]:
    """What is left until customers are answered; nothing from then on."""
    real = [one.channel for one in channels if one.channel.kind != Channel.Kind.TEST]
    if any(channel.last_answered_at for channel in real):
        return []
    taught = Document.objects.exists() or PinnedAnswer.objects.exists()
    tried = Turn.objects.filter(conversation__channel__kind=Channel.Kind.TEST).exists()
    steps = [
        Step(
            _("Teach it"),
            _("A document, a page of your site, or a few questions with their answers."),
            reverse("assistant"),
            taught,
        ),
        Step(
            _("Try it"), _("Ask it what your customers ask, and correct it once."), reverse("welcome"), tried
        ),
        Step(
            _("Connect a channel"),
            _("Your WhatsApp number, or a chat on your own site."),
            reverse("account_channels"),
            bool(real),
        ),
        Step(
            _("Ask your team in"),
            _("Whoever answers when a customer wants a person."),
            reverse("account_team"),
            _has_team(),
        ),
    ]
    return [] if all(step.is_done for step in steps) else steps


def _has_team() -> bool:
    return Membership.objects.filter(tenant=tenant()).count() > 1
