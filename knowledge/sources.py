"""Places that documents come from: add one, have it looked at now, change it, let it go.

looking.py does the looking; kinds.py says what each kind of place must be able to do.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from knowledge import documents, looking
from knowledge.kinds import Content, Gone, Listed, Reader, Refused, Skipped, reader_of, register
from knowledge.models import Source
from knowledge.reaching import Reach
from tenants import live
from tenants.background import enqueue
from tenants.db import connection
from tenants.models import User

__all__ = [
    "Content", "Gone", "Listed", "Reader", "Refused", "Skipped",
    "add", "change", "refresh", "register", "remove",
]  # fmt: skip
LONGEST_TITLE = 200
MOST_SOURCES = 200
MOST_HOURS = 24 * 90
LOCK = 7_260_004
Place = tuple[str, dict[str, Any]]  # an address, and the options that go with it


def checked(kind: str, *, address: str, options: Mapping[str, Any], secret: str) -> Place:
    """The address and the options as they are kept; looks names up. Raises Refused."""
    return reader_of(kind).checked(address=address, options=options, secret=secret)


def add(
    *,
    kind: str,
    title: str,
    address: str,
    options: Mapping[str, Any] | None = None,
    secret: str = "",
    refresh_hours: int = 24,
    reach: Reach | None = None,
    place: Place | None = None,
    added_by: User | None,
    now: datetime,
) -> Source:
    """Keep a place and have it looked at. Raises Refused; 0 refresh_hours: only when a person asks.

    Without a title it is called as its address. `place` is what `checked` said already: where a transaction
    is open, no name may be looked up.
    """
    where, kept = place or checked(kind, address=address, options=options or {}, secret=secret)
    source = Source(
        kind=kind,
        title=_title(title) or where,
        address=where,
        options=kept,
        secret=secret,
        refresh_hours=_hours(refresh_hours),
        added_by=added_by,
        created_at=now,
        due_at=now,
    )
    if reach is not None:
        source.audience, source.agent_ids = reach.audience, sorted(set(reach.agent_ids))
    return _record(source, is_named=bool(_title(title)))


@transaction.atomic
def _record(source: Source, *, is_named: bool) -> Source:
    """One row a place, and one a name; a name that was made here gives way."""
    _lock()
    others = Source.objects.all()
    if others.count() >= MOST_SOURCES:
        raise Refused(_("There are too many sources already. Remove one first."), field="kind")
    if others.filter(kind=source.kind, address=source.address, options=source.options).exists():
        raise Refused(_("This is a source already."))
    if is_named:
        _refuse_taken(source)
    else:
        source.title = _free_title(source.title)
    source.save(force_insert=True)
    enqueue(looking.look, source_id=source.pk)
    live.publish("source.changed", id=source.pk)
    return source


@transaction.atomic
def refresh(source_id: int, *, now: datetime) -> bool:
    """Have it looked at now, because a person asks; False when there is none or somebody is reading it."""
    source = Source.objects.select_for_update().filter(pk=source_id).first()
    if source is None or source.status == Source.Status.READING:
        return False
    looking.ask(source, now=now)
    return True


def change(
    source_id: int,
    *,
    title: str | None = None,
    options: Mapping[str, Any] | None = None,
    secret: str | None = None,
    refresh_hours: int | None = None,
    place: Place | None = None,
    now: datetime,
) -> Source | None:
    """Change what a person may change; None leaves as it is. A changed place is looked at anew.

    `place` as for `add`, and its address stays. Raises Refused. None when there is no such source.
    """
    source = Source.objects.filter(pk=source_id).first()
    if source is None:
        return None
    fresh: dict[str, Any] = {}
    if place is not None:
        fresh = {"options": place[1], "secret": source.secret if secret is None else secret}
    elif options is not None or secret is not None:
        fresh = _place(source, options=options, secret=secret)
    if title is not None and _title(title):
        fresh["title"] = _title(title)
    if refresh_hours is not None:
        fresh["refresh_hours"] = _hours(refresh_hours)
    return _change(source_id, fresh, now=now)


def _place(source: Source, *, options: Mapping[str, Any] | None, secret: str | None) -> dict[str, Any]:
    """The options and the secret, looked at together."""
    secret = source.secret if secret is None else secret
    wanted = source.options if options is None else options
    _where, kept = reader_of(source.kind).checked(address=source.address, options=wanted, secret=secret)
    return {"options": kept, "secret": secret}


@transaction.atomic
def _change(source_id: int, fresh: Mapping[str, Any], *, now: datetime) -> Source | None:
    _lock()
    source = Source.objects.select_for_update().filter(pk=source_id).first()
    if source is None:
        return None
    is_other = any(getattr(source, name) != fresh[name] for name in ("options", "secret") if name in fresh)
    for name, value in fresh.items():
        setattr(source, name, value)
    _refuse_taken(source)
    source.due_at = looking.due(source, now=now)
    source.save(update_fields=[*fresh, "due_at"])
    live.publish("source.changed", id=source.pk)
    if is_other and source.status != Source.Status.READING:
        looking.ask(source, now=now)
    return source


@transaction.atomic
def remove(source_id: int) -> bool:
    """Forget a source, its documents, their passages and files. False when there is none.

    Who reads it at this moment notices, and stops.
    """
    source = Source.objects.select_for_update().filter(pk=source_id).first()
    if source is None:
        return False
    documents.remove_of(source.pk)
    source.delete()
    live.publish("source.removed", id=source_id)
    return True


def _lock() -> None:
    """Two who add at once: the second sees what the first has added."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(current_schema()))", [LOCK])


def _title(title: str) -> str:
    plain = "".join(letter if letter.isprintable() else " " for letter in title)
    return " ".join(plain.split())[:LONGEST_TITLE]


def _refuse_taken(source: Source) -> None:
    if Source.objects.filter(title=source.title).exclude(pk=source.pk).exists():
        raise Refused(_("Another source has this name."), field="title")


def _free_title(title: str) -> str:
    """The title, or with a number when it is taken."""
    start, number = _title(title)[: LONGEST_TITLE - 8], 1
    found = start
    while Source.objects.filter(title=found).exists():
        number += 1
        found = f"{start} ({number})"
    return found


def _hours(hours: int) -> int:
    if not 0 <= hours <= MOST_HOURS:
        raise Refused(_("Look again after 0 to 2160 hours; 0 is only when asked."), field="refresh_hours")
    return hours
