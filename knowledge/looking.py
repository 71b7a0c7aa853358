"""Looking at a source's place: what is new or changed is read, what is gone is retired. On the slow queue.

A row with a status and a due time, a conditional claim, a sweeper. A look takes turns with other work: after
a while it leaves what it knows on the row and rings for itself again, so a crash costs one turn at most. A
look that fails, or sees only a part, retires nothing that it did not see going.
"""

from collections import Counter
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django_tenants.utils import schema_context

from knowledge import documents
from knowledge.kinds import Reader, Refused, reader_of
from knowledge.models import Document, Source
from knowledge.seeing import FAILED, FIRST_GONE, GONE, GONE_FOR_GOOD, Lost, Turn, held, said
from providers.errors import ProviderError, ProviderRejected
from tenants import live
from tenants.background import enqueue, public_task, ready_schemas, ring, task
from tenants.current import tenant as current_tenant

log = structlog.get_logger(__name__)
Status = Source.Status
STUCK = timedelta(minutes=5)
LOST = timedelta(seconds=30)
QUEUED = timedelta(minutes=5)  # that a doorbell may stand in the queue behind others
PAUSES = (60.0, 5 * 60.0, 30 * 60.0)  # seconds before a look that failed is tried again
MAX_ATTEMPTS = len(PAUSES) + 1
HELD_BACK_FROM = 3  # pages: when these are more than half of a site, they are not retired unasked
LONGEST_PROBLEM = 300
BROKEN = gettext_lazy("Something went wrong on our side. Look again; if it stays so, tell us.")


@task()
def look(source_id: int) -> None:
    """Look at one source that is due, for one turn."""
    source = _claim(source_id, now=timezone.now())
    if source is None:
        return
    live.publish("source.changed", id=source.pk)
    with translation.override(current_tenant().language):
        _take_turn(source)


def _claim(source_id: int, *, now: datetime) -> Source | None:
    """Compare-and-set: one reader, unless the earlier one has been silent for too long."""
    free = ~Q(status=Status.READING) | Q(claimed_at__lt=now - STUCK)
    due = Source.objects.filter(free, pk=source_id, due_at__lte=now)
    if not due.update(status=Status.READING, claimed_at=now, attempts=F("attempts") + 1):
        return None
    source = Source.objects.get(pk=source_id)
    if source.attempts > MAX_ATTEMPTS:
        _fail(source, str(BROKEN), now=now)  # it ends whoever reads it
        return None
    return source


def _take_turn(source: Source) -> None:
    turn = Turn(source)
    try:
        with closing(_reader(turn)) as reader:
            is_through = turn.read(reader)
    except Lost:
        return
    except documents.StorageFull as error:
        return _later(turn, ProviderError(str(error)), now=timezone.now())
    except (ProviderRejected, Refused) as error:
        return _fail(source, said(error), now=timezone.now())
    except ProviderError as error:
        return _later(turn, error, now=timezone.now())
    if not is_through:
        return _pause(turn, now=timezone.now())
    finish(turn, now=timezone.now())


def _reader(turn: Turn) -> Reader:
    source = turn.source
    known = list(turn.documents().exclude(status=Document.Status.RETIRED).values_list("key", flat=True))
    return reader_of(source.kind)(source, state=turn.reader_state, known=known)


# -- how a turn ends


def finish(turn: Turn, *, now: datetime) -> None:
    """The look is through: retire what is gone, and say when the next one is due."""
    held_back = _retire(turn, now=now)
    source = turn.source
    is_empty = not turn.documents().exclude(status=Document.Status.RETIRED).exists()
    words = _words(turn, held_back=held_back)
    if is_empty:
        words = words or _("Nothing to read was found there.")
    status = Status.FAILED if is_empty else Status.READY
    _end(source, status=status, problem=words, refreshed_at=now, now=now)


def _retire(turn: Turn, *, now: datetime) -> int:
    """Retire what is gone; returns how many are held back because they are suspiciously many."""
    there = list(turn.documents().exclude(status=Document.Status.RETIRED))
    going = [document for document in there if _is_gone(turn, document)]
    sure = [document for document in going if _is_sure(turn, document)]
    final = [document for document in going if document not in sure and FIRST_GONE in document.fetched]
    if len(final) >= HELD_BACK_FROM and len(final) * 2 > len(there) and not turn.was_asked:
        held_back, final = len(final), []  # rather a site in disorder than an emptied one: a person is asked
    else:
        held_back = 0
    for document in sure + final:
        documents.retire(document.pk, now)
    _remember_gone(going, now=now)
    return held_back


def _remember_gone(going: list[Document], *, now: datetime) -> None:
    for document in going:
        if FIRST_GONE not in document.fetched:
            fetched = {**document.fetched, FIRST_GONE: now.isoformat()}
            Document.objects.filter(pk=document.pk).update(fetched=fetched)


def _is_gone(turn: Turn, document: Document) -> bool:
    found = turn.seen.get(document.key)
    if found is not None:
        return found in (GONE, GONE_FOR_GOOD)
    # Not listed: of a site, a page that failed may be the one that leads there.
    return turn.complete and (turn.is_proof or FAILED not in turn.seen.values())


def _is_sure(turn: Turn, document: Document) -> bool:
    return turn.is_proof or turn.seen.get(document.key) == GONE_FOR_GOOD


def _words(turn: Turn, *, held_back: int) -> str:
    """What the owner should know of this look, in one line."""
    if held_back:
        return _(
            "%(count)s of its pages were not there any more. They still answer: look again if that is right."
        ) % {"count": held_back}
    if not turn.words:
        return ""
    said_of = Counter(turn.words.values())
    most, count = said_of.most_common(1)[0][0], len(turn.words)
    if count == 1:
        return most
    said_of_all = ngettext("%(count)s was left out: %(words)s", "%(count)s were left out: %(words)s", count)
    return said_of_all % {"count": count, "words": most}


def _fail(source: Source, words: str, *, now: datetime) -> None:
    """Say what is wrong. Nothing is retired, and the place is looked at again when it is due."""
    log.warning("source.failed", source_id=source.pk, kind=source.kind)
    _end(source, status=Status.FAILED, problem=words, now=now)


def _end(source: Source, *, status: str, problem: str, now: datetime, **more: Any) -> None:
    fresh = {"attempts": 0, "resume": {}, "claimed_at": None, "due_at": _next(source, now=now)}
    held(source).update(status=status, problem=problem[:LONGEST_PROBLEM], **fresh, **more)
    live.publish("source.changed", id=source.pk)


def _next(source: Source, *, now: datetime) -> datetime | None:
    return now + timedelta(hours=source.refresh_hours) if source.refresh_hours else None


def due(source: Source, *, now: datetime) -> datetime | None:
    """When it is to be looked at next, now that its hours were changed; a look under way stays."""
    if source.status in (Status.WAITING, Status.READING):
        return source.due_at
    return _next(source, now=source.refreshed_at or now)


def _pause(turn: Turn, *, now: datetime) -> None:
    """Others' turn; what this one has seen is on the row."""
    source = turn.source
    if held(source).update(status=Status.WAITING, claimed_at=now, attempts=0, resume=turn.resume()):
        enqueue(look, source_id=source.pk)


def _later(turn: Turn, error: ProviderError, *, now: datetime) -> None:
    source = turn.source
    log.warning("source.postponed", source_id=source.pk, attempts=source.attempts, reason=str(error))
    if source.attempts >= MAX_ATTEMPTS:
        return _fail(source, said(error), now=now)
    pause = max(PAUSES[source.attempts - 1], error.retry_after or 0.0)
    words = said(error)[:LONGEST_PROBLEM]
    due_at, left = now + timedelta(seconds=pause), turn.resume()
    waits = {"status": Status.WAITING, "claimed_at": now, "due_at": due_at, "problem": words, "resume": left}
    held(source).update(**waits)
    if pause <= PAUSES[-1]:  # otherwise the sweep finds it
        enqueue(look, countdown=pause, source_id=source.pk)
    live.publish("source.changed", id=source.pk)


# -- the beat


@public_task()
def sweep() -> None:
    """Ring for sources that are due, and for those whose doorbell or reader was lost."""
    now = timezone.now()
    for schema in ready_schemas():
        with schema_context(schema):
            for pk in overdue(now=now):
                _rung(pk, now=now)
                ring(look, schema=schema, source_id=pk)


def _rung(source_id: int, *, now: datetime) -> None:
    """It stands in the queue: who sweeps next does not put it there again."""
    waits = Source.objects.filter(pk=source_id, due_at__lte=now).exclude(status=Status.READING)
    waits.update(status=Status.WAITING, claimed_at=now)


def overdue(*, now: datetime) -> list[int]:
    """Sources that should be looked at by now."""
    rests = Q(status__in=[Status.READY, Status.FAILED])
    lost = Q(claimed_at=None) | Q(claimed_at__lt=now - QUEUED)
    waits = Q(status=Status.WAITING, due_at__lt=now - LOST) & lost
    stuck = Q(status=Status.READING, claimed_at__lt=now - STUCK)
    due_now = Source.objects.filter(due_at__lte=now)
    return list(due_now.filter(rests | waits | stuck).values_list("pk", flat=True))


@transaction.atomic
def ask(source: Source, *, now: datetime) -> None:
    """Make it due now, because a person asked; in the caller's lock on the row."""
    source.status, source.problem, source.attempts = Status.WAITING, "", 0
    source.due_at, source.claimed_at, source.resume = now, None, {"asked": True}
    source.save(update_fields=["status", "problem", "attempts", "due_at", "claimed_at", "resume"])
    enqueue(look, source_id=source.pk)
    live.publish("source.changed", id=source.pk)
