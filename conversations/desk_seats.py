"""Who of the team takes chats now, and giving them what waits.

One at a time gives chats out in a business (`fill`), so nobody is given more than they can take however many
chats come and go at once. What was given waits in the queue as theirs until they take it over or answer; who
goes away gives back what they have not begun.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Count, QuerySet
from django.urls import reverse
from django.utils import timezone

from conversations import activities, desk_choosing, desk_rules
from conversations.desk_choosing import Colleague
from conversations.models import Activity, Channel, Conversation, DeskRules, Seat
from tenants import live, notifying
from tenants.access import ANSWERERS
from tenants.background import enqueue, task
from tenants.current import tenant
from tenants.db import connection
from tenants.models import Membership, User
from tenants.notices import Notification

Handler, Assignment = Conversation.Handler, DeskRules.Assignment
LOOKED_AT = 50  # of those who wait: the ones behind them come when these have found somebody


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who answers customers, with their seat and how many chats they have."""

    user: User
    role: str
    seat: Seat
    load: int

    def is_away(self, now: datetime) -> bool:
        return self.seat.away_until is not None and self.seat.away_until > now

    @property
    def is_full(self) -> bool:
        return self.load >= self.seat.capacity


def members() -> list[Member]:
    """All who answer customers in this business, by name; three statements."""
    seats = Membership.objects.filter(tenant=tenant(), user__is_active=True, role__in=ANSWERERS)
    people = list(seats.select_related("user"))
    kept = Seat.objects.in_bulk([one.user_id for one in people])
    loads = load_of([one.user_id for one in people])
    found = [
        Member(one.user, one.role, kept.get(one.user_id) or Seat(user=one.user), loads.get(one.user_id, 0))
        for one in people
    ]
    return sorted(found, key=lambda one: str(one.user).casefold())


def load_of(user_ids: Collection[int]) -> dict[int, int]:
    """How many open chats each of them has, begun or given."""
    theirs = Conversation.objects.filter(assigned_to__in=user_ids, status=Conversation.Status.OPEN)
    counted = theirs.exclude(handler=Handler.AGENT).values("assigned_to").annotate(n=Count("pk")).order_by()
    return {row["assigned_to"]: row["n"] for row in counted}


def seat_of(user: User) -> Seat:
    """How this person works at the desk; as everybody, when nobody has said."""
    return Seat.objects.filter(pk=user.pk).first() or Seat(user=user)


def queue() -> QuerySet[Conversation]:
    """Who waits for a person, in the order in which they are to be answered."""
    waiting = Conversation.objects.filter(handler=Handler.QUEUE, status=Conversation.Status.OPEN)
    real = waiting.exclude(channel__kind=Channel.Kind.TEST)
    return real.order_by("-priority", "waiting_since", "pk")


# -- giving out


def fill_soon() -> None:
    """In the caller's transaction: a chat has come, or somebody has room again."""
    enqueue(fill)


@task()
def fill() -> None:
    """Give what waits to whoever has room, the most urgent first, while both are there."""
    now = timezone.now()
    release_of_the_away(now=now)
    while give_one(now=now):
        pass
    _tell_of_the_unheld(now=now)


def _tell_of_the_unheld(*, now: datetime) -> None:
    """Who waits and could be given to nobody: all who answer are told, once a wait."""
    waiting = {_wait(chat): chat for chat in queue().filter(assigned_to=None)[:LOOKED_AT]}
    told = Notification.objects.filter(tenant=tenant(), kind="waiting", key__in=list(waiting))
    for key in set(waiting) - set(told.values_list("key", flat=True)) if waiting else ():
        with transaction.atomic(durable=True):
            tell_waiting(waiting[key], now=now)


def tell_waiting(conversation: Conversation, *, now: datetime) -> None:
    """Tell all who answer that somebody waits for a person, in the caller's transaction; once a wait."""
    notifying.notify(
        "waiting",
        key=_wait(conversation),
        url=reverse("chat", args=[conversation.pk]),
        now=now,
        params={"conversation": conversation.pk},
        channel=conversation.channel_id,
    )


def _wait(conversation: Conversation) -> str:
    """What makes one wait itself: the chat, and since when."""
    since = conversation.waiting_since
    return f"{conversation.pk}:{int(since.timestamp()) if since else 0}"


@transaction.atomic(durable=True)
def give_one(*, now: datetime) -> Conversation | None:
    """Give one chat that waits to somebody who has room; None when there is nothing to give."""
    wanted = desk_rules.current()
    if not desk_rules.assigns(wanted) or not _only_one_gives_out():
        return None
    colleagues = _colleagues(now=now)
    if not any(one.load < one.capacity for one in colleagues):
        return None
    unheld = queue().filter(assigned_to=None).select_for_update(of=("self",), skip_locked=True)
    for conversation in unheld.select_related("contact")[:LOOKED_AT]:
        chosen = _choose(conversation, colleagues, wanted)
        if chosen is not None:
            _give(conversation, chosen.user_id, how=wanted.assignment, now=now)
            return conversation
    return None


def _only_one_gives_out() -> bool:
    """Until the commit. Who comes meanwhile waits, and then counts what was given."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"desk:{connection.schema_name}"])
    return True


def _colleagues(*, now: datetime) -> list[Colleague]:
    return [
        Colleague(
            user_id=one.user.pk,
            load=one.load,
            capacity=one.seat.capacity,
            skills=frozenset(one.seat.skills),
            last_given=one.seat.last_assigned_at,
        )
        for one in members()
        if one.seat.takes_chats and not one.is_away(now)
    ]


def _choose(
    conversation: Conversation, colleagues: Sequence[Colleague], wanted: DeskRules
) -> Colleague | None:
    without = _gave_it_away(conversation)
    if wanted.assignment == Assignment.ROUND_ROBIN:
        return desk_choosing.in_turn(colleagues, without=without)
    return desk_choosing.by_load(colleagues, wanted=_skills_for(conversation), without=without)


def _skills_for(conversation: Conversation) -> set[str]:
    """What this chat is about, as seats name it: its language and its labels."""
    labels = {f"label:{pk}" for pk in conversation.labels.values_list("pk", flat=True)}
    language = conversation.language[:2] or conversation.contact.language[:2]
    return labels | ({language} if language else set())


def _gave_it_away(conversation: Conversation) -> list[int]:
    """Who put it back into the queue last: it does not come straight back to them."""
    marks = conversation.activities.filter(kind=Activity.Kind.ASSIGNED).order_by("-pk")
    last = marks.values_list("detail", flat=True).first() or {}
    return [int(last["from"])] if last.get("from") and not last.get("to") else []


def _give(conversation: Conversation, user_id: int, *, how: str, now: datetime) -> None:
    user = User.objects.get(pk=user_id)
    conversation.assigned_to = user
    conversation.save(update_fields=["assigned_to"])
    Seat.objects.update_or_create(pk=user_id, defaults={"last_assigned_at": now})
    by = "turn" if how == Assignment.ROUND_ROBIN else "load"
    mark = activities.mark(
        conversation, Activity.Kind.ASSIGNED, actor=None, now=now, to=user_id, name=str(user), by=by
    )
    tell_assigned(conversation, user_id, key=mark.pk, now=now)
    live.publish("conversation.changed", id=conversation.pk, conversation=conversation.pk)


def tell_assigned(conversation: Conversation, user_id: int, *, key: int, now: datetime) -> None:
    """Tell somebody that a chat is theirs, once a mark."""
    notifying.notify(
        "assigned",
        key=f"mark:{key}",
        url=reverse("chat", args=[conversation.pk]),
        now=now,
        users=[user_id],
        params={"conversation": conversation.pk},
        channel=conversation.channel_id,
    )


# -- away and back


@transaction.atomic(durable=True)
def set_away(user: User, *, until: datetime | None, now: datetime) -> Seat:
    """This person is away until then, or back (None); what they have not begun goes to others."""
    seat, _is_new = Seat.objects.update_or_create(pk=user.pk, defaults={"away_until": until})
    if desk_rules.assigns(desk_rules.current()):
        fill_soon()
    live.publish("seat.changed", id=user.pk)
    return seat


def release_of_the_away(*, now: datetime) -> None:
    """What was given to somebody who is away, or not of the team any more, waits for anybody again."""
    if not desk_rules.assigns(desk_rules.current()):
        return
    given = queue().exclude(assigned_to=None)
    holders = set(given.order_by().values_list("assigned_to", flat=True).distinct())
    if not holders:
        return
    here = {one.user.pk for one in members() if one.seat.takes_chats and not one.is_away(now)}
    for pk in list(given.filter(assigned_to__in=holders - here).values_list("pk", flat=True)[:LOOKED_AT]):
        _take_from_the_away(pk, here, now=now)


@transaction.atomic(durable=True)
def _take_from_the_away(conversation_id: int, here: Collection[int], *, now: datetime) -> None:
    threads = Conversation.objects.select_for_update(of=("self",)).filter(pk=conversation_id)
    conversation = threads.filter(handler=Handler.QUEUE).exclude(assigned_to__in=here).first()
    if conversation is None or conversation.assigned_to_id is None:
        return
    left = conversation.assigned_to_id
    conversation.assigned_to = None
    conversation.save(update_fields=["assigned_to"])
    activities.mark(conversation, Activity.Kind.ASSIGNED, actor=None, now=now, **{"from": left})
    live.publish("conversation.changed", id=conversation.pk, conversation=conversation.pk)


def has_work() -> bool:
    """Whether chats are given out by rule, and one waits: for the sweep."""
    return desk_rules.assigns(desk_rules.current()) and queue().exists()
