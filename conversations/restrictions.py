"""What WhatsApp itself forbids a number that is linked as a device: to write first, for a while.

Two kinds: the time lock (answers go, first messages are refused with error 463) and the cap on new people.
The gateway tells of both beside its session's state, in the words of its engine. Answers always go.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from conversations.models import Channel, Conversation, Message
from tenants import live

UNTOLD = timedelta(hours=6)  # when it is not said until when: after that a message may try
LAST = 32_503_680_000  # seconds: the year 3000
Restriction = Channel.Restriction
WORDS = {
    Restriction.TIMELOCK: "WhatsApp does not let this number write first to this person (time lock).",
    Restriction.CAPPING: "WhatsApp lets this number write to no more new people now (capping).",
}


def of(detail: Mapping[str, Any], *, now: datetime) -> tuple[str, datetime | None] | None:
    """The restriction that a session tells of and its end, ("", None) for none; None when it says nothing.

    `detail` is `events.SessionStatus.detail`: "timelock" and "capping", each engine with its own names.
    """
    timelock, capping = _plain(detail.get("timelock")), _plain(detail.get("capping"))
    if not timelock and not capping:
        return None
    ends = _moment(timelock.get("timeenforcementends"))
    if timelock.get("isactive") is True and (ends is None or ends > now):
        return Restriction.TIMELOCK, ends or now + UNTOLD
    ends = _moment(capping.get("cycleendtimestamp") or capping.get("cycleend"))
    if _is_used_up(capping) and (ends is None or ends > now):
        return Restriction.CAPPING, ends or now + UNTOLD
    return "", None


def note(channel: Channel, detail: Mapping[str, Any], *, now: datetime) -> None:
    """Keep on the channel what was told of it; the screens show it."""
    told = of(detail, now=now)
    if told is None or told == (channel.restriction, channel.restricted_until):
        return
    channel.restriction, channel.restricted_until = told
    Channel.objects.filter(pk=channel.pk).update(restriction=told[0], restricted_until=told[1])
    live.publish("channel.changed", id=str(channel.pk))


def refuses(conversation: Conversation, *, now: datetime) -> str:
    """Why this person may not be written to now; empty when they may: they wrote, or nothing is forbidden."""
    channel = conversation.channel
    if not channel.restriction or channel.restricted_until is None or channel.restricted_until <= now:
        return ""
    said = conversation.messages.filter(direction=Message.Direction.IN)
    return "" if said.exists() else WORDS[Restriction(channel.restriction)]


def _is_used_up(capping: Mapping[str, Any]) -> bool:
    if str(capping.get("cappingstatus") or "").upper() == "CAPPED":
        return True
    total, used = capping.get("totalquota"), capping.get("usedquota")
    return isinstance(total, int) and isinstance(used, int) and 0 < total <= used


def _plain(told: Any) -> dict[str, Any]:
    """isActive and is_active are one name."""
    return (
        {key.replace("_", "").lower(): value for key, value in told.items()}
        if isinstance(told, Mapping)
        else {}
    )


def _moment(value: Any) -> datetime | None:
    """ISO text, or seconds or milliseconds since 1970."""
    if isinstance(value, str) and value.isdecimal():
        value = int(value[:20])
    if isinstance(value, int | float) and 0 < value < LAST * 1000:
        return datetime.fromtimestamp(value / 1000 if value > LAST else value, UTC)
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    # A year that the database's calendar has and ours has not would make the row unreadable.
    return (found if found.tzinfo else found.replace(tzinfo=UTC)) if 1970 < found.year < 3000 else None
