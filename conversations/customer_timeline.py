"""Everything that happened with a customer, the latest first: one statement a page, whatever it came from.

A day's messages of one thread are one entry. The cursor is the moment and the name of the last entry, so what
happens meanwhile moves nothing.
"""

import zoneinfo
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import CharField, Count, F, Max, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat, JSONObject, TruncDate
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from agents import tools
from conversations import activities
from conversations.customer_consent import TITLES
from conversations.models import (
    Activity,
    Consent,
    Contact,
    ContactImportRow,
    ContactMerge,
    Message,
    Rating,
    ToolRun,
)
from conversations.receipt_words import DEEDS
from tenants.models import User

PAGE = 20
ICONS = {
    "messages": "messages-square",
    "activity": "hand",
    "consent": "shield-check",
    "receipt": "receipt",
    "rating": "chart-bar",
    "merge": "users",
    "parted": "undo-2",
    "import": "upload",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened, in words, with where it leads."""

    at: datetime
    icon: str
    title: str
    words: str = ""
    chat_id: int | None = None
    merge_id: int | None = None  # a merge that can be undone


@dataclass(frozen=True, slots=True)
class Page:
    """One page, and the cursor of the next; empty where nothing is left."""

    entries: list[Entry]
    following: str


def page(contact: Contact, *, before: str = "", size: int = PAGE) -> Page:
    """What happened before this cursor: one statement for all kinds, one for the names of colleagues."""
    cursor = _cursor(before)
    parts = [_part(rows, kind, at, detail, cursor) for kind, rows, at, detail in _sources(contact)]
    found = list(parts[0].union(*parts[1:], all=True).order_by("-moment", "-tag")[: size + 1])
    names = _names(found)
    entries = [_entry(row, names) for row in found[:size]]
    last = found[size - 1] if len(found) > size else None
    return Page(entries, f"{last['moment'].isoformat()}~{last['tag']}" if last else "")


def _cursor(text: str) -> tuple[datetime, str] | None:
    moment, _tilde, name = text.partition("~")
    try:
        found = parse_datetime(moment)
    except ValueError:
        return None
    return (found, name[:40]) if found is not None and found.tzinfo is not None else None


Source = tuple[str, QuerySet[Any], Any, dict[str, Any]]


def _sources(contact: Contact) -> Iterable[Source]:
    """Each kind with its rows, when they happened, and what is needed to say it."""
    threads = {"conversation__contact": contact}
    chat = {"chat": F("conversation_id")}
    yield "activity", Activity.objects.filter(**threads), F("at"), chat | _same("kind", "detail", "actor_id")
    consent = _same("purpose", "given", "words", "by_id")
    yield "consent", Consent.objects.filter(contact=contact), F("created_at"), consent
    done = ToolRun.objects.filter(**threads, status=ToolRun.Status.DONE, test=False).exclude(claims=[])
    yield "receipt", done, F("started_at"), chat | _same("tool", "claims")
    rated = Rating.objects.filter(**threads, answered_at__isnull=False)
    yield "rating", rated, F("answered_at"), chat | _same("score", "words")
    merges = ContactMerge.objects.filter(contact=contact, due_at=None)
    by = _same("by_id", "reason")
    latest = merges.filter(undone_at=None).order_by("-pk").values("pk")[:1]
    yield "merge", merges, F("created_at"), by | {"id": F("pk"), "open": Q(pk__in=latest)}
    yield "parted", merges.exclude(undone_at=None), F("undone_at"), by
    imported = ContactImportRow.objects.filter(contact_id=contact.pk, undone_at=None)
    imported = imported.exclude(of__finished_at=None).exclude(outcome="same")
    yield "import", imported, F("of__finished_at"), {"outcome": F("outcome"), "file": F("of__name")}
    yield "messages", _days(contact), F("latest"), {"chat": F("conversation_id")} | _same("came", "went")


def _same(*names: str) -> dict[str, Any]:
    return {name: F(name) for name in names}


def _days(contact: Contact) -> QuerySet[Any]:
    """A row for each day of each thread, in the business's own days."""
    days: QuerySet[Any, Any] = Message.objects.filter(conversation__contact=contact).order_by()
    zone = timezone.get_current_timezone()
    assert isinstance(zone, zoneinfo.ZoneInfo)
    days = days.annotate(day=TruncDate("created_at", tzinfo=zone)).values("conversation_id", "day")
    return days.annotate(
        latest=Max("created_at"),
        came=Count("pk", filter=Q(direction=Message.Direction.IN)),
        went=Count("pk", filter=Q(direction=Message.Direction.OUT)),
    )


def _part(
    rows: QuerySet[Any], kind: str, at: Any, detail: dict[str, Any], cursor: tuple[datetime, str] | None
) -> QuerySet[Any]:
    """The rows of one kind in the shape that all have: what, when, its own name, and the rest."""
    key = Max("pk") if kind == "messages" else F("pk")
    tag = Concat(Value(f"{kind} "), Cast(key, CharField()), output_field=CharField())
    found = rows.annotate(
        what=Value(kind, output_field=CharField()), moment=at, tag=tag, told=JSONObject(**detail)
    )
    if cursor is not None:
        moment, last = cursor
        found = found.filter(Q(moment__lt=moment) | Q(moment=moment, tag__lt=last))
    return found.order_by().values("what", "moment", "tag", "told")


def _names(found: Iterable[dict[str, Any]]) -> dict[int, User]:
    """The colleagues who are named in a page."""
    ids = {row["told"].get("actor_id") or row["told"].get("by_id") for row in found} - {None}
    return User.objects.in_bulk(list(ids)) if ids else {}


# -- in words


def _entry(row: dict[str, Any], names: dict[int, User]) -> Entry:
    kind, detail = row["what"], row["told"]
    title, words = _SAY[kind](detail, names)
    merge_id = detail["id"] if kind == "merge" and detail.get("open") else None
    return Entry(row["moment"], ICONS[kind], title, words, detail.get("chat"), merge_id)


def _who(detail: dict[str, Any], names: dict[int, User], key: str) -> User | None:
    return names.get(detail.get(key) or 0)


def _messages(detail: dict[str, Any], names: dict[int, User]) -> tuple[str, str]:
    came, went = int(detail["came"]), int(detail["went"])
    parts = [
        ngettext("%(n)s message came", "%(n)s messages came", came) % {"n": came} if came else "",
        ngettext("%(n)s was sent", "%(n)s were sent", went) % {"n": went} if went else "",
    ]
    return ", ".join(part for part in parts if part), ""


def _activity(detail: dict[str, Any], names: dict[int, User]) -> tuple[str, str]:
    actor = _who(detail, names, "actor_id")
    return activities.in_words(Activity(kind=detail["kind"], detail=detail["detail"], actor=actor)), ""


def _consent(detail: dict[str, Any], names: dict[int, User]) -> tuple[str, str]:
    title = TITLES.get(detail["purpose"], detail["purpose"])
    said = _("Allowed: %(what)s") if detail["given"] else _("Withdrawn: %(what)s")
    who = _who(detail, names, "by_id")
    words = f"“{detail['words']}”" if detail["words"] else ""
    note = _("written down by %(who)s") % {"who": who} if who else ""
    return said % {"what": title}, " · ".join(part for part in (words, note) if part)


def _receipt(detail: dict[str, Any], names: dict[int, User]) -> tuple[str, str]:
    offered = tools.built_in().get(detail["tool"])
    deeds = [str(DEEDS[claim]) for claim in detail["claims"] if claim in DEEDS]
    title = str(offered.title) if offered is not None else detail["tool"]
    return title, ", ".join(dict.fromkeys(deeds))


def _rating(detail: dict[str, Any], names: dict[int, User]) -> tuple[str, str]:
    return _("Rated %(score)s of 5") % {"score": detail["score"]}, str(detail["words"] or "")


def _merge(detail: dict[str, Any], names: dict[int, User]) -> tuple[str, str]:
    who = _who(detail, names, "by_id")
    words = _("by %(who)s") % {"who": who} if who else _("the gateway knows both as one")
    return _("Joined with another customer"), words


def _parted(detail: dict[str, Any], names: dict[int, User]) -> tuple[str, str]:
    return _("Parted again from another customer"), ""


def _import(detail: dict[str, Any], names: dict[int, User]) -> tuple[str, str]:
    return (_("Came in a file") if detail["outcome"] == "added" else _("Completed from a file")), detail[
        "file"
    ]


_SAY = {
    "messages": _messages,
    "activity": _activity,
    "consent": _consent,
    "receipt": _receipt,
    "rating": _rating,
    "merge": _merge,
    "parted": _parted,
    "import": _import,
}
