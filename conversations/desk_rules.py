"""How the team works: the owner's rules, and what follows from them for a moment."""

from datetime import datetime
from zoneinfo import ZoneInfo

from conversations import hours, rules
from conversations.models import DeskRules, SlaClock
from tenants.current import tenant

Kind = SlaClock.Kind


def current() -> DeskRules:
    """What the owner set, or the usual rules: people take chats themselves, and no time is agreed."""
    return DeskRules.objects.filter(pk=1).first() or DeskRules()


def minutes(wanted: DeskRules, kind: str) -> int | None:
    """The agreed time of one kind, in minutes of business hours; None when none is agreed."""
    agreed: dict[str, int | None] = {
        Kind.FIRST: wanted.first_reply_minutes,
        Kind.NEXT: wanted.next_reply_minutes,
        Kind.RESOLVE: wanted.resolve_minutes,
    }
    return agreed[kind] or None


def business_hours() -> hours.Hours:
    """When people are there, in the business's own zone; always, when the owner has said nothing."""
    told = rules.current()
    return hours.parse(week=told.week, exceptions=told.exceptions, zone=ZoneInfo(tenant().timezone))


def assigns(wanted: DeskRules) -> bool:
    """Whether chats are given to people by rule."""
    return wanted.assignment != DeskRules.Assignment.MANUAL


def next_open(moment: datetime) -> datetime:
    """This instant, or the next one at which people are there."""
    return hours.opens_at(business_hours(), moment) or moment
