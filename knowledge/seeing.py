"""One turn of a look at a source: item by item, what is new or changed is read, the rest is remembered."""

import hashlib
from datetime import datetime
from time import monotonic
from typing import Any

from django.core.files.base import ContentFile
from django.db import IntegrityError
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from knowledge import documents
from knowledge.kinds import Barred, Content, Down, Gone, Listed, Reader, Skipped
from knowledge.models import Document, Source
from knowledge.reaching import Reach
from providers.errors import ProviderError, ProviderRejected
from tenants import live

TURN_SECONDS = 10.0  # then others' work is seen to, and this look rung for again
FAILURES_IN_A_ROW = 5  # of single items: then it is the place that is out of order
MOST_ITEMS = 5000
SAVED_EVERY = 25  # items: what a crash makes us look at twice
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


def held(source: Source) -> QuerySet[Source]:
    """The row while it is still ours: not removed, not taken by another reader, not changed by a person."""
    return Source.objects.filter(pk=source.pk, status=Source.Status.READING, claimed_at=source.claimed_at)


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
            reach=Reach(self.source.audience, tuple(self.source.agent_ids)),
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
        if not held(source).update(claimed_at=now, found=done + ahead, done=done, **more):
            raise Lost
        source.claimed_at = now
        live.publish("source.changed", id=source.pk)


def _may_stay(document: Document) -> bool:
    """Whether what was read of it answers, or would not be read any better a second time."""
    if document.status == Document.Status.FAILED:
        return document.problem not in Document.NOT_ITS_FAULT
    return document.status != Document.Status.RETIRED


def _is_current(document: Document, item: Listed) -> bool:
    return bool(item.version) and document.fetched.get("version") == item.version and _may_stay(document)


def said(error: object) -> str:
    """What went wrong in the reader's language; a number in brackets at its end is left as it is."""
    words, bracket, number = str(error).partition(" (")
    known = _(words) if words else ""
    return (
        f"{known} ({number}" if bracket and number.rstrip(")").isdigit() else _(str(error)) if words else ""
    )
