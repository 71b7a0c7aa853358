"""Whether a channel works, by what it does: does it answer, does it deliver, do its receipts come.

A gateway that says WORKING and delivers nothing is the failure that costs a business its customers. So a
channel is asked every minute (a real round trip), its events and receipts are remembered, and the rules of
`judge` make of that green, amber or red with a reason. `conversations.alarms` tells the owners.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache, partial
from itertools import islice
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Count, F, Min, Q
from django.utils import timezone
from django_tenants.utils import schema_context
from psycopg import sql

from conversations import alarms, channels, hooks, restrictions
from conversations.events import Event, Receipt, SessionStatus
from conversations.models import Channel, ChannelStatus, Message
from providers.errors import ProviderError, ProviderRejected
from tenants import live, written
from tenants.background import public_task, ready_schemas
from tenants.db import connection
from tenants.written import slot

log = structlog.get_logger(__name__)
Health = Channel.Health
WORKING = "WORKING"
# What a pairing looks like from outside; on a channel that never worked it is nothing to be alarmed by.
PAIRING = (
    "SCAN_QR_CODE",
    "PASSKEY_REQUIRED",
    "PASSKEY_CONFIRMATION_REQUIRED",
    "STARTING",
    "STOPPED",
    "FAILED",
)
SETTLING = timedelta(minutes=2)  # a session that starts again passes through other states
PROBE_FAILURES = 3
REFUSALS = 2  # a gateway that has just started may not know its sessions yet
FAILED_PEOPLE = 3
PROBE_EVERY = timedelta(seconds=50)  # the beat rings every minute
PROBES_AT_ONCE = 16
ROUND_SECONDS = 45.0
SCHEMAS_A_STATEMENT = 50
KEEP_HISTORY = timedelta(days=90)


class Reason(StrEnum):
    """Why a channel is not green; `conversations.templatetags.channels` has the words."""

    NEW = "new"
    PAIRING = "pairing"
    SETTLING = "settling"
    STATE = "state"
    UNSTEADY = "unsteady"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    SILENT = "silent"
    ONE_SILENT = "one_silent"
    UNPROVEN = "unproven"
    FAILING = "failing"


@dataclass(frozen=True, slots=True)
class Signs:
    """What a channel did. `silent_since`: the oldest message that the vendor took since it last gave any
    receipt (or last began to work); `silent_people`: to how many such went; `failed_people`: to how many
    people nothing could be sent since the last message that could."""

    status: str = WORKING
    status_at: datetime | None = None
    ever_worked: bool = True
    probe_failures: int = 0
    refused: bool = False
    silent_since: datetime | None = None
    silent_people: int = 0
    last_event_at: datetime | None = None
    failed_people: int = 0
    was_silent: bool = False  # it was red for its silence, and no receipt has come since
    watchdog: timedelta = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the signs mean."""

    health: str
    reason: str = ""


def judge(signs: Signs, *, now: datetime) -> Verdict:
    """Green, amber or red, by the worst of what the signs say. Pure."""
    return (
        _by_asking(signs) or _by_state(signs, now=now) or _by_deeds(signs, now=now) or Verdict(Health.GREEN)
    )


def _by_asking(signs: Signs) -> Verdict | None:
    if signs.refused and signs.probe_failures >= REFUSALS:
        return Verdict(Health.RED, Reason.REFUSED)
    if signs.probe_failures >= PROBE_FAILURES:
        return Verdict(Health.RED, Reason.UNREACHABLE)
    return None


def _by_state(signs: Signs, *, now: datetime) -> Verdict | None:
    """What the vendor says; its WORKING alone proves nothing."""
    if signs.status == WORKING:
        return None
    if not signs.status:
        return Verdict(Health.AMBER, Reason.NEW)
    if not signs.ever_worked and signs.status in PAIRING:
        return Verdict(Health.AMBER, Reason.PAIRING)
    if signs.status_at is None or now - signs.status_at >= SETTLING:
        return Verdict(Health.RED, Reason.STATE)
    return Verdict(Health.AMBER, Reason.SETTLING)


def _by_deeds(signs: Signs, *, now: datetime) -> Verdict | None:
    if signs.silent_since and now - signs.silent_since >= signs.watchdog:
        return _silent(signs, since=signs.silent_since)
    if signs.failed_people >= FAILED_PEOPLE:
        return Verdict(Health.RED, Reason.FAILING)
    if signs.was_silent:
        return Verdict(Health.AMBER, Reason.UNPROVEN)
    if signs.probe_failures:
        return Verdict(Health.AMBER, Reason.UNSTEADY)
    return None


def _silent(signs: Signs, *, since: datetime) -> Verdict:
    """One person without a receipt may have a phone that is off, as long as anything else comes in."""
    heard = signs.last_event_at is not None and signs.last_event_at >= since
    if heard and signs.silent_people == 1:
        return Verdict(Health.AMBER, Reason.ONE_SILENT)
    return Verdict(Health.RED, Reason.SILENT)


# -- signs of life, noted where they come by


def note_heard(channel: Channel, happened: Sequence[Event], *, now: datetime) -> None:
    """A delivery came, perhaps with a receipt."""
    acked = any(isinstance(event, Receipt) and event.level >= 1 for event in happened)
    note(channel, "last_event_at", *(["last_ack_at"] if acked else []), now=now)


def note(channel: Channel, *names: str, now: datetime) -> None:
    """Moments on a channel's row: one statement a batch, after its commit, since many need that row."""
    noted: dict[str, datetime] = vars(channel).setdefault("_noted", {})
    new = {name: now for name in names if getattr(channel, name) != now}
    for name in new:
        setattr(channel, name, now)
    if new and not noted:
        transaction.on_commit(partial(_write_noted, channel.pk, noted))
    noted |= new


def _write_noted(channel_id: Any, noted: dict[str, datetime]) -> None:
    _noting(*sorted(noted))(pk=channel_id, **noted)
    noted.clear()


@cache
def _noting(*names: str) -> written.Change:
    return written.Change(lambda: Channel.objects.filter(pk=slot("pk")), *names)


def note_status(channel: Channel, status: str, *, now: datetime, detail: str = "") -> bool:
    """Remember what the vendor says of the channel, with its history; whether that was news."""
    known = Channel.objects.filter(pk=channel.pk).exclude(status=status)
    if not known.update(status=status[:30], status_at=now):
        return False
    channel.status, channel.status_at = status[:30], now
    ChannelStatus.objects.create(channel_id=channel.pk, status=status[:30], detail=detail[:200], at=now)
    live.publish("channel.changed", id=str(channel.pk))
    return True


def note_told(channel: Channel, told: SessionStatus, *, now: datetime) -> str:
    """The vendor tells of its session by an event; in the transaction that reads it."""
    if note_status(channel, told.status, now=now, detail=str(told.detail.get("reason") or "")):
        weigh(channel.pk, now=now)
    else:
        live.publish("channel.changed", id=str(channel.pk))  # the same state anew: another QR code
    return f"session is {told.status}"


# -- the round, every minute


@public_task()
def check() -> None:
    """Ask every channel of every business, many at once, and judge what they do."""
    go_round(now=timezone.now())


def go_round(*, now: datetime) -> None:
    """As `check`, at this moment."""
    found = [(schema, channel) for schema in _schemas() for channel in _claimed(schema, now=now)]
    answers: dict[str, list[Answer]] = {}
    for schema, answer in _asked(found):
        answers.setdefault(schema, []).append(answer)
    for schema, theirs in answers.items():
        try:
            with schema_context(schema):
                settle(theirs, now=now)
        except Exception:
            log.exception("health.tenant_failed", schema=schema)  # the others must not wait for it


@dataclass(frozen=True, slots=True)
class Answer:
    """What asking a channel brought: the vendor's word, or why there is none."""

    channel: Channel
    told: SessionStatus | None = None
    error: str = ""
    refused: bool = False


def _schemas() -> Iterator[str]:
    """The businesses that have a channel to ask; one statement looks at many."""
    schemas = iter(ready_schemas())
    look = sql.SQL(
        "SELECT {name} WHERE EXISTS (SELECT FROM {channels} WHERE is_active AND kind = ANY(%(kinds)s))"
    )
    while batch := list(islice(schemas, SCHEMAS_A_STATEMENT)):
        looks = [
            look.format(name=sql.Literal(name), channels=sql.Identifier(name, "conversations_channel"))
            for name in batch
        ]
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL(" UNION ALL ").join(looks), {"kinds": channels.remote_kinds()})
            found = [name for (name,) in cursor.fetchall()]
        yield from found


def _claimed(schema: str, *, now: datetime) -> list[Channel]:
    """Those whose turn it is: two rounds at once never ask the same channel."""
    due = Q(last_probe_at=None) | Q(last_probe_at__lt=now - PROBE_EVERY)
    with schema_context(schema):
        ours = Channel.objects.filter(due, is_active=True, kind__in=channels.remote_kinds()).order_by("pk")
        return [one for one in ours if _claims(one, now=now)]


def _claims(channel: Channel, *, now: datetime) -> bool:
    mine = Channel.objects.filter(pk=channel.pk, last_probe_at=channel.last_probe_at)
    return bool(mine.update(last_probe_at=now))


def _asked(found: Sequence[tuple[str, Channel]]) -> Iterator[tuple[str, Answer]]:
    """Many round trips at a time. These threads touch no database: they get a row and give words."""
    connection.close_if_unusable_or_obsolete()  # not ours to keep while gateways are slow
    until = time.monotonic() + ROUND_SECONDS
    with ThreadPoolExecutor(max_workers=PROBES_AT_ONCE, thread_name_prefix="probe") as pool:
        asked = [(schema, pool.submit(_ask_before, until, channel)) for schema, channel in found]
        for schema, future in asked:
            if (answer := future.result()) is not None:
                yield schema, answer


def _ask_before(until: float, channel: Channel) -> Answer | None:
    """Nothing when the round is over before it is this one's turn: it comes first in the next."""
    return ask(channel) if time.monotonic() < until else None


def ask(channel: Channel) -> Answer:
    """One round trip to the channel's vendor."""
    try:
        return Answer(channel, told=channels.transport(channel).probe(channel))
    except ProviderRejected as error:
        return Answer(channel, error=str(error), refused=True)
    except ProviderError as error:
        return Answer(channel, error=str(error))
    except Exception as error:  # one odd answer must not end the round of all the others
        log.exception("health.probe_failed", channel=str(channel.pk))
        return Answer(channel, error=type(error).__name__)


def settle(answers: Iterable[Answer], *, now: datetime) -> None:
    """Write down what the channels of this business answered, and what follows from it."""
    for answer in answers:
        with transaction.atomic(durable=True):
            _note_answer(answer, now=now)
            weigh(answer.channel.pk, now=now, refused=answer.refused)
    ChannelStatus.objects.filter(at__lt=now - KEEP_HISTORY).delete()
    alarms.ring_when_due(now=now)


def _note_answer(answer: Answer, *, now: datetime) -> None:
    channel = Channel.objects.filter(pk=answer.channel.pk)
    if answer.error:
        channel.update(probe_failures=F("probe_failures") + 1, probe_error=answer.error[:200])
        return
    channel.update(probe_failures=0, probe_error="")
    # An event that came while we asked knows better.
    if answer.told is None or channel.filter(status_at__gt=now).exists():
        return
    restrictions.note(answer.channel, answer.told.detail, now=now)
    if answer.told.status:
        note_status(answer.channel, answer.told.status, now=now)


def weigh(channel_id: Any, *, now: datetime, refused: bool | None = None) -> Verdict | None:
    """Judge a channel, and remember the verdict when it is a new one. In the caller's transaction.

    `refused` tells that the vendor has just refused to answer; None when it was not asked now.
    """
    channel = Channel.objects.select_for_update(of=("self",)).filter(pk=channel_id).first()
    if channel is None or not channel.is_active:
        return None
    if refused is None:
        refused = channel.health_reason == Reason.REFUSED and channel.probe_failures > 0
    verdict = judge(signs_of(channel, refused=refused), now=now)
    if (channel.health, channel.health_reason) != (verdict.health, verdict.reason):
        _change(channel, verdict, now=now)
    return verdict


def _change(channel: Channel, verdict: Verdict, *, now: datetime) -> None:
    if channel.health != verdict.health:
        hooks.channel(channel, verdict.health, before=channel.health, reason=verdict.reason, now=now)
        channel.health_since = now
    channel.health, channel.health_reason = verdict.health, verdict.reason
    channel.save(update_fields=["health", "health_reason", "health_since"])
    detail = channel.probe_error if verdict.reason in (Reason.REFUSED, Reason.UNREACHABLE) else ""
    ChannelStatus.objects.create(
        channel=channel, status=verdict.health, detail=f"{verdict.reason} {detail}".strip()[:200], at=now
    )
    live.publish("channel.changed", id=str(channel.pk))


def signs_of(channel: Channel, *, refused: bool = False) -> Signs:
    """The signs of life of a channel, from its row and its latest messages."""
    oldest, people = _silence(channel)
    return Signs(
        status=channel.status,
        status_at=channel.status_at,
        ever_worked=_ever_worked(channel),
        probe_failures=channel.probe_failures,
        refused=refused,
        silent_since=oldest,
        silent_people=people,
        last_event_at=channel.last_event_at,
        failed_people=_failed_people(channel),
        was_silent=_was_silent(channel),
        watchdog=timedelta(minutes=channel.watchdog_minutes),
    )


def _ever_worked(channel: Channel) -> bool:
    if channel.status == WORKING or channel.last_in_at or channel.last_ack_at:
        return True
    return channel.statuses.filter(status=WORKING).exists()


def _was_silent(channel: Channel) -> bool:
    if channel.health_reason not in (Reason.SILENT, Reason.UNPROVEN) or channel.health_since is None:
        return False
    return channel.last_ack_at is None or channel.last_ack_at < channel.health_since


def _silence(channel: Channel) -> tuple[datetime | None, int]:
    """The oldest message without any receipt since the last receipt, and how many people such went to."""
    if not channels.transport(channel).limits.remote or channel.last_answered_at is None:
        return None, 0
    since = max((moment for moment in (channel.last_ack_at, channel.status_at) if moment), default=None)
    if since is not None and channel.last_answered_at < since:
        return None, 0  # nothing was sent since: no need to look at the messages
    silent = _sent(channel, since=since or channel.created_at).filter(status=Message.Status.SENT)
    if since is not None:
        silent = silent.filter(sent_at__gt=since)
    found = silent.aggregate(oldest=Min("sent_at"), people=Count("conversation", distinct=True))
    return found["oldest"], found["people"]


def _failed_people(channel: Channel) -> int:
    """To how many people something could not be sent since the last message that could."""
    since = max(filter(None, (channel.last_answered_at, channel.status_at)), default=channel.created_at)
    unsent = Q(status__in=[Message.Status.FAILED, Message.Status.UNKNOWN]) | Q(
        status=Message.Status.QUEUED, attempts__gt=0
    )
    tried = _sent(channel, since=since).filter(unsent, created_at__gte=since)
    return tried.values("conversation").distinct().count()


def _sent(channel: Channel, *, since: datetime) -> Any:
    """What went out in threads that moved since then."""
    return Message.objects.filter(
        conversation__channel=channel,
        conversation__last_message_at__gte=since,
        direction=Message.Direction.OUT,
    )
