"""Which customers a list shows: read from an address by a whitelist, written back, and asked of rows.

Every filter is a condition on the customer's row alone or on the existence of other rows, so that several
segments can be counted by one statement.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import (
    Case,
    Exists,
    F,
    FloatField,
    Func,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    When,
)
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce, Lower
from django.db.models.lookups import Exact, GreaterThanOrEqual, IContains, LessThanOrEqual, Regex
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from agents.safety import fold
from conversations import customer_fields, customer_identities
from conversations.customer_fields import Field, Sheet
from conversations.models import (
    Channel,
    Consent,
    Contact,
    ContactField,
    ContactIdentity,
    ContactProfile,
    Conversation,
)
from tenants.models import LANGUAGES

LONGEST = 60
SEEN = {"day": 1, "week": 7, "month": 30, "quarter": 90}  # days
SEEN_WORDS: dict[str, Any] = {
    "day": _("in the last day"),
    "week": _("in the last week"),
    "month": _("in the last month"),
    "quarter": _("in the last 90 days"),
    "older": _("longer ago"),
    "never": _("never"),
}
CONSENTS: dict[str, Any] = {
    "agreed": _("agreed to messages"),
    "out": _("want no messages"),
    "unsaid": _("said nothing about it"),
    "remembered": _("agreed to be remembered"),
}
VALUES = (10, 30, 50, 70)
SORTS: dict[str, Any] = {
    "new": _("newest first"),
    "old": _("oldest first"),
    "name": _("by name"),
    "seen": _("last seen first"),
    "value": _("most valuable first"),
}
PLAIN = ("q", "language", "seen", "consent", "sort")
_NUMBER, _DAY = r"^-?[0-9]+(\.[0-9]+)?$", r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


@dataclass(frozen=True, slots=True)
class About:
    """What is asked of one of the business's own fields; a range for numbers and dates."""

    field: Field
    text: str = ""
    low: str = ""
    high: str = ""


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is asked for; as it stands here, everybody, the newest first."""

    q: str = ""
    labels: tuple[int, ...] = ()
    language: str = ""
    channel: uuid.UUID | None = None
    seen: str = ""
    value: int = 0
    consent: str = ""
    minor: bool = False
    own: tuple[About, ...] = ()
    sort: str = "new"

    @property
    def is_narrowed(self) -> bool:
        """Whether anybody is left out."""
        return self != Filters(sort=self.sort)

    @property
    def count(self) -> int:
        """How many filters are set beside the words that are searched for."""
        plain = (self.labels, self.language, self.channel, self.seen, self.value, self.consent, self.minor)
        return sum(map(bool, plain)) + len(self.own)


# -- addresses


def read(given: Mapping[str, str], sheet: Sheet) -> Filters:
    """What an address asks for; what nobody offers is left out."""
    return Filters(
        q=_text(given, "q"),
        labels=tuple(dict.fromkeys(int(one) for one in _list(given, "label") if _is_id(one)))[:10],
        language=_one_of(given, "language", [code[:2] for code, _name in LANGUAGES]),
        channel=_channel(given.get("channel", "")),
        seen=_one_of(given, "seen", SEEN_WORDS),
        value=_value(given.get("value", "")),
        consent=_one_of(given, "consent", CONSENTS),
        minor=given.get("minor") == "1",
        own=tuple(found for one in sheet.own if (found := _about(given, one))),
        sort=_one_of(given, "sort", SORTS) or "new",
    )


def _text(given: Mapping[str, str], name: str) -> str:
    return " ".join(given.get(name, "").replace("\x00", "").split())[:LONGEST]


def _list(given: Mapping[str, str], name: str) -> Sequence[str]:
    return given.getlist(name) if isinstance(given, QueryDict) else [given.get(name, "")]


def _is_id(text: str) -> bool:
    return text.isdecimal() and len(text) < 19


def _one_of(given: Mapping[str, str], name: str, known: Any) -> str:
    return given.get(name, "") if given.get(name, "") in known else ""


def _value(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 4 and int(text) in VALUES else 0


def _channel(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _about(given: Mapping[str, str], one: Field) -> About | None:
    """What is asked of one field; nothing where what was typed is none of its kind."""
    name = name_of(one)
    try:
        if one.kind in (ContactField.Kind.NUMBER, ContactField.Kind.DATE):
            low, high = (
                customer_fields.checked(one, given.get(f"{name}_{end}", "")) for end in ("from", "to")
            )
            return About(one, low=low, high=high) if low or high else None
        if one.kind == ContactField.Kind.CHOICE:
            text = customer_fields.checked(one, given.get(name, ""))
        else:
            text = _text(given, name)
    except ValueError:
        return None
    return About(one, text=text) if text else None


def name_of(one: Field) -> str:
    """The name of a business's own field in an address."""
    return f"f{one.of.removeprefix(customer_fields.OWN)}"


def query(filters: Filters) -> str:
    """The address's part that asks for this, the same for the same filters."""
    pairs: list[tuple[str, str]] = [(name, getattr(filters, name)) for name in PLAIN]
    pairs = [(name, text) for name, text in pairs if text and (name, text) != ("sort", "new")]
    pairs += [("label", str(pk)) for pk in sorted(filters.labels)]
    pairs += [("channel", str(filters.channel))] if filters.channel else []
    pairs += [("value", str(filters.value))] if filters.value else []
    pairs += [("minor", "1")] if filters.minor else []
    for about in filters.own:
        name = name_of(about.field)
        ends = ((name, about.text), (f"{name}_from", about.low), (f"{name}_to", about.high))
        pairs += [(key, text) for key, text in ends if text]
    return urlencode(pairs)


def of_query(text: str, sheet: Sheet) -> Filters:
    """The filters of a kept address; a field or a word that is gone is left out."""
    return read(QueryDict(text), sheet)


def without_sort(filters: Filters) -> Filters:
    return replace(filters, sort="new")


# -- rows


def found(filters: Filters, *, now: datetime, by_number: bool) -> QuerySet[Contact]:
    """The customers, in order; `by_number` for who may see numbers, and so may look for them."""
    people = everybody().filter(condition(filters, now=now, by_number=by_number))
    return ordered(people, filters.sort)


def everybody() -> QuerySet[Contact]:
    """The customers; a member who tries the assistant is none."""
    tests = ContactIdentity.objects.filter(contact=OuterRef("pk"), channel__kind=Channel.Kind.TEST)
    return Contact.objects.filter(~Exists(tests))


def ordered(people: QuerySet[Contact], sort: str) -> QuerySet[Contact]:
    if sort == "seen":
        return people.annotate(seen_at=last_seen()).order_by(F("seen_at").desc(nulls_last=True), "-pk")
    if sort == "value":
        return people.order_by(Coalesce(F("profile__value"), 0).desc(), "-pk")
    if sort == "name":
        return people.order_by(Case(When(name="", then=1), default=0), Lower("name"), "pk")
    return people.order_by("pk" if sort == "old" else "-pk")


def last_seen() -> Subquery:
    """When something was last said in any of their threads."""
    threads = Conversation.objects.filter(contact=OuterRef("pk"), last_message_at__isnull=False)
    return Subquery(threads.order_by("-last_message_at").values("last_message_at")[:1])


def condition(filters: Filters, *, now: datetime, by_number: bool) -> Q:
    """What a customer must be; joins nothing."""
    parts = [
        _worded(filters.q, by_number=by_number) if filters.q else Q(),
        *(Q(_has(Contact.labels.through, label_id=pk)) for pk in filters.labels),
        Q(language=filters.language) if filters.language else Q(),
        Q(_has(Conversation, channel=filters.channel)) if filters.channel else Q(),
        _seen(filters.seen, now=now) if filters.seen else Q(),
        Q(_has(ContactProfile, value__gte=filters.value)) if filters.value else Q(),
        _consented(filters.consent) if filters.consent else Q(),
        Q(is_minor=True) if filters.minor else Q(),
        *(_own(about) for about in filters.own),
    ]
    whole = Q()
    for part in parts:
        whole &= part
    return whole


def _has(model: Any, **fields: Any) -> Exists:
    return Exists(model.objects.filter(contact=OuterRef("pk"), **fields))


def _worded(text: str, *, by_number: bool) -> Q:
    """By name, accents or not, by e-mail, and by how a channel knows them."""
    name = Func(F("name"), function="public.unaccent", output_field=TextField())
    found_ = Q(IContains(name, fold(text))) | Q(IContains(KeyTextTransform("email", "details"), text))
    if by_number:
        number = customer_identities.digits(text) or text
        found_ |= Q(_has(ContactIdentity, value__startswith=number))
    return found_


def _seen(word: str, *, now: datetime) -> Q:
    if word == "never":
        return ~Q(_has(Conversation, last_message_at__isnull=False))
    if word == "older":
        since = now - timedelta(days=SEEN["quarter"])
        lately = Q(_has(Conversation, last_message_at__gte=since))
        return ~lately & Q(_has(Conversation, last_message_at__lt=since))
    return Q(_has(Conversation, last_message_at__gte=now - timedelta(days=SEEN[word])))


def _consented(word: str) -> Q:
    messages, out = Consent.Purpose.MESSAGES, Q(opted_out_at__isnull=False)
    if word == "out":
        return out
    if word == "remembered":
        return Q(_has(ContactProfile))
    if word == "unsaid":
        return ~out & ~Q(_has(Consent, purpose=messages))
    return ~out & Q(_has(Consent, purpose=messages, given=True))


def _own(about: About) -> Q:
    text = KeyTextTransform(about.field.key, "details")
    if about.text and about.field.kind == ContactField.Kind.CHOICE:
        return Q(Exact(text, about.text))
    if about.text:
        return Q(IContains(text, about.text))
    return _between(about, text)


def _between(about: About, text: Any) -> Q:
    """Only what is a number or a date at all can lie between two of them."""
    value: Any
    ends: list[Any]
    if about.field.kind == ContactField.Kind.NUMBER:
        kind: Any = FloatField()
        value = Case(When(Regex(text, _NUMBER), then=Cast(text, kind)), output_field=kind)
        ends = [float(end) if end else None for end in (about.low, about.high)]
    else:
        kind = TextField()
        value = Case(When(Regex(text, _DAY), then=Cast(text, kind)), output_field=kind)
        ends = [about.low or None, about.high or None]
    low = Q(GreaterThanOrEqual(value, ends[0])) if ends[0] is not None else Q()
    return low & (Q(LessThanOrEqual(value, ends[1])) if ends[1] is not None else Q())
