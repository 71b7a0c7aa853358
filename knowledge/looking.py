"""Looking at a source's place: what is new or changed is read, what is gone is retired. On the slow queue.

A row with a status and a due time, a conditional claim, a sweeper. A look takes turns with other work: after
a while it leaves what it knows on the row and rings for itself again, so a crash costs one turn at most. A
look that fails, or sees only a part, retires nothing that it did not see going.
"""

import hashlib
from collections import Counter
from contextlib import closing
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

import structlog
from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, ngettext
from django_tenants.utils import schema_context

from knowledge import documents
from knowledge.kinds import Barred, Content, Down, Gone, Listed, Reader, Refused, Skipped, reader_of
from knowledge.models import Document, Source
from providers.errors import ProviderError, ProviderRejected
from tenants import live
from tenants.background import enqueue, public_task, ready_schemas, ring, task
from tenants.current import tenant as current_tenant

log = structlog.get_logger(__name__)
Status = Source.Status
TURN_SECONDS = 30.0  # then others' work is seen to, and this look rung for again
STUCK = timedelta(minutes=5)
LOST = timedelta(seconds=30)
PAUSES = (60.0, 5 * 60.0, 30 * 60.0)  # seconds before a look that failed is tried again
MAX_ATTEMPTS = len(PAUSES) + 1
FAILURES_IN_A_ROW = 5  # of single items: then it is the place that is out of order
MOST_ITEMS = 5000
HELD_BACK_FROM = 3  # pages: when these are more than half of a site, they are not retired unasked
SAVED_EVERY = 25  # items: what a crash makes us look at twice
LONGEST_PROBLEM = 300
BROKEN = gettext_lazy("Something went wrong on our side. Look again; if it stays so, tell us.")
# What a look saw under a key. What was refused or has failed keeps the document that it has.
THERE, REFUSED, FAILED, GONE, GONE_FOR_GOOD = "", "refused", "failed", "gone", "gone for good"
FIRST_GONE = "gone"  # in Document.fetched: since when it has not been there
# What providers say, for the translators; what is not here is shown as it was said.
SAID = (
    gettext_noop("There is no such host."),
    gettext_noop("This is no web address."),
    gettext_noop("The address cannot be looked up at this moment."),
    gettext_noop("This address is inside a private network, and may not be called."),
    gettext_noop("The address must begin with http:// or https:// and name a host."),
    gettext_noop("The address must not carry a user name or a password."),
    gettext_noop("The address has a character that cannot stand in one."),
)


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


def _held(source: Source) -> QuerySet[Source]:
    """The row while it is still ours: not removed, not taken by another reader, not changed by a person."""
    return Source.objects.filter(pk=source.pk, status=Status.READING, claimed_at=source.claimed_at)


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


def _reader(turn: "Turn") -> Reader:
    source = turn.source
    known = list(turn.documents().exclude(status=Document.Status.RETIRED).values_list("key", flat=True))
    return reader_of(source.kind)(source, state=turn.reader_state, known=known)


class Lost(Exception):
    """The source was removed, or somebody else reads it by now."""


class Turn:
    """One turn of a look: what the turns before have seen, and what this one sees."""

    def __init__(self, source: Source) -> None:
        left = source.resume
        self.source = source
        self.reader_state: dict[str, Any] = left.get("reader", {})
        self.seen: dict[str, str] = left.get("seen", {})  # key: one of the words below
        self.words: dict[str, str] = left.get("words", {})  # why it was left out, by key
        self.was_asked = bool(left.get("asked"))
        self.complete = self.is_proof = True
        self._ends = monotonic() + TURN_SECONDS
        self._failures = self._unsaved = 0

    def resume(self) -> dict[str, Any]:
        """What whoever goes on must know, for the row."""
        return {
            "reader": self.reader_state, "seen": self.seen, "words": self.words, "asked": self.was_asked
        }  # fmt: skip

    def documents(self) -> QuerySet[Document]:
        return Document.objects.filter(source=self.source)

    def read(self, reader: Reader) -> bool:
        """Every item that is there; False when the turn is over before the end."""
        self.is_proof = reader.is_proof
        for item in reader.listed():
            if self.seen.get(item.key, FAILED) != FAILED:
                continue
            try:
                self._look_at(reader, item)
            finally:
                self.reader_state = reader.state()
            self._progress(ahead=reader.ahead())
            if monotonic() > self._ends:
                return False
            if len(self.seen) >= MOST_ITEMS:
                self.complete = False
                break
        self.complete &= reader.complete
        return True

    def _look_at(self, reader: Reader, item: Listed) -> None:
        """One item, and what became of it."""
        document = self.documents().filter(key=item.key).first()
        try:
            self._fetch(reader, item, document)
        except (Barred, Down):
            raise
        except Gone as gone:
            self._skip(item.key, str(gone), as_what=GONE_FOR_GOOD if gone.certain else GONE)
        except Skipped as skipped:
            self._skip(item.key, str(skipped))
        except ProviderRejected as error:
            self._skip(item.key, said(error), as_what=REFUSED)
        except ProviderError as error:
            self._failures += 1
            if self._failures >= FAILURES_IN_A_ROW:
                raise
            self._skip(item.key, said(error), as_what=FAILED)
            return
        self._failures = 0

    def _fetch(self, reader: Reader, item: Listed, document: Document | None) -> None:
        if document is not None and _is_current(document, item):
            return self._unchanged(document)
        known = document.fetched if document is not None and _may_stay(document) else {}
        content = reader.fetch(item, known)
        if content is not None:
            self._keep(item, content)
        elif document is not None:
            self._unchanged(document)
        return None

    def _skip(self, key: str, words: str, *, as_what: str = GONE) -> None:
        """Nothing for us under this key; what it held goes like what is gone, unless it only failed."""
        self.seen[key] = as_what
        if words:
            self.words[key] = words

    def _found(self, key: str) -> None:
        self.seen[key] = THERE
        self.words.pop(key, None)

    def _unchanged(self, document: Document) -> None:
        self._found(document.key)
        still = {name: value for name, value in document.fetched.items() if name != FIRST_GONE}
        Document.objects.filter(pk=document.pk).update(refreshed_at=timezone.now(), fetched=still)

    def _keep(self, item: Listed, content: Content) -> None:
        """A new or changed item is read; the same text again is not."""
        if item.key != content.key:
            self.seen[item.key] = GONE  # it leads elsewhere
            if self.seen.get(content.key) == THERE:
                return
        self._found(content.key)
        fetched = {**content.fetched, "version": item.version}
        document = self.documents().filter(key=content.key).first()
        digest = hashlib.sha256(content.body).hexdigest()
        if document is not None and document.sha256 == digest and _may_stay(document):
            document.fetched = fetched
            Document.objects.filter(pk=document.pk).update(title=content.title[:200])
            return self._unchanged(document)
        self._read(content, fetched)

    def _read(self, content: Content, fetched: dict[str, Any]) -> None:
        now = timezone.now()
        try:
            document = self._add(content, fetched, now=now)
        except IntegrityError:
            if Source.objects.filter(pk=self.source.pk).exists():
                raise
            raise Lost from None
        Document.objects.filter(pk=document.pk).update(refreshed_at=now)

    def _add(self, content: Content, fetched: dict[str, Any], *, now: datetime) -> Document:
        return documents.add(
            file=ContentFile(content.body),
            name=content.name,
            title=content.title,
            added_by=self.source.added_by,
            now=now,
            source=self.source,
            key=content.key,
            form=content.form,
            reach=self.source,
            reviews=False,
            fetched=fetched,
        )

    def _progress(self, *, ahead: int) -> None:
        """Say how far it is, and that we are alive. Raises Lost."""
        now, source, done = timezone.now(), self.source, len(self.seen)
        self._unsaved += 1
        more = {}
        if self._unsaved >= SAVED_EVERY:
            more, self._unsaved = {"resume": self.resume()}, 0
        if not _held(source).update(claimed_at=now, found=done + ahead, done=done, **more):
            raise Lost
        source.claimed_at = now
        live.publish("source.changed", id=source.pk)


def _may_stay(document: Document) -> bool:
    """Whether what was read of it answers, or would not be read any better a second time."""
    if document.status == Document.Status.FAILED:
        return document.problem not in (Document.Problem.NO_CREDITS, Document.Problem.BROKEN)
    return document.status != Document.Status.RETIRED


def _is_current(document: Document, item: Listed) -> bool:
    return bool(item.version) and document.fetched.get("version") == item.version and _may_stay(document)


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
    _held(source).update(status=status, problem=problem[:LONGEST_PROBLEM], **fresh, **more)
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
    if _held(source).update(status=Status.WAITING, claimed_at=now, attempts=0, resume=turn.resume()):
        enqueue(look, source_id=source.pk)


def _later(turn: Turn, error: ProviderError, *, now: datetime) -> None:
    source = turn.source
    log.warning("source.postponed", source_id=source.pk, attempts=source.attempts, reason=str(error))
    if source.attempts >= MAX_ATTEMPTS:
        return _fail(source, said(error), now=now)
    pause = max(PAUSES[source.attempts - 1], error.retry_after or 0.0)
    words = said(error)[:LONGEST_PROBLEM]
    _held(source).update(status=Status.WAITING, claimed_at=now, problem=words, resume=turn.resume())
    enqueue(look, countdown=pause, source_id=source.pk)
    live.publish("source.changed", id=source.pk)


def said(error: object) -> str:
    """What went wrong in the reader's language; a number in brackets at its end is left as it is."""
    words, bracket, number = str(error).partition(" (")
    known = _(words) if words else ""
    return (
        f"{known} ({number}" if bracket and number.rstrip(")").isdigit() else _(str(error)) if words else ""
    )


# -- the beat


@public_task()
def sweep() -> None:
    """Ring for sources that are due, and for those whose doorbell or reader was lost."""
    now = timezone.now()
    for schema in ready_schemas():
        with schema_context(schema):
            for pk in overdue(now=now):
                ring(look, schema=schema, source_id=pk)


def overdue(*, now: datetime) -> list[int]:
    """Sources that should be looked at by now."""
    rests = Q(status__in=[Status.READY, Status.FAILED])
    waits = Q(status=Status.WAITING) & _patience_is_over(now)
    stuck = Q(status=Status.READING, claimed_at__lt=now - STUCK)
    due_now = Source.objects.filter(due_at__lte=now)
    return list(due_now.filter(rests | waits | stuck).values_list("pk", flat=True))


def _patience_is_over(now: datetime) -> Q:
    """Longer ago than the pause that goes with its attempts."""
    found = Q(claimed_at=None, due_at__lt=now - LOST) | Q(attempts=0, claimed_at__lt=now - LOST)
    for attempts, pause in enumerate(PAUSES, start=1):
        found |= Q(attempts=attempts, claimed_at__lt=now - timedelta(seconds=pause) - LOST)
    return found


@transaction.atomic
def ask(source: Source, *, now: datetime) -> None:
    """Make it due now, because a person asked; in the caller's lock on the row."""
    source.status, source.problem, source.attempts = Status.WAITING, "", 0
    source.due_at, source.claimed_at, source.resume = now, None, {"asked": True}
    source.save(update_fields=["status", "problem", "attempts", "due_at", "claimed_at", "resume"])
    enqueue(look, source_id=source.pk)
    live.publish("source.changed", id=source.pk)
