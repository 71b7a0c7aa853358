"""The message ledger: for every id that a vendor gave or took, its path, its end, when and why.

A message's row is its account. What came to a door and became no message (ignored, repeated, unreadable) is
on the delivery's own row, in its `traces`. Two figures stand on the owner's first screen: `waiting` is what
may still end by itself in time; `unexplained` is what should have ended, and did not. Nothing is in both.
"""

import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from conversations.events import Event, Receipt
from conversations.models import Channel, Message, Turn, WebhookEvent
from tenants.db import connection

EXPLAINED_WITHIN = timedelta(seconds=settings.EXPLAINED_WITHIN_SECONDS)
SEEN_WITHIN = 5000  # how many of the last deliveries are compared with the messages
Status = Message.Status
KEPT = ("received", "ignored: repeated")  # what a door may say only of an id that has a message


def trace(channel: Channel, event: Event, outcome: str) -> dict[str, str] | None:
    """What one event of a delivery was and what became of it; None for what carries no message's id."""
    unique_id = getattr(event, "unique_id", "")
    if not unique_id:
        return None
    ours = getattr(event, "from_me", isinstance(event, Receipt))
    key = f"{channel.pk.hex}:{'true' if ours else 'false'}:{unique_id}"
    return {"key": key[:250], "what": type(event).__name__.lower(), "outcome": outcome[:200]}


# -- the figures


@dataclass(frozen=True, slots=True)
class Figures:
    """What waits and what nobody can explain, by where it is."""

    waiting: int
    open_too_long: int
    stuck: int
    unread: int
    unseen: int

    @property
    def unexplained(self) -> int:
        return self.open_too_long + self.stuck + self.unread + self.unseen


def figures(*, now: datetime) -> Figures:
    return Figures(
        waiting=waiting(now=now).count(),
        open_too_long=open_too_long(now=now).count(),
        stuck=stuck(now=now).count(),
        unread=unread(now=now).count(),
        unseen=len(unseen()),
    )


def unexplained_by_channel(*, now: datetime) -> dict[uuid.UUID, int]:
    """What nobody can explain, by its channel; what became no message at all is in `unseen` only."""
    found: Counter[uuid.UUID] = Counter()
    lost = (open_too_long(now=now), stuck(now=now))
    for rows, channel in [*((one, "conversation__channel") for one in lost), (unread(now=now), "channel")]:
        counted = rows.order_by().values_list(channel).annotate(n=Count("pk"))
        found.update({pk: n for pk, n in counted if pk})
    return found


def unended() -> QuerySet[Message]:
    """Inbound messages that have no end yet."""
    return Message.objects.filter(direction=Message.Direction.IN, outcome="")


def waiting(*, now: datetime) -> QuerySet[Message]:
    """Inbound, no end yet, and in time: new, or its answer is due later, or being thought of."""
    return unended().filter(_in_time(now))


def open_too_long(*, now: datetime) -> QuerySet[Message]:
    """Inbound, and nothing that runs or is due will end it in time."""
    return unended().exclude(_in_time(now))


def _in_time(now: datetime) -> Q:
    since = now - EXPLAINED_WITHIN
    running = Turn.objects.filter(
        conversation=OuterRef("conversation"), status=Turn.Status.RUNNING, started_at__gte=since
    )
    return Q(created_at__gte=since) | Q(conversation__reply_due_at__gte=since) | Q(Exists(running))


def stuck(*, now: datetime) -> QuerySet[Message]:
    """Outbound that should have left by now, or of which nobody knows whether it did."""
    since = now - EXPLAINED_WITHIN
    ours = Message.objects.filter(direction=Message.Direction.OUT)
    late = Q(status=Status.QUEUED, priority__lt=Message.Priority.BULK) & (
        Q(send_after__lt=since) | Q(send_after=None, created_at__lt=since)
    )
    unsure = Q(status__in=[Status.SENDING, Status.UNKNOWN]) & (
        Q(claimed_at__lt=since) | Q(claimed_at=None, created_at__lt=since)
    )
    return ours.filter(late | unsure)


def unread(*, now: datetime) -> QuerySet[WebhookEvent]:
    """Deliveries that nobody has read in time, or that were given up."""
    late = Q(status=WebhookEvent.Status.NEW, received_at__lt=now - EXPLAINED_WITHIN)
    return WebhookEvent.objects.filter(late | Q(status=WebhookEvent.Status.PARKED))


_UNSEEN = """
SELECT DISTINCT trace->>'key' FROM conversations_webhookevent AS event
CROSS JOIN LATERAL jsonb_array_elements(event.traces) AS trace
WHERE event.id > (SELECT coalesce(max(id), 0) - %(back)s FROM conversations_webhookevent)
  AND trace->>'what' = 'said' AND trace->>'outcome' = ANY(%(kept)s)
  AND NOT EXISTS (SELECT FROM conversations_message AS message WHERE message.provider_key = trace->>'key')
LIMIT 100
"""


def unseen() -> list[str]:
    """Ids that came to the door as messages to keep, and of which there is no row. At most 100."""
    with connection.cursor() as cursor:
        cursor.execute(_UNSEEN, {"back": SEEN_WITHIN, "kept": list(KEPT)})
        return [key for (key,) in cursor.fetchall()]


# -- the list


DOORS = ("all", "door", "unexplained")  # the parts to which what came to the doors belongs
SHOWS = ("all", "waiting", "unexplained", "in", "out", "handed_over", "ignored", "failed", "unknown", "door")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which part of the ledger: what to show, on which channel, in which time, which id."""

    show: str = "all"
    channel: uuid.UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    provider_id: str = ""


def messages(wanted: Wanted, *, now: datetime) -> QuerySet[Message]:
    """The messages, the newest first; the test chat's too, since its ids are ids like any other."""
    found = _part(_shown(wanted.show, now=now), wanted, channel="conversation__channel", moment="created_at")
    if wanted.provider_id:
        found = found.filter(provider_key__in=keys_of(wanted.provider_id))
    return found.select_related("conversation__channel", "conversation__contact", "turn").order_by("-pk")


def _shown(show: str, *, now: datetime) -> QuerySet[Message]:
    if show == "waiting":
        return waiting(now=now)
    if show == "unexplained":
        late = Q(pk__in=open_too_long(now=now).values("pk")) | Q(pk__in=stuck(now=now).values("pk"))
        return Message.objects.filter(late)
    if show in ("in", "out"):
        return Message.objects.filter(direction=show)
    if show in ("handed_over", "ignored"):
        return Message.objects.filter(direction=Message.Direction.IN, outcome=show)
    if show in ("failed", "unknown"):
        return Message.objects.filter(direction=Message.Direction.OUT, status=show)
    return Message.objects.all()


def deliveries(wanted: Wanted, *, now: datetime) -> QuerySet[WebhookEvent]:
    """What came to the doors, the newest first, without its body."""
    found = unread(now=now) if wanted.show == "unexplained" else WebhookEvent.objects.all()
    found = _part(found, wanted, channel="channel", moment="received_at")
    if wanted.provider_id:
        found = found.filter(traced(wanted.provider_id))
    return found.defer("body").order_by("-pk")


def _part(found: QuerySet[Any], wanted: Wanted, *, channel: str, moment: str) -> QuerySet[Any]:
    """Of one channel and one time."""
    wishes = {channel: wanted.channel, f"{moment}__gte": wanted.since, f"{moment}__lt": wanted.until}
    return found.filter(**{name: wish for name, wish in wishes.items() if wish})


def keys_of(provider_id: str) -> list[str]:
    """The keys under which an id may be stored: a whole one, or the vendor's part on any channel here."""
    unique = provider_id.strip()[:190]
    if len(parts := unique.split("_")) >= 3 and parts[0] in ("true", "false"):
        unique = parts[2]  # as WAHA words it: fromMe_chat_id
    keys = [
        f"{channel.hex}:{ours}:{unique}"
        for channel in Channel.objects.values_list("pk", flat=True)
        for ours in ("true", "false")
    ]
    return [unique, *keys]


def traced(provider_id: str) -> Q:
    """The deliveries that speak of this id."""
    found = Q(pk__in=[])
    for key in keys_of(provider_id):
        found |= Q(traces__contains=[{"key": key}])
    return found


# -- the path of one message, in facts


@dataclass(frozen=True, slots=True)
class Step:
    """One station on a message's way: a word that the page and the export know, when, and what more."""

    word: str
    at: datetime | None = None
    more: str = ""


def path(message: Message, *, together: int = 1) -> list[Step]:
    """The stations of a message, in order, the last where it is; `together` is how many its turn answers."""
    inbound = message.direction == Message.Direction.IN
    return _path_in(message, together) if inbound else _path_out(message)


def _path_in(message: Message, together: int) -> list[Step]:
    steps = [Step("came", message.created_at)]
    if message.turn is not None:
        word = "merged" if together > 1 else "turn"
        steps.append(Step(word, message.turn.started_at, str(message.turn_id)))
    return [*steps, Step(message.outcome or "open", message.terminal_at, message.outcome_reason)]


def _path_out(message: Message) -> list[Step]:
    steps = [Step("queued", message.created_at, str(message.turn_id or ""))]
    for word in (Status.SENT, Status.DELIVERED, Status.READ):
        if at := getattr(message, f"{word}_at"):
            steps.append(Step(word, at))
    if message.status in (Status.SENDING, Status.UNKNOWN):
        steps.append(Step(message.status, message.claimed_at, message.error))
    elif message.status == Status.FAILED:
        steps.append(Step(message.status, message.terminal_at, message.error))
    elif message.status not in {step.word for step in steps}:
        steps.append(Step(message.status, message.terminal_at))
    return steps


def accounts(rows: Sequence[Message]) -> list[tuple[Message, list[Step]]]:
    """These messages with their paths."""
    ids = {row.turn_id for row in rows if row.turn_id and row.direction == Message.Direction.IN}
    counted = Message.objects.filter(turn__in=ids, direction=Message.Direction.IN).values("turn")
    together = dict(counted.annotate(n=Count("pk")).order_by().values_list("turn", "n"))
    return [(row, path(row, together=together.get(row.turn_id or 0, 1))) for row in rows]


# -- the export

HEADER = (
    "provider_id", "channel", "direction", "kind", "author", "seen_at", "state", "ended_at", "reason", "turn",
    "sent_at", "delivered_at", "read_at",
)  # fmt: skip


EXPORTED = 500  # rows a query


def export(wanted: Wanted, *, now: datetime) -> Iterator[list[tuple[str, ...]]]:
    """What the page lists of this part, some rows at a time: messages, then what came to the doors.

    Nothing is open between two pieces, so each may be asked for by another thread and connection.
    """
    yield [HEADER]
    if wanted.show != "door":
        for found in _pieces(messages(wanted, now=now)):
            yield [_row_of(message) for message in found]
    if wanted.show in DOORS:
        names = dict(Channel.objects.values_list("pk", "name"))
        for events in _pieces(deliveries(wanted, now=now)):
            rows = (_rows_at_the_door(event, names.get(event.channel_id, "")) for event in events)
            yield [row for some in rows for row in some]
    if wanted.show == "unexplained":
        yield [_row_of_nothing(key) for key in unseen()]


def _pieces(found: QuerySet[Any]) -> Iterator[list[Any]]:
    before = 0
    while True:
        rows, before = _page(found, before=before, size=EXPORTED)
        yield rows
        if not before:
            return


def _row_of(message: Message) -> tuple[str, ...]:
    inbound = message.direction == Message.Direction.IN
    return (
        (message.provider_key or "").rpartition(":")[2],
        message.conversation.channel.name,
        message.direction,
        message.kind,
        message.author_kind,
        _iso(message.created_at),
        (message.outcome or "open") if inbound else message.status,
        _iso(message.terminal_at),
        message.outcome_reason if inbound else message.error,
        str(message.turn_id or ""),
        _iso(message.sent_at),
        _iso(message.delivered_at),
        _iso(message.read_at),
    )


def _rows_at_the_door(event: WebhookEvent, name: str) -> Iterator[tuple[str, ...]]:
    """What a delivery told and did not become a message; a whole delivery that told nothing is one line."""
    told = [one for one in event.traces or [] if one["outcome"] != "received"]
    if not told and (event.status != WebhookEvent.Status.DONE or not event.traces):
        told = [{"key": "", "what": "delivery", "outcome": event.outcome or event.status}]
    for one in told:
        blank = ("",) * 3
        yield (
            one["key"].rpartition(":")[2], name, "door", one["what"], "", _iso(event.received_at),
            one["outcome"].partition(":")[0], _iso(event.read_at), one["outcome"], "", *blank,
        )  # fmt: skip


def _row_of_nothing(key: str) -> tuple[str, ...]:
    """An id that a door kept and of which there is no message."""
    return (key.rpartition(":")[2], "", "door", "said", "", "", "missing", "", "no message", *("",) * 4)


def _iso(moment: datetime | None) -> str:
    return moment.isoformat(timespec="seconds") if moment else ""


def page(wanted: Wanted, *, now: datetime, before: int, size: int) -> tuple[list[Any], int]:
    """A page of the list below a cursor, and the next cursor (0 at either end): messages, or deliveries."""
    found = (deliveries if wanted.show == "door" else messages)(wanted, now=now)
    return _page(found, before=before, size=size)


def _page(found: QuerySet[Any], *, before: int, size: int) -> tuple[list[Any], int]:
    rows = list((found.filter(pk__lt=before) if before else found)[: size + 1])
    return rows[:size], rows[size - 1].pk if len(rows) > size else 0
