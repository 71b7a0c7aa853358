"""The weekly digest: last week in a few figures, what waits, and what would help; by e-mail and on the phone.

A row a member says when the next one is due. It is claimed by moving its moment, so that two workers do not
send it twice; one whose sending was cut off is sent again after LEASE: one too many is better than none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from django.core import signing
from django.db.models import F
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from conversations import figure_periods, figure_words, figures, talks, teaching, team_phones
from conversations.figure_periods import DAY, Period
from conversations.figures import Part
from conversations.models import Channel, Conversation
from conversations.team_phones import Offer
from knowledge.models import Gap
from tenants import addresses, letters
from tenants.background import public_task, ring, task
from tenants.db import connection
from tenants.models import DigestChoice, Membership, Role, Tenant

LEASE = timedelta(minutes=10)
TRIES = 5
SECONDS = 30.0  # for counting what is not counted yet
A_ROUND = 500
MOST = 3  # of a list
SALT = "digest"
TOLD = ("all", "resolved", "person", "replied", "rated", "paid")  # the figures of a letter


@dataclass(frozen=True, slots=True)
class Digest:
    """What is told of a week."""

    period: Period
    totals: Mapping[str, Any]
    before: Mapping[str, Any]
    topics: Sequence[figures.Group]
    gaps: Sequence[Gap]
    waiting: Sequence[Conversation]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to tell: nobody wrote, and nothing waits."""
        return not (self.totals["n_all"] or self.before["n_all"] or self.waiting)


def next_moment(*, weekday: int, hour: int, after: datetime, zone: tzinfo) -> datetime:
    """The first such hour of such a day after a moment; weekday 0 is Monday. Pure."""
    local = after.astimezone(zone)
    day = local.date() + timedelta(days=(weekday - local.weekday()) % 7)
    moment = datetime.combine(day, time(hour), tzinfo=zone)
    return moment if moment > after else datetime.combine(day + 7 * DAY, time(hour), tzinfo=zone)


# -- who is due


@public_task()
def sweep() -> None:
    """Ring for every digest that is due; owners who were never asked have one from now on."""
    now = timezone.now()
    enrol(now=now)
    waiting = DigestChoice.objects.filter(
        next_at__lte=now,
        membership__tenant__status=Tenant.Status.READY,
        membership__user__is_active=True,
    )
    rows = waiting.order_by("next_at", "pk").values_list("pk", "membership__tenant__schema_name")
    for pk, schema in rows[:A_ROUND]:
        ring(send, schema=schema, membership_id=pk)


def enrol(*, now: datetime) -> None:
    """Owners are told unless they say no."""
    owners = Membership.objects.filter(
        role=Role.OWNER, digest=None, tenant__status=Tenant.Status.READY, user__is_active=True
    ).select_related("tenant")
    made = [_first(seat, now=now) for seat in owners.order_by("pk")[:A_ROUND]]
    DigestChoice.objects.bulk_create(made, ignore_conflicts=True)


def _first(seat: Membership, *, now: datetime) -> DigestChoice:
    choice = DigestChoice(membership=seat, created_at=now)
    choice.next_at = _next(choice, now=now)
    return choice


def _next(choice: DigestChoice, *, now: datetime) -> datetime | None:
    """When it is due next; None where nothing is wanted."""
    if not (choice.by_email or choice.by_whatsapp):
        return None
    zone = ZoneInfo(choice.membership.tenant.timezone)
    return next_moment(weekday=choice.weekday, hour=choice.hour, after=now, zone=zone)


def choice_of(seat: Membership) -> DigestChoice:
    """What this member wants, as yet unsaved for who never said: owners by e-mail, others nothing."""
    known = DigestChoice.objects.filter(membership=seat).first()
    return known or DigestChoice(membership=seat, by_email=seat.role == Role.OWNER)


def choose(choice: DigestChoice, *, now: datetime) -> None:
    """Keep what a member wants."""
    choice.next_at, choice.attempts = _next(choice, now=now), 0
    choice.save()


# -- sending


@task()
def send(membership_id: int) -> None:
    """Send the digest of one member, if it is due."""
    deliver(membership_id, now=timezone.now())


def deliver(membership_id: int, *, now: datetime) -> None:
    """As `send`, at this moment."""
    choice = (
        DigestChoice.objects.select_related("membership__user", "membership__tenant")
        .filter(pk=membership_id, next_at__lte=now, membership__tenant__schema_name=connection.schema_name)
        .first()
    )
    if choice is None:
        return
    claim = DigestChoice.objects.filter(pk=choice.pk, next_at=choice.next_at)
    if not claim.update(next_at=now + LEASE, attempts=F("attempts") + 1):
        return
    if _sent(choice, now=now) or choice.attempts + 1 >= TRIES:
        DigestChoice.objects.filter(pk=choice.pk).update(
            next_at=_next(choice, now=now), attempts=0, sent_at=now
        )


def _sent(choice: DigestChoice, *, now: datetime) -> bool:
    """Whether the letter left; the phone is told once, however often the letter is tried."""
    seat = choice.membership
    with (
        timezone.override(seat.tenant.timezone),
        translation.override(seat.user.language or seat.tenant.language),
    ):
        digest = gather(now=now)
        if digest.is_empty:
            return True
        phone = team_phones.of(seat.user) if choice.by_whatsapp else None
        on_phone = team_phones.can_tell(phone, now=now)
        if phone is not None and on_phone:
            key = f"digest:{digest.period.last}"
            team_phones.tell(phone, _short(seat.tenant, digest), _offers(digest), key=key, now=now)
    if not choice.by_email and on_phone:
        return True
    missed = choice.by_whatsapp and not on_phone
    stop = stop_address(choice)
    headers = {"List-Unsubscribe": f"<{stop}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    return letters.to_one(
        seat.user,
        seat.tenant,
        lambda: _letter(seat.tenant, digest, stop=stop, missed=missed),
        headers=headers,
    )


def gather(*, now: datetime) -> Digest:
    """The last seven whole days, in the business's own time; the caller has set zone and language."""
    talks.refresh(now=now, within=SECONDS)
    zone = timezone.get_current_timezone()
    today = now.astimezone(zone).date()
    period = figure_periods.of_days(today - 7 * DAY, today - DAY, now=now, zone=zone)
    part = Part()
    named = [one for one in figures.themes(period, part) if one.key]
    waiting = Conversation.objects.filter(handler=Conversation.Handler.QUEUE, status=Conversation.Status.OPEN)
    waiting = waiting.exclude(channel__kind=Channel.Kind.TEST).select_related("contact")
    return Digest(
        period=period,
        totals=figures.totals(period.start, period.end, part),
        before=figures.totals(period.before_start, period.before_end, part),
        topics=named[:MOST],
        gaps=list(teaching.ranked()[:MOST]),
        waiting=list(waiting.order_by("-priority", "waiting_since", "pk")[:MOST]),
    )


# -- the letter


def _letter(tenant: Tenant, digest: Digest, *, stop: str, missed: bool) -> letters.Written:
    host = addresses.host_of(tenant)
    period = digest.period
    list_query = f"by=custom&from={period.first}&to={period.last}"
    numbers = f"{reverse('numbers')}?{list_query}"
    context = {
        "business": tenant.name,
        "period": figure_words.title(period),
        "cards": [one for one in figure_words.cards(digest.totals, digest.before) if one.key in TOLD],
        "topics": digest.topics,
        "gaps": digest.gaps,
        "gaps_link": addresses.url_of(host, reverse("teach_gaps")),
        "waiting": [(one, addresses.url_of(host, reverse("chat", args=[one.pk]))) for one in digest.waiting],
        "numbers": addresses.url_of(host, numbers),
        "settings": addresses.url_of(host, reverse("account_digest")),
        "stop": stop,
        "missed": missed,
    }
    subject = _("%(business)s: your week") % {"business": tenant.name}
    return subject, render_to_string("conversations/email/digest.txt", context)


def stop_address(choice: DigestChoice) -> str:
    """Where one click ends the letters, for whoever has this address."""
    seat = choice.membership
    return addresses.tenant_url(seat.tenant, reverse("digest_stop", args=[token(choice)]))


def token(choice: DigestChoice) -> str:
    return signing.Signer(salt=SALT).sign_object([choice.membership.tenant_id, choice.pk])


def by_token(text: str, *, tenant: Tenant) -> DigestChoice | None:
    """Whose letters this address ends; None for one of another business, or that nobody has written."""
    try:
        tenant_id, pk = signing.Signer(salt=SALT).unsign_object(text)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    found = DigestChoice.objects.select_related("membership__tenant", "membership__user")
    return found.filter(pk=pk, membership__tenant=tenant_id).first() if tenant_id == tenant.pk else None


# -- on the phone


def _short(tenant: Tenant, digest: Digest) -> str:
    """A few lines, and under them what can be tapped."""
    told = figure_words.cards(digest.totals, digest.before)
    lines = [f"{one.name}: {one.value}" for one in told if one.key in TOLD]
    head = _("%(business)s, %(period)s") % {
        "business": tenant.name,
        "period": figure_words.title(digest.period),
    }
    parts = [f"*{head}*", "\n".join(lines)]
    for number, gap in enumerate(_to_approve(digest), start=1):
        parts.append(_("Answer %(n)s") % {"n": number} + f": {gap.question}\n→ {gap.draft}")
    for number, chat in enumerate(digest.waiting, start=1):
        name = chat.contact.display_name
        parts.append(_("Chat %(n)s: %(name)s waits for a person.") % {"n": number, "name": name})
    return "\n\n".join(parts)


def _to_approve(digest: Digest) -> list[Gap]:
    """Only what is shown whole: nobody approves what they have not read."""
    return [gap for gap in digest.gaps if 0 < len(gap.draft) <= team_phones.LONGEST_DRAFT]


def _offers(digest: Digest) -> list[Offer]:
    approve = [
        Offer(
            team_phones.Kind.APPROVE,
            gap.pk,
            _("Approve answer %(n)s") % {"n": number},
            gap.question,
            team_phones.seen(gap.draft),
        )
        for number, gap in enumerate(_to_approve(digest), start=1)
    ]
    take = [
        Offer(
            team_phones.Kind.TAKE_OVER,
            chat.pk,
            _("Take over chat %(n)s") % {"n": number},
            chat.contact.display_name,
        )
        for number, chat in enumerate(digest.waiting, start=1)
    ]
    return [*take, *approve]
