"""Agreed times: until a first reply, until the next ones, until it is solved.

They are promises of people: a clock begins when a person is needed, never while the assistant answers. It
counts minutes in which the business is open (`docs/adr/0010-agreed-times.md`): nights and holidays pause it,
an empty desk in business hours does not. The time to a solution stands still while the customer has the word.

A row is a clock. Each function runs in the caller's transaction, which has the thread locked; `sla_due_at` of
the thread is the nearest that runs, and None means that there is nothing to look for.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Case, F, Min, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce
from django.urls import reverse

from conversations import activities, desk_rules, hours
from conversations.models import Activity, Channel, Conversation, DeskRules, SlaClock
from tenants import live, notifying
from tenants.models import User

Kind = SlaClock.Kind
Priority = Conversation.Priority
REPLIES = (Kind.FIRST, Kind.NEXT)
TOLD = ("sla_warning", "sla_breach")
AT_ONCE = 200  # looked at in one visit of the sweep


def start(conversation: Conversation, *kinds: str, now: datetime, wanted: DeskRules | None = None) -> None:
    """Start these clocks where a time is agreed and none of the kind runs; a test chat has none."""
    wanted = wanted or desk_rules.current()
    agreed = {kind: minutes for kind in kinds if (minutes := desk_rules.minutes(wanted, kind))}
    if not agreed or conversation.channel.kind == Channel.Kind.TEST:
        return
    open_hours = desk_rules.business_hours()
    clocks = [_clock(conversation, kind, agreed[kind], wanted, open_hours, now=now) for kind in agreed]
    SlaClock.objects.bulk_create(clocks, ignore_conflicts=True)
    _note_nearest(conversation)


def _clock(
    conversation: Conversation,
    kind: str,
    minutes: int,
    wanted: DeskRules,
    open_hours: hours.Hours,
    *,
    now: datetime,
) -> SlaClock:
    warned_after = minutes * wanted.warn_percent / 100
    return SlaClock(
        conversation=conversation,
        kind=kind,
        started_at=now,
        warn_at=hours.later(open_hours, now, minutes=warned_after),
        due_at=hours.later(open_hours, now, minutes=minutes),
    )


def replied(conversation: Conversation, *, user: User | None, now: datetime) -> None:
    """A person has answered: what waited for a reply ends, and the customer has the word."""
    if conversation.sla_due_at is None:
        return
    running = _running(conversation)
    _stop(running.filter(kind__in=REPLIES), user=user, now=now)
    running.filter(kind=Kind.RESOLVE, paused_at=None).update(paused_at=now)
    _note_nearest(conversation)
    notifying.over(url=_page(conversation), now=now, kinds=TOLD)


def wrote(conversation: Conversation, *, now: datetime) -> None:
    """The customer wrote to a person: the next reply is awaited, and the time to a solution goes on."""
    wanted = desk_rules.current()
    if not (wanted.next_reply_minutes or wanted.resolve_minutes or conversation.sla_due_at):
        return
    running = {clock.kind: clock for clock in _running(conversation)}
    solved = running.get(Kind.RESOLVE)
    if solved is not None and solved.paused_at is not None:
        _go_on(solved, now=now)
    if Kind.FIRST not in running and Kind.NEXT not in running:
        start(conversation, Kind.NEXT, now=now, wanted=wanted)
    _note_nearest(conversation)


def _go_on(clock: SlaClock, *, now: datetime) -> None:
    """The open time that was left when it stood still is left now."""
    assert clock.paused_at is not None, "only a clock that stands still goes on"
    known = desk_rules.business_hours()
    for name in ("warn_at", "due_at"):
        left = hours.open_time(known, clock.paused_at, getattr(clock, name))
        if left > timedelta():
            setattr(clock, name, hours.later(known, now, minutes=left.total_seconds() / 60))
    clock.paused_at = None
    clock.save(update_fields=["warn_at", "due_at", "paused_at"])


def ended(conversation: Conversation, *, user: User | None, now: datetime) -> None:
    """It was closed or given back: solved, and nobody waits for a reply. The caller saves the row."""
    conversation.sla_due_at = None
    running = _running(conversation)
    if not running.exists():
        return
    solved = running.filter(kind=Kind.RESOLVE)
    still = solved.exclude(paused_at=None)
    still.update(stopped_at=F("paused_at"), is_kept=_kept(F("paused_at")), **_whose(user))
    _stop(solved, user=user, now=now)
    late = running.filter(due_at__lt=now)
    late.update(stopped_at=now, is_kept=False, breached_at=F("due_at"), **_whose(user))
    running.update(stopped_at=now, is_kept=None, **_whose(user))


def _running(conversation: Conversation) -> QuerySet[SlaClock]:
    return SlaClock.objects.filter(conversation=conversation, stopped_at=None)


def _stop(clocks: QuerySet[SlaClock], *, user: User | None, now: datetime) -> None:
    """End them with whether each was kept; one that nobody noticed to be late is late from its time on."""
    late = When(Q(due_at__lt=now), then=F("due_at"))
    clocks.update(
        stopped_at=now,
        is_kept=_kept(Value(now)),
        breached_at=Case(When(~Q(breached_at=None), then=F("breached_at")), late, default=None),
        **_whose(user),
    )


def _whose(user: User | None) -> dict[str, Any]:
    """Whose it was when it ran out, else who ended it."""
    return {"person": Coalesce(F("person_id"), Value(user.pk))} if user is not None else {}


def _kept(moment: F | Value) -> Case:
    return Case(
        When(~Q(breached_at=None), then=Value(False)),
        When(due_at__lt=moment, then=Value(False)),
        default=Value(True),
    )


def _note_nearest(conversation: Conversation) -> None:
    nearest = _running(conversation).filter(paused_at=None).aggregate(due=Min("due_at"))["due"]
    if nearest != conversation.sla_due_at:
        Conversation.objects.filter(pk=conversation.pk).update(sla_due_at=nearest)
        conversation.sla_due_at = nearest


# -- warnings and breaches


def due_to_look_at(*, now: datetime) -> Sequence[int]:
    """The threads in which a clock is to be warned of, or has run out; the longest ago first."""
    ticking = SlaClock.objects.filter(stopped_at=None, paused_at=None)
    late = Q(warn_at__lte=now, warned_at=None) | Q(due_at__lte=now, breached_at=None)
    found = ticking.filter(late).order_by("due_at").values_list("conversation_id", flat=True)[:AT_ONCE]
    return list(dict.fromkeys(found))


@transaction.atomic(durable=True)
def look_at(conversation_id: int, *, now: datetime) -> None:
    """Warn of what is nearly over in this thread, and write down what was not kept; each once."""
    threads = Conversation.objects.select_for_update(of=("self",)).filter(pk=conversation_id)
    conversation = threads.first()
    if conversation is None:
        return
    ticking = _running(conversation).filter(paused_at=None)
    for clock in ticking.filter(due_at__lte=now, breached_at=None):
        _break(conversation, clock, now=now)
    for clock in ticking.filter(warn_at__lte=now, warned_at=None):
        _warn(conversation, clock, now=now)
    live.publish("conversation.changed", id=conversation.pk, conversation=conversation.pk)


def _break(conversation: Conversation, clock: SlaClock, *, now: datetime) -> None:
    """Whose it was stays on the clock; who waited for so long goes ahead of others."""
    clock.breached_at, clock.is_kept, clock.person_id = clock.due_at, False, conversation.assigned_to_id
    clock.warned_at = clock.warned_at or now
    clock.save(update_fields=["breached_at", "is_kept", "person", "warned_at"])
    activities.mark(conversation, Activity.Kind.LATE, actor=None, now=now, clock=clock.kind)
    if conversation.priority < Priority.HIGH:
        conversation.priority = Priority.HIGH
        conversation.save(update_fields=["priority"])
    _tell("sla_breach", conversation, clock, now=now)


def _warn(conversation: Conversation, clock: SlaClock, *, now: datetime) -> None:
    clock.warned_at = now
    clock.save(update_fields=["warned_at"])
    _tell("sla_warning", conversation, clock, now=now)


def _tell(kind: str, conversation: Conversation, clock: SlaClock, *, now: datetime) -> None:
    """Who has the chat; all who answer, where nobody has it."""
    notifying.notify(
        kind,
        key=f"clock:{clock.pk}",
        url=_page(conversation),
        now=now,
        users=[conversation.assigned_to_id] if conversation.assigned_to_id else None,
        params={"conversation": conversation.pk},
        channel=conversation.channel_id,
    )


def _page(conversation: Conversation) -> str:
    return reverse("chat", args=[conversation.pk])
